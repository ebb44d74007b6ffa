"""One run: a client, the server, and what was seen of both."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.observe import Client
from tests.local_server import clean_environment

from .growth import Sample, sample
from .mix import FUNCTION, KINDS, invocations
from .server import SoakApi, Tally


@dataclass(frozen=True)
class Run:
    """What came of a run.

    Attributes:
        tally: What the server counted.
        samples: What the process had, in the course of it.
        failure: What ended it early, None if it got to its end.
        seconds: How long it took from the first event on.
        errors_logged: How many records of errors are in the client's log.
        stderr: What it wrote there.
    """

    tally: Tally
    samples: list[Sample]
    failure: str | None
    seconds: float
    errors_logged: int
    stderr: str


def run(
    client: Client,
    directory: Path,
    count: int,
    *,
    seed: int = 1,
    kinds: Sequence[str] = KINDS,
    calm: bool = False,
    samples_every: int = 250,
) -> Run:
    """Runs a client through so many invocations, or up to the first thing that must not be.

    Args:
        client: Which one.
        directory: Empty; becomes the task root.
        count: How many invocations.
        seed: Of the mix.
        kinds: Which kinds of invocations.
        calm: Leave the connections alone.
        samples_every: How many invocations lie between two looks at the process.
    """
    (directory / "app.py").write_text(FUNCTION)
    samples: list[Sample] = []
    began_s = 0.0

    def on_idle(answered: int) -> None:
        nonlocal began_s
        began_s = began_s or time.monotonic()
        if answered % samples_every == 0:
            samples.append(sample(process.pid, answered))

    with (
        SoakApi(invocations(seed, count, kinds, calm=calm), on_idle) as api,
        (directory / "stdout").open("wb") as stdout,
        (directory / "stderr").open("wb") as stderr,
        subprocess.Popen(
            client.command,
            cwd=directory,
            env=clean_environment({"PYTHONPATH": "", "AWS_LAMBDA_RUNTIME_API": api.address}),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        ) as process,
    ):
        while not api.over.wait(0.05) and process.poll() is None:
            pass
        seconds = time.monotonic() - began_s
        failure = None if api.failure is None else f"{type(api.failure).__name__}: {api.failure}"
        if not api.over.is_set():
            failure = f"the process ended with status {process.returncode}"
        process.kill()
    logged = (directory / "stdout").read_text(errors="replace").count("[ERROR]")
    return Run(api.tally, samples, failure, seconds, logged, (directory / "stderr").read_text(errors="replace"))
