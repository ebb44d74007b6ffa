"""What the emulator shows when nobody else observes it: the function's log as Lambda's has it.

Standard output and standard error of the function stay apart. The lines that Lambda adds go to standard output,
where AWS's own emulator puts them.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, TextIO

from ric.local.observer import InvocationEnd, InvocationStart, LogLine, Observer

if TYPE_CHECKING:
    from collections.abc import Callable


class TerminalObserver(Observer):
    """Writes the log to this process's standard output and standard error."""

    def log_line(self, event: LogLine) -> None:
        """Passes the line through."""
        _write(sys.stderr if event.stream == "stderr" else sys.stdout, event.text)

    def invocation_started(self, event: InvocationStart) -> None:
        """Writes START."""
        _write(sys.stdout, event.line())

    def invocation_ended(self, event: InvocationEnd) -> None:
        """Writes END and REPORT."""
        _write(sys.stdout, f"END RequestId: {event.request_id}\n{event.line()}")


def _write(stream: TextIO, text: str) -> None:
    # A log that nobody reads any more, as after `| head`, is no reason to stop serving.
    if stream.isatty():
        text = text.replace("\r", "\n").replace("\u00a0", " ")  # what keeps a record together in CloudWatch
    with contextlib.suppress(BrokenPipeError):
        data = f"{text}\n".encode(stream.encoding or "utf-8", "backslashreplace")
        write: Callable[[bytes], object] = stream.buffer.write
        write(data)
        stream.flush()
