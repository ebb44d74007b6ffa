"""The queue between callers and execution environments: the emulator's shared state, free of I/O.

Callers put invocations into it and hold a :class:`~ric.local.reply.Reply` for each. Sandboxes take them out. All
of this state, the sandboxes' included, has one lock, the condition ``changed``; methods below that say so
expect their caller to hold it. Whoever must act on a change waits on that condition: there are no messages
that could get lost.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import NamedTuple, Protocol

from ric.local.invocation import Invocation, StoppedError, ThrottledError
from ric.local.reply import Reply

MAX_QUEUED = 256
"""How many invocations may wait. Lambda itself lets none wait and throttles at once; on a laptop that is a nuisance."""


class Pending(NamedTuple):
    """An invocation and the promise to its caller."""

    invocation: Invocation
    reply: Reply


class Consumer(Protocol):
    """What the queue asks of a sandbox that takes invocations out of it; the caller of each holds the lock."""

    @property
    def capacity(self) -> int:
        """How many more invocations it takes without a new process."""

    @property
    def lingers_from(self) -> float:
        """From when on an answered invocation keeps its runtime from others, if that does not ask for one before."""

    @property
    def is_idle(self) -> bool:
        """Whether its runtime has no invocation and waits for one, or there is no runtime."""

    @property
    def works_unwatched(self) -> bool:
        """Whether its runtime has an invocation for which nobody waits: an asynchronous or an answered one."""

    def stop_replies(self) -> None:
        """Tells the callers of running invocations that the emulator ends."""


class InvocationQueue:
    """The queue, and the sandboxes that serve it.

    Args:
        max_queued: How many invocations may wait; one more is throttled.
    """

    def __init__(self, max_queued: int = MAX_QUEUED) -> None:
        self.changed = threading.Condition()
        self.is_closed = False
        self._is_draining = False
        self._max_queued = max_queued
        self._queue: deque[Pending] = deque()
        self._sandboxes: list[Consumer] = []

    def submit(self, invocation: Invocation, *, streams: bool = False, is_awaited: bool = True) -> Reply:
        """Queues an invocation.

        Args:
            invocation: What to run.
            streams: Whether the caller takes a streamed response in chunks.
            is_awaited: Whether the caller waits for the answer.

        Raises:
            StoppedError: The emulator ends, or has ended.
            ThrottledError: Too many wait already.
        """
        pending = Pending(invocation, Reply(streams=streams, is_awaited=is_awaited))
        with self.changed:
            if self.is_closed or self._is_draining:
                raise StoppedError
            if len(self._queue) >= self._max_queued:
                raise ThrottledError
            self._queue.append(pending)
            self.changed.notify_all()
        return pending.reply

    def wait_until_idle(self, timeout_s: float | None) -> bool:
        """Waits until nothing waits or runs, and the runtimes ask for more or have ended; returns whether that came.

        Args:
            timeout_s: How long to wait at most; None for as long as it takes.
        """
        with self.changed:
            return self.changed.wait_for(
                lambda: self.is_closed or (not self.is_waiting and all(sandbox.is_idle for sandbox in self._sandboxes)),
                timeout_s,
            )

    def drain(self, timeout_s: float) -> bool:
        """Refuses invocations from now on, and waits for those for which nobody else can wait.

        These are the asynchronous ones, and those that were answered while their handlers go on. Others are served
        meanwhile, but not waited for: whoever wants an answer does so.

        Args:
            timeout_s: How long to wait at most.

        Returns:
            Whether all of them are over, or the queue was closed.
        """
        with self.changed:
            self._is_draining = True
            return self.changed.wait_for(lambda: self.is_closed or not self._has_unwatched_work, timeout_s)

    def close(self) -> None:
        """Refuses invocations from now on, and tells the callers of those that still wait."""
        with self.changed:
            self.is_closed = True
            for pending in self._queue:
                pending.reply.stop()
            self._queue.clear()
            for sandbox in self._sandboxes:
                sandbox.stop_replies()
            self.changed.notify_all()

    # For sandboxes, who hold the lock.

    def add(self, sandbox: Consumer) -> None:
        """Adds a sandbox that serves the queue."""
        self._sandboxes.append(sandbox)

    @property
    def is_waiting(self) -> bool:
        """Whether an invocation waits."""
        return bool(self._queue)

    @property
    def unserved(self) -> int:
        """How many waiting invocations exceed the sandboxes that are free or starting."""
        return len(self._queue) - sum(sandbox.capacity for sandbox in self._sandboxes)

    def next_drop_of_capacity(self, now: float) -> float:
        """Returns when a sandbox that seems free will turn out to be busy, unless its runtime asks for more before."""
        return min(
            (sandbox.lingers_from for sandbox in self._sandboxes if sandbox.lingers_from > now), default=math.inf
        )

    def pop(self) -> Pending:
        """Removes and returns the first invocation."""
        return self._queue.popleft()

    def put_back(self, invocation: Invocation, reply: Reply) -> None:
        """Puts an invocation that never reached a runtime back at the head."""
        self._queue.appendleft(Pending(invocation, reply))
        self.changed.notify_all()

    @property
    def _has_unwatched_work(self) -> bool:
        return any(not pending.reply.is_awaited for pending in self._queue) or any(
            sandbox.works_unwatched for sandbox in self._sandboxes
        )
