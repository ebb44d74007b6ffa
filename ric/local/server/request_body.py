"""Reading the body of an HTTP request: of known length or chunked (RFC 9112 sections 6 and 7), up to a limit.

A body above the limit is read on and thrown away, because a connection closed on unread bytes is reset, and the
sender would never see the refusal. That too has an end.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from email.message import Message
from io import BufferedIOBase

from ric.local.server.request_head import MalformedHeadError, TruncatedHeadError, read_fields

# A chunk-size line is a hexadecimal number and rarely an extension; the bound is http.server's habit for
# short lines.
_MAX_CHUNK_LINE_BYTES = 4096
_MAX_LENGTH_DIGITS = 15
_BLOCK_BYTES = 64 * 1024
# Many times what Lambda takes; who sends more does not wait for the refusal.
_MAX_DISCARDED_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class RequestBody:
    """A complete body.

    Args:
        data: Its bytes.
        trailers: The fields after a chunked body; empty otherwise.
    """

    data: bytes
    trailers: Message


class MalformedBodyError(Exception):
    """The request's length is unusable, or its chunks are."""


class TruncatedBodyError(Exception):
    """The connection ended in the middle of the body."""


class EndlessBodyError(Exception):
    """The body is so long that not even reading and discarding it makes sense."""

    def __str__(self) -> str:
        return f"the body is longer than {_MAX_DISCARDED_BYTES} bytes"


class BodyTooLargeError(Exception):
    """The body is longer than the limit; all of it was read and discarded.

    Args:
        size_bytes: How long it was.
    """

    def __init__(self, size_bytes: int) -> None:
        super().__init__(size_bytes)
        self.size_bytes = size_bytes


def read_body(headers: Message, stream: BufferedIOBase, limit_bytes: int) -> RequestBody:
    """Reads the body of the request whose headers were just read.

    Args:
        headers: The request's headers.
        stream: Where the body follows.
        limit_bytes: The longest body to accept.

    Raises:
        MalformedBodyError: Where the body ends cannot be known.
        TruncatedBodyError: The sender went away.
        BodyTooLargeError: It is longer than the limit.
        EndlessBodyError: It is longer than anything that is read at all.
    """
    blocks: list[bytes] = []
    total = 0
    body = iterate_body(headers, stream)
    while True:
        try:
            block = next(body)
        except StopIteration as end:
            if total > limit_bytes:
                raise BodyTooLargeError(total) from None
            return RequestBody(b"".join(blocks), end.value)
        total += len(block)
        if total <= limit_bytes:
            blocks.append(block)
        elif total > _MAX_DISCARDED_BYTES:
            raise EndlessBodyError
        else:
            blocks.clear()


def iterate_body(headers: Message, stream: BufferedIOBase) -> Generator[bytes, None, Message]:
    """Yields a body in blocks of at most 64 KiB, each as soon as it is there; returns its trailers.

    Args:
        headers: The request's headers.
        stream: Where the body follows.

    Raises:
        MalformedBodyError: Where the body ends cannot be known.
        TruncatedBodyError: The sender went away.
    """
    encodings = headers.get_all("Transfer-Encoding")
    if encodings is not None:
        if [encoding.lower() for encoding in encodings] != ["chunked"] or "Content-Length" in headers:
            raise MalformedBodyError("only a plain chunked transfer encoding, without a Content-Length, is understood")
        return (yield from _iterate_chunks(stream))
    # Repeated with the same value it is one length (RFC 9112 section 6.3).
    lengths = {value.strip(" \t") for value in ",".join(headers.get_all("Content-Length", ["0"])).split(",")}
    length = lengths.pop()
    if lengths or not (length.isascii() and length.isdigit() and len(length) <= _MAX_LENGTH_DIGITS):
        raise MalformedBodyError(f"Content-Length {length!r} is not the one number that it must be")
    yield from _iterate_bytes(stream, int(length))
    return Message()


def _iterate_chunks(stream: BufferedIOBase) -> Generator[bytes, None, Message]:
    while size := _read_chunk_size(stream):
        yield from _iterate_bytes(stream, size)
        end = stream.read(2)
        if not b"\r\n".startswith(end):
            raise MalformedBodyError("a chunk is not as long as it says")
        if len(end) < 2:
            raise TruncatedBodyError
    try:
        return read_fields(stream)
    except TruncatedHeadError:
        raise TruncatedBodyError from None
    except MalformedHeadError as error:
        raise MalformedBodyError(f"the trailers cannot be read: {error}") from error


def _read_chunk_size(stream: BufferedIOBase) -> int:
    line = stream.readline(_MAX_CHUNK_LINE_BYTES)
    if not line.endswith(b"\n") and len(line) < _MAX_CHUNK_LINE_BYTES:
        raise TruncatedBodyError
    digits = line.removesuffix(b"\r\n").partition(b";")[0].rstrip(b" \t")
    # int() alone would also take a sign, underscores and a 0x prefix.
    is_number = 0 < len(digits) <= _MAX_LENGTH_DIGITS and not digits.strip(b"0123456789abcdefABCDEF")
    if not is_number or not line.endswith(b"\r\n"):
        raise MalformedBodyError("a chunk does not begin with its size")
    return int(digits, 16)


def _iterate_bytes(stream: BufferedIOBase, size: int) -> Generator[bytes, None, None]:
    while size:
        block = stream.read1(min(size, _BLOCK_BYTES))
        if not block:
            raise TruncatedBodyError
        size -= len(block)
        yield block
