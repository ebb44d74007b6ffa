"""A function with a real runtime process in an emulator, as a library, with everything that it tells kept."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from ric.local import (
    Emulator,
    InvocationEnd,
    InvocationStart,
    LogLine,
    Observer,
    RuntimeExit,
    RuntimeReady,
    RuntimeStart,
)
from tests.local_server import REPOSITORY

TIMEOUT_SECONDS = 30

Event = RuntimeStart | RuntimeReady | RuntimeExit | LogLine | InvocationStart | InvocationEnd
E = TypeVar("E", bound=Event)


class Recorder(Observer):
    """Keeps all events, and lets a test wait for one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: list[Event] = []

    def of(self, kind: type[E]) -> list[E]:
        """Returns the events of a kind so far, in order."""
        with self._changed:
            return [event for event in self._events if isinstance(event, kind)]

    def all(self) -> list[Event]:
        """Returns all events so far, in order."""
        with self._changed:
            return list(self._events)

    def wait_for(self, kind: type[E], condition: Callable[[E], bool] = lambda event: True, count: int = 1) -> E:
        """Returns the event of a kind that meets a condition for the n-th time, waiting for it."""

        def found() -> list[E]:
            return [event for event in self._events if isinstance(event, kind) and condition(event)]

        with self._changed:
            assert self._changed.wait_for(lambda: len(found()) >= count, TIMEOUT_SECONDS), self._events
            return found()[count - 1]

    def wait_for_line(self, text: str) -> LogLine:
        """Returns the first line of log that holds a text."""
        return self.wait_for(LogLine, lambda line: text in line.text)

    def _keep(self, event: Event) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    runtime_started = runtime_ready = runtime_exited = log_line = _keep
    invocation_started = invocation_ended = _keep


def make_emulator(
    directory: Path,
    code: str | None = None,
    *,
    runtime: tuple[str | Path, ...] = (sys.executable, "-m", "ric"),
    env: Mapping[str, str] | None = None,
    observer: Recorder | None = None,
    **options: Any,
) -> tuple[Emulator, Recorder]:
    """Returns an emulator for ``app.handler`` from a directory, not yet started.

    Args:
        directory: Where ``app.py`` is, or goes.
        code: What goes into it.
        runtime: The program that runs it; the handler is appended.
        env: Variables for the function.
        observer: Keeps the events; None for one of its own.
        options: Further arguments for the emulator.
    """
    if code is not None:
        (directory / "app.py").write_text(code)
    recorder = observer or Recorder()
    # Another interpreter runs another client, which this repository's alias must not hide.
    search_path = f"{directory}:{REPOSITORY}" if runtime[0] == sys.executable else str(directory)
    emulator = Emulator(
        [*map(str, runtime), "app.handler"],
        handler="app.handler",
        observer=recorder,
        env={"PYTHONPATH": search_path, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
        **options,
    )
    return emulator, recorder


@contextlib.contextmanager
def emulated(directory: Path, code: str | None = None, **options: Any) -> Iterator[tuple[Emulator, Recorder]]:
    """Runs ``app.handler`` from a directory; the arguments are those of ``make_emulator``."""
    emulator, recorder = make_emulator(directory, code, **options)
    with emulator:
        yield emulator, recorder


@contextlib.contextmanager
def lambda_client(base_url: str) -> Iterator[Any]:
    """Opens a client of AWS's own SDK that talks to an emulator."""
    client = boto3.client(
        "lambda",
        endpoint_url=base_url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(
            retries={"total_max_attempts": 1},
            read_timeout=TIMEOUT_SECONDS,
            proxies={},
            parameter_validation=True,
        ),
    )
    with contextlib.closing(client):
        yield client
