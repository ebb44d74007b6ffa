"""The log of one execution environment: whose line it is, what each invocation's report says, and its tail.

The order that Lambda's log has is kept: ``START``, what the runtime wrote, ``END`` and ``REPORT``, and only then
does the caller get the answer, with the tail of all that.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ric.local.invocation import Answer
from ric.local.observer import (
    InvocationEnd,
    InvocationStart,
    LogLine,
    Observer,
    RuntimeExit,
    RuntimeReady,
    RuntimeStart,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ric.local.runtime.log_pump import Stream
    from ric.local.runtime.running import Overrun, Running, Settled
    from ric.local.runtime.runtime_process import RuntimeProcess

MAX_TAIL_BYTES = 4096
"""What Lambda returns of the log: the last 4 KB."""


class Narrator:
    """Calls an observer, one call at a time, and survives what it raises.

    Args:
        observer: Who is told.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._lock = threading.RLock()

    def tell(
        self, event: RuntimeStart | RuntimeReady | RuntimeExit | LogLine | InvocationStart | InvocationEnd
    ) -> None:
        """Passes on an event."""
        observer = self._observer
        with self._lock:
            try:
                match event:
                    case RuntimeStart():
                        observer.runtime_started(event)
                    case RuntimeReady():
                        observer.runtime_ready(event)
                    case RuntimeExit():
                        observer.runtime_exited(event)
                    case LogLine():
                        observer.log_line(event)
                    case InvocationStart():
                        observer.invocation_started(event)
                    case InvocationEnd():
                        observer.invocation_ended(event)
            except BaseException as error:  # noqa: BLE001 - pytest.fail() too must not leave a caller without answer
                _show(error)


class Journal:
    """What is written and told of one environment.

    Args:
        narrator: Where events go.
        environment: Number of the execution environment.
        memory_mb: The memory that the function is said to have.
        on_ready: Called when a runtime has started, after the observer.
    """

    def __init__(self, narrator: Narrator, environment: int, memory_mb: int, on_ready: Callable[[], None]) -> None:
        self._narrator = narrator
        self._environment = environment
        self._memory_mb = memory_mb
        self._on_ready = on_ready
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._tails: dict[str, bytes] = {}
        self._lingering: str | None = None
        self.process: RuntimeProcess | None = None

    def start_runtime(self, start: Callable[[], RuntimeProcess]) -> RuntimeProcess:
        """Starts a process; whatever it does or writes is told after its start.

        Args:
            start: Starts it.

        Raises:
            OSError: It could not be started.
        """
        with self._starting:
            process = self.process = start()
            self._narrator.tell(RuntimeStart(self._environment, process.pid))
        return process

    def runtime_ready(self, init_duration_ms: float) -> None:
        """Notes that the process has started."""
        self._wait_for_start()
        if process := self.process:
            process.log.drain()
            self._narrator.tell(RuntimeReady(self._environment, process.pid, init_duration_ms))
        self._on_ready()

    def runtime_exited(self, exit_status: int | None, *, was_asked_to: bool, error_type: str, message: str) -> None:
        """Notes that the process has ended, or could not be started."""
        process, self.process = self.process, None
        if process:
            process.log.drain()
        self._lingering = None
        pid = process.pid if process else None
        self._narrator.tell(RuntimeExit(self._environment, pid, exit_status, was_asked_to, error_type, message))

    def write(self, stream: Stream, text: str) -> None:
        """Notes a line of the runtime."""
        self._wait_for_start()
        request_id = self._author(text)
        if request_id:
            self._append(request_id, text)
        self._narrator.tell(LogLine(text, stream, request_id, self._environment))

    def invocation_started(self, running: Running) -> None:
        """Notes that the runtime gets an invocation; earlier lines do not belong to its log."""
        if self.process:
            self.process.log.drain()
        invocation = running.invocation
        running.is_announced = True
        event = InvocationStart(invocation.request_id, invocation.payload, self._environment)
        with self._lock:
            self._tails[invocation.request_id] = b""
            self._lingering = None
        self._append(invocation.request_id, event.line())
        self._narrator.tell(event)

    def conclude(self, settled: Iterable[Settled]) -> None:
        """Reports invocations that are over, and gives their callers the answer, whatever becomes of the report."""
        for one in settled:
            log_tail = b""
            try:
                log_tail = self._report(one)
            except Exception as error:  # noqa: BLE001 - as above
                _show(error)
            finally:
                one.running.reply.finish(Answer(one.outcome, log_tail, one.duration_ms))

    def _report(self, settled: Settled) -> bytes:
        """Writes the end of a log; returns its tail."""
        running = settled.running
        if not running.is_announced:
            self.invocation_started(running)
        if self.process:
            self.process.log.drain()
        request_id = running.invocation.request_id
        end = self._describe_end(settled)
        if end.status == "timeout":
            self._write_for(request_id, end.error_message or "")
        self._append(request_id, f"END RequestId: {request_id}")
        self._append(request_id, end.line())
        with self._lock:
            tail = self._tails.pop(request_id, b"")
            self._lingering = request_id if settled.lingers else None
        self._narrator.tell(end)
        return tail

    def handler_ended(self) -> None:
        """Notes that the handler whose answer was reported is done; what it wrote meanwhile is its own."""
        if self.process:
            self.process.log.drain()
        with self._lock:
            self._lingering = None

    def note_overrun(self, overrun: Overrun) -> None:
        """Reports an invocation that was answered and concluded, but whose handler went on until its time was up."""
        if self.process:
            self.process.log.drain()
        self._write_for(overrun.request_id, overrun.message)

    def _write_for(self, request_id: str, text: str) -> None:
        """Notes a line of Lambda's own about an invocation."""
        self._append(request_id, text)
        self._narrator.tell(LogLine(text, "stdout", request_id, self._environment))

    def _describe_end(self, settled: Settled) -> InvocationEnd:
        running, outcome = settled.running, settled.outcome
        error_type, error_message = outcome.error() if outcome.is_function_error else (None, None)
        return InvocationEnd(
            request_id=running.invocation.request_id,
            environment=self._environment,
            duration_ms=settled.duration_ms,
            memory_mb=self._memory_mb,
            max_memory_mb=self.process.peak_memory_mb() if self.process else 0,
            payload=outcome.body,
            status=outcome.status or ("error" if outcome.is_function_error else "success"),
            error_type=error_type,
            error_message=error_message,
            init_duration_ms=running.init_duration_ms,
            restore_duration_ms=running.restore_duration_ms,
        )

    def _wait_for_start(self) -> None:
        with self._starting:
            pass

    def _author(self, text: str) -> str | None:
        with self._lock:
            if not self._tails:
                return self._lingering
            if len(self._tails) == 1:
                return next(iter(self._tails))
            # Several at once: records of a logger name the invocation, and prints cannot be told apart.
            return next((request_id for request_id in self._tails if request_id in text), None)

    def _append(self, request_id: str, text: str) -> None:
        with self._lock:
            if request_id in self._tails:
                tail = self._tails[request_id] + text.encode(errors="backslashreplace") + b"\n"
                self._tails[request_id] = tail[-MAX_TAIL_BYTES:]


def _show(error: BaseException) -> None:
    """Shows an error as one that a thread did not catch."""
    details = (type(error), error, error.__traceback__, threading.current_thread())
    threading.excepthook(threading.ExceptHookArgs(details))
