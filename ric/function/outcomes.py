"""What becomes of a result that is not simply a value: awaited, streamed, or left to the marshaller."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Generator

from ric.errors import StreamingError
from ric.function import reply
from ric.function.streaming import StreamingResponse, send_iterable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CO_ITERABLE_COROUTINE = 0x100


def conclude(result: Any, *, streams: bool) -> Any:
    """Returns the value that a handler's result amounts to; None once it was streamed.

    Args:
        result: What the handler returned.
        streams: Whether a generator is a stream, because the handler is a generator function.

    Raises:
        StreamingError: There is no invocation whose response it could be.
        BaseException: Whatever the handler's own code raises while it is awaited or iterated over.
    """
    if isinstance(result, Awaitable) or _is_coroutine_in_a_generator(result):
        from ric.function import event_loop

        result = event_loop.run(result)
    if isinstance(result, StreamingResponse):
        head: StreamingResponse | None = result
        body = result.take_body()
    elif streams and isinstance(result, (Generator, AsyncGenerator)):
        head, body = None, result
    else:
        return result
    answer = reply.current()
    if answer is None:
        raise StreamingError("a streaming handler was called outside of an invocation")
    if hasattr(body, "__aiter__"):
        from ric.function import event_loop
        from ric.function.async_streaming import send_async_iterable

        event_loop.run(send_async_iterable(answer, body, head))
    else:
        send_iterable(answer, body, head)
    return None


def _is_coroutine_in_a_generator(result: object) -> bool:
    """Whether a result comes from a generator function under ``types.coroutine``."""
    return bool(getattr(getattr(result, "gi_code", None), "co_flags", 0) & _CO_ITERABLE_COROUTINE)
