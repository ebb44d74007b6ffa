"""The verdict on one case: the same, different as documented, better, or different."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from .documented import DOCUMENTED_DIFFERENCES
from .model import Better, Segment


class Outcome(Enum):
    """What comparing two segments led to; the value is what is printed."""

    SAME = "same"
    DOCUMENTED = "differs (documented)"
    BETTER = "better"
    DIFFERS = "DIFFERS"

    @property
    def passed(self) -> bool:
        """Tell whether this is as it should be."""
        return self is not Outcome.DIFFERS


@dataclass(frozen=True)
class Verdict:
    """Outcome of one case, with the reason of a wanted difference or the diff of an unwanted one."""

    case: str
    outcome: Outcome
    detail: str = ""


NOT_REACHED = Segment(end="not reached")
"""Stands for a case that a client did not get to, because it had ended before."""


def judge(case: str, official: Segment, ours: Segment, better: Better | None = None) -> Verdict:
    """Compare what both clients did.

    Args:
        case: its name.
        official: what the official client did.
        ours: what ric did.
        better: a difference that is wanted here; what ric does is then left to its check.

    Returns:
        The verdict.
    """
    if NOT_REACHED in (official, ours):
        # Also when neither client came here: such a case would protect nothing.
        names = [name for name, seen in (("official", official), ("ric", ours)) if seen == NOT_REACHED]
        return Verdict(case, Outcome.DIFFERS, f"not reached by {' and '.join(names)}, which had ended before")
    if official == ours:
        return Verdict(case, Outcome.SAME)
    if better is not None:
        try:
            better.check(official, ours)
        except Exception as error:  # noqa: BLE001 - a check that cannot read what ric did has failed, too
            wanted = f"wanted: {better.reason}\n{type(error).__name__}: {error}"
            return Verdict(case, Outcome.DIFFERS, f"{wanted}\n{_diff(official, ours)}")
        return Verdict(case, Outcome.BETTER, better.reason)
    expected, reasons = official, []
    for difference in DOCUMENTED_DIFFERENCES:
        transformed = difference.applied_to(expected)
        if transformed != expected:
            expected = transformed
            reasons.append(difference.name)
    if expected == ours:
        return Verdict(case, Outcome.DOCUMENTED, "; ".join(reasons))
    return Verdict(case, Outcome.DIFFERS, _diff(expected, ours))


def _diff(official: Segment, ours: Segment) -> str:
    lines = difflib.unified_diff(list(_describe(official)), list(_describe(ours)), "official", "ric", "", "", 1, "")
    return "\n".join(lines)


def _describe(segment: Segment) -> Iterator[str]:
    for request in segment.requests:
        yield f"{request.method} {request.path}"
        for name, value in request.headers:
            yield f"    {name}: {_show(value)}"
        if request.body:
            yield f"    body: {_show(request.body)}"
    for stream, data in (("stdout", segment.stdout), ("stderr", segment.stderr)):
        for line in data.splitlines(keepends=True):
            yield f"{stream}: {_show(line)}"
    for frame in segment.frames:
        yield f"frame {frame.kind}: {_show(frame.payload)}"
    if segment.end:
        yield f"end: {segment.end}"


_SHOWN_BYTES = 4000


def _show(data: bytes) -> str:
    shown = repr(data[:_SHOWN_BYTES])[1:]
    return shown if len(data) <= _SHOWN_BYTES else f"{shown}... ({len(data)} bytes)"
