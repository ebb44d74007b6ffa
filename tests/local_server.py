"""Starts ``ric.local`` as a user would, in a directory with a function, and watches what it prints and how it ends."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import requests

REPOSITORY = Path(__file__).resolve().parent.parent
TIMEOUT_SECONDS = 30

# What the developer's machine may have set, and the tests are about.
_LAMBDA_VARIABLES = ("AWS_", "LAMBDA_", "_LAMBDA", "_HANDLER", "_X_AMZN", "RIC_", "PYTHONPATH")


def runtime_command(handler: str) -> list[str]:
    """Returns the command that runs a function."""
    return [sys.executable, "-m", "ric", handler]


def clean_environment(additions: Mapping[str, str] | None = None) -> dict[str, str]:
    """Returns this process's environment without anything of Lambda's, and with ric importable."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_LAMBDA_VARIABLES)}
    return {**kept, "PYTHONPATH": str(REPOSITORY), **(additions or {})}


class Lines:
    """Collects the lines of a stream from a thread, and lets tests wait for one, or for the stream's end."""

    def __init__(self, stream: IO[str]) -> None:
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self._ended = False
        self._stream = stream
        threading.Thread(target=self._collect, daemon=True).start()

    def wait_for(self, text: str) -> str:
        """Returns the first line that holds the text, waiting for it."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        with self._changed:
            while not (found := [line for line in self._lines if text in line]):
                assert not self._ended, f"{text!r} is not in {self._lines}"
                assert self._changed.wait(deadline - time.monotonic()), f"{text!r} is not yet in {self._lines}"
            return found[0]

    def wait_for_end(self) -> list[str]:
        """Returns all lines once every process that could write to the stream has ended."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._ended, TIMEOUT_SECONDS), "a process lingers"
            return list(self._lines)

    def _collect(self) -> None:
        with self._stream:
            for line in self._stream:
                with self._changed:
                    self._lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


class Served:
    """A running ``ric.local``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        assert process.stderr
        self.process = process
        self.out = Lines(process.stdout)
        self.err = Lines(process.stderr)
        self.http = requests.Session()
        # A proxy of the environment has no business between two processes of one machine.
        self.http.trust_env = False

    @property
    def invoke_url(self) -> str:
        """The URL in the ready line, waiting for that."""
        return self.err.wait_for("ric: serving").split()[-1]

    def invoke(self, payload: object = None, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Posts a value as the event."""
        return self.http.post(self.invoke_url, json=payload, headers=headers, timeout=TIMEOUT_SECONDS)

    def wait(self) -> int:
        """Waits for the emulator's end and returns its exit code."""
        return self.process.wait(TIMEOUT_SECONDS)

    def close(self) -> None:
        """Ends everything that may still run."""
        self.http.close()
        self.process.terminate()
        try:
            self.wait()
        finally:
            self.process.kill()
            self.process.wait()
        self.out.wait_for_end()
        self.err.wait_for_end()


@contextlib.contextmanager
def emulating(
    program: Sequence[str], directory: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """Runs a program that is an emulator in the end, in a directory, and ends it afterwards."""
    emulator = Served(start(program, directory, environment))
    try:
        yield emulator
    finally:
        emulator.close()


def served(
    command: Sequence[str],
    directory: Path,
    *,
    options: Sequence[str] = ("--port", "0"),
    environment: Mapping[str, str] | None = None,
) -> contextlib.AbstractContextManager[Served]:
    """Runs ``python -m ric.local`` with a command in a directory, and ends it afterwards."""
    return emulating([sys.executable, "-m", "ric.local", *options, *command], directory, environment)


def start(
    command: Sequence[str], directory: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Starts a program in a directory, with its output captured."""
    return subprocess.Popen(
        command,
        cwd=directory,
        env=clean_environment(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def run_to_end(
    command: Sequence[str], directory: Path, environment: Mapping[str, str] | None = None
) -> tuple[int, list[str]]:
    """Runs a program that should end by itself; returns its exit code and the lines of its standard error."""
    process = start(command, directory, environment)
    try:
        _, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    finally:
        process.kill()
    return process.returncode, errors.splitlines()
