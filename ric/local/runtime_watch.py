"""What the program that runs the emulator learns of its runtimes: one started, one did not, one ended."""

from __future__ import annotations

import enum
import queue
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ric.local.invocation import Failure


class FunctionStartError(Exception):
    """The function did not start.

    Args:
        failure: Why.
        exit_status: How its process ended, negative for a signal; None if there was no process.
    """

    def __init__(self, failure: Failure, exit_status: int | None) -> None:
        super().__init__(failure, exit_status)
        self.failure = failure
        self.exit_status = exit_status

    def __str__(self) -> str:
        return f"{self.failure.error_type}: {self.failure.message}"


class _Signal(enum.Enum):
    READY = enum.auto()
    STOP = enum.auto()


@dataclass(frozen=True)
class _Exit:
    reason: Failure
    init_failure: Failure | None
    exit_status: int | None


class RuntimeWatch:
    """Carries the news from the environments' threads to that of the program."""

    def __init__(self) -> None:
        # SimpleQueue.put may interrupt itself, so a signal handler can use it where a lock would not do.
        self._events: queue.SimpleQueue[_Signal | _Exit] = queue.SimpleQueue()

    def note_ready(self) -> None:
        """Notes that a runtime waits for its first event."""
        self._events.put(_Signal.READY)

    def note_exit(self, reason: Failure, init_failure: Failure | None, exit_status: int | None) -> None:
        """Notes that a runtime ended by itself, or did not start.

        Args:
            reason: Why it ended.
            init_failure: Why it did not start; None if it had.
            exit_status: That of its process; None if there was none.
        """
        self._events.put(_Exit(reason, init_failure, exit_status))

    def stop(self) -> None:
        """Ends the watch. May be called from any thread and from a signal handler."""
        self._events.put(_Signal.STOP)

    def follow(
        self, on_ready: Callable[[], None] | None, on_exit: Callable[[Failure], None] | None, *, must_succeed: bool
    ) -> None:
        """Passes on the news until the end of the watch.

        Args:
            on_ready: Called when the function has started for the first time.
            on_exit: Called with the reason each time a runtime ended, or did not start.
            must_succeed: Whether the function has to start at the first attempt.

        Raises:
            FunctionStartError: The function did not start, and must.
        """
        was_ready = False
        while (event := self._events.get()) is not _Signal.STOP:
            if isinstance(event, _Exit):
                if event.init_failure and must_succeed and not was_ready:
                    raise FunctionStartError(event.init_failure, event.exit_status)
                if on_exit:
                    on_exit(event.init_failure or event.reason)
            elif not was_ready:
                was_ready = True
                if on_ready:
                    on_ready()
