"""The answer to the invocation at hand, for handlers that begin it before they end.

The loop makes one Reply for each invocation and leaves it in a context variable, so that adapters and
``response_stream`` find it from wherever they are called: behind any number of wrappers, in tasks, in threads that
carry the context along; and once for the whole process, because threads that a handler starts itself carry none.
"""

from __future__ import annotations

from _contextvars import ContextVar
from _thread import allocate_lock, get_ident

from ric.errors import StreamingError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ric.api.upload import ChunkedUpload


class Reply:
    """How one invocation is answered: as a whole when its handler has ended, or, once opened, as a stream.

    Args:
        client: Has ``start_response``.
        invoke_id: The request id.
        echo: The invocation id, if one came.

    Attributes:
        upload: Takes the stream once it was opened.
        content_type: Its media type.
        failure: What the handler raised in the middle of its stream and perhaps did not let through.
        is_over: Whether the handler has ended: what it left behind must not begin a stream, or write to it, any more.
    """

    __slots__ = ("_client", "_echo", "_lock", "content_type", "failure", "invoke_id", "is_over", "upload")

    def __init__(self, client: Any, invoke_id: str, echo: tuple[str, ...]) -> None:
        self._client = client
        self._echo = echo
        # Threads of the handler may begin the response, and the loop may end it, at the same moment.
        self._lock = allocate_lock()
        self.invoke_id = invoke_id
        self.content_type = ""
        self.upload: ChunkedUpload | None = None
        self.failure: BaseException | None = None
        self.is_over = False

    def open(self, content_type: str) -> ChunkedUpload:
        """Begins the stream.

        Args:
            content_type: Its media type.

        Raises:
            StreamingError: The invocation is over, or its response was begun before.
            RuntimeApiError: There is no connection.
        """
        with self._lock:
            self.check_unbegun()
            self.upload = self._client.start_response(self.invoke_id, content_type, *self._echo)
            self.content_type = content_type
            return self.upload

    def check_unbegun(self) -> None:
        """Raises StreamingError if the invocation is over, or its response was begun before."""
        if self.is_over:
            raise StreamingError(f"invocation {self.invoke_id} is over; a response is streamed while its handler runs")
        if self.upload is not None:
            raise StreamingError("the response was begun before; there is one stream for each invocation")

    def end(self) -> None:
        """Notes that the handler has ended."""
        with self._lock:
            self.is_over = True

    def raise_failure(self) -> None:
        """Raises what the handler raised in the middle of its stream, if it did: half a response is none."""
        if self.failure is None:
            return
        if isinstance(self.failure, (Exception, SystemExit, KeyboardInterrupt)):
            raise self.failure
        # A cancelled task's; as a failure of the handler it is one like any other, and no reason to end the process.
        from concurrent.futures import CancelledError

        raise CancelledError(*self.failure.args).with_traceback(self.failure.__traceback__)

    def is_broken_by(self, error: BaseException) -> bool:
        """Whether the error says that the stream is refused or lost, so that nobody is left to tell."""
        return self.upload is not None and self.upload.failure is error


_in_context: ContextVar[Reply | None] = ContextVar("ric_reply", default=None)
# By the thread that serves the invocation: where several run in one process, several are at hand.
_at_hand: dict[int, Reply] = {}


def enter(reply: Reply) -> None:
    """Makes this the reply to the invocation at hand, in this context and in this process."""
    _at_hand[get_ident()] = reply
    _in_context.set(reply)


def current() -> Reply | None:
    """Returns the reply to the invocation that this context belongs to."""
    return _in_context.get()


def to(invoke_id: str | None) -> Reply | None:
    """Returns the reply to an invocation that is at hand, in this context or, for threads, in this process."""
    reply = _in_context.get()
    if reply is not None and reply.invoke_id == invoke_id:
        return reply
    return next((reply for reply in list(_at_hand.values()) if reply.invoke_id == invoke_id), None)
