"""Processes that a handler forks: only the one that runs the loop speaks to the Runtime API.

A child should end with ``os._exit()`` inside the handler. One that does not, and comes back into the loop, is ended
here, without running what the parent registered for its own end.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

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
    if status is not None and not isinstance(status, int):
        sys.stderr.write(f"{status}\n")
        status = 1
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
    os._exit(status or 0)
