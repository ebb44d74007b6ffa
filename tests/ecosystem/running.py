"""A function's run on both runtimes, and the comparison."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.parity.client_run import BASE_ENVIRONMENT
from tests.parity.compare import judge
from tests.parity.model import Better, Request, Segment
from tests.parity.normalise import Normaliser
from tests.parity.process_run import run_process
from tests.parity.server import ScriptedAnswer

from .documented import with_record_ends
from .environments import Runtime, packages_python
from .launch import Launch
from .receivers import Message, Receiver

FUNCTIONS = Path(__file__).parent / "functions"
RECEIVER = "<receiver>"
"""Stands in a function's variables for the address of its receiver, and in what was seen too."""

_ENVIRONMENT = {
    **BASE_ENVIRONMENT,
    "AWS_DEFAULT_REGION": BASE_ENVIRONMENT["AWS_REGION"],
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
}

Scrub = tuple[str, str]
"""A regular expression of what must differ between any two runs, and what is put in its place."""


@dataclass(frozen=True)
class Function:
    """A function and what is around it.

    Attributes:
        directory: Its directory below ``functions/``.
        packages: Its environment, by the name of the file below ``requirements/``.
        handler: Its handler.
        environment: Its variables.
        receiver: What its packages send to.
        scrubs: What must differ between any two runs.
    """

    directory: str
    packages: str
    handler: str = "app.handler"
    environment: Mapping[str, str] = field(default_factory=dict)
    receiver: Callable[[], Receiver] | None = None
    scrubs: Sequence[Scrub] = ()


@dataclass(frozen=True)
class Seen:
    """What one runtime did.

    Attributes:
        segments: The start, then a segment for each invocation.
        received: What reached the receiver.
    """

    segments: Sequence[Segment]
    received: Sequence[Message] = ()

    def posts(self, path_end: str = "") -> list[Request]:
        """Returns what was posted to the paths of the Runtime API that end like this, in order."""
        requests = [request for segment in self.segments for request in segment.requests]
        return [request for request in requests if request.method == "POST" and request.path.endswith(path_end)]

    @property
    def stdout(self) -> str:
        """All of its output."""
        return b"".join(segment.stdout for segment in self.segments).decode()

    @property
    def stderr(self) -> str:
        """All of its error output."""
        return b"".join(segment.stderr for segment in self.segments).decode()


def run_function(
    runtime: Runtime, launch: Launch, function: Function, script: Iterable[ScriptedAnswer], task_root: Path
) -> Seen:
    """Runs a function on one runtime.

    Args:
        runtime: Which one.
        launch: How it is started.
        function: What it runs.
        script: The invocations.
        task_root: Where the function is put; both runtimes get the same, so that paths are equal.
    """
    shutil.copytree(FUNCTIONS / function.directory, task_root, dirs_exist_ok=True)
    python = packages_python(function.packages)
    variables = {"LAMBDA_TASK_ROOT": str(task_root), "PYTHONPATH": str(runtime.directory), "RIC_PYTHON": str(python)}
    return observe(runtime, function, launch.command(runtime, python, function.handler), task_root, script, variables)


def observe(
    runtime: Runtime,
    function: Function,
    command: Sequence[str | Path],
    directory: Path,
    script: Iterable[ScriptedAnswer],
    variables: Mapping[str, str],
) -> Seen:
    """Runs a command that starts a runtime, with the function's receiver.

    Args:
        runtime: The runtime.
        function: The function; its files are where the command expects them.
        command: The command.
        directory: Where it is started.
        script: The invocations.
        variables: Further variables; those of the function go over them.
    """
    receiver = function.receiver() if function.receiver else None
    address = receiver.address if receiver else ""
    own = {name: value.replace(RECEIVER, address) for name, value in function.environment.items()}
    try:
        began_s = time.time()
        environment = {**_ENVIRONMENT, "_HANDLER": function.handler, **variables, **own}
        segments = run_process(command, directory, environment, script)
        received = receiver.received() if receiver else []
    finally:
        if receiver:
            receiver.close()
    normaliser = Normaliser(runtime.own_directories, runtime.directory, began_s)
    scrubs = [*function.scrubs, *([(re.escape(address), RECEIVER)] if address else [])]
    return Seen([_scrubbed(normaliser.segment(segment), scrubs) for segment in segments], received)


def assert_same(official: Seen, ours: Seen, better: Better | None = None) -> None:
    """Asserts that ric did what the official client did, to the byte, but for the differences on record.

    Args:
        official: What the official client did.
        ours: What ric did.
        better: A difference that is wanted in this run; what ric does where it differs is left to its check.

    Raises:
        AssertionError: It did not; the text is what differs.
    """
    assert len(ours.segments) == len(official.segments), f"{official}\n{ours}"
    verdicts = [
        judge(f"invocation {number}" if number else "start", with_record_ends(theirs), mine, better)
        for number, (theirs, mine) in enumerate(zip(official.segments, ours.segments, strict=True))
    ]
    failed = [f"{verdict.case}\n{verdict.detail}" for verdict in verdicts if not verdict.outcome.passed]
    assert not failed, "\n".join(failed)


def _scrubbed(segment: Segment, scrubs: Sequence[Scrub]) -> Segment:
    def scrub(text: bytes) -> bytes:
        for pattern, replacement in scrubs:
            text = re.sub(pattern.encode(), replacement.encode(), text)
        return text

    return replace(
        segment,
        requests=tuple(
            replace(
                request,
                headers=tuple((name, scrub(value)) for name, value in request.headers),
                body=scrub(request.body),
            )
            for request in segment.requests
        ),
        stdout=scrub(segment.stdout),
        stderr=scrub(segment.stderr),
    )
