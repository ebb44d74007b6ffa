"""System calls for each invocation, counted with strace where that is installed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.api import ACCEPTED, BenchmarkApi, render_event
from benchmarks.contenders import Contender
from benchmarks.results import Figure, Result
from benchmarks.warm import text_event

_EVENT = render_event("8476a536-e9f4-11e8-9739-2dfe598c3fcd", text_event(64))
_FEW, _MANY = 20, 120
_TOTAL = re.compile(r"^\s*100\.00\s.*?(\d+)\s+(?:\d+\s+)?total$", re.MULTILINE)


def measure(contenders: Sequence[Contender]) -> Result | None:
    """Counts the calls of all threads, as the difference between many invocations and few.

    Args:
        contenders: Whose.

    Returns:
        None where there is no strace.
    """
    if shutil.which("strace") is None:
        return None
    result = Result("system calls")
    for contender in contenders:
        more = _count(contender, _MANY) - _count(contender, _FEW)
        result.add(contender.name, "for each invocation", Figure.single(more / (_MANY - _FEW), "calls"))
    return result


def _count(contender: Contender, invocations: int) -> int:
    with tempfile.TemporaryDirectory() as directory:
        summary = Path(directory) / "summary"
        traced = replace(contender, command=("strace", "-f", "-qq", "-c", "-o", str(summary), *contender.command))
        api = BenchmarkApi()
        process = traced.start(api, "app.echo")
        try:
            api.receive()
            for _ in range(invocations):
                api.exchange(_EVENT)
                api.answer(ACCEPTED)
                api.receive()
        finally:
            # strace writes its summary when the program that it traces has ended.
            for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
            process.wait()
            api.close()
        found = _TOTAL.search(summary.read_text())
        assert found is not None, summary.read_text()
        return int(found[1])
