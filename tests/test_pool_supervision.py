"""Workers that die: they are replaced, nobody waits for what they held, and it comes to an end where it must."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from ric.local import FunctionStartError, LogLine, RuntimeExit
from tests.pool_running import APP, PROMPT_S, Gate, kill_and_wait, pool, wait_for_ends
from tests.soak_workers import soak

sizes = pytest.mark.parametrize("size", [4, 32])


@sizes
def test_many_are_served_at_once(size: int, tmp_path: Path) -> None:
    """So many handlers run at the same time, each in a process of its own that has one parent."""
    with pool(tmp_path, size) as running:
        assert len(set(running.meet_all(tmp_path))) == size


@sizes
def test_idle_workers_that_are_killed_cost_nobody_an_answer(size: int, tmp_path: Path) -> None:
    """Successors wait where the dead did: an event that comes before anybody noticed is served by a new process."""
    with pool(tmp_path, size) as running:
        old = running.meet_all(tmp_path)
        kill_and_wait(old, signal.SIGUSR1)
        answers = [result.json() for result in running.call_all([{"wait_s": 0.05}] * 2 * size)]
        assert not {answer["pid"] for answer in answers} & set(old)
        assert len(running.workers()) == size
    assert len(running.recorder.of(RuntimeExit)) == 1, "the environment is the same"


@sizes
def test_workers_that_are_killed_in_the_middle_of_an_invocation(size: int, tmp_path: Path) -> None:
    """Each caller hears at once what became of its invocation, and the pool is as large as before."""
    with pool(tmp_path, size) as running:
        gates = [Gate(tmp_path, f"gate{number}") for number in range(size)]
        calls = [running.call(**gate.event) for gate in gates]
        pids = [gate.wait() for gate in gates]
        killed_s = time.monotonic()
        kill_and_wait(pids)
        results = [call.result(PROMPT_S) for call in calls]
        assert time.monotonic() - killed_s < PROMPT_S
        for result in results:
            assert result.json() == {
                "errorMessage": f"RequestId: {result.request_id} Error: Runtime exited with error: signal: killed",
                "errorType": "Runtime.ExitError",
                "requestId": result.request_id,
                "stackTrace": [],
            }
        assert not {result.json()["pid"] for result in running.call_all([{}] * size)} & set(pids)


@pytest.mark.parametrize(
    ("event", "end"),
    [
        ({"exit": 3}, "Runtime exited with error: exit status 3"),
        ({"exit": 0}, "Runtime exited without providing a reason"),
        ({"kill": signal.SIGSEGV}, "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_the_report_tells_how_the_worker_ended(event: dict[str, int], end: str, tmp_path: Path) -> None:
    """Exit status or signal are in the message and in the log, in Lambda's words."""
    with pool(tmp_path) as running:
        result = running.call(**event).result(PROMPT_S)
        assert result.json()["errorMessage"] == f"RequestId: {result.request_id} Error: {end}"
        assert any(
            "[ERROR] Runtime.ExitError: " in line.text and end in line.text for line in running.recorder.of(LogLine)
        )


def test_a_handler_that_exits_is_reported_by_its_worker(tmp_path: Path) -> None:
    """sys.exit() is the handler's error, as with one invocation at a time; a new worker takes the place."""
    with pool(tmp_path, 1) as running:
        (old,) = running.workers()
        assert running.call(sys_exit=0).result(PROMPT_S).json()["errorType"] == "SystemExit"
        assert running.call().result(PROMPT_S).json()["pid"] != old


def test_a_worker_that_always_dies_ends_the_environment(tmp_path: Path) -> None:
    """Each caller gets its answer, the delays between attempts grow, and after eight the environment ends with 1."""
    with pool(tmp_path, 1) as running:
        began_s = time.monotonic()
        for _ in range(7):
            assert running.call(exit=1).result(PROMPT_S).json()["errorType"] == "Runtime.ExitError"
        assert time.monotonic() - began_s >= 0.1 + 0.2 + 0.4 + 0.8 + 1.6
        assert running.call(exit=1).result(4 * PROMPT_S).json()["errorType"] == "Runtime.ExitError"
        assert running.recorder.wait_for(RuntimeExit).exit_status == 1
    (line,) = [line.text for line in running.recorder.of(LogLine) if "in a row" in line.text]
    assert "8 workers in a row have ended before they had served an invocation, the environment ends" in line


@pytest.mark.parametrize(
    ("code", "error_type", "exit_status"),
    [
        ("import no_such_module", "Runtime.ImportModuleError", 1),
        ("import sys\nsys.exit(7)", "SystemExit", 7),
        ("import os\nos._exit(0)", "Runtime.ExitError", 1),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "Runtime.ExitError", 1),
    ],
)
def test_a_handler_that_cannot_be_loaded(code: str, error_type: str, exit_status: int, tmp_path: Path) -> None:
    """The environment ends, with the reason, whether the worker could report it or its parent had to."""
    with pytest.raises(FunctionStartError) as raised, pool(tmp_path, code=code):
        pass
    assert (raised.value.failure.error_type, raised.value.exit_status) == (error_type, exit_status)


