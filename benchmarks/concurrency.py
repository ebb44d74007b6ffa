"""The modes of several invocations at once, and awslambdaric 4.2.2: ``python benchmarks/concurrency.py``.

Each runtime serves N invocations at a time in the emulator, by a handler that waits as for a database. The table tells
what they manage in a second, how much CPU time an invocation takes in the function's processes, their memory (sum of
proportional set sizes, shared memory counts once), and the start: until the first, and until all N ask for an event.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.workers_memory import pss_mb
from ric.local import Emulator, RuntimeStart
from tests.emulator_running import Recorder
from tests.fetch import OFFICIAL_VERSION, official_python, official_unavailable_reason
from tests.local_server import REPOSITORY
from tests.pool_running import children

WAIT_S = 0.05
SYNC = f"""
import json, logging, time, urllib.request
def handler(event, context):
    time.sleep({WAIT_S})
    return event
"""
ASYNC = f"""
import asyncio, json, logging, urllib.request
async def handler(event, context):
    await asyncio.sleep({WAIT_S})
    return event
"""


class Figures(NamedTuple):
    """What was measured."""

    per_second: float
    cpu_ms: float
    memory_mb: float
    first_ms: float
    all_ms: float


def cpu_s(pid: int) -> float:
    """Returns the CPU time that all threads of a process and of its children have used, in seconds."""
    tasks = [task for process in [pid, *children(pid)] for task in Path(f"/proc/{process}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def measure(runtime: tuple[str | Path, ...], code: str, size: int, duration_s: float, **variables: str) -> Figures:
    """Runs a function for so long, with as many callers as it takes invocations."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "app.py").write_text(code)
        is_ours = runtime[0] == sys.executable
        search_path = f"{directory}:{REPOSITORY}" if is_ours else directory
        recorder = Recorder()
        emulator = Emulator(
            [*map(str, runtime), "app.handler"],
            handler="app.handler",
            observer=recorder,
            max_concurrency=size,
            env={"PYTHONPATH": search_path, **variables},
        )
        began_s = time.perf_counter()
        with emulator:
            first_ms = (time.perf_counter() - began_s) * 1000
            sandbox = emulator._supervisors[0]._sandbox
            with sandbox.queue.changed:
                assert sandbox.queue.changed.wait_for(lambda: sandbox.asking == size, 60)
            all_ms = (time.perf_counter() - began_s) * 1000
            pid = recorder.of(RuntimeStart)[0].pid
            assert pid is not None
            run(emulator, size, 1.0)
            cpu_before_s, began_s = cpu_s(pid), time.perf_counter()
            count = run(emulator, size, duration_s)
            took_s = time.perf_counter() - began_s
            cpu_ms = (cpu_s(pid) - cpu_before_s) * 1000 / count
            return Figures(count / took_s, cpu_ms, pss_mb(pid), first_ms, all_ms)


def run(emulator: Emulator, size: int, duration_s: float) -> int:
    """Invokes for so long, as many at a time as there are places; returns how often."""
    is_over = threading.Event()

    def call() -> int:
        count = 0
        while not is_over.is_set():
            assert emulator.invoke({"number": count}).json() == {"number": count}
            count += 1
        return count

    with ThreadPoolExecutor(size) as callers:
        calls = [callers.submit(call) for _ in range(size)]
        is_over.wait(duration_s)
        is_over.set()
        return sum(call.result() for call in calls)


def rows(size: int, duration_s: float) -> Iterator[tuple[str, Figures]]:
    """Yields each runtime and mode with its figures."""
    official = official_python()
    if official is None:
        sys.stderr.write(f"without awslambdaric: {official_unavailable_reason()}\n")
    else:
        yield f"awslambdaric {OFFICIAL_VERSION}", measure((official, "-m", "awslambdaric"), SYNC, size, duration_s)
    ric = (sys.executable, "-m", "ric")
    yield "ric process", measure(ric, SYNC, size, duration_s)
    yield "ric process, RIC_PRELOAD=1", measure(ric, SYNC, size, duration_s, RIC_PRELOAD="1")
    for mode, code in (("hybrid", SYNC), ("thread", SYNC), ("asyncio", ASYNC)):
        yield f"ric {mode}", measure(ric, code, size, duration_s, AWS_LAMBDA_CONCURRENCY_MODE=mode)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=16, help="invocations at a time")
    parser.add_argument("--duration", type=float, default=5.0, help="seconds for each row")
    options = parser.parse_args()
    what = f"N = {options.size}, waits of {WAIT_S * 1000:.0f} ms (at most {options.size / WAIT_S:.0f}/s)"
    print(f"| {what} | per second | CPU ms each | memory | first | all N |")
    print("|---|---|---|---|---|---|")
    for name, row in rows(options.size, options.duration):
        print(
            f"| {name} | {row.per_second:.0f} | {row.cpu_ms:.2f} | {row.memory_mb:.0f} MB "
            f"| {row.first_ms:.0f} ms | {row.all_ms:.0f} ms |",
            flush=True,
        )


if __name__ == "__main__":
    main()
