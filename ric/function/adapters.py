"""Every kind of handler as one plain callable that returns or raises, as the loop and all who wrap handlers expect.

====================================  ==============================================================================
the handler                           what its plain form does
====================================  ==============================================================================
any function, object with __call__    calls it
returns an awaitable                  awaits it on the process's event loop (see event_loop)
is a (async) generator function       streams what it yields, and returns None
returns a StreamingResponse           streams it, and returns None
====================================  ==============================================================================

A generator that a plain function returns is no stream but an error, as it always was: only who writes ``yield`` in the
handler asks for one. Decorators that keep ``__wrapped__``, partials, bound methods and callable objects count as what
is in them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Flags of code objects ("inspect" in the library reference), which to import takes longer than the whole runtime.
_CO_GENERATOR = 0x20
_CO_COROUTINE = 0x80
_CO_ASYNC_GENERATOR = 0x200
_DEEPEST_WRAPPING = 100

# What most handlers return: nothing is to be done about it.
_PLAIN_TYPES = frozenset((dict, str, list, tuple, int, float, bool, bytes, type(None)))


def adapt(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the plain form of a handler; it has the handler's name and, as ``__wrapped__``, the handler.

    Args:
        handler: A function of any kind, or an object with ``__call__``.
    """
    if not callable(handler):
        return handler  # the call will say so, as it always did
    flags = _code_flags(handler)
    streams = bool(flags & (_CO_GENERATOR | _CO_ASYNC_GENERATOR))
    if flags & (_CO_COROUTINE | _CO_ASYNC_GENERATOR):
        from ric.function import event_loop

        event_loop.prepare()

    def call(*args: Any, **kwargs: Any) -> Any:
        result = handler(*args, **kwargs)
        if type(result) in _PLAIN_TYPES:
            return result
        from ric.function.outcomes import conclude

        return conclude(result, streams=streams)

    return _resembling(handler, call)


def _code_flags(handler: Any) -> int:
    """The flags of the code that a handler is, with those of all that it wraps."""
    flags = 0
    for _ in range(_DEEPEST_WRAPPING):
        code = _look(handler, "__code__")
        flags |= _flags_of(code)
        inner = _look(handler, "__wrapped__")
        if code is None:
            # An object is called through its class; a partial has `func`, a bound method of an object `__func__`.
            flags |= _flags_of(_look(_look(type(handler), "__call__"), "__code__"))
            inner = inner or _look(handler, "func") or _look(handler, "__func__")
        if inner is None or inner is handler:
            break
        handler = inner
    return flags


def _flags_of(code: object) -> int:
    flags = _look(code, "co_flags")
    return flags if type(flags) is int else 0


def _look(owner: object, name: str) -> Any:
    """Returns an attribute, None if there is none: handlers are the user's objects, which answer in their own ways."""
    try:
        return getattr(owner, name, None)
    except Exception:  # noqa: BLE001 - a __getattr__ of user code that knows nothing of AttributeError
        return None


def _resembling(handler: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    """Gives the plain form the names and attributes of the handler, as functools.wraps would."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        value = _look(handler, name)
        if isinstance(value, str):
            setattr(call, name, value)
    attributes = _look(handler, "__dict__")
    if isinstance(attributes, dict):
        call.__dict__.update(attributes)
    call.__wrapped__ = handler  # type: ignore[attr-defined]
    return call
