"""A response that a handler writes rather than yields, as with AWS's Node.js runtime."""

from __future__ import annotations

from _thread import allocate_lock

from ric.api import protocol
from ric.errors import StreamingError
from ric.function import reply
from ric.function.prelude import as_list, encode_prelude
from ric.function.streaming import encode_piece, open_http

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ric.api.upload import ChunkedUpload
    from ric.function.context import LambdaContext
    from ric.function.reply import Reply
    from ric.function.streaming import Piece


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
        status_code: The HTTP status, 200 to 599; 200 if only headers or cookies are given.
        headers: Header names and values.
        cookies: Values for ``Set-Cookie``.

    Raises:
        StreamingError: The context is not that of an invocation at hand, its handler has ended, or its response was
            begun before. Of two streams that were both made before a first byte, the second one to be used raises it.
        TypeError, ValueError: As for StreamingResponse.
    """
    answer = reply.to(getattr(context, "aws_request_id", None))
    if answer is None:
        raise StreamingError("response_stream() takes the context that the running handler was called with")
    answer.check_unbegun()
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
        self._lock = allocate_lock()
        self.closed = False

    def send_head(
        self, status_code: int = 200, headers: Mapping[str, str] | None = None, cookies: Iterable[str] | None = None
    ) -> None:
        """Sends status, headers and cookies, which makes the stream an HTTP response.

        Raises:
            StreamingError: Something was sent before, or the response has ended.
            TypeError, ValueError: As for StreamingResponse.
        """
        prelude = encode_prelude(status_code, dict(headers or {}), as_list(cookies))
        self._check_open()
        with self._lock:
            if self._upload is not None:
                raise StreamingError(
                    "status, headers and cookies come before the first byte of a response, not after it"
                )
            self._upload = open_http(self._reply, prelude)

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
        if content:
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
        if self.closed or self._reply.is_over:
            raise StreamingError("the response has ended, nothing can be written any more")

    def _opened(self) -> ChunkedUpload:
        with self._lock:
            if self._upload is None:
                self._upload = self._reply.open(protocol.OCTET_STREAM)
            return self._upload
