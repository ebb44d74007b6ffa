"""What a process has while it is idle, and whether that grows in the course of a run (Linux: read from /proc)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

GROWTH_LIMIT_MB = 2.0
"""How much larger the memory of the last quarter may be, in the mean, than that of the first quarter after warm-up."""


@dataclass(frozen=True)
class Sample:
    """What a process has at one moment.

    Attributes:
        answered: How many invocations it has answered.
        memory_mb: Resident set size, in MB (10^6 bytes).
        descriptors: How many it has open.
        threads: How many it has.
    """

    answered: int
    memory_mb: float
    descriptors: int
    threads: int


def sample(pid: int, answered: int) -> Sample:
    """Returns what a process has now."""
    process = Path(f"/proc/{pid}")
    pages = int((process / "statm").read_text().split()[1])
    memory_mb = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    descriptors, threads = (len(list((process / what).iterdir())) for what in ("fd", "task"))
    return Sample(answered, memory_mb, descriptors, threads)


@dataclass(frozen=True)
class Growth:
    """How a process changed from the end of its warm-up to the end of the run.

    Attributes:
        first_mb: Its memory in the first quarter of that time, in the mean.
        last_mb: The same in the last quarter.
        peak_mb: The most that was seen.
        descriptors: How many it had open, each number once.
        threads: How many it had, each number once.
    """

    first_mb: float
    last_mb: float
    peak_mb: float
    descriptors: tuple[int, ...]
    threads: tuple[int, ...]

    @property
    def is_flat(self) -> bool:
        """Whether nothing grew."""
        return (
            self.last_mb - self.first_mb <= GROWTH_LIMIT_MB
            and len(self.descriptors) == 1
            and len(self.threads) == 1
        )  # fmt: skip


def growth(samples: Sequence[Sample], warm_up: int) -> Growth:
    """Returns how a process changed.

    Args:
        samples: In the order in which they were taken; four or more behind the warm-up.
        warm_up: How many invocations do not count.
    """
    counted = [sample for sample in samples if sample.answered >= warm_up]
    quarter = len(counted) // 4
    assert quarter, "there are too few samples"
    return Growth(
        mean(sample.memory_mb for sample in counted[:quarter]),
        mean(sample.memory_mb for sample in counted[-quarter:]),
        max(sample.memory_mb for sample in counted),
        tuple(sorted({sample.descriptors for sample in counted})),
        tuple(sorted({sample.threads for sample in counted})),
    )
