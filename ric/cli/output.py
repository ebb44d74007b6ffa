"""Standard output as a channel for results: bytes as they come, at once, and nothing else."""

from __future__ import annotations

import os
import sys


class ResultOutput:
    """Writes a result to standard output."""

    def __init__(self) -> None:
        self._descriptor = sys.stdout.fileno()
        self._last = b""

    def write(self, data: bytes) -> None:
        """Writes all of the data, without holding any back.

        Raises:
            BrokenPipeError: Nobody reads it any more.
        """
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._last = data[-1:] or self._last

    def finish(self) -> None:
        """Ends the line on a terminal, so that the prompt does not follow the result. Elsewhere every byte counts."""
        if self._last not in (b"", b"\n") and os.isatty(self._descriptor):
            self.write(b"\n")


def say(text: str) -> None:
    """Tells the user something, in one line on standard error."""
    sys.stderr.write(f"ric: {' '.join(text.split())}\n")
    sys.stderr.flush()
