"""The function's log on standard error, as Lambda's log has it, while standard output belongs to the result."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from ric.cli.log_text import readable_lines
from ric.local import Observer
from ric.local.invocation import TIMED_OUT

if TYPE_CHECKING:
    from ric.local import InvocationEnd, InvocationStart, LogLine, RuntimeExit


class LogOutput(Observer):
    """Writes the log. On a terminal, records of several lines get their line breaks back.

    Attributes:
        early_end: Why the runtime ended by itself; None if it did not.
        was_overdue: Whether it was ended because its time was up.
    """

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self.early_end: str | None = None
        self.was_overdue = False

    def runtime_exited(self, event: RuntimeExit) -> None:
        """Keeps why, unless it was told to end in order."""
        if event.error_type == TIMED_OUT:
            self.was_overdue = True
        elif not event.was_asked_to:
            self.early_end = f"{event.error_type}: {event.message}"

    def log_line(self, event: LogLine) -> None:
        """Writes a record."""
        self._write("\n".join(readable_lines(event.text)) if self._is_terminal else event.text)

    def invocation_started(self, event: InvocationStart) -> None:
        """Writes START."""
        self._write(event.line())

    def invocation_ended(self, event: InvocationEnd) -> None:
        """Writes END and REPORT."""
        self._write(f"END RequestId: {event.request_id}\n{event.line()}")

    def _write(self, text: str) -> None:
        # The result matters more than a log that nobody reads.
        with contextlib.suppress(BrokenPipeError):
            sys.stderr.buffer.write(f"{text}\n".encode(errors="backslashreplace"))
            sys.stderr.buffer.flush()
