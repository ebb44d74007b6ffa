"""One run of one client: a process, its scripted Runtime API, and what was observed, cut into segments.

Rules:
* the environment of the process is made here from nothing, so that a run is the same on every machine;
* output goes to files, whose size at each ``GET /next`` says which invocation wrote what;
* the time zone is far from UTC, so that a client which logs local time is found out.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from ..fetch import official_python
from .model import Group, Request, Segment, Variant
from .normalise import Normaliser, read_frames
from .server import ScriptedAnswer, ScriptedRuntimeApi

RUN_TIMEOUT_S = 30.0

_BASE_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "TZ": "PARITY-5:30",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",  # sets are shown in the same order by both clients
    "AWS_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_NAME": "parity",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/parity",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2024/01/01/[$LATEST]abcdef",
}


@dataclass(frozen=True)
class Client:
    """A runtime client that can be started."""

    name: str
    python: Path
    module: str
    own_directories: tuple[Path, ...]
    """Where its files are: their names and lines in stack traces must differ."""
    site_packages: Path


def official_client() -> Client:
    """Return the official client.

    Raises:
        LookupError: it was not fetched, or cannot be had for this interpreter.
    """
    python = official_python()
    if python is None:
        raise LookupError("the official client is not there")
    site_packages = python.parent.parent / "lib" / "python{}.{}".format(*sys.version_info) / "site-packages"
    return Client("official", python, "awslambdaric", (site_packages / "awslambdaric",), site_packages)


def our_client() -> Client:
    """Return ric as the running interpreter has it installed."""
    packages = [find_spec(name) for name in ("ric", "awslambdaric")]
    directories = [
        Path(spec.submodule_search_locations[0]) for spec in packages if spec and spec.submodule_search_locations
    ]
    return Client("ric", Path(sys.executable), "ric", tuple(directories), Path(sysconfig.get_path("purelib")))


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


def run_client(
    client: Client, group: Group, variant: Variant, task_root: Path, script: Sequence[ScriptedAnswer]
) -> list[Segment]:
    """Run a client until the script is exhausted or it ends by itself.

    Args:
        client: which one.
        group: function and environment.
        variant: further environment, and where the logs go.
        task_root: directory that holds the function; both clients get the same, so that paths are equal.
        script: the answers to ``/next``.

    Returns:
        Normalised segments: the start, then one for each invocation the client took.
    """
    with tempfile.TemporaryDirectory(prefix="parity-") as directory:
        recording = _Recording(tuple(Path(directory) / name for name in ("stdout", "stderr", "frames")))
        process: subprocess.Popen[bytes] | None = None
        ended_by_us = False

        def end_client() -> None:
            nonlocal ended_by_us
            ended_by_us = True
            assert process is not None
            process.kill()

        began_s = time.time()
        with ScriptedRuntimeApi(script, recording.cut, end_client) as api:
            stdout, stderr, frames = (
                os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC) for path in recording.paths
            )
            environment = _environment({**group.environment, **variant.environment}, api.address)
            if variant.framed:
                environment["_LAMBDA_TELEMETRY_LOG_FD"] = str(frames)
            process = subprocess.Popen(
                [str(client.python), "-m", client.module, group.handler],
                cwd=task_root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                pass_fds=[frames] if variant.framed else [],
            )
            for descriptor in (stdout, stderr, frames):
                os.close(descriptor)
            end = _wait(process)
        if ended_by_us:
            # What ended was the script: the request that came too late belongs to the last invocation already.
            del recording.cuts[-1]
            end = ""
        normaliser = Normaliser(client.own_directories, client.site_packages, began_s)
        segments = recording.segments(api.requests, end, began_s)
        return [normaliser.segment(segment) for segment in segments]


def _environment(extra: Mapping[str, str], address: str) -> dict[str, str]:
    return {**_BASE_ENVIRONMENT, "AWS_LAMBDA_RUNTIME_API": address, **extra}


def _wait(process: subprocess.Popen[bytes]) -> str:
    try:
        code = process.wait(timeout=RUN_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return f"killed after {RUN_TIMEOUT_S:.0f} s without an end"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
