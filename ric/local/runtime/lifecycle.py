"""What the owner of a runtime process has to do next, decided from the sandbox's state and free of I/O.

A runtime that ended is started again when there is something to do, not before: a function that dies while
idle must not spin. The exceptions are the very first start and a restart that somebody asked for, because they
want to see whether the function starts.
"""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ric.local.invocation import TIMED_OUT, Failure, Outcome
from ric.local.runtime.running import Overrun
from ric.local.runtime.sandbox import Phase

if TYPE_CHECKING:
    from ric.local.runtime.running import Running, Settled
    from ric.local.runtime.sandbox import Sandbox

INIT_LIMIT_SECONDS = 10.0
"""How long Lambda lets a function start; then it starts it once more, within the function's own timeout."""


class Step(enum.Enum):
    """One thing to do."""

    START = enum.auto()
    """Start a runtime."""
    SETTLE = enum.auto()
    """Only tell callers."""
    END_OVERDUE = enum.auto()
    """Tell callers or the log, then end the runtime at once: it took too long."""
    END_FAILED = enum.auto()
    """The runtime reported that it cannot go on: wait for it to exit; kill it if it does not."""
    RESTART = enum.auto()
    """End the runtime in order; another one will be started."""
    REAP = enum.auto()
    """The runtime ended by itself."""
    CLOSE = enum.auto()
    """End the runtime in order, and start no other."""


@dataclass(frozen=True)
class Task:
    """What to do.

    Args:
        step: The thing.
        settled: Callers to tell.
        overrun: What to tell in the log, since no caller waits for it any more.
    """

    step: Step
    settled: list[Settled] = field(default_factory=list)
    overrun: Overrun | None = None


@dataclass(frozen=True)
class Ended:
    """What the end of a runtime meant.

    Args:
        settled: Callers to tell.
        init_failure: Why it did not start; None if it had.
    """

    settled: list[Settled]
    init_failure: Failure | None


