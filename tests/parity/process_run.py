"""One process against the scripted Runtime API, and what was observed of it, cut into segments.

Rules:
* output goes to files, whose size at each ``GET /next`` says which invocation wrote what;
* the process ends by itself, or is ended when it asks for an invocation that is not there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .model import Request, Segment
from .normalise import read_frames
from .server import ScriptedAnswer, ScriptedRuntimeApi

RUN_TIMEOUT_S = 30.0


@dataclass
class _Cut:
    """How much had been recorded when a ``GET /next`` came in."""

    requests: int
    sizes: tuple[int, ...]


@dataclass
class _Recording:
    """The files a process writes to, and where they are cut."""

    paths: tuple[Path, ...]
    cuts: list[_Cut] = field(default_factory=list)

    def cut(self, requests: int) -> None:
        self.cuts.append(_Cut(requests, tuple(path.stat().st_size for path in self.paths)))

    def segments(self, requests: Sequence[Request], end: str, began_s: float) -> list[Segment]:
        contents = [path.read_bytes() for path in self.paths]
        segments: list[Segment] = []
        before = _Cut(0, (0,) * len(contents))
        last = _Cut(len(requests), tuple(len(content) for content in contents))
        for cut in [*self.cuts, last]:
            stdout, stderr, frames = (
                content[start:stop] for content, start, stop in zip(contents, before.sizes, cut.sizes, strict=True)
            )
            segments.append(
                Segment(
                    requests=tuple(requests[before.requests : cut.requests]),
                    stdout=stdout,
                    stderr=stderr,
                    frames=tuple(read_frames(frames, began_s, time.time())),
                    end=end if cut is last else "",
                )
            )
            before = cut
        return segments


def run_process(
    command: Sequence[str | Path],
    directory: Path,
    environment: Mapping[str, str],
    script: Iterable[ScriptedAnswer],
    *,
    framed: bool = False,
) -> list[Segment]:
    """Run a program until the script is exhausted or it ends by itself.

    Args:
        command: the program with its arguments.
        directory: where it is started.
        environment: its variables, all but those that say where the Runtime API and the telemetry descriptor are.
        script: the answers to ``/next``, each taken when it is asked for.
        framed: whether it gets a telemetry descriptor for its logs.

    Returns:
        Segments as they were seen: the start, then one for each invocation that was taken.
    """
    with tempfile.TemporaryDirectory(prefix="parity-") as output:
        recording = _Recording(tuple(Path(output) / name for name in ("stdout", "stderr", "frames")))
        process: subprocess.Popen[bytes] | None = None
        ended_by_us = False

        def end_process() -> None:
            nonlocal ended_by_us
            ended_by_us = True
            assert process is not None
            process.kill()

        began_s = time.time()
        with ScriptedRuntimeApi(script, recording.cut, end_process) as api:
            stdout, stderr, frames = (
                os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC) for path in recording.paths
            )
            variables = {**environment, "AWS_LAMBDA_RUNTIME_API": api.address}
            if framed:
                variables["_LAMBDA_TELEMETRY_LOG_FD"] = str(frames)
            process = subprocess.Popen(
                command,
                cwd=directory,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                pass_fds=[frames] if framed else [],
            )
            for descriptor in (stdout, stderr, frames):
                os.close(descriptor)
            end = _wait(process)
        if ended_by_us:
            # What ended was the script: the request that came too late belongs to the last invocation already.
            del recording.cuts[-1]
            end = ""
        return recording.segments(api.requests, end, began_s)


def _wait(process: subprocess.Popen[bytes]) -> str:
    try:
        code = process.wait(timeout=RUN_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return f"killed after {RUN_TIMEOUT_S:.0f} s without an end"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
