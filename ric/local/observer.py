"""What happens in the emulator, told to whoever shows or checks it.

An :class:`Observer` is called from the emulator's threads, one call at a time, in the order of the events. It
should be quick, for the function waits meanwhile, and must not call the emulator. What it raises is shown as
an uncaught error of a thread and changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class RuntimeStart:
    """A process of the function's runtime was started.

    Args:
        environment: Number of the execution environment, from 0.
        pid: The process.
    """

    environment: int
    pid: int


@dataclass(frozen=True)
class RuntimeReady:
    """A runtime asked for its first invocation, or for its restoration from a snapshot.

    Args:
        environment: Number of the execution environment, from 0.
        pid: The process.
        init_duration_ms: How long that took since its start.
    """

    environment: int
    pid: int
    init_duration_ms: float


@dataclass(frozen=True)
class RuntimeExit:
    """A process of the runtime ended.

    Args:
        environment: Number of the execution environment, from 0.
        pid: The process; None if the program could not be run at all.
        exit_status: Its exit status, negative for a signal; None if the program could not be run.
        was_asked_to: Whether the emulator ended it: at the end, for a restart or after a timeout.
        error_type: Otherwise why it ended, for example ``Runtime.ExitError`` or ``Runtime.ImportModuleError``.
        message: The same for people, one sentence.
    """

    environment: int
    pid: int | None
    exit_status: int | None
    was_asked_to: bool
    error_type: str
    message: str


@dataclass(frozen=True)
class LogLine:
    """A line that the runtime, or a process which it started, wrote.

    Args:
        text: The line without its end. ``\\r`` in it stands for the line breaks within one record.
        stream: Where it was written to.
        request_id: The invocation that ran at that time, until the runtime asked for the next one; of several the one
            that the line names. None if there was none.
        environment: Number of the execution environment, from 0.
    """

    text: str
    stream: Literal["stdout", "stderr"]
    request_id: str | None
    environment: int


@dataclass(frozen=True)
class InvocationStart:
    """An invocation was handed to a runtime.

    Args:
        request_id: The invocation.
        payload: Its event, JSON.
        environment: Number of the execution environment, from 0.
    """

    request_id: str
    payload: bytes
    environment: int

    def line(self) -> str:
        """Returns the line that Lambda logs."""
        return f"START RequestId: {self.request_id} Version: $LATEST"


@dataclass(frozen=True)
class InvocationEnd:
    """An invocation is over.

    Args:
        request_id: The invocation.
        environment: Number of the execution environment, from 0.
        duration_ms: From handing it to the runtime to the end of its answer.
        memory_mb: The memory that the function is said to have.
        max_memory_mb: Peak memory of the runtime process.
        payload: What the function returned, or an error document; empty if it was streamed.
        status: Whether the function answered, failed, or took too long.
        error_type: ``errorType`` of the error document; None after a success.
        error_message: Its ``errorMessage``; None after a success.
        init_duration_ms: How long the runtime took to start, if this is its first invocation.
        restore_duration_ms: The same for its restoration from a snapshot.
    """

    request_id: str
    environment: int
    duration_ms: float
    memory_mb: int
    max_memory_mb: int
    payload: bytes = b""
    status: Literal["success", "error", "timeout"] = "success"
    error_type: str | None = None
    error_message: str | None = None
    init_duration_ms: float | None = None
    restore_duration_ms: float | None = None

    @property
    def billed_duration_ms(self) -> int:
        """What Lambda would bill: whole milliseconds, the start included."""
        return math.ceil(self.duration_ms + (self.init_duration_ms or 0.0))

    def line(self) -> str:
        """Returns the report line that Lambda logs."""
        fields = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration_ms:.2f} ms",
            f"Billed Duration: {self.billed_duration_ms} ms",
            f"Memory Size: {self.memory_mb} MB",
            f"Max Memory Used: {self.max_memory_mb} MB",
        ]
        if self.init_duration_ms is not None:
            fields.append(f"Init Duration: {self.init_duration_ms:.2f} ms")
        if self.restore_duration_ms is not None:
            fields.append(f"Restore Duration: {self.restore_duration_ms:.2f} ms")
            fields.append(f"Billed Restore Duration: {math.ceil(self.restore_duration_ms)} ms")
        if self.status == "timeout":
            fields.append("Status: timeout")
        elif self.status == "error" and self.error_type and self.error_type.startswith("Runtime."):
            # Lambda reports the status of the environment; an exception of the handler leaves it in order.
            fields += ["Status: error", f"Error Type: {self.error_type}"]
        return "\t".join(fields)


class Observer:
    """Hears of everything; each method does nothing until a subclass overrides it."""

    def runtime_started(self, event: RuntimeStart) -> None:
        """A process was started."""

    def runtime_ready(self, event: RuntimeReady) -> None:
        """A process is ready for its first invocation."""

    def runtime_exited(self, event: RuntimeExit) -> None:
        """A process ended, or could not be started; its log is complete."""

    def log_line(self, event: LogLine) -> None:
        """The runtime wrote a line."""

    def invocation_started(self, event: InvocationStart) -> None:
        """A runtime got an invocation."""

    def invocation_ended(self, event: InvocationEnd) -> None:
        """An invocation is over, its log complete; its caller gets the result after this returns."""
