"""``python -m tests.parity``: compare ric with the official client, a line for each case."""

from __future__ import annotations

import argparse
import sys

from ..fetch import official_unavailable_reason
from .cases import GROUPS
from .client_run import official_client, our_client
from .report import Report
from .runner import compare_clients, runs_of


def main() -> int:
    """Run the cases; return 1 when one differs in a way that is not documented, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument("-k", metavar="TEXT", default="", help="only groups whose name contains this")
    parser.add_argument(
        "--official-twice",
        action="store_true",
        help="check the harness: both sides are the official client, so all cases must be the same",
    )
    options = parser.parse_args()
    try:
        official = official_client()
    except LookupError:
        sys.stdout.write(f"skipped: {official_unavailable_reason()}\n")
        return 0
    ours = official if options.official_twice else our_client()
    report = Report()
    for run in runs_of(GROUPS):
        if options.k in run.name:
            for verdict in compare_clients(official, ours, run):
                report.add(verdict)
    return 1 if report.finish() else 0


if __name__ == "__main__":
    sys.exit(main())
