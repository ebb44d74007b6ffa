"""One execution environment as a state machine: which runtime counts, what it runs, and when time is up.

The rules, free of I/O:

* A start of the runtime is numbered. What a connection of an earlier runtime still asks for is not served.
* A runtime has started once it asks for its first invocation. What fails before that is an init failure.
* One invocation at a time: asking for the next one gives up the one before. With slots for several, a timeout does not
  end the process.
* An invocation lasts until its runtime asks for the next one: a handler may go on after its answer. With slots nobody
  knows whose end a call for the next one is, so there it lasts until its answer.
* An invocation is answered once. Whoever waited for a runtime that is gone gets a function error, never silence.

Whatever ends an invocation returns it as :class:`Settled`, for the caller of the method to log and deliver.
Methods may be called from any thread. How a runtime starts is in ``startup``, beside this module, how it waits for
invocations in ``next_calls``, what the owner of its process has to do in ``lifecycle``.
"""

from __future__ import annotations

import enum
import math
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ric.local.invocation import Failure, Outcome
from ric.local.runtime.next_calls import NextCalls
from ric.local.runtime.running import (
    AlreadyDoneError,
    Asked,
    LateAnswerError,
    Running,
    Settled,
    UnknownRequestError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ric.local.invocation_queue import InvocationQueue

# What the real emulator announces by default; without a timeout it is announced only.
ANNOUNCED_TIMEOUT_SECONDS = 300.0

# How many request ids are remembered, to tell a repeated or late answer from one that makes no sense.
_REMEMBERED_IDS = 1024
# Nearly every runtime asks for its next invocation within a millisecond of an answer; a process for those who wait then
# would be one too many.
_RETURN_PATIENCE_SECONDS = 0.1


class Phase(enum.Enum):
    """The life of a runtime."""

    OFF = enum.auto()
    STARTING = enum.auto()
    SNAPSHOT = enum.auto()
    RESTORING = enum.auto()
    READY = enum.auto()


@dataclass
class Sandbox:
    """One execution environment.

    Args:
        queue: Where its invocations come from.
        slots: How many invocations its runtime may have at once; None for one at a time, by the rules of that.
        timeout_s: How long an invocation may take; None for as long as it takes.
        snap_start: Whether the runtime is to be restored from a snapshot.
        clock: Seconds, never going back.
    """

    queue: InvocationQueue
    slots: int | None = None
    timeout_s: float | None = None
    snap_start: bool = False
    clock: Callable[[], float] = time.monotonic
    phase: Phase = field(default=Phase.OFF, init=False)
    number: int = field(default=0, init=False)
    running: dict[str, Running] = field(default_factory=dict, init=False)
    # Answered, but its runtime has not asked for the next one yet.
    lingering: Running | None = field(default=None, init=False)
    init_failure: Failure | None = field(default=None, init=False)
    phase_began_at: float = field(default=0.0, init=False)
    is_draining: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._answered: deque[str] = deque(maxlen=_REMEMBERED_IDS)
        self._late: deque[str] = deque(maxlen=_REMEMBERED_IDS)
        self._init_duration_ms: float | None = None
        self._restore_duration_ms: float | None = None
        self.calls = NextCalls(self)
        with self.queue.changed:
            self.queue.add(self)

    # The runtime's side.

    @property
    def runtime_number(self) -> int:
        """Counts starts and ends of runtimes; a connection opened now belongs to the latest."""
        with self.queue.changed:
            return self.number

    def ask(self, runtime_number: int) -> Asked:
        """Notes that a runtime is about to take its next invocation."""
        with self.queue.changed:
            if not self.counts(runtime_number):
                return Asked()
            has_lingered = self.lingering is not None
            if has_lingered:
                self.lingering = None
                self.queue.changed.notify_all()
            init_duration_ms = None
            if self.phase is Phase.STARTING:
                init_duration_ms = self._init_duration_ms = self.enter(Phase.READY)
            elif self.phase is Phase.RESTORING:
                self._restore_duration_ms = self.enter(Phase.READY)
            given_up = None
            if self.slots is None and self.running:
                (running,) = self.running.values()
                reason = "the runtime asked for the next invocation without answering this one"
                failure = Failure("Runtime.NoResponse", reason)
                given_up = self.conclude(running, failure.outcome(running.invocation.request_id), is_late=True)
            return Asked(given_up, has_lingered, init_duration_ms)

    def put_back(self, running: Running) -> None:
        """Returns a taken invocation that never reached the runtime to the head of the queue."""
        with self.queue.changed:
            if self.running.pop(running.invocation.request_id, None) and not self.queue.is_closed:
                self.queue.put_back(running.invocation, running.reply)

    def claim(self, request_id: str) -> Running:
        """Reserves the right to answer an invocation.

        Raises:
            AlreadyDoneError: It was answered, or is being answered.
            LateAnswerError: The caller was told meanwhile that there is no answer.
            UnknownRequestError: The runtime has no such invocation.
        """
        with self.queue.changed:
            running = self.running.get(request_id)
            if running is None:
                if request_id in self._late:
                    raise LateAnswerError
                raise AlreadyDoneError if request_id in self._answered else UnknownRequestError
            if running.is_being_answered:
                raise AlreadyDoneError
            running.is_being_answered = True
            self.queue.changed.notify_all()
            return running

    def settle(self, running: Running, outcome: Outcome) -> Settled | None:
        """Ends an invocation that was claimed; returns None if it was ended meanwhile for another reason."""
        with self.queue.changed:
            if self.running.get(running.invocation.request_id) is not running:
                return None
            if self.slots is None:
                running.answered_at = self.clock()
                self.lingering = running
            return self.conclude(running, outcome)

    # For the queue, the calls, the start and the lifecycle, who hold the lock.

    @property
    def may_start_another(self) -> bool:
        """Whether its runtime may have one more invocation now."""
        return not self.is_draining and (self.slots is not None or not self.running)

    @property
    def is_at_work(self) -> bool:
        """Whether its runtime has an invocation, answered or not."""
        return bool(self.running) or self.lingering is not None

    @property
    def works_unwatched(self) -> bool:
        """Whether its runtime has an invocation for which nobody waits: an asynchronous or an answered one."""
        return self.lingering is not None or any(not running.reply.is_awaited for running in self.running.values())

    @property
    def is_idle(self) -> bool:
        """Whether its runtime has no invocation and waits for one, or there is no runtime."""
        return self.phase in (Phase.OFF, Phase.SNAPSHOT) or (self.calls.waiting > 0 and not self.running)

    @property
    def capacity(self) -> int:
        """How many more invocations this sandbox takes without a new process."""
        if self.phase is Phase.OFF or self.is_draining:
            return 0
        taken = len(self.running) + (self.clock() >= self.lingers_from)
        return max(0, (self.slots or 1) - taken)

    @property
    def lingers_from(self) -> float:
        """From when on an answered invocation keeps its runtime from others, if that does not ask for one before."""
        return math.inf if self.lingering is None else self.lingering.answered_at + _RETURN_PATIENCE_SECONDS

    def stop_replies(self) -> None:
        """Tells the callers of running invocations that the emulator ends."""
        for running in self.running.values():
            running.reply.stop()
        self.running.clear()

    def start_invocation(self) -> Running:
        """Moves the first invocation from the queue into this sandbox."""
        invocation, reply = self.queue.pop()
        limit_s = ANNOUNCED_TIMEOUT_SECONDS if self.timeout_s is None else self.timeout_s
        running = Running(
            invocation,
            reply,
            started_at=self.clock(),
            deadline_ms=int((time.time() + limit_s) * 1000),
            init_duration_ms=self._init_duration_ms,
            restore_duration_ms=self._restore_duration_ms,
        )
        self._init_duration_ms = self._restore_duration_ms = None
        self.running[invocation.request_id] = running
        return running

    def conclude(self, running: Running, outcome: Outcome, *, is_late: bool = False) -> Settled:
        """Takes an invocation out of this sandbox for good."""
        request_id = running.invocation.request_id
        del self.running[request_id]
        (self._late if is_late else self._answered).append(request_id)
        self.queue.changed.notify_all()
        duration_ms = (self.clock() - running.started_at) * 1000
        return Settled(running, outcome, duration_ms, lingers=self.lingering is running)

    def counts(self, runtime_number: int) -> bool:
        """Whether this runtime is the current one, and is still served."""
        return runtime_number == self.number and not self.queue.is_closed

    def enter(self, phase: Phase) -> float:
        """Changes the phase; returns how long the one before took, in ms."""
        now = self.clock()
        duration_ms = (now - self.phase_began_at) * 1000
        self.phase, self.phase_began_at = phase, now
        self.queue.changed.notify_all()
        return duration_ms
