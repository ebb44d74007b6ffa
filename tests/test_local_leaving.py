"""``with Emulator(...)`` is left: what is waited for, and for how long."""

from __future__ import annotations

import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ric.local import LogLine, RuntimeExit, ServiceError
from ric.local.emulator import DEFAULT_GRACE_SECONDS
from tests.emulator_running import TIMEOUT_SECONDS, emulated, lambda_client
from tests.local_server import start
from tests.rie import wait_for_end

# Goes on after its answer for as many seconds as the event says; without an answer where the event is a text.
WORKING = """
import os, time
from ric import response_stream

def handler(event, context):
    if isinstance(event, str):
        print("no answer", flush=True)
        time.sleep(600)
    with response_stream(context) as stream:
        stream.write(str(os.getpid()))
    print("at work", flush=True)
    time.sleep(event)
    print("worked", flush=True)
"""
# Leaves it with a handler at work that hangs.
LEAVING = """
import sys
from ric.local import Emulator
with Emulator([sys.executable, "-m", "ric", "app.handler"], handler="app.handler") as emulator:
    pid = int(emulator.invoke(600).payload)
    print("leaving", pid, flush=True)
    emulator.close(grace_s=600)
"""


def test_a_handler_may_go_on_after_its_stream(tmp_path: Path) -> None:
    """Its work is not cut off, for the caller has no way to wait for it."""
    with emulated(tmp_path, WORKING) as (emulator, recorder):
        assert emulator.invoke(0.3).payload
    assert [line.text for line in recorder.of(LogLine)] == ["at work", "worked"]


@pytest.mark.parametrize("over_http", [False, True])
def test_asynchronous_invocations_are_run(tmp_path: Path, over_http: bool) -> None:
    """What was accepted with 202 comes to its end, in the queue too."""
    with emulated(tmp_path, WORKING) as (emulator, recorder), lambda_client(emulator.base_url) as client:
        for _ in range(2):
            if over_http:
                client.invoke(FunctionName="function", InvocationType="Event", Payload=b"0.1")
            else:
                emulator.invoke(0.1, invocation_type="Event")
    assert [line.text for line in recorder.of(LogLine)] == ["at work", "worked"] * 2


def test_the_wait_has_an_end(tmp_path: Path) -> None:
    """A handler that hangs after its answer is ended after the grace time, with a warning."""
    with emulated(tmp_path, WORKING) as (emulator, recorder):
        emulator.invoke(600)
        recorder.wait_for_line("at work")
        with pytest.warns(RuntimeWarning, match=r"app\.handler was not done 0\.2 s after its emulator was to end"):
            emulator.close(grace_s=0.2)
    assert [line.text for line in recorder.of(LogLine)] == ["at work"]
    assert recorder.of(RuntimeExit)[0].was_asked_to


def test_a_time_out_ends_the_wait(tmp_path: Path) -> None:
    """The time of the function is the nearer bound where there is one."""
    with emulated(tmp_path, WORKING, timeout_s=0.5) as (emulator, recorder):
        result = emulator.invoke(600)
        emulator.close(grace_s=TIMEOUT_SECONDS)
    assert recorder.of(LogLine)[-1].text.endswith(f"{result.request_id} Task timed out after 0.50 seconds")


def test_a_caller_without_an_answer_is_told(tmp_path: Path) -> None:
    """Whoever wants an answer waits for it before the end; one who does so in another thread holds up nobody."""
    with ThreadPoolExecutor(1) as callers:
        with emulated(tmp_path, WORKING) as (emulator, recorder):
            pending = callers.submit(emulator.invoke, "hang")
            recorder.wait_for_line("no answer")
            began = time.monotonic()
        assert time.monotonic() - began < DEFAULT_GRACE_SECONDS
        with pytest.raises(ServiceError, match="the emulator is ending"):
            pending.result(TIMEOUT_SECONDS)


def test_a_caller_who_gave_up_is_not_known_here(tmp_path: Path) -> None:
    """A test of a client's time-out leaves a handler behind that nobody waits for any more."""
    with emulated(tmp_path, WORKING) as (emulator, recorder):
        with socket.create_connection(("127.0.0.1", urlsplit(emulator.base_url).port or 0), TIMEOUT_SECONDS) as caller:
            caller.sendall(
                b'POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nContent-Length: 6\r\n\r\n"hang"'
            )
            recorder.wait_for_line("no answer")
        began = time.monotonic()
    assert time.monotonic() - began < DEFAULT_GRACE_SECONDS


def test_after_an_exception_nothing_is_waited_for(tmp_path: Path) -> None:
    """Whoever pressed Ctrl-C wants an end."""
    with pytest.raises(KeyboardInterrupt), emulated(tmp_path, WORKING) as (emulator, recorder):
        emulator.invoke(600)
        recorder.wait_for_line("at work")
        began = time.monotonic()
        raise KeyboardInterrupt
    assert time.monotonic() - began < DEFAULT_GRACE_SECONDS


def test_ctrl_c_ends_the_wait(tmp_path: Path) -> None:
    """In the middle of the wait, too, everything ends at once."""
    (tmp_path / "app.py").write_text(WORKING)
    process = start([sys.executable, "-c", LEAVING], tmp_path)
    try:
        assert process.stdout
        pid = next(int(line.split()[1]) for line in process.stdout if line.startswith("leaving"))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    finally:
        process.kill()
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert wait_for_end(pid, TIMEOUT_SECONDS)
