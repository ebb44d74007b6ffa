"""Functions and surroundings that make it hard for a pool: places are filled again, callers get their answers."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ric.local import LogLine
from tests.function_run import run_function
from tests.image import clean_environment
from tests.pool_running import APP, PROMPT_S, Gate, kill_and_wait, pool
from tests.scripted_api import ACCEPTED, answer, event, run_to_its_end
from tests.test_hostile_handlers import in_handler
from tests.test_pool_modes import in_each_mode, mode_of

LINGERING = """
import os, sys, threading
def handler(event, context):
    if event.get("exit"):
        threading.Thread(target=threading.Event().wait).start()
        sys.exit(3)
    return os.getpid()
"""


def test_threads_do_not_keep_the_place_of_a_worker_that_exits(tmp_path: Path) -> None:
    """A worker that was asked to end and has a thread that never does is replaced all the same."""
    with pool(tmp_path, 2, LINGERING, env={"RIC_SHUTDOWN_GRACE_MS": "200"}) as running:
        for _ in range(4):
            assert running.call(exit=True).result(PROMPT_S).json()["errorType"] == "SystemExit"
        assert running.call().result(PROMPT_S).json()


def test_threads_do_not_keep_a_process_that_exits(tmp_path: Path) -> None:
    """So it is without workers: the process ends with the code asked for, although a thread of it never does."""

    source = "import sys, threading\n" + in_handler(
        "threading.Thread(target=threading.Event().wait).start()\nsys.exit(3)"
    )
    script = [answer(event("1")), answer(ACCEPTED)]
    outcome, _ = run_to_its_end(tmp_path, [script], source, variables={"RIC_SHUTDOWN_GRACE_MS": "200"})
    assert outcome.exit_code == 3


FORKING = """
import os, sys
{prefix}def handler(event, context):
    pid = os.fork()
    if not pid:
        {end}
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


@pytest.mark.parametrize("prefix", ["", "async "])
@pytest.mark.parametrize(
    ("end", "status"), [("return 'child'", 1), ("sys.exit(5)", 5), ("raise ValueError('child')", 1), ("os._exit(6)", 6)]
)
@in_each_mode
def test_children_of_handlers_end(mode: str, prefix: str, end: str, status: int, tmp_path: Path) -> None:
    """A child that a handler forks ends, however its code does, and never speaks for its parent."""
    with pool(tmp_path, 2, FORKING.format(prefix=prefix, end=end), env=mode_of(mode)) as running:
        found = [result.json() for result in running.call_all([{}] * 4)]
    assert found == [status] * 4


def test_a_fork_that_fails_costs_nobody_else(tmp_path: Path) -> None:
    """When no successor can be started for lack of descriptors, the other workers serve on, and later it is started."""
    with pool(tmp_path, 3) as running:
        victim, *others = running.meet_all(tmp_path)
        gate = Gate(tmp_path)
        in_flight = running.call(**gate.event)
        busy = gate.wait()
        victim = next(pid for pid in [victim, *others] if pid != busy)
        before = resource.prlimit(running.parent, resource.RLIMIT_NOFILE)
        resource.prlimit(running.parent, resource.RLIMIT_NOFILE, (6, before[1]))
        kill_and_wait([victim])
        running.recorder.wait_for(LogLine, lambda line: "no worker can be started: Too many open files" in line.text)
        resource.prlimit(running.parent, resource.RLIMIT_NOFILE, before)
        gate.open()
        assert in_flight.result(PROMPT_S).json()["pid"] == busy
        assert len({result.json()["pid"] for result in running.call_all([{"wait_s": 0.3}] * 3)}) == 3


STOPPING = """
import asyncio
async def handler(event, context):
    if event.get("stop"):
        asyncio.get_running_loop().stop()
    await asyncio.sleep(0)
    return "served"
"""


@in_each_mode
def test_a_loop_that_is_stopped(mode: str, tmp_path: Path) -> None:
    """A handler that stops its event loop costs at most its own answer."""
    with pool(tmp_path, 2, STOPPING, env=mode_of(mode)) as running:
        running.call(stop=True).result(PROMPT_S)
        assert [result.json() for result in running.call_all([{}] * 4)] == ["served"] * 4


THREADED = """
import ric, threading
def write(context):
    with ric.response_stream(context) as stream:
        stream.write(context.aws_request_id)
def handler(event, context):
    meeting.wait()
    thread = threading.Thread(target=write, args=(context,))
    thread.start()
    thread.join()
meeting = threading.Barrier(4, timeout=20)
"""


def test_streams_from_threads_of_the_handlers_own(tmp_path: Path) -> None:
    """With several at once, a bare thread still finds the response that belongs to the context it was given."""
    with pool(tmp_path, 4, THREADED, env=mode_of("thread")) as running:
        results = running.call_all([{}] * 12)
        assert [result.payload.decode() for result in results] == [result.request_id for result in results]


def test_a_signal_that_is_repeated(tmp_path: Path) -> None:
    """Workers that get SIGTERM twice, as when a whole group is signalled, still end what they are at."""
    code = APP + "\nimport ric\n@ric.on_shutdown\ndef bye():\n    print('bye')\n"
    with pool(tmp_path, 2, code, env={"RIC_SHUTDOWN_GRACE_MS": "20000"}) as running:
        gate = Gate(tmp_path)
        in_flight = running.call(**gate.event)
        worker = gate.wait()

        for _ in range(3):
            os.kill(worker, signal.SIGTERM)
        gate.open()
        assert in_flight.result(PROMPT_S).json()["pid"] == worker
        running.recorder.wait_for(LogLine, lambda line: line.text == "bye")


def test_empty_number_of_invocations_at_once(tmp_path: Path) -> None:
    """It counts as unset: the process itself serves, one at a time."""
    source = "import sys\ndef handler(event, context): return 'ric.process.workers' in sys.modules"
    run = run_function(tmp_path, source, environment={"AWS_LAMBDA_MAX_CONCURRENCY": ""})
    assert (run.result(), run.stderr) == (False, "")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"AWS_LAMBDA_MAX_CONCURRENCY": "1" + "0" * 9}, "must be a whole number below 100000"),
        (
            {"AWS_LAMBDA_MAX_CONCURRENCY": "1", "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": "/no/socket"},
            "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET is '/no/socket', which takes no log: No such file or directory",
        ),
    ],
)
def test_settings_that_cannot_be_followed(variables: dict[str, str], message: str, tmp_path: Path) -> None:
    """They are told in a line that says what is wrong, and the process ends."""

    (tmp_path / "app.py").write_text("def handler(event, context): pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "ric", "app.handler"],
        cwd=tmp_path,
        env=clean_environment(AWS_LAMBDA_RUNTIME_API="127.0.0.1:9", **variables),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
