"""What was asked of the function and what became of it: the emulator's state, free of I/O.

Callers put invocations into a queue and hold a future for each; the runtime takes one at a time and settles
it; whoever owns the runtime process says when it starts and ends. The rules:

* One invocation at a time. Taking the next one means that the one before was given up, so its caller is told.
* A start of the runtime is numbered. What a connection of an earlier runtime still asks for is not served.
* A runtime has started once it asks for its first invocation. What fails before that is an init failure.
* Whoever waited for a runtime that is gone gets a function error, never silence.

Every method may be called from any thread. Only :meth:`Invocations.take` blocks.
"""

from __future__ import annotations

import enum
import json
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

JSON_TYPE = "application/json"


class Event(enum.Enum):
    """What the owner of the runtime process may have to act on."""

    RUNTIME_READY = enum.auto()
    INIT_FAILED = enum.auto()
    INVOCATION_QUEUED = enum.auto()
    RUNTIME_EXITED = enum.auto()
    STOP_REQUESTED = enum.auto()


@dataclass(frozen=True)
class Invocation:
    """One event for the function, with what the caller sent along.

    Args:
        request_id: Identifies the invocation on both sides.
        payload: The event, JSON.
        client_context: JSON text, or None.
        trace_id: X-Ray trace header, or None.
        tenant_id: The tenant on whose behalf the caller acts, or None.
    """

    request_id: str
    payload: bytes
    client_context: str | None = None
    trace_id: str | None = None
    tenant_id: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended.

    Args:
        body: What the function returned, or an error document.
        content_type: Its media type, in the runtime's words.
        is_function_error: Whether the body is an error document.
    """

    body: bytes
    content_type: str = JSON_TYPE
    is_function_error: bool = False


@dataclass(frozen=True)
class Failure:
    """Why a runtime did not start, or ended.

    Args:
        error_type: For example ``Runtime.ImportModuleError``.
        message: One sentence for people.
        document: The error document as the runtime posted it; empty when it posted none.
    """

    error_type: str
    message: str
    document: bytes = b""

    def outcome(self, request_id: str) -> Outcome:
        """Returns what a caller is told whose invocation failed for this reason."""
        message = f"RequestId: {request_id} Error: {self.message}"
        document = self.document or json.dumps({"errorType": self.error_type, "errorMessage": message}).encode()
        return Outcome(document, is_function_error=True)


class UnknownRequestError(Exception):
    """The runtime answers an invocation which is not the current one."""


class AlreadyDoneError(Exception):
    """The runtime reports a second time what can be reported once."""


class StoppedError(Exception):
    """The emulator ends; the invocation was not, and will not be, handed to the function."""


class _Pending:
    """An invocation and the promise to its caller."""

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.outcome: Future[Outcome] = Future()

    def fail(self, failure: Failure) -> None:
        self.outcome.set_result(failure.outcome(self.invocation.request_id))


class Invocations:
    """The queue, the current invocation, and what is known of the runtime.

    Args:
        notify: Called, from any thread and with the lock held, when something happened that the owner of the
            runtime
            process may have to act on. It must not block or call back.
    """

    def __init__(self, notify: Callable[[Event], None]) -> None:
        self._notify = notify
        self._changed = threading.Condition()
        self._queue: deque[_Pending] = deque()
        self._current: _Pending | None = None
        self._answered_id: str | None = None
        self._runtime_number = 0
        self._is_ready = False
        self._init_failure: Failure | None = None
        self._is_closed = False

    # The caller's side.

    def submit(self, invocation: Invocation) -> Future[Outcome]:
        """Queues an invocation.

        Returns:
            Its outcome, once there is one; fails with StoppedError if the emulator ends before.

        Raises:
            StoppedError: The emulator has ended.
        """
        pending = _Pending(invocation)
        with self._changed:
            if self._is_closed:
                raise StoppedError
            self._queue.append(pending)
            self._changed.notify_all()
            self._notify(Event.INVOCATION_QUEUED)
        return pending.outcome

    @property
    def is_waiting(self) -> bool:
        """Whether an invocation waits for a runtime to take it."""
        with self._changed:
            return bool(self._queue)

    # The runtime's side.

    @property
    def runtime_number(self) -> int:
        """Counts the runtimes started so far; a connection opened now belongs to the latest."""
        with self._changed:
            return self._runtime_number

    def take(self, runtime_number: int) -> Invocation | None:
        """Waits for the next invocation and makes it the current one.

        Returns:
            The invocation; None when the runtime that asks is no longer the one that counts.
        """
        with self._changed:
            if runtime_number != self._runtime_number or self._is_closed:
                return None
            if not self._is_ready:
                self._is_ready = True
                self._notify(Event.RUNTIME_READY)
            self._settle_abandoned()
            self._changed.wait_for(
                lambda: (
                    self._is_closed or runtime_number != self._runtime_number or (self._queue and self._current is None)
                )
            )
            if self._is_closed or runtime_number != self._runtime_number:
                return None
            self._current = self._queue.popleft()
            return self._current.invocation

    def put_back(self, invocation: Invocation) -> None:
        """Returns a taken invocation that never reached the runtime to the head of the queue."""
        with self._changed:
            if self._current and self._current.invocation is invocation:
                self._queue.appendleft(self._current)
                self._current = None
                self._changed.notify_all()
                # The runtime may have been declared gone already, while the queue still looked empty.
                self._notify(Event.INVOCATION_QUEUED)

    def settle(self, request_id: str, outcome: Outcome) -> None:
        """Gives the caller of the current invocation its outcome.

        Raises:
            AlreadyDoneError: The invocation was settled a moment ago.
            UnknownRequestError: The current invocation, if any, is another one.
        """
        with self._changed:
            if not self._current or self._current.invocation.request_id != request_id:
                raise AlreadyDoneError if request_id == self._answered_id else UnknownRequestError
            settled, self._current, self._answered_id = self._current, None, request_id
            settled.outcome.set_result(outcome)
            self._changed.notify_all()

    def report_init_failure(self, failure: Failure) -> None:
        """Records why the runtime cannot start.

        Raises:
            AlreadyDoneError: It started, or has reported before.
        """
        with self._changed:
            if self._is_ready or self._init_failure:
                raise AlreadyDoneError
            self._init_failure = failure
            self._notify(Event.INIT_FAILED)

    # The side of the runtime process's owner.

    def runtime_starts(self) -> None:
        """Notes that connections opened from now on belong to a new runtime."""
        with self._changed:
            self._runtime_number += 1
            self._is_ready = False
            self._init_failure = None

    def runtime_exited(self, reason: Failure) -> Failure | None:
        """Notes that there is no runtime any more, and tells the caller who waited for it.

        That is the caller of the current invocation or, if the runtime did not start, the first in the queue:
        the runtime was started for that one.

        Returns:
            Why the runtime did not start; None if it did.
        """
        with self._changed:
            init_failure = None if self._is_ready else self._init_failure or reason
            waiting, self._current = self._current, None
            if init_failure and not waiting and self._queue:
                waiting = self._queue.popleft()
            if waiting:
                waiting.fail(init_failure or reason)
            self._runtime_number += 1
            self._changed.notify_all()
            return init_failure

    def close(self) -> None:
        """Refuses everything from now on, and tells those who still wait."""
        with self._changed:
            self._is_closed = True
            abandoned = [*self._queue, *([self._current] if self._current else [])]
            self._queue.clear()
            self._current = None
            self._changed.notify_all()
        for pending in abandoned:
            pending.outcome.set_exception(StoppedError())

    def _settle_abandoned(self) -> None:
        if self._current:
            abandoned, self._current = self._current, None
            abandoned.fail(
                Failure(
                    "Runtime.NoResponse",
                    "the runtime asked for the next invocation without answering this one",
                )
            )