def test_a_successor_that_cannot_load_the_handler(tmp_path: Path) -> None:
    """After the start, one place that fails to load the handler tries again while the others serve."""
    flag = tmp_path / "broken"
    code = f"import os\nassert not os.path.exists({str(flag)!r})\n{APP}"
    with pool(tmp_path, 2, code) as running:
        running.call_all([{"wait_s": 0.1}] * 2)
        flag.touch()
        gate = Gate(tmp_path)
        held = running.call(**gate.event)
        busy = gate.wait()
        kill_and_wait([pid for pid in running.workers() if pid != busy])
        # The first one had an heir's question; from the second on the place has none, to which an event could be given.
        running.recorder.wait_for(LogLine, lambda line: "AssertionError" in line.text, count=2)
        gate.open()
        assert held.result(PROMPT_S).function_error is None
        flag.unlink()
        assert len({result.json()["pid"] for result in running.call_all([{"wait_s": 1}] * 2)}) == 2


def test_idle_workers_end_with_their_parent(tmp_path: Path) -> None:
    """A parent that is killed takes its workers along, idle or at work, and nothing needs to happen for that."""
    with pool(tmp_path) as running:
        running.meet_all(tmp_path)  # the last one may not be there yet when the first one asks for an event
        gate = Gate(tmp_path)
        running.call(**gate.event)
        gate.wait()
        descriptors = [os.pidfd_open(pid) for pid in running.workers()]
        assert len(descriptors) == 4
        os.kill(running.parent, signal.SIGKILL)
        wait_for_ends(descriptors, PROMPT_S)


def test_random_kills(tmp_path: Path) -> None:
    """Ten thousand invocations, or ten seconds of them, while workers are killed: each is answered, once, and soon."""
    tally = soak(tmp_path, 10_000, limit_s=10.0)
    assert tally.kills > 20
    assert tally.answers["result"] > 10 * tally.answers["Runtime.ExitError"]


HOOKS = """
import os, ric, sys, time
@ric.on_shutdown
def say():
    print(f"callback of {os.getpid()}\\n", end="")  # one write
"""


class TestShutdown:
    """The end of the environment."""

    @pytest.mark.parametrize(("number", "exit_status"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)])
    def test_without_callbacks(self, number: int, exit_status: int, tmp_path: Path) -> None:
        """All workers end with the parent, whose exit status tells of the signal."""
        with pool(tmp_path) as running:
            descriptors = [os.pidfd_open(pid) for pid in running.workers()]
            os.kill(running.parent, number)
            assert running.recorder.wait_for(RuntimeExit).exit_status == exit_status
            wait_for_ends(descriptors, PROMPT_S)

    @pytest.mark.parametrize(("number", "exit_status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
    def test_with_callbacks(self, number: int, exit_status: int, tmp_path: Path) -> None:
        """Each worker runs its own, once what it runs has ended, which is answered."""
        with pool(tmp_path, code=HOOKS + APP, env={"RIC_SHUTDOWN_GRACE_MS": "20000"}) as running:
            workers = running.meet_all(tmp_path)
            gate = Gate(tmp_path)
            held = running.call(**gate.event)
            gate.wait()
            os.kill(running.parent, number)
            gate.open()
            assert held.result(PROMPT_S).function_error is None
            assert running.recorder.wait_for(RuntimeExit).exit_status == exit_status
            said = [line.text for line in running.recorder.of(LogLine)]
            assert sorted(said) == sorted(f"callback of {pid}" for pid in workers)

    def test_the_emulator_gives_time_as_lambda_does(self, tmp_path: Path) -> None:
        """One extension is registered for all, so the end of the environment is told, and callbacks run."""
        with pool(tmp_path, code=HOOKS + APP) as running:
            workers = running.meet_all(tmp_path)
        said = [line.text for line in running.recorder.of(LogLine)]
        assert sorted(said) == sorted(f"callback of {pid}" for pid in workers)
        assert running.recorder.of(RuntimeExit)[0].exit_status == 143

    def test_a_callback_that_fails(self, tmp_path: Path) -> None:
        """The exit status tells of it."""
        with pool(tmp_path, code=f"import ric\nric.on_shutdown(lambda: 1 / 0)\n{APP}") as running:
            os.kill(running.parent, signal.SIGTERM)
            assert running.recorder.wait_for(RuntimeExit).exit_status == 1

    def test_what_does_not_end_is_killed(self, tmp_path: Path) -> None:
        """A worker that ignores SIGTERM is killed after the grace time; its caller is told, the exit status too."""
        code = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{APP}"
        with pool(tmp_path, code=code) as running:
            gate = Gate(tmp_path)
            held = running.call(**gate.event)
            gate.wait()
            os.kill(running.parent, signal.SIGTERM)
            assert running.recorder.wait_for(RuntimeExit).exit_status == 1
            assert "signal: killed" in held.result(PROMPT_S).json()["errorMessage"]
