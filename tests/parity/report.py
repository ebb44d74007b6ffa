"""The lines that are printed: one for each case, the diff of what differs, and the sum at the end."""

from __future__ import annotations

import sys
from collections import Counter

from .compare import Outcome, Verdict

_WIDTH = max(len(outcome.value) for outcome in Outcome)


class Report:
    """Prints verdicts as they come in, and counts them."""

    def __init__(self) -> None:
        """Begin with no verdicts."""
        self._counts: Counter[Outcome] = Counter()

    def add(self, verdict: Verdict) -> None:
        """Print one verdict."""
        self._counts[verdict.outcome] += 1
        line = f"{verdict.outcome.value:{_WIDTH}}  {verdict.case}"
        if verdict.outcome.passed and verdict.detail:
            line += f" ({verdict.detail})"
        elif verdict.detail:
            line += "".join(f"\n    {diff_line}" for diff_line in verdict.detail.splitlines())
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def finish(self) -> int:
        """Print the sum; return how many cases failed."""
        failed = sum(count for outcome, count in self._counts.items() if not outcome.passed)
        passed = self._counts.total() - failed
        each = ", ".join(f"{count} {outcome.value}" for outcome, count in self._counts.items())
        sys.stdout.write(f"{each}\n{passed} passed, {failed} failed\n")
        return failed
