"""Whose invocation this is: the request and tenant id that log lines carry.

Both are kept per context, so that several invocations in one process do not mix, and once for the whole process,
because threads that a handler starts do not inherit its context.
"""

from __future__ import annotations

from _contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    Identity = tuple[str | None, str | None]

_NOBODY: Identity = (None, None)
_in_context: ContextVar[Identity] = ContextVar("ric_invocation", default=_NOBODY)
_in_process: Identity = _NOBODY


def enter(request_id: str, tenant_id: str | None) -> None:
    """Makes the invocation the current one, in this context and in this process."""
    global _in_process
    _in_process = (request_id, tenant_id)
    _in_context.set(_in_process)


def current() -> Identity:
    """Returns request id and tenant id of the current invocation; None where there is none."""
    identity = _in_context.get()
    return _in_process if identity is _NOBODY else identity
