"""Whose invocation this is: the request and tenant id that log lines carry, and the trace id.

They are kept per context, so that several invocations in one process do not mix. Where one runs at a time they are kept
for the whole process as well, because threads that a handler starts do not inherit its context.
"""

from __future__ import annotations

from _contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    Identity = tuple[str | None, str | None]

_NOBODY: Identity = (None, None)
_in_context: ContextVar[Identity] = ContextVar("ric_invocation", default=_NOBODY)
_in_process: Identity = _NOBODY
_trace_in_context: ContextVar[str | None] = ContextVar("ric_trace", default=None)
_is_shared = False


def share() -> None:
    """Notes that this process runs several invocations at once, so that nothing in it belongs to one of them alone."""
    global _is_shared
    _is_shared = True


def is_shared() -> bool:
    """Whether this process runs several invocations at once."""
    return _is_shared


def enter(request_id: str | None, tenant_id: str | None, trace_id: str | None = None) -> None:
    """Makes the invocation the current one, in this context and, if it runs alone, in this process."""
    global _in_process
    identity = (request_id, tenant_id)
    if not _is_shared:
        _in_process = identity
    _in_context.set(identity)
    _trace_in_context.set(trace_id)


def current() -> Identity:
    """Returns request id and tenant id of the current invocation; None where there is none."""
    identity = _in_context.get()
    return _in_process if identity is _NOBODY else identity


def trace_id() -> str | None:
    """Returns the X-Ray trace id of the current invocation: what ``_X_AMZN_TRACE_ID`` holds where one runs at a time.

    None where there is none, and in a thread that the handler started without its context.
    """
    return _trace_in_context.get()
