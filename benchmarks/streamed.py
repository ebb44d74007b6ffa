"""Streamed responses, which only ric has: time to the first byte, throughput, and memory."""

from __future__ import annotations

import json

from benchmarks.api import ACCEPTED, BenchmarkApi, render_event
from benchmarks.contenders import Contender, end
from benchmarks.process_usage import peak_memory_mb
from benchmarks.results import Figure, Result

_SMALL = (1, 10)
_LARGE = (3200, 65536)


def measure(contender: Contender, runs: int) -> Result:
    """Measures streams of one small piece, and of 200 MB in blocks of 64 KB.

    Args:
        contender: Who streams.
        runs: How often.
    """
    api = BenchmarkApi()
    process = contender.start(api, "app.stream")
    try:
        api.receive()
        small = [_stream(api, *_SMALL) for _ in range(runs * 20)]
        idle_mb = peak_memory_mb(process.pid)
        large = [_stream(api, *_LARGE) for _ in range(runs)]
        peak_mb = peak_memory_mb(process.pid)
    finally:
        end(process)
        api.close()
    result = Result("streaming")
    result.add(contender.name, "one piece, event to end", Figure.of([us for us, _ in small[len(small) // 4 :]], "us"))
    result.add(contender.name, "200 MB, throughput", Figure.of([size / us for us, size in large], "MB/s"))
    result.add(contender.name, "peak memory before", Figure.single(idle_mb, "MB"))
    result.add(contender.name, "peak memory after", Figure.single(peak_mb, "MB"))
    return result


def _stream(api: BenchmarkApi, blocks: int, block_bytes: int) -> tuple[float, int]:
    event = json.dumps({"blocks": blocks, "block_bytes": block_bytes}).encode()
    duration_ns, request = api.exchange(render_event("1", event))
    api.answer(ACCEPTED)
    api.receive()
    return duration_ns / 1000, request.body_bytes
