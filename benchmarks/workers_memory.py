"""Memory of many workers over a module that holds much data: ``python benchmarks/workers_memory.py``.

Runs the function with 16 workers in the emulator, in turn with awslambdaric 4.2.2, ric, and ric with ``RIC_PRELOAD=1``,
lets every worker serve some invocations, and adds up the proportional set sizes of parent and workers
(``/proc/PID/smaps_rollup``): memory that several share counts once.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ric.local import RuntimeStart
from tests.emulator_running import emulated
from tests.fetch import OFFICIAL_VERSION, official_python, official_unavailable_reason
from tests.pool_running import children

# Half of it in one piece, as models and tables are, and half in many small objects, as parsed JSON is.
APP = """
import time
PIECE = bytes(range(256)) * 100_000
OBJECTS = {f"key {number}": [number, str(number), {"number": number}] for number in range(64_000)}

def handler(event, context):
    time.sleep(0.05)
    return [PIECE[event["number"]], OBJECTS[f"key {event['number']}"]]
"""
ROUNDS = 20


def pss_mb(pid: int) -> float:
    """Returns the proportional set size of a process and of its children, in MB."""
    total_kb = 0
    for process in [pid, *children(pid)]:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        total_kb += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total_kb / 1024


def measure(runtime: tuple[str | Path, ...], workers: int, **variables: str) -> float:
    """Returns what all processes of a function take, in MB, after each worker has served some invocations."""
    with (
        tempfile.TemporaryDirectory() as directory,
        emulated(Path(directory), APP, runtime=runtime, max_concurrency=workers, env=variables) as (emulator, recorder),
        ThreadPoolExecutor(2 * workers) as callers,
    ):
        for result in callers.map(emulator.invoke, [{"number": number} for number in range(ROUNDS * workers)]):
            assert result.function_error is None, result
        pid = recorder.of(RuntimeStart)[0].pid
        assert pid is not None
        assert len(children(pid)) == workers
        return pss_mb(pid)


def rows(workers: int) -> Iterator[tuple[str, float]]:
    """Yields the name of each runtime and what it takes."""
    official = official_python()
    if official is None:
        sys.stderr.write(f"without awslambdaric: {official_unavailable_reason()}\n")
    else:
        yield f"awslambdaric {OFFICIAL_VERSION}", measure((official, "-m", "awslambdaric"), workers)
    ric = (sys.executable, "-m", "ric")
    yield "ric", measure(ric, workers)
    yield "ric, RIC_PRELOAD=1", measure(ric, workers, RIC_PRELOAD="1")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, default=16)
    workers = parser.parse_args().workers
    measured = list(rows(workers))
    print(f"| runtime, {workers} workers | sum of PSS | ratio |\n|---|---|---|")
    for name, megabytes in measured:
        print(f"| {name} | {megabytes:.0f} MB | {megabytes / measured[0][1]:.2f} |")


if __name__ == "__main__":
    main()
