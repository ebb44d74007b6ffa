"""Runs the command ``ric`` as a user would: a process of its own, in a directory with a function."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.local_server import TIMEOUT_SECONDS, clean_environment

RIC = [sys.executable, "-m", "ric.cli"]
_TERMINAL = {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
# What would change how output looks.
_UNSET = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "CLICOLOR")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    exit_code: int
    out: bytes
    err: str


def environment(additions: Mapping[str, str] | None = None) -> dict[str, str]:
    """Returns an environment without anything that Lambda or a terminal sets."""
    kept = {name: value for name, value in clean_environment().items() if name not in _UNSET}
    return {**kept, **(additions or {})}


def run(
    arguments: Sequence[str],
    directory: Path,
    *,
    stdin: bytes = b"",
    variables: Mapping[str, str] | None = None,
    command: Sequence[str] = RIC,
) -> Done:
    """Runs ``ric`` to its end."""
    done = subprocess.run(
        [*command, *arguments],
        cwd=directory,
        env=environment(variables),
        input=stdin,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr.decode())


class Running:
    """A command that runs, and what it has shown so far."""

    def __init__(self, process: subprocess.Popen[bytes], output: int) -> None:
        self.process = process
        self._output = output
        self._shown = b""
        self._is_complete = False
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def shown(self) -> str:
        """All that it has shown."""
        with self._changed:
            return self._shown.decode()

    def wait_for(self, text: str, *, after: int = 0) -> int:
        """Waits until a text was shown behind a position; returns the position behind it."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        with self._changed:
            while (found := self._shown.decode(errors="replace").find(text, after)) < 0:
                shown = self._shown.decode(errors="replace")
                assert not self._is_complete, f"{text!r} was not shown: {shown}"
                assert self._changed.wait(deadline - time.monotonic()), f"{text!r} is not shown yet: {shown}"
            return found + len(text)

    def wait(self) -> int:
        """Waits for its end, with that of all who could write where it did; returns its exit code."""
        exit_code = self.process.wait(TIMEOUT_SECONDS)
        with self._changed:
            assert self._changed.wait_for(lambda: self._is_complete, TIMEOUT_SECONDS), "a process lingers"
        return exit_code

    def _read(self) -> None:
        # A terminal whose last user has gone gives an error instead of an end.
        with contextlib.suppress(OSError):
            while block := os.read(self._output, 65536):
                with self._changed:
                    self._shown += block
                    self._changed.notify_all()
        os.close(self._output)
        with self._changed:
            self._is_complete = True
            self._changed.notify_all()


@contextlib.contextmanager
def running(
    arguments: Sequence[str],
    directory: Path,
    *,
    on_terminal: bool = False,
    variables: Mapping[str, str] | None = None,
    stdout: int | None = None,
) -> Iterator[Running]:
    """Runs ``ric``, both outputs together unless one is given, on a pipe or a terminal, and ends it afterwards."""
    ours, theirs = pty.openpty() if on_terminal else os.pipe()
    # On a terminal of its own, as a session's first process: then Ctrl-C typed there would reach it.
    process = subprocess.Popen(
        [*RIC, *arguments],
        cwd=directory,
        env=environment({**(_TERMINAL if on_terminal else {}), **(variables or {})}),
        stdin=subprocess.DEVNULL,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs,
        start_new_session=on_terminal,
    )
    os.close(theirs)
    command = Running(process, ours)
    try:
        yield command
    finally:
        process.terminate()
        try:
            command.wait()
        finally:
            process.kill()
            process.wait()
