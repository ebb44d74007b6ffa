"""One worker as its parent sees it: the process, its lifeline, its slots, and who comes after it."""

from __future__ import annotations

import os
import signal
import warnings
from time import monotonic

from ric.process.pool.crashes import Crashes
from ric.process.pool.lifeline import Lifeline
from ric.process.pool.slots import HOPELESS, POLLING, REPORTED, STARTING, Slots

_RETRY_S = 0.1


class Worker:
    """A worker, and its successors in the same place.

    Args:
        slots: All slots.
        numbers: Which of them are its own, one for each of its threads.

    Attributes:
        pid: The process; 0 while there is none, or none that still has to be reaped.
        last_pid: The last one.
        due_s: When the next one is to be started, by the monotonic clock; None while there is one.
        crashes: What became of those before.
    """

    def __init__(self, slots: Slots, numbers: range) -> None:
        self.numbers = numbers
        self.pid = self.last_pid = 0
        self.due_s: float | None = None
        self.crashes = Crashes()
        self._slots = [slots[number] for number in numbers]
        self._lifeline: Lifeline | None = None
        self._connections: dict[int, int] = {}

    def fork(self) -> Lifeline | None:
        """Starts the process; returns None in the parent, the lifeline in the worker.

        Raises:
            OSError: The system has no process or no descriptor left for it now.
        """
        for slot in self._slots:
            slot.clear()
        self.due_s = None
        lifeline = Lifeline()
        try:
            with warnings.catch_warnings():
                # It warns of threads, which a preloaded module may have started; docs/concurrency.md says what of them.
                warnings.simplefilter("ignore", DeprecationWarning)
                self.pid = self.last_pid = os.fork()
        except OSError:
            lifeline.discard()
            raise
        if not self.pid:
            return lifeline
        lifeline.hold()
        self._lifeline = lifeline
        return None

    def send(self, number: signal.Signals) -> None:
        """Sends it a signal; it is not reaped, so its number is its own."""
        if self.pid:
            os.kill(self.pid, number)

    def keep(self, number: int, descriptor: int) -> int | None:
        """Keeps a copy of a connection; returns the copy that the slot had before, if any."""
        before = self._connections.get(number)
        self._connections[number] = descriptor
        return before

    def note_death(self) -> None:
        """Notes that the process has ended, and when the next one may start."""
        self.crashes.note_death(sum(slot.served for slot in self._slots))
        self.due_s = monotonic() + self.crashes.delay_s
        if self._lifeline is not None:
            self._lifeline.cut()
            self._lifeline = None

    def note_failed_start(self) -> None:
        """Notes that no process could be started, and when to try again."""
        self.crashes.note_death(0)
        self.due_s = monotonic() + max(self.crashes.delay_s, _RETRY_S)

    def abandon_connections(self, *, but_questions: bool) -> list[int]:
        """Returns the copies of the dead process's connections, which are the caller's from now on.

        Args:
            but_questions: Whether to keep those on which it had only asked for an invocation, for a successor that
                starts at once.
        """
        kept: set[int] = set()
        if but_questions and not self.crashes.delay_s:
            kept = {number for number, slot in zip(self.numbers, self._slots, strict=True) if slot.stage == POLLING}
        return [self._connections.pop(number) for number in list(self._connections) if number not in kept]

    def inherit(self) -> dict[int, int]:
        """Returns, in a new process, the connections that the one before left to it, by number of slot."""
        connections, self._connections = self._connections, {}
        return connections

    def forget(self) -> None:
        """Closes the parent's ends: in the parent when the worker is dead, in its siblings at once."""
        if self._lifeline is not None:
            self._lifeline.cut()
            self._lifeline = None
        for descriptor in self._connections.values():
            os.close(descriptor)
        self._connections.clear()

    @property
    def held(self) -> list[tuple[str, str]]:
        """Request id and invocation id of everything that it holds."""
        return [held for slot in self._slots if (held := slot.held) is not None]

    @property
    def is_starting(self) -> bool:
        """Whether it is still loading the handler, or failed to."""
        return all(slot.stage in (STARTING, REPORTED) for slot in self._slots)

    @property
    def has_reported(self) -> bool:
        """Whether it has told the Runtime API that it cannot load the handler."""
        return any(slot.stage == REPORTED for slot in self._slots)

    @property
    def is_hopeless(self) -> bool:
        """Whether it found the Runtime API gone."""
        return any(slot.stage == HOPELESS for slot in self._slots)
