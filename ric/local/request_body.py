"""Reading the body of an HTTP request: of known length or chunked (RFC 9112 sections 6 and 7), up to a limit.

A body above the limit is read to its end and thrown away, because a connection closed on unread bytes is
reset, and the sender would never see the refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, parse_headers
from io import BufferedIOBase

# A chunk-size line is a hexadecimal number and rarely an extension; the bound is http.server's habit for
# short lines.
_MAX_CHUNK_LINE_BYTES = 4096
_DISCARD_BLOCK_BYTES = 256 * 1024


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
    """
    if encoding := headers.get("Transfer-Encoding"):
        if encoding.strip().lower() != "chunked" or "Content-Length" in headers:
            raise MalformedBodyError("only a plain chunked transfer encoding, without a Content-Length, is understood")
        return _read_chunked(stream, limit_bytes)
    length = headers.get("Content-Length", "0").strip()
    if not (length.isascii() and length.isdigit()):
        raise MalformedBodyError(f"Content-Length {length!r} is not a number")
    size = int(length)
    if size > limit_bytes:
        _discard(stream, size)
        raise BodyTooLargeError(size)
    return RequestBody(_read_exactly(stream, size), Message())


def _read_chunked(stream: BufferedIOBase, limit_bytes: int) -> RequestBody:
    chunks: list[bytes] = []
    total = 0
    while size := _read_chunk_size(stream):
        total += size
        if total <= limit_bytes:
            chunks.append(_read_exactly(stream, size))
        else:
            chunks.clear()
            _discard(stream, size)
        if _read_exactly(stream, 2) != b"\r\n":
            raise MalformedBodyError("a chunk is longer than its announced size")
    try:
        trailers = parse_headers(stream)
    except HTTPException as error:
        raise MalformedBodyError("the trailers are too many or too long") from error
    if total > limit_bytes:
        raise BodyTooLargeError(total)
    return RequestBody(b"".join(chunks), trailers)


def _read_chunk_size(stream: BufferedIOBase) -> int:
    line = stream.readline(_MAX_CHUNK_LINE_BYTES)
    if not line:
        raise TruncatedBodyError
    digits = line.partition(b";")[0].strip()
    # int() alone would also take a sign, underscores and a 0x prefix.
    if not line.endswith(b"\n") or not digits or digits.strip(b"0123456789abcdefABCDEF"):
        raise MalformedBodyError("a chunk does not begin with its size")
    return int(digits, 16)


def _read_exactly(stream: BufferedIOBase, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise TruncatedBodyError
    return data


def _discard(stream: BufferedIOBase, size: int) -> None:
    while size:
        block = stream.read(min(size, _DISCARD_BLOCK_BYTES))
        if not block:
            raise TruncatedBodyError
        size -= len(block)
