"""The queue between callers and execution environments: the emulator's shared state, free of I/O.

Callers put invocations into it and hold a :class:`~ric.local.reply.Reply` for each. Sandboxes take them out. All
of this state, the sandboxes' included, has one lock, the condition ``changed``; methods below that say so
expect their caller to hold it. Whoever must act on a change waits on that condition: there are no messages
that could get lost.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from ric.local.invocation import Invocation, StoppedError, ThrottledError
from ric.local.reply import Reply

if TYPE_CHECKING:
    from ric.local.sandbox import Sandbox

MAX_QUEUED = 256
"""How many invocations may wait. Lambda itself lets none wait and throttles at once; on a laptop that is a nuisance."""


class Pending(NamedTuple):
    """An invocation and the promise to its caller."""

    invocation: Invocation
    reply: Reply


class InvocationQueue:
    """The queue, and the sandboxes that serve it.

    Args:
        max_queued: How many invocations may wait; one more is throttled.
    """

    def __init__(self, max_queued: int = MAX_QUEUED) -> None:
        self.changed = threading.Condition()
        self.is_closed = False
        self._max_queued = max_queued
        self._queue: deque[Pending] = deque()
        self._sandboxes: list[Sandbox] = []

    def submit(self, invocation: Invocation, *, streams: bool = False) -> Reply:
        """Queues an invocation.

        Args:
            invocation: What to run.
            streams: Whether the caller takes a streamed response in chunks.

        Raises:
            StoppedError: The emulator has ended.
            ThrottledError: Too many wait already.
        """
        pending = Pending(invocation, Reply(streams=streams))
        with self.changed:
            if self.is_closed:
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

    def add(self, sandbox: Sandbox) -> None:
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

    def pop(self) -> Pending:
        """Removes and returns the first invocation."""
        return self._queue.popleft()

    def put_back(self, invocation: Invocation, reply: Reply) -> None:
        """Puts an invocation that never reached a runtime back at the head."""
        self._queue.appendleft(Pending(invocation, reply))
        self.changed.notify_all()