class Lifecycle:
    """The owner's view of one sandbox.

    Args:
        sandbox: The state.
        starts_at_once: Whether its runtime is started before there is anything to do.
    """

    def __init__(self, sandbox: Sandbox, *, starts_at_once: bool) -> None:
        self._sandbox = sandbox
        self._changed = sandbox.queue.changed
        self._must_start = starts_at_once
        self._starts_after_restart = starts_at_once
        self._has_exited = False
        self._is_failure_handled = False
        self._drain_until: float | None = None

    def next_task(self) -> Task:
        """Waits until there is something to do."""
        with self._changed:
            while (task := self.decide(self._sandbox.clock())) is None:
                self._changed.wait(self._seconds_to_wait(self._sandbox.clock()))
            return task

    def note_exit(self) -> None:
        """Notes that the process has ended."""
        with self._changed:
            self._has_exited = True
            self._changed.notify_all()

    def request_restart(self, grace_s: float) -> None:
        """Asks for a new runtime in place of this one.

        Args:
            grace_s: How long invocations in progress may take to finish before they are ended.
        """
        with self._changed:
            self._must_start = self._must_start or self._starts_after_restart
            if self._sandbox.phase is not Phase.OFF:
                self._sandbox.is_draining = True
                self._drain_until = self._sandbox.clock() + grace_s
            self._changed.notify_all()

    def runtime_ended(self, reason: Failure, *, was_restarted: bool = False) -> Ended:
        """Notes that there is no runtime any more.

        Told are the callers of what it ran or, if it did not start, the first one in the queue: the runtime was
        started for that one.

        Args:
            reason: Why it ended.
            was_restarted: Whether somebody wanted it so; then nobody in the queue pays for it.
        """
        with self._changed:
            sandbox = self._sandbox
            init_failure = None if sandbox.phase is Phase.READY else sandbox.init_failure or reason
            if init_failure and not was_restarted and sandbox.queue.is_waiting and not sandbox.running:
                sandbox.start_invocation()
            settled = [
                sandbox.conclude(running, (init_failure or reason).outcome(running.invocation.request_id))
                for running in list(sandbox.running.values())
            ]
            sandbox.phase = Phase.OFF
            sandbox.lingering = None
            sandbox.number += 1
            sandbox.is_draining = False
            self._drain_until = None
            self._has_exited = False
            self._changed.notify_all()
            return Ended(settled, None if was_restarted else init_failure)

    def decide(self, now: float) -> Task | None:
        """Returns what is to be done at this moment, if anything; the caller holds the lock."""
        sandbox = self._sandbox
        if sandbox.queue.is_closed:
            return Task(Step.CLOSE)
        if sandbox.phase is Phase.OFF:
            return self._start(now) if self._must_start or sandbox.queue.unserved > 0 else None
        if self._has_exited:
            return Task(Step.REAP)
        if settled := self._expire(now):
            return self._handle_overdue(settled)
        if overrun := self._expire_lingering(now):
            return self._handle_overdue([], overrun)
        if sandbox.init_failure and not self._is_failure_handled:
            self._is_failure_handled = True
            return Task(Step.END_FAILED)
        if now >= self._init_deadline:
            sandbox.init_failure = Failure("Sandbox.Timedout", f"the function did not start in {self._init_limit_s} s")
            self._is_failure_handled = True
            return Task(Step.END_OVERDUE)
        if self._drain_until is not None and (not sandbox.is_at_work or now >= self._drain_until):
            return Task(Step.RESTART)
        return None

    def _start(self, now: float) -> Task:
        sandbox = self._sandbox
        self._must_start = self._has_exited = self._is_failure_handled = False
        sandbox.init_failure = None
        sandbox.number += 1
        sandbox.phase, sandbox.phase_began_at = Phase.STARTING, now
        return Task(Step.START)

    def _expire(self, now: float) -> list[Settled]:
        """Ends invocations that have taken too long."""
        limit_s = self._sandbox.timeout_s
        if limit_s is None:
            return []
        overdue = [running for running in self._sandbox.running.values() if now >= running.started_at + limit_s]
        return [self._sandbox.conclude(one, _timeout_outcome(one, limit_s), is_late=True) for one in overdue]

    def _expire_lingering(self, now: float) -> Overrun | None:
        """Ends an answered invocation whose handler has gone on for too long."""
        running, limit_s = self._sandbox.lingering, self._sandbox.timeout_s
        if running is None or limit_s is None or now < running.started_at + limit_s:
            return None
        self._sandbox.lingering = None
        return Overrun(running.invocation.request_id, _timeout_message(running, limit_s))

    def _handle_overdue(self, settled: list[Settled], overrun: Overrun | None = None) -> Task:
        if self._sandbox.slots is not None:
            return Task(Step.SETTLE, settled)
        # Whatever this runtime still asks for is not served.
        self._sandbox.number += 1
        return Task(Step.END_OVERDUE, settled, overrun)

    @property
    def _init_limit_s(self) -> float:
        return INIT_LIMIT_SECONDS + (self._sandbox.timeout_s or 0.0)

    @property
    def _init_deadline(self) -> float:
        is_starting = self._sandbox.phase in (Phase.STARTING, Phase.RESTORING)
        if self._sandbox.timeout_s is None or not is_starting:
            return float("inf")
        return self._sandbox.phase_began_at + self._init_limit_s

    def _seconds_to_wait(self, now: float) -> float | None:
        sandbox = self._sandbox
        moments = [self._init_deadline]
        if sandbox.phase is Phase.OFF and sandbox.queue.is_waiting:
            moments.append(sandbox.queue.next_drop_of_capacity(now))
        if sandbox.timeout_s is not None:
            moments += [running.started_at + sandbox.timeout_s for running in sandbox.running.values()]
            if sandbox.lingering is not None:
                moments.append(sandbox.lingering.started_at + sandbox.timeout_s)
        if self._drain_until is not None:
            moments.append(self._drain_until)
        first = min(moments)
        return None if first == float("inf") else max(0.0, first - now)


def _timeout_outcome(running: Running, limit_s: float) -> Outcome:
    document = json.dumps({"errorMessage": _timeout_message(running, limit_s)}).encode()
    return Outcome(document, is_function_error=True, error_type=TIMED_OUT, status="timeout")


def _timeout_message(running: Running, limit_s: float) -> str:
    moment = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{moment} {running.invocation.request_id} Task timed out after {limit_s:.2f} seconds"
