"""Ends a command in order when a signal asks for it: the function must not outlive the command."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


@contextlib.contextmanager
def ended_by_signals(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Calls a function for each of Ctrl-C, SIGTERM and a closed terminal; yields the list of those received.

    Args:
        stop: Makes the command end; called from a signal handler, again for each further signal.
    """
    received: list[int] = []

    def record(number: int, frame: FrameType | None) -> None:
        received.append(number)
        stop()

    numbers = [signal.SIGINT, signal.SIGTERM]
    # The runtime has a session of its own, so a closed terminal passes it by; nohup asks to ignore that signal.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    previous = {number: signal.signal(number, record) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
