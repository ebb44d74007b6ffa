"""How many processes, and how many invocations in each: the modes of ``AWS_LAMBDA_CONCURRENCY_MODE``.

=========  ==========================================================  ================================
mode       processes                                                   invocations at a time in each
=========  ==========================================================  ================================
process    one for each invocation                                     1
thread     1                                                           all, a thread for each
hybrid     one for each CPU that the control group grants              its share, a thread for each
asyncio    1                                                           all, as tasks of one event loop
=========  ==========================================================  ================================
"""

from __future__ import annotations

import os
from math import ceil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CONTROL_GROUPS = "/sys/fs/cgroup"
_OWN_CONTROL_GROUPS = "/proc/self/cgroup"


def invocations_per_process(mode: str, count: int) -> list[int]:
    """Returns how many invocations each process takes at a time.

    Args:
        mode: One of ``config.CONCURRENCY_MODES``.
        count: How many all take together.
    """
    if mode == "process":
        return [1] * count
    if mode == "hybrid":
        processes = min(granted_cpus(), count)
        return [count // processes + (number < count % processes) for number in range(processes)]
    return [count]


def granted_cpus(groups: str = _CONTROL_GROUPS, own_groups: str = _OWN_CONTROL_GROUPS) -> int:
    """Returns how many CPUs this process may use: those it may run on, and no more than its control groups grant.

    Args:
        groups: Where the file system of control groups is.
        own_groups: The file that tells to which groups the process belongs.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([count, *(ceil(quota) for quota in _quotas(groups, own_groups))]))


def _quotas(groups: str, own_groups: str) -> Iterator[float]:
    """Yields what each control group above the process grants, as a number of CPUs."""
    for controllers, path in _own_paths(own_groups):
        if not controllers:
            yield from _climb(groups, path, _quota_of_version_2)
        elif "cpu" in controllers:
            for mount in ("cpu", "cpu,cpuacct", "cpuacct,cpu"):
                yield from _climb(f"{groups}/{mount}", path, _quota_of_version_1)


def _own_paths(own_groups: str) -> Iterator[tuple[list[str], str]]:
    for line in (_read(own_groups) or "").splitlines():
        _, controllers, path = line.split(":", 2)
        yield controllers.split(",") if controllers else [], path


def _climb(mount: str, path: str, quota_of: Callable[[str], float | None]) -> Iterator[float]:
    """Looks from the process's group up to the root. In a container the path may lie outside of what is mounted."""
    directories = path.strip("/").split("/")
    for length in range(len(directories), -1, -1):
        quota = quota_of("/".join([mount, *directories[:length]]))
        if quota is not None:
            yield quota


def _quota_of_version_2(group: str) -> float | None:
    quota, _, period = (_read(f"{group}/cpu.max") or "max").partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.strip().isdigit() else None


def _quota_of_version_1(group: str) -> float | None:
    quota, period = _read(f"{group}/cpu.cfs_quota_us"), _read(f"{group}/cpu.cfs_period_us")
    return int(quota) / int(period) if quota and period and int(quota) > 0 else None


def _read(path: str) -> str | None:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None
