"""Faults of the emulator itself, and of the program around it, do not leave a caller waiting."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ric.local import InvocationStart
from tests.emulator_listeners import TIMEOUT_SECONDS, RuntimeStream, listening
from tests.emulator_running import emulated
from tests.local_server import run_to_end

WAITING = """
def handler(event, context):
    with open("go-on") as gate:
        return gate.read()
"""
_MAX_DESCRIPTORS = 1024


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[type[BaseException]]:
    """The errors of threads that were shown."""
    errors: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda details: errors.append(details.exc_type))
    return errors


def descriptors(kind: Callable[[int], bool]) -> set[int]:
    """Returns the descriptors of a kind that this process has open."""
    found = set()
    for descriptor in range(_MAX_DESCRIPTORS):
        with contextlib.suppress(OSError):
            if kind(os.fstat(descriptor).st_mode):
                found.add(descriptor)
    return found


@contextlib.contextmanager
def broken(taken: set[int]) -> Iterator[None]:
    """Puts something else in place of descriptors, as a program does that closes more than its own and opens others."""
    kept = {descriptor: os.dup(descriptor) for descriptor in taken}
    directory = os.open("/", os.O_RDONLY)
    try:
        for descriptor in taken:
            os.dup2(directory, descriptor, inheritable=False)
        yield
    finally:
        os.close(directory)
        for descriptor, original in kept.items():
            os.dup2(original, descriptor, inheritable=False)
            os.close(original)


def port_of(descriptor: int) -> int:
    """Returns the port that a socket is bound to."""
    with socket.socket(fileno=os.dup(descriptor)) as same:
        return int(same.getsockname()[1])


def test_a_log_that_cannot_be_read_at_the_end(tmp_path: Path, shown: list[type[BaseException]]) -> None:
    """The function's answer counts, though what it wrote is lost."""
    os.mkfifo(tmp_path / "go-on")
    before = descriptors(stat.S_ISFIFO)
    with (
        emulated(tmp_path, f"import os\nos.chdir({str(tmp_path)!r})\n{WAITING}") as (emulator, recorder),
        ThreadPoolExecutor(1) as callers,
    ):
        answer = callers.submit(emulator.invoke)
        recorder.wait_for(InvocationStart)
        with broken(descriptors(stat.S_ISFIFO) - before):
            (tmp_path / "go-on").write_text("went on")
            assert answer.result(TIMEOUT_SECONDS).json() == "went on"
    assert OSError in {base for error in shown for base in error.__mro__}


def test_a_log_that_cannot_be_read_at_the_beginning(
    tmp_path: Path, shown: list[type[BaseException]], capfd: pytest.CaptureFixture[str]
) -> None:
    """An invocation that cannot be handed out ends with an error, and what went wrong is shown."""
    before = descriptors(stat.S_ISFIFO)
    with (
        emulated(tmp_path, "def handler(event, context): return event") as (emulator, _),
        broken(descriptors(stat.S_ISFIFO) - before),
    ):
        failed = emulator.invoke()
    assert failed.function_error == "Unhandled"
    assert failed.json()["errorType"] == "Sandbox.Failure"
    assert "IsADirectoryError" in failed.json()["errorMessage"]
    assert shown
    assert "Traceback" in capfd.readouterr().err


def test_a_connection_that_breaks_within_a_response(capfd: pytest.CaptureFixture[str]) -> None:
    """A response that cannot be read to its end is an error for whoever reads it, in whatever way that is so."""
    with listening() as listeners:
        caller = listeners.call()
        request_id = listeners.take()
        before = descriptors(stat.S_ISSOCK)
        with RuntimeStream(listeners, request_id) as stream:
            stream.write(b"half")
            assert listeners.wait_until(lambda: listeners.sandbox.running[request_id].is_being_answered)
            accepted = {
                one for one in descriptors(stat.S_ISSOCK) - before if port_of(one) == listeners.runtime_api.port
            }
            with broken(accepted):
                stream.write(b"for a read that waits already")
                stream.write(b"more")
                assert caller.result(TIMEOUT_SECONDS).json()["errorType"] == "Sandbox.Failure"
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit the address space")
@pytest.mark.parametrize("possible", [0, 1, 2])
def test_a_thread_that_cannot_be_started(tmp_path: Path, possible: int) -> None:
    """Where the system has no more threads, starting the emulator fails and says why."""
    program = """
import resource, sys, threading
from pathlib import Path
from ric.local import Emulator
stack_size = 2**30
threading.stack_size(stack_size)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
limit = used + int((float(sys.argv[1]) + 0.5) * stack_size)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
Emulator([sys.executable, "-m", "ric", "app.handler"], handler="app.handler").start()
"""
    code, lines = run_to_end([sys.executable, "-c", program, str(possible)], tmp_path)
    assert (code, lines[-1]) == (1, "RuntimeError: can't start new thread")


def test_a_time_limit_for_all_sockets_of_the_program(tmp_path: Path) -> None:
    """The Runtime API is not held to what ``socket.setdefaulttimeout`` says: a function may take its time."""
    socket.setdefaulttimeout(0.1)
    try:
        code = "import time\ndef handler(event, context):\n    yield 'one'\n    time.sleep(0.5)\n    yield 'two'\n"
        with emulated(tmp_path, code) as (emulator, _):
            assert emulator.invoke().payload == b"onetwo"
    finally:
        socket.setdefaulttimeout(None)
