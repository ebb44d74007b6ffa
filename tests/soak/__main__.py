"""``python -m tests.soak``: many invocations of every kind, over connections that fail at random."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from ..faults.observe import RIC, official_client
from ..fetch import official_unavailable_reason
from .growth import GROWTH_LIMIT_MB, growth
from .mix import KINDS, Disturbance
from .run import run

_WARM_UP = 2_000


def main() -> int:
    """Runs the program; returns 0 if every invocation was answered once and nothing grew, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--invocations", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(KINDS), help="which kinds of invocations, with commas")
    parser.add_argument("--calm", action="store_true", help="leave the connections alone")
    parser.add_argument("--official", action="store_true", help="awslambdaric in the place of ric")
    options = parser.parse_args()
    client = official_client() if options.official else RIC
    if client is None:
        sys.stdout.write(f"skipped: {official_unavailable_reason()}\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        done = run(
            client,
            Path(directory),
            options.invocations,
            seed=options.seed,
            kinds=options.kinds.split(","),
            calm=options.calm,
        )
    answered = sum(done.tally.answered.values())
    kinds = ", ".join(f"{count} {kind}" for kind, count in done.tally.answered.most_common())
    disturbed = answered - done.tally.disturbances[Disturbance.NONE]
    sys.stdout.write(
        f"{client.name}: {answered} invocations in {done.seconds:.1f} s ({answered / done.seconds:.0f} a second), each "
        f"answered once: {kinds}\n"
        f"{disturbed} of them over connections that suffered; {done.tally.connections} connections; "
        f"{done.tally.refused} results came twice and were refused\n"
    )
    if done.failure is not None:
        sys.stdout.write(f"FAILED behind invocation {answered}: {done.failure}\n{done.stderr[-2000:]}\n")
        return 1
    if answered < 2 * _WARM_UP:
        sys.stdout.write("too few invocations to say whether anything grows\n")
        return 0
    grown = growth(done.samples, _WARM_UP)
    sys.stdout.write(
        f"memory {grown.first_mb:.1f} MB in the first quarter behind {_WARM_UP} invocations, {grown.last_mb:.1f} MB in "
        f"the last, {grown.peak_mb:.1f} MB at most; descriptors {grown.descriptors}; threads {grown.threads}\n"
        f"{'flat' if grown.is_flat else 'FAILED: something grows'} (memory may grow by {GROWTH_LIMIT_MB:.0f} MB)\n"
    )
    return 0 if grown.is_flat else 1


if __name__ == "__main__":
    sys.exit(main())
