"""SIGTERM and SIGINT: they act at once while the function waits for work, and user code's own handlers run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.scripted_api import (
    ACCEPTED,
    NEXT,
    TIMEOUT_S,
    Outcome,
    ScriptedApi,
    Step,
    answer,
    error_path,
    event,
    function,
    read,
    read_body,
    read_head,
    response_path,
    run_until_complete,
    send,
    status,
    tell,
    wait_for,
)

PROMPT_S = 3
# In upstream a process that bears one of these polls on a thread of its own; here it must make no difference.
ENVIRONMENTS = [{}, {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.12"}]
in_every_environment = pytest.mark.parametrize("variables", ENVIRONMENTS, ids=["plain", "312"])

PLAIN = "def handler(event, context): return event\n"
OWN_HANDLER = """
import os, signal, sys
seen = []
def act(number, frame):
    seen.append(number)
    print("seen", number)
    {action}
signal.signal(signal.SIGTERM, act)
signal.signal(signal.SIGINT, act)
def handler(event, context):
    return seen
"""


def signalled_while_waiting(
    directory: Path, number: int, source: str, variables: dict[str, str], *first: Step
) -> Outcome:
    """Sends a signal to a function that waits for its third invocation, and returns how it ended.

    While it waits for the first two, it also imports what it will need.
    """
    served = [answer(event("1")), answer(ACCEPTED), answer(event("2")), answer(ACCEPTED)]
    is_waiting = threading.Event()
    with (
        ScriptedApi([*served, *first, read(), tell(is_waiting)]).listen() as api,
        function(api, directory, source, variables=variables) as running,
    ):
        assert is_waiting.wait(TIMEOUT_S)
        sent_s = time.monotonic()
        running.process.send_signal(number)
        outcome = running.wait()
        assert time.monotonic() - sent_s < PROMPT_S
        return outcome


@in_every_environment
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)])
def test_default_disposition(tmp_path: Path, number: int, exit_code: int, variables: dict[str, str]) -> None:
    """Without handlers of its own the function ends at once, and without a traceback."""
    assert signalled_while_waiting(tmp_path, number, PLAIN, variables)[:3] == (exit_code, "", "")


@in_every_environment
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_own_handler_that_exits(tmp_path: Path, number: int, variables: dict[str, str]) -> None:
    """A handler that user code registered runs while waiting, and sys.exit(7) in it ends the process with 7."""
    outcome = signalled_while_waiting(tmp_path, number, OWN_HANDLER.format(action="sys.exit(7)"), variables)
    assert outcome[:3] == (7, f"seen {int(number)}\n", "")


@in_every_environment
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("error", ["RuntimeError", "OSError", "ConnectionResetError", "TimeoutError"])
def test_own_handler_that_raises(tmp_path: Path, number: int, error: str, variables: dict[str, str]) -> None:
    """A handler that raises ends the process, and the traceback tells of it, whatever the error is."""
    source = OWN_HANDLER.format(action=f"raise {error}('from the signal handler')")
    outcome = signalled_while_waiting(tmp_path, number, source, variables)
    assert outcome.exit_code == 1
    assert "from the signal handler" in outcome.stderr


@in_every_environment
def test_own_handler_that_returns(tmp_path: Path, variables: dict[str, str]) -> None:
    """A handler that returns lets the wait go on, on the same connection, however often it is called."""
    is_waiting, is_signalled = threading.Event(), threading.Event()
    script = [read(), tell(is_waiting), wait_for(is_signalled), send(event()), answer(ACCEPTED), read()]
    source = OWN_HANDLER.format(action="pass")
    with (
        ScriptedApi(script).listen() as api,
        function(api, tmp_path, source, variables=variables) as running,
    ):
        assert is_waiting.wait(TIMEOUT_S)
        running.process.send_signal(signal.SIGTERM)
        running.process.send_signal(signal.SIGINT)
        is_signalled.set()
        api.wait_until_complete()
        assert running.process.poll() is None
    assert sorted(json.loads(api.requests[1].body)) == [signal.SIGINT, signal.SIGTERM]
    assert api.paths == [NEXT, response_path("1"), NEXT]


def test_in_the_middle_of_an_event(tmp_path: Path) -> None:
    """A signal between two halves of a large event does not lose or repeat a byte of it."""
    body = json.dumps("x" * 3_000_000).encode()
    data = event("1", body)
    is_half, is_signalled = threading.Event(), threading.Event()
    script = [
        read(),
        send(data[:1_500_000]),
        tell(is_half),
        wait_for(is_signalled),
        send(data[1_500_000:]),
        answer(ACCEPTED),
    ]
    source = OWN_HANDLER.format(action="pass").replace("return seen", "return event, seen")
    with ScriptedApi(script).listen() as api, function(api, tmp_path, source) as running:
        assert is_half.wait(TIMEOUT_S)
        running.process.send_signal(signal.SIGTERM)
        is_signalled.set()
        api.wait_until_complete()
    text, seen = json.loads(api.requests[1].body)
    assert len(text) == 3_000_000
    assert seen == [signal.SIGTERM]


def test_in_the_middle_of_a_result(tmp_path: Path) -> None:
    """A signal while a large result is being sent does not lose or repeat a byte of it."""
    is_half, is_signalled = threading.Event(), threading.Event()
    script = [
        answer(event()),
        read_head(),
        tell(is_half),
        wait_for(is_signalled),
        read_body(6_000_002),
        send(ACCEPTED),
        read(),
    ]
    source = OWN_HANDLER.format(action="pass").replace("return seen", "return 'x' * 6_000_000")
    with ScriptedApi(script).listen() as api, function(api, tmp_path, source) as running:
        assert is_half.wait(TIMEOUT_S)
        running.process.send_signal(signal.SIGTERM)
        is_signalled.set()
        api.wait_until_complete()
    assert api.requests[1].body == b'"' + b"x" * 6_000_000 + b'"'
    assert api.paths == [NEXT, response_path("1"), NEXT]


def test_under_a_hail_of_signals(tmp_path: Path) -> None:
    """A timer that fires every millisecond, as profilers set it, disturbs nothing."""
    source = """
    import signal
    signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    def handler(event, context):
        return event
    """
    body = json.dumps("y" * 1_000_000).encode()
    rounds = [step for number in range(10) for step in (answer(event(str(number), body)), answer(ACCEPTED))]
    outcome, api = run_until_complete(tmp_path, [[*rounds, read()]], source)
    assert all(request.body == body for request in api.requests if request.method == "POST")
    assert (outcome.stdout, outcome.stderr) == ("", "")


def test_while_waiting_for_the_api_to_come_back(tmp_path: Path) -> None:
    """SIGINT ends the process also between two attempts of a poll that fails."""
    outcome = signalled_while_waiting(tmp_path, signal.SIGINT, PLAIN, {}, *[answer(status(500))] * 2)
    assert outcome[:3] == (130, "", "")


def test_interrupt_in_the_handler(tmp_path: Path) -> None:
    """SIGINT while the handler runs is posted as its error, and the process ends as interrupted."""
    source = f"""
    import os, signal, time
    def handler(event, context):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep({TIMEOUT_S})
    """
    with ScriptedApi([answer(event()), answer(ACCEPTED)]).listen() as api, function(api, tmp_path, source) as running:
        outcome = running.wait()
        api.wait_until_complete()
    assert outcome.exit_code == 130
    assert api.paths == [NEXT, error_path("1")]
    assert json.loads(api.requests[1].body)["errorType"] == "KeyboardInterrupt"


UNSHARE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]


class TestContainerInit:
    """The runtime as process 1, to which the kernel delivers no signal that has no handler."""

    @pytest.fixture(autouse=True)
    def needs_a_pid_namespace(self) -> None:
        """Skips where the machine allows no private process numbers."""
        try:
            probe = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        except FileNotFoundError:
            pytest.skip("unshare is not installed")
        if probe.returncode:
            pytest.skip(f"no PID namespace: {probe.stderr.strip()}")

    @pytest.mark.parametrize(
        ("number", "source", "exit_code", "output"),
        [
            (signal.SIGTERM, PLAIN, 143, ""),
            (signal.SIGINT, PLAIN, 130, ""),
            (signal.SIGTERM, OWN_HANDLER.format(action="sys.exit(7)"), 7, "seen 15\n"),
            (signal.SIGINT, OWN_HANDLER.format(action="sys.exit(7)"), 7, "seen 2\n"),
        ],
    )
    def test_ends(self, tmp_path: Path, number: int, source: str, exit_code: int, output: str) -> None:
        """As process 1 it ends at once too, with the code that shells use, or the one that user code asks for."""
        is_waiting = threading.Event()
        command = [*UNSHARE, sys.executable, "-m", "ric", "app.handler"]
        with (
            ScriptedApi([read(), tell(is_waiting)]).listen() as api,
            function(api, tmp_path, source, command=command) as running,
        ):
            assert is_waiting.wait(TIMEOUT_S)
            sent_s = time.monotonic()
            os.kill(only_child(running.process.pid), number)
            outcome = running.wait()
        assert time.monotonic() - sent_s < PROMPT_S
        assert outcome[:3] == (exit_code, output, "")

    def test_signal_of_user_code_that_returns(self, tmp_path: Path) -> None:
        """As process 1, too, a handler of user code that returns lets the wait go on."""
        is_waiting, is_signalled = threading.Event(), threading.Event()
        script = [read(), tell(is_waiting), wait_for(is_signalled), send(event()), answer(ACCEPTED), read()]
        command = [*UNSHARE, sys.executable, "-m", "ric", "app.handler"]
        source = OWN_HANDLER.format(action="pass")
        with ScriptedApi(script).listen() as api, function(api, tmp_path, source, command=command) as running:
            assert is_waiting.wait(TIMEOUT_S)
            os.kill(only_child(running.process.pid), signal.SIGTERM)
            is_signalled.set()
            api.wait_until_complete()
        assert json.loads(api.requests[1].body) == [signal.SIGTERM]


def only_child(pid: int) -> int:
    """Returns the one child that a process has."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)
