"""Responses that are sent while they are produced: what handlers yield or return, and how it goes out.

A stream is plain bytes, or an HTTP response: then a prelude of status, headers and cookies comes first, eight NUL bytes
end it, and both go out before the first piece of the body is asked for. Source: "Response streaming" in "Building a
custom runtime", Lambda developer guide.

Rules: a piece is sent when it is there, and the next one is asked for when the server has taken it. Whatever happens,
the body is closed: its ``finally`` blocks run.
"""

from __future__ import annotations

from ric.api import protocol
from ric.errors import FaultException, StreamingError
from ric.function.prelude import as_list, encode_prelude

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
    from typing import Any, BinaryIO, TextIO

    from ric.api.upload import ChunkedUpload
    from ric.function.reply import Reply

    Piece = str | bytes | bytearray | memoryview
    Body = Piece | BinaryIO | TextIO | Iterable[Piece] | AsyncIterable[Piece] | None

_FILE_BLOCK_BYTES = 64 * 1024


class StreamingResponse:
    """An HTTP response whose body is sent while it is produced. A handler of any kind returns it.

    Args:
        body: What to send: an iterable or async iterable of str (sent as UTF-8) and bytes, a file open for reading, or
            one str or bytes; None for an empty body. It is closed when all is sent, and also when that fails.
        status_code: The HTTP status, 200 to 599.
        headers: Header names and values; without a ``Content-Type`` among them, Lambda chooses one.
        cookies: Values for ``Set-Cookie``, one header each: ``"name=value; HttpOnly"``.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: It cannot stand in an HTTP response, or status, headers and cookies are larger than 16 KiB.
    """

    def __init__(
        self,
        body: Body,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        cookies: Iterable[str] | None = None,
    ) -> None:
        self._body = _body(body)
        self._is_taken = False
        self.status_code = status_code
        self.headers = dict(headers or {})
        self.cookies = as_list(cookies)
        self.prelude()

    def take_body(self) -> Any:
        """Returns the body as an iterable or async iterable, for the one who sends it.

        Raises:
            StreamingError: It was sent before and cannot be had again.
        """
        if self._is_taken and not isinstance(self._body, (tuple, list)):
            raise StreamingError("this StreamingResponse was sent before; make one for each invocation")
        self._is_taken = True
        return self._body

    def prelude(self) -> bytes:
        """Returns status, headers and cookies as the stream begins with them.

        Raises:
            TypeError: One of them is of the wrong type.
            ValueError: It cannot stand in an HTTP response, or all together are too large.
        """
        return encode_prelude(self.status_code, self.headers, self.cookies)


class Sender:
    """Sends the pieces of a body: opens the stream when there is something to be sent.

    Args:
        answer: The reply whose stream it is.
        head: Status, headers and cookies, which are sent at once; None for plain bytes.
    """

    def __init__(self, answer: Reply, head: StreamingResponse | None) -> None:
        self._reply = answer
        self.upload = None if head is None else open_http(answer, head.prelude())

    def opened(self) -> ChunkedUpload:
        """Returns the stream, begun now if it was not yet."""
        if self.upload is None:
            self.upload = self._reply.open(protocol.OCTET_STREAM)
        return self.upload

    def write(self, piece: object) -> None:
        """Sends a piece, and waits while the server does not read."""
        if content := encode_piece(piece):
            self.opened().write(content)

    def put(self, piece: object) -> bool:
        """Takes a piece that the stream's ``flush`` sends; returns whether there is anything to be sent."""
        if content := encode_piece(piece):
            self.opened().put(content)
        return bool(content)


def send_iterable(answer: Reply, body: Any, head: StreamingResponse | None) -> None:
    """Sends all pieces of a body, and closes it.

    Args:
        answer: The reply whose stream it is.
        body: An iterable of str and bytes.
        head: Status, headers and cookies, or None for plain bytes.

    Raises:
        StreamingError: A piece is neither str nor bytes, or the response was begun before.
        RuntimeApiError: The response was refused, or the connection is lost.
        BaseException: What the body raises.
    """
    try:
        sender = Sender(answer, head)
        for piece in body:
            # In a call of its own, after which nothing holds the piece: a bytearray may be used again for the next.
            sender.write(piece)
        sender.opened()  # a stream without a piece is a response, too
    finally:
        close: Callable[[], None] | None = getattr(body, "close", None)
        if close is not None:
            close()


def encode_piece(piece: object) -> bytes | memoryview:
    """Returns a piece as bytes.

    Raises:
        StreamingError: It is neither str nor bytes, or has no UTF-8.
    """
    if isinstance(piece, str):
        try:
            return piece.encode()
        except UnicodeEncodeError as error:  # a lone surrogate
            raise StreamingError(f"Unable to marshal response: {error}", FaultException.MARSHAL_ERROR) from error
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, bytearray):
        return memoryview(piece)
    if isinstance(piece, memoryview):
        return piece.cast("B") if piece.c_contiguous else piece.tobytes()
    raise StreamingError(
        f"Unable to marshal response: a stream takes str or bytes, not {type(piece).__name__}; "
        "encode it first, for example with json.dumps()",
        FaultException.MARSHAL_ERROR,
    )


def open_http(answer: Reply, prelude: bytes) -> ChunkedUpload:
    """Begins an HTTP response with its prelude."""
    upload = answer.open(protocol.HTTP_INTEGRATION_TYPE)
    upload.write(prelude, protocol.PRELUDE_END)
    return upload


def _body(body: Any) -> Any:
    """Returns the body as an iterable or async iterable of pieces."""
    if body is None:
        return ()
    if isinstance(body, (str, bytes, bytearray, memoryview)):
        return (body,)
    if hasattr(body, "__aiter__"):
        return body
    if hasattr(body, "read"):
        return _FileBlocks(body)  # by lines, as files iterate, a binary file is as many pieces as it has bytes 0x0A
    if not hasattr(body, "__iter__") or hasattr(body, "keys"):
        raise TypeError(
            f"the body of a StreamingResponse is str, bytes, a file or an iterable of str or bytes, not "
            f"{type(body).__name__}; encode it first, for example with json.dumps()"
        )
    return body


class _FileBlocks:
    """A file as blocks of a size that suits the network."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __iter__(self) -> Iterator[Any]:
        while block := self._file.read(_FILE_BLOCK_BYTES):
            yield block

    def close(self) -> None:
        close = getattr(self._file, "close", None)
        if close is not None:
            close()
