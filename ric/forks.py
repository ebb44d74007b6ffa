"""Processes that a handler forks: only the one that runs the loop speaks to the Runtime API.

A child should end with ``os._exit()`` inside the handler. One that does not, and comes back into the loop, is ended
here, without running what the parent registered for its own end.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_loop_pid: int | None = None


def claim_loop() -> None:
    """Notes that this process runs the loop."""
    global _loop_pid
    _loop_pid = os.getpid()


def is_forked_child() -> bool:
    """Whether this process was forked from the one that runs the loop."""
    return _loop_pid is not None and os.getpid() != _loop_pid


def end_child(status: object) -> NoReturn:
    """Ends this process at once.

    Args:
        status: An exit status, or what ``sys.exit`` takes in its place: None for 0, anything else is shown and means 1.
    """
    is_message = status is not None and not isinstance(status, int)
    try:
        _write(sys.stdout, "")
        _write(sys.stderr, f"{status}\n" if is_message else "")
    finally:
        os._exit(1 if is_message else int(status or 0) & 0xFF)  # type: ignore[call-overload]


def _write(stream: Any, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except Exception:  # noqa: BLE001, S110 - nobody takes it; the child ends all the same
        pass
