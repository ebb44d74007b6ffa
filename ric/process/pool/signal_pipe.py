"""Signals that a parent of workers waits for, as bytes in a pipe.

The kernel's signal handler, in Python's C code, writes the number; nothing else happens there. So the parent sleeps in
one ``poll`` for signals, messages and connections alike, and misses none. On leaving, the handlers from before are put
back: in the parent before it ends, in a worker before user code runs.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_PIPE_BYTES = 4096


class SignalPipe:
    """A context manager in which SIGTERM, SIGINT and SIGCHLD are only noted."""

    def __enter__(self) -> SignalPipe:
        self._out, self._in = os.pipe()
        os.set_blocking(self._out, False)
        os.set_blocking(self._in, False)
        self._wakeup_before = signal.set_wakeup_fd(self._in, warn_on_full_buffer=False)
        self._handlers_before = {number: signal.signal(number, _note) for number in _NUMBERS}
        return self

    def __exit__(self, *exc_info: object) -> None:
        for number, handler in self._handlers_before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._out)
        os.close(self._in)

    def fileno(self) -> int:
        """Returns the descriptor to wait on."""
        return self._out

    def take(self) -> set[int]:
        """Returns the numbers that came since the last time."""
        try:
            return set(os.read(self._out, _PIPE_BYTES))
        except BlockingIOError:
            return set()


def block() -> Any:
    """Blocks the signals; returns the mask from before, for ``unblock``."""
    return signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)


def unblock(before: Any) -> None:
    """Restores the signal mask; pending signals are delivered now."""
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _note(number: int, frame: object) -> None:
    """Does nothing: what counts is the byte in the pipe."""
