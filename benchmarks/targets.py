"""The goals of the project beside what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from benchmarks.contenders import LIMIT, OFFICIAL, OFFICIAL_312, RIC
from benchmarks.results import Result


class Target(NamedTuple):
    """One goal: a ratio that is not to be exceeded."""

    benchmark: str
    quantity: str
    base: str
    at_most: float


TARGETS = (
    Target("warm, echo 64 B", "CPU", OFFICIAL, 0.55),
    Target("warm, echo 64 B", "CPU", OFFICIAL_312, 0.30),
    Target("warm, echo 64 B", "latency", OFFICIAL, 0.60),
    Target("warm, echo 64 B", "latency", OFFICIAL_312, 0.45),
    Target("warm, echo 64 B", "latency", LIMIT, 1.4),
    Target("warm, echo 6 MB", "latency", OFFICIAL, 1.0),
    Target("warm, echo 6 MB", "peak memory", OFFICIAL, 1.0),
    Target("cold start, hello", "to the first /next", OFFICIAL, 0.50),
    Target("cold start, hello", "to the first answer", OFFICIAL, 0.65),
    Target("cold start, two boto3 clients", "to the first /next", OFFICIAL, 0.82),
    Target("cold start, hello", "peak memory when idle", OFFICIAL, 0.82),
)


def compare(results: Mapping[str, Result]) -> list[tuple[Target, float | None]]:
    """Returns each goal with the measured ratio; None where one side was not measured."""
    return [
        (
            target,
            results[target.benchmark].ratio(RIC, target.base, target.quantity) if target.benchmark in results else None,
        )
        for target in TARGETS
    ]
