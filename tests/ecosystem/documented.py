"""What ric does differently on purpose, as it shows in these functions, beyond what ``tests/parity`` knows everywhere.

Each turns what the official client did into what ric has to do; docs/compatibility.md lists all of them.
"""

from __future__ import annotations

import re
from dataclasses import replace

from tests.parity.model import Segment

# A record of the text log that begins within a line, and the text of a traceback that was logged, not posted.
_RECORD_WITHIN_A_LINE = re.compile(rb"(?<=[^\n])(?=\[[A-Z]+\]\t<now, milliseconds>\t)")
_LOGGED_TRACEBACK = b"Traceback (most recent call last):\n"


def with_record_ends(segment: Segment) -> Segment:
    """Returns the segment with a line feed behind each text log record that has a traceback (difference 12)."""
    if _LOGGED_TRACEBACK not in segment.stdout:
        return segment
    stdout = _RECORD_WITHIN_A_LINE.sub(b"\n", segment.stdout)
    return replace(segment, stdout=stdout if stdout.endswith(b"\n") else stdout + b"\n")
