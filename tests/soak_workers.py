"""Invocations while workers are killed at random: ``python -m tests.soak_workers [--invocations N] [--size N]``.

Every caller has to get exactly one answer, the function's result or a ``Runtime.ExitError``, and none may wait for a
time-out. What is printed at the end says how many got which, and how long the slowest waited.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ric.local import InvocationEnd, RuntimeExit
from tests.pool_running import Pool, pool

APP = """
import time
def handler(event, context):
    time.sleep(event["wait_s"])
    return event["number"]
"""
PATIENCE_S = 10.0
"""A pool that is being shot at has fewer workers for a moment, so callers queue; but nobody waits for a time-out."""


@dataclass
class Tally:
    """What became of the invocations.

    Attributes:
        answers: How many ended how: ``result`` or ``Runtime.ExitError``.
        kills: How many workers were killed.
        slowest_s: The longest time that a caller waited.
        duration_s: How long all took.
    """

    answers: Counter[str]
    kills: int
    slowest_s: float
    duration_s: float


class _Killer(threading.Thread):
    """Kills a worker every now and then."""

    def __init__(self, running: Pool, seed: int) -> None:
        super().__init__(daemon=True)
        self.kills = 0
        self._pool = running
        self._random = random.Random(seed)
        self._enough = threading.Event()

    def run(self) -> None:
        while not self._enough.wait(self._random.uniform(0.01, 0.08)):
            if workers := self._pool.workers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._random.choice(workers), signal.SIGKILL)
                    self.kills += 1

    def stop(self) -> None:
        self._enough.set()
        self.join()


def soak(
    directory: Path, invocations: int, size: int = 8, limit_s: float = 600.0, seed: int = 1, **variables: str
) -> Tally:
    """Runs so many invocations, or as many as fit into the time, and returns what became of them.

    Raises:
        AssertionError: One was not answered, or twice, or with something else, or the environment ended.
    """
    chance = random.Random(seed)
    began_s = time.monotonic()
    slowest_s = 0.0
    answers: Counter[str] = Counter()
    counting = threading.Lock()
    with pool(directory, size, APP, env=variables) as running:
        killer = _Killer(running, seed)

        def call(number: int) -> None:
            nonlocal slowest_s
            if time.monotonic() - began_s > limit_s:
                return
            called_s = time.monotonic()
            result = running.emulator.invoke({"number": number, "wait_s": chance.uniform(0, 0.01)})
            waited_s = time.monotonic() - called_s
            slowest_s = max(slowest_s, waited_s)
            assert waited_s < PATIENCE_S, f"invocation {number} waited for {waited_s:.1f} s"
            answer = result.json()
            kind = "result" if answer == number else answer["errorType"]
            assert kind in ("result", "Runtime.ExitError"), answer
            with counting:
                answers[kind] += 1

        killer.start()
        with ThreadPoolExecutor(2 * size) as callers:
            for _ in callers.map(call, range(invocations)):
                pass
        killer.stop()
        ends = Counter(end.request_id for end in running.recorder.of(InvocationEnd))
        assert set(ends.values()) == {1}
        assert len(ends) == sum(answers.values())
        assert not running.recorder.of(RuntimeExit), "the environment ended"
    return Tally(answers, killer.kills, slowest_s, time.monotonic() - began_s)


def main() -> int:
    """Runs the program; returns its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--invocations", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        tally = soak(Path(directory), options.invocations, options.size, seed=options.seed)
    sys.stdout.write(
        f"{sum(tally.answers.values())} invocations, each answered once: {dict(tally.answers)}; "
        f"{tally.kills} workers killed; the slowest waited {tally.slowest_s:.2f} s; {tally.duration_s:.0f} s in all\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
