"""Starts: from the creation of the process to the first request for an event, and to the first answer.

Each run starts every contender once, one after the other. Byte code is compiled before the first run that counts.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks.api import ACCEPTED, BenchmarkApi, render_event
from benchmarks.contenders import Contender, end
from benchmarks.process_usage import peak_memory_mb
from benchmarks.results import Figure, Result
from benchmarks.warm import text_event

_EVENT = render_event("8476a536-e9f4-11e8-9739-2dfe598c3fcd", text_event(64))


def measure(name: str, handler: str, contenders: Sequence[Contender], runs: int, *, with_boto3: bool = False) -> Result:
    """Measures starts with one handler.

    Args:
        name: How it is called in the report.
        handler: ``module.function``.
        contenders: Who.
        runs: How often each.
        with_boto3: Whether the handler needs boto3.
    """
    figures: dict[str, list[tuple[float, float, float]]] = {contender.name: [] for contender in contenders}
    for run in range(runs + 1):
        for contender in contenders:
            times = _start_once(contender, handler, with_boto3=with_boto3)
            if run:  # the first one compiles
                figures[contender.name].append(times)
    result = Result(f"cold start, {name}")
    for contender, times in figures.items():
        first_next, first_answer, memory = zip(*times, strict=True)
        result.add(contender, "to the first /next", Figure.of(first_next, "ms"))
        result.add(contender, "to the first answer", Figure.of(first_answer, "ms"))
        result.add(contender, "peak memory when idle", Figure.of(memory, "MB"))
    return result


def _start_once(contender: Contender, handler: str, *, with_boto3: bool) -> tuple[float, float, float]:
    api = BenchmarkApi()
    began_ns = time.perf_counter_ns()
    process = contender.start(api, handler, with_boto3=with_boto3)
    try:
        first_next = api.receive()
        _, first_answer = api.exchange(_EVENT)
        api.answer(ACCEPTED)
        api.receive()
        memory = peak_memory_mb(process.pid)
    finally:
        end(process)
        api.close()
    return (first_next.arrived_ns - began_ns) / 1e6, (first_answer.arrived_ns - began_ns) / 1e6, memory
