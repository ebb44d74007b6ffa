"""Responses that are sent while they are produced: what handlers return or write, and how it goes out.

A stream is plain bytes, or an HTTP response: then a prelude of status, headers and cookies comes first, eight NUL bytes
end it, and both go out before the first piece of the body is asked for. Source: "Response streaming" in "Building a
custom runtime", Lambda developer guide.

Rules: a piece is sent when it is there, and the next one is asked for when the server has taken it. Whatever happens,
the body is closed: its ``finally`` blocks run.
"""

from __future__ import annotations

from ric.api import protocol
from ric.api.marshal import to_json
from ric.errors import FaultException, StreamingError
from ric.function import reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
    from typing import Any, BinaryIO, TextIO

    from ric.api.upload import ChunkedUpload
    from ric.function.context import LambdaContext
    from ric.function.reply import Reply

    Piece = str | bytes | bytearray | memoryview
    Body = Piece | BinaryIO | TextIO | Iterable[Piece] | AsyncIterable[Piece] | None

_FILE_BLOCK_BYTES = 64 * 1024


class StreamingResponse:
    """An HTTP response whose body is sent while it is produced. A handler of any kind returns it.

    Args:
        body: What to send: an iterable or async iterable of str (sent as UTF-8) and bytes, a file open for reading, or
            one str or bytes; None for an empty body. It is closed when all is sent, and also when that fails.
        status_code: The HTTP status, 100 to 599.
        headers: Header names and values. Without a ``Content-Type`` Lambda sends ``application/octet-stream``.
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
        self.body = _body(body)
        self.status_code = status_code
        self.headers = dict(headers or {})
        self.cookies = _list(cookies)
        self.prelude()

    def prelude(self) -> bytes:
        """Returns status, headers and cookies as the stream begins with them.

        Raises:
            TypeError: One of them is of the wrong type.
            ValueError: It cannot stand in an HTTP response, or all together are too large.
        """
        return _prelude(self.status_code, self.headers, self.cookies)


def response_stream(
    context: LambdaContext,
    status_code: int | None = None,
    headers: Mapping[str, str] | None = None,
    cookies: Iterable[str] | None = None,
) -> ResponseStream:
    """Returns the stream of the invocation's response, for handlers that write it rather than yield it.

    ``with response_stream(context) as stream: stream.write("...")``. With a status, headers or cookies it is an HTTP
    response, which begins at once. The end of the ``with`` block ends the response; the handler may go on. What the
    handler returns then is not used.

    Args:
        context: The handler's second argument.
        status_code: The HTTP status, 100 to 599; 200 if only headers or cookies are given.
        headers: Header names and values.
        cookies: Values for ``Set-Cookie``.

    Raises:
        StreamingError: The context is not that of the invocation at hand, or its response was begun before.
        TypeError, ValueError: As for StreamingResponse.
    """
    answer = reply.current.get()
    if answer is None or answer.invoke_id != getattr(context, "aws_request_id", None):
        raise StreamingError("response_stream() takes the context that the running handler was called with")
    stream = ResponseStream(answer)
    if status_code is not None or headers is not None or cookies is not None:
        stream.send_head(200 if status_code is None else status_code, headers, cookies)
    return stream


class ResponseStream:
    """What ``response_stream`` returns. It may be used from several threads.

    Writing waits while the caller does not read. In an ``async def`` handler all its tasks wait then; use an async
    generator there, or a StreamingResponse around one.

    Attributes:
        closed: Whether the response has ended.
    """

    def __init__(self, answer: Reply) -> None:
        self._reply = answer
        self._upload: ChunkedUpload | None = None
        self.closed = False

    def send_head(
        self, status_code: int = 200, headers: Mapping[str, str] | None = None, cookies: Iterable[str] | None = None
    ) -> None:
        """Sends status, headers and cookies, which makes the stream an HTTP response.

        Raises:
            StreamingError: Something was sent before, or the response has ended.
            TypeError, ValueError: As for StreamingResponse.
        """
        prelude = _prelude(status_code, dict(headers or {}), _list(cookies))
        self._check_open()
        if self._upload is not None:
            raise StreamingError("status, headers and cookies come before the first byte of a response, not after it")
        self._upload = _open_http(self._reply, prelude)

    def write(self, data: Piece) -> int:
        """Sends a piece at once, and returns its size in bytes.

        Args:
            data: str is sent as UTF-8.

        Raises:
            StreamingError: The response has ended, or the piece is neither str nor bytes.
            RuntimeApiError: The response was refused, or the connection is lost.
        """
        self._check_open()
        content = encode_piece(data)
        self._opened().write(content)
        return len(content)

    def close(self) -> None:
        """Ends the response: the caller has all of it, while the handler may go on. A second call does nothing.

        Raises:
            RuntimeApiError: The response was refused, or the connection is lost.
        """
        if not self.closed:
            self.closed = True
            self._opened().finish()

    def __enter__(self) -> ResponseStream:
        return self

    def __exit__(self, exc_type: object, exc_value: BaseException | None, traceback: object) -> None:
        if exc_value is None:
            self.close()
        else:
            # Half a response is none. The loop says so, whether or not the handler lets the exception through.
            self.closed = True
            self._reply.failure = exc_value

    def _check_open(self) -> None:
        if self.closed:
            raise StreamingError("the response has ended, nothing can be written any more")

    def _opened(self) -> ChunkedUpload:
        if self._upload is None:
            self._upload = self._reply.open(protocol.OCTET_STREAM)
        return self._upload


class Sender:
    """Sends the pieces of a body: opens the stream when there is something to be sent.

    Args:
        answer: The reply whose stream it is.
        head: Status, headers and cookies, which are sent at once; None for plain bytes.
    """

    def __init__(self, answer: Reply, head: StreamingResponse | None) -> None:
        self._reply = answer
        self.upload = None if head is None else _open_http(answer, head.prelude())

    def opened(self) -> ChunkedUpload:
        """Returns the stream, begun now if it was not yet."""
        if self.upload is None:
            self.upload = self._reply.open(protocol.OCTET_STREAM)
        return self.upload


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
            if content := encode_piece(piece):
                sender.opened().write(content)
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
    if isinstance(piece, (bytearray, memoryview)):
        return memoryview(piece).cast("B")
    raise StreamingError(
        f"Unable to marshal response: a stream takes str or bytes, not {type(piece).__name__}; "
        "encode it first, for example with json.dumps()",
        FaultException.MARSHAL_ERROR,
    )


def _open_http(answer: Reply, prelude: bytes) -> ChunkedUpload:
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


def _prelude(status_code: object, headers: Mapping[Any, Any], cookies: list[Any]) -> bytes:
    if isinstance(status_code, bool) or not isinstance(status_code, int):
        raise TypeError(f"status_code is a whole number, not {status_code!r}")
    if not 100 <= status_code <= 599:
        raise ValueError(f"status_code is one of 100 to 599, not {status_code}")
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"names and values of headers are str, not {name!r}: {value!r}")
        if not _is_token(name):
            raise ValueError(f"{name!r} is not the name of a header")
        _check_value(value, f"header {name}")
    for cookie in cookies:
        if not isinstance(cookie, str):
            raise TypeError(f"cookies are str, such as 'name=value; HttpOnly', not {cookie!r}")
        _check_value(cookie, "cookie")
    prelude = to_json({"statusCode": int(status_code), "headers": headers, "cookies": cookies}).encode(
        "utf-8", "backslashreplace"
    )
    limit_bytes = protocol.MAX_PRELUDE_BYTES - len(protocol.PRELUDE_END)
    if len(prelude) > limit_bytes:
        raise ValueError(
            f"status, headers and cookies of a stream may take {limit_bytes} bytes, these are {len(prelude)}; "
            "send what is large in the body"
        )
    return prelude


def _check_value(value: str, what: str) -> None:
    if any(character in value for character in "\r\n\0"):
        raise ValueError(f"{what} is {value!r}, but a line break or NUL cannot be sent in a header")


def _is_token(name: str) -> bool:
    # RFC 9110 section 5.6.2
    return bool(name) and all(
        character.isascii() and (character.isalnum() or character in "!#$%&'*+-.^_`|~") for character in name
    )


def _list(cookies: Iterable[str] | None) -> list[str]:
    if isinstance(cookies, str):
        raise TypeError(f"cookies are a list of str, not one str; write [{cookies!r}]")
    return list(cookies or ())
