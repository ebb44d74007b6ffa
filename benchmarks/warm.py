"""Invocations of a function that is running: latency, CPU time and, for large bodies, memory.

All contenders run at the same time and take turns of some invocations, so that whatever else the machine does happens
to all of them. Latency is what the Runtime API sees: from sending the event to having the whole post.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.api import ACCEPTED, BenchmarkApi, render_event
from benchmarks.contenders import Contender, end
from benchmarks.process_usage import cpu_ms, peak_memory_mb
from benchmarks.results import Figure, Result

_REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


@dataclass(frozen=True)
class Case:
    """One size and kind of invocation.

    Args:
        name: How it is called in the report.
        event: The event's JSON.
        handler: ``module.function``.
        invocations_per_turn: How many of them in a row.
    """

    name: str
    event: bytes
    handler: str = "app.echo"
    invocations_per_turn: int = 100


def text_event(size_bytes: int) -> bytes:
    """Returns a JSON object of so many bytes, most of it one string."""
    return json.dumps({"text": "x" * (size_bytes - len('{"text": ""}'))}).encode()


def records_event(size_bytes: int) -> bytes:
    """Returns a JSON list of small objects, of about so many bytes."""
    record = {"id": 12345, "name": "Zo\u00eb", "tags": ["a", "b"], "price": 12.5, "active": True, "parent": None}
    return json.dumps([record] * (size_bytes // len(json.dumps(record)))).encode()


CASES = (
    Case("echo 64 B", text_event(64), invocations_per_turn=200),
    Case("echo 10 KB", text_event(10_000), invocations_per_turn=200),
    Case("echo 256 KB", text_event(256_000), invocations_per_turn=20),
    Case("echo 6 MB", text_event(6_000_000), invocations_per_turn=2),
    Case("records 1 MB", records_event(1_000_000), invocations_per_turn=4),
    Case("error", text_event(64), "app.fail", invocations_per_turn=100),
)


class _Measured:
    def __init__(self, contender: Contender, case: Case) -> None:
        self.name = contender.name
        self._api = BenchmarkApi()
        self._event = render_event(_REQUEST_ID, case.event)
        self._process = contender.start(self._api, case.handler)
        self.latencies_us: list[float] = []
        self.cpu_ms = 0.0
        self.invocations = 0
        self._api.receive()

    def serve(self, count: int) -> None:
        for _ in range(count):
            duration_ns, _ = self._api.exchange(self._event)
            self.latencies_us.append(duration_ns / 1000)
            self._api.answer(ACCEPTED)
            self._api.receive()

    def take_turn(self, count: int) -> None:
        before_ms = cpu_ms(self._process.pid)
        self.serve(count)
        self.cpu_ms += cpu_ms(self._process.pid) - before_ms
        self.invocations += count

    def forget(self) -> None:
        self.latencies_us.clear()

    def peak_memory_mb(self) -> float:
        return peak_memory_mb(self._process.pid)

    def close(self) -> None:
        end(self._process)
        self._api.close()


def measure(case: Case, contenders: Sequence[Contender], seconds: float) -> Result:
    """Measures one case.

    Args:
        case: What is invoked.
        contenders: Who, in turns; the first one is the base of no ratio.
        seconds: How long for all together, without warming up.
    """
    with ExitStack() as stack:
        measured = []
        for contender in contenders:
            one = _Measured(contender, case)
            stack.callback(one.close)
            measured.append(one)
        for one in measured:
            one.serve(max(3, case.invocations_per_turn))
            one.forget()
        end_s = time.monotonic() + seconds
        turns = 0
        while time.monotonic() < end_s or turns < 2:
            for one in measured:
                one.take_turn(case.invocations_per_turn)
            turns += 1
        result = Result(f"warm, {case.name}")
        for one in measured:
            result.add(one.name, "latency", Figure.of(one.latencies_us, "us"))
            result.add(one.name, "CPU", Figure.single(one.cpu_ms * 1000 / one.invocations, "us"))
            result.add(one.name, "peak memory", Figure.single(one.peak_memory_mb(), "MB"))
        return result
