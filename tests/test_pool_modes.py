"""AWS_LAMBDA_CONCURRENCY_MODE: threads and tasks in the place of processes, and what each invocation has to itself."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from ric.local import FunctionStartError, LogLine, RuntimeExit
from ric.process.pool import layout
from ric.process.pool.layout import granted_cpus, invocations_per_process
from tests.pool_running import APP, PROMPT_S, Gate, kill_and_wait, pool
from tests.scripted_api import run_to_its_end
from tests.test_pool_parts import in_pool

MODE = "AWS_LAMBDA_CONCURRENCY_MODE"
in_each_mode = pytest.mark.parametrize("mode", ["process", "thread", "hybrid", "asyncio"])
in_shared_processes = pytest.mark.parametrize("mode", ["thread", "asyncio"])

SYNC = """
import os, threading, time
def handler(event, context):
    time.sleep(event.get("wait_s", 0))
    return {"pid": os.getpid(), "thread": threading.get_ident(), "main": threading.main_thread().ident}
"""
ASYNC = """
import asyncio, os, threading
async def handler(event, context):
    await asyncio.sleep(event.get("wait_s", 0))
    return {"pid": os.getpid(), "thread": threading.get_ident(), "main": threading.main_thread().ident}
"""


def mode_of(mode: str, **variables: str) -> dict[str, str]:
    """Returns the environment of a mode."""
    return {MODE: mode, **variables}


@pytest.mark.parametrize("code", [SYNC, ASYNC], ids=["sync", "async"])
@in_each_mode
def test_so_many_at_once(mode: str, code: str, tmp_path: Path) -> None:
    """N invocations take as long as one, in as many processes, threads and loops as the mode has."""
    with pool(tmp_path, 8, code, env=mode_of(mode)) as running:
        running.call_all([{"wait_s": 0.2}] * 8)
        began_s = time.monotonic()
        answers = [result.json() for result in running.call_all([{"wait_s": 0.5}] * 8)]
        assert time.monotonic() - began_s < 2
        processes = {answer["pid"] for answer in answers}
        threads = {(answer["pid"], answer["thread"]) for answer in answers}
        on_main = [answer for answer in answers if answer["thread"] == answer["main"]]
        assert len(processes) == {"process": 8, "hybrid": min(8, granted_cpus())}.get(mode, 1)
        assert len(threads) == (1 if mode == "asyncio" and code is ASYNC else 8)
        assert len(on_main) == (8 if mode == "process" else 0)


@in_each_mode
def test_workers_that_are_killed(mode: str, tmp_path: Path) -> None:
    """Every invocation of a process that dies is reported, idle places have heirs, and the pool is whole again."""
    with pool(tmp_path, env=mode_of(mode)) as running:
        gates = [Gate(tmp_path, f"gate{number}") for number in range(4)]
        calls = [running.call(**gate.event) for gate in gates]
        pids = {gate.wait() for gate in gates}
        kill_and_wait(list(pids))
        for call in calls:
            assert call.result(PROMPT_S).json()["errorMessage"].endswith("signal: killed")
        answers = [result.json() for result in running.call_all([{"wait_s": 0.05}] * 16)]
        assert not {answer["pid"] for answer in answers} & pids


@in_shared_processes
def test_a_process_that_dies_between_invocations(mode: str, tmp_path: Path) -> None:
    """All places of an idle process pass to its successor."""
    with pool(tmp_path, 4, SYNC, env=mode_of(mode)) as running:
        running.call_all([{"wait_s": 0.2}] * 8)
        (old,) = running.workers()
        kill_and_wait([old])
        answers = running.call_all([{"wait_s": 0.05}] * 8)
        # Of a thread that was killed between its question and the note of it nobody can tell; its event is reported.
        served = [result.json()["pid"] for result in answers if result.function_error is None]
        assert len(served) >= 4
        assert old not in served


IDENTITY = """
import asyncio, logging, os, random, threading, time
from concurrent.futures import ThreadPoolExecutor
import ric
from ric import identity
logging.getLogger().setLevel("INFO")

def in_thread(expected):
    logging.info("in thread %s", expected)
    return identity.current()

{kind} handler(event, context):
    seen = []
    for _ in range(5):
        {sleep}
        logging.info("in handler %s", context.aws_request_id)
        seen.append(identity.current())
    {more}
    return {{
        "seen": seen, "request_id": context.aws_request_id, "tenant": context.tenant_id,
        "trace": ric.trace_id(), "variable": os.environ.get("_X_AMZN_TRACE_ID"), "in_environ": event["trace"],
    }}
"""
SYNC_IDENTITY = IDENTITY.format(kind="def", sleep="time.sleep(random.random() / 100)", more="")
ASYNC_IDENTITY = IDENTITY.format(
    kind="async def",
    sleep="await asyncio.sleep(random.random() / 100)",
    more="""seen.append(await asyncio.to_thread(in_thread, context.aws_request_id))
    loop = asyncio.get_running_loop()
    seen.append(await loop.run_in_executor(None, in_thread, context.aws_request_id))
    seen.append(await asyncio.create_task(asyncio.to_thread(in_thread, context.aws_request_id)))""",
)


@pytest.mark.parametrize("code", [SYNC_IDENTITY, ASYNC_IDENTITY], ids=["sync", "async"])
@in_each_mode
def test_whose_invocation_it_is(mode: str, code: str, tmp_path: Path) -> None:
    """Under load each invocation sees its own request id, tenant and trace, and so does each line of its log."""
    with pool(tmp_path, 8, code, env=mode_of(mode)) as running:
        calls = []
        for number in range(200):
            trace = f"Root=1-00000000-{number:024d}"
            calls.append(
                running.callers.submit(
                    running.emulator.invoke, {"trace": trace}, trace_id=trace, tenant_id=f"tenant{number}"
                )
            )
        for number, call in enumerate(calls):
            result = call.result(30)
            answer = result.json()
            assert answer["request_id"] == result.request_id
            assert answer["tenant"] == f"tenant{number}"
            assert {tuple(identity) for identity in answer["seen"]} == {(result.request_id, f"tenant{number}")}
            assert answer["trace"].startswith(answer["in_environ"])
            assert answer["variable"] == (answer["trace"] if mode == "process" else None)
    lines = [line.text for line in running.recorder.of(LogLine)]
    assert len(lines) == 200 * (8 if code is ASYNC_IDENTITY else 5)
    for line in lines:
        _, _, request_id, message = line.split("\t")
        assert message.split()[-1] == request_id


@pytest.mark.parametrize("mode", ["thread", "hybrid"])
def test_a_blocked_handler_delays_nobody(mode: str, tmp_path: Path) -> None:
    """One handler waits for ever, the others are served meanwhile; also where each has an event loop."""
    code = f"{APP}\nasync def run(event, context):\n    return sync(event, context)\nsync, handler = handler, run\n"
    with pool(tmp_path, 4, code, env=mode_of(mode)) as running:
        gate = Gate(tmp_path)
        blocked = running.call(**gate.event)
        gate.wait()
        assert all(running.call().result(PROMPT_S).function_error is None for _ in range(20))
        gate.open()
        assert blocked.result(PROMPT_S).function_error is None


@pytest.mark.parametrize("kind", ["def", "async def"])
@in_shared_processes
def test_sys_exit_in_one_of_several(mode: str, kind: str, tmp_path: Path) -> None:
    """It is the error of its own invocation, and not the end of the process in which others run."""
    code = f"import os, sys\n{kind} handler(event, context):\n    if event: sys.exit(3)\n    return os.getpid()\n"
    with pool(tmp_path, 4, code, env=mode_of(mode)) as running:
        pid = running.call_all([0])[0].json()
        assert running.call_all([1])[0].json()["errorType"] == "SystemExit"
        assert {result.json() for result in running.call_all([0] * 8)} == {pid}


@in_shared_processes
def test_streams(mode: str, tmp_path: Path) -> None:
    """Several responses are streamed at once, async ones from one loop, each to its own caller."""
    for kind in ("def", "async def"):
        code = f"""
import asyncio, time
{kind} handler(event, context):
    for piece in range(20):
        {"await asyncio.sleep(0.005)" if kind == "async def" else "time.sleep(0.005)"}
        yield f"{{event}}-{{piece}} "
"""
        with pool(tmp_path, 8, code, env=mode_of(mode)) as running:
            for number, result in enumerate(running.call_all(range(40))):
                assert result.payload.decode() == "".join(f"{number}-{piece} " for piece in range(20))


@in_each_mode
def test_a_handler_that_cannot_be_loaded(mode: str, tmp_path: Path) -> None:
    """The environment ends with the reason, in every mode."""
    with pytest.raises(FunctionStartError) as raised, pool(tmp_path, code="import no_such_module", env=mode_of(mode)):
        pass
    assert (raised.value.failure.error_type, raised.value.exit_status) == ("Runtime.ImportModuleError", 1)


HOOKS = """
import os, ric
@ric.on_shutdown
def say():
    print(f"callback of {os.getpid()}\\n", end="")
"""


@in_shared_processes
def test_shutdown_with_callbacks(mode: str, tmp_path: Path) -> None:
    """What runs in all threads ends first and is answered, then the callbacks run, once in each process."""
    with pool(tmp_path, code=HOOKS + APP, env=mode_of(mode, RIC_SHUTDOWN_GRACE_MS="20000")) as running:
        workers = running.workers()
        gates = [Gate(tmp_path, f"gate{number}") for number in range(3)]
        held = [running.call(**gate.event) for gate in gates]
        for gate in gates:
            gate.wait()
        os.kill(running.parent, signal.SIGTERM)
        for gate in gates:
            gate.open()
        assert [call.result(PROMPT_S).function_error for call in held] == [None] * 3
        assert running.recorder.wait_for(RuntimeExit).exit_status == 143
        assert [line.text for line in running.recorder.of(LogLine)] == [f"callback of {pid}" for pid in workers]


@in_shared_processes
def test_shutdown_that_a_handler_holds_up(mode: str, tmp_path: Path) -> None:
    """Callbacks run when half of the time is over, whoever still runs."""
    with pool(tmp_path, code=HOOKS + APP, env=mode_of(mode, RIC_SHUTDOWN_GRACE_MS="1000")) as running:
        gate = Gate(tmp_path)
        held = running.call(**gate.event)
        gate.wait()
        os.kill(running.parent, signal.SIGTERM)
        assert running.recorder.wait_for(RuntimeExit).exit_status == 143
        assert held.result(PROMPT_S).json()["errorType"] == "Runtime.ExitError"
        running.recorder.wait_for_line("callback of ")


@in_shared_processes
def test_shutdown_without_callbacks(mode: str, tmp_path: Path) -> None:
    """The process ends at once, and callers hear of it."""
    with pool(tmp_path, env=mode_of(mode)) as running:
        gate = Gate(tmp_path)
        held = running.call(**gate.event)
        gate.wait()
        os.kill(running.parent, signal.SIGTERM)
        assert running.recorder.wait_for(RuntimeExit).exit_status == -signal.SIGTERM
        assert held.result(PROMPT_S).json()["errorMessage"].endswith("signal: terminated")


def test_tasks_share_one_loop(tmp_path: Path) -> None:
    """In the mode asyncio invocations meet on one event loop, and what one leaves there goes on."""
    code = """
import asyncio
barrier = []
async def handler(event, context):
    event = asyncio.Event()
    barrier.append(event)
    if len(barrier) == 4:
        for other in barrier: other.set()
    await event.wait()
    return id(asyncio.get_running_loop())
"""
    with pool(tmp_path, 4, code, env=mode_of("asyncio")) as running:
        assert len({result.json() for result in running.call_all([{}] * 4)}) == 1


@in_shared_processes
def test_a_leak_is_told_and_work_is_none(mode: str, tmp_path: Path) -> None:
    """Tasks of other invocations that are at work are not left over; those whose invocations are over are."""
    code = """
import asyncio
begun, ended = [], []
async def until(events, count):
    while len(events) < count:
        await asyncio.sleep(0.01)
async def handler(event, context):
    if "left" in event:
        for _ in range(event["left"]):
            asyncio.create_task(asyncio.Event().wait())
        return
    begun.append(event)
    await until(begun, 8)
    # One invocation ends after the other, and its tasks with it.
    await asyncio.gather(*(until(ended, event["number"]) for _ in range(25)))
    ended.append(event)
"""
    with pool(tmp_path, 8, code, env=mode_of(mode)) as running:
        assert not any(result.function_error for result in running.call_all([{"number": n} for n in range(8)]))
        for left in (60, 60, 0):
            running.call(left=left).result(PROMPT_S)
    log = [line.text for line in running.recorder.of(LogLine) if "left behind" in line.text]
    assert [line.split("\t")[3].split()[0] for line in log] == ["120"]


def test_a_stray_task_that_exits(tmp_path: Path) -> None:
    """SystemExit in a task that nobody awaits does not stop the loop on which others run."""
    code = """
import asyncio, sys
async def stray(): sys.exit(3)
async def handler(event, context):
    asyncio.create_task(stray())
    await asyncio.sleep(0.01)
    return "served"
"""
    with pool(tmp_path, 2, code, env=mode_of("asyncio")) as running:
        assert [result.json() for result in running.call_all([{}] * 8)] == ["served"] * 8


def test_the_api_is_gone(tmp_path: Path) -> None:
    """Failed polls are tried again in each thread; in the end the environment ends with 1."""
    from tests.scripted_api import ScriptedApi, function

    with ScriptedApi() as api, function(api, tmp_path, SYNC, variables=in_pool(3, **mode_of("thread"))) as running:
        outcome = running.wait()
    assert outcome.exit_code == 1
    assert "does not answer" in outcome.stdout


def test_an_unknown_mode(tmp_path: Path) -> None:
    """The error names the variable and the modes there are."""
    outcome, _ = run_to_its_end(tmp_path, [], "", variables=in_pool(2, **mode_of("fiber")))
    assert outcome.exit_code == 1
    demand = "set it to one of process, thread, hybrid, asyncio, or leave it unset"
    assert outcome.stderr == f"ric: AWS_LAMBDA_CONCURRENCY_MODE is 'fiber': {demand}\n"


class TestLayout:
    """How many processes and threads there are."""

    def test_shares(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No slot is left unused in any mode."""
        monkeypatch.setattr(layout, "granted_cpus", lambda: 3)
        assert invocations_per_process("process", 4) == [1, 1, 1, 1]
        assert invocations_per_process("thread", 4) == [4]
        assert invocations_per_process("asyncio", 4) == [4]
        assert invocations_per_process("hybrid", 16) == [6, 5, 5]
        assert invocations_per_process("hybrid", 2) == [1, 1]

    @pytest.mark.parametrize(
        ("own_groups", "files", "cpus"),
        [
            ("0::/a/b\n", {"a/b/cpu.max": "150000 100000\n"}, 2),
            ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "100000 100000\n"}, 1),
            ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
            ("0::/\n", {}, 64),
            (
                "4:cpu,cpuacct:/x\n1:name=systemd:/\n",
                {"cpu,cpuacct/x/cpu.cfs_quota_us": "300000", "cpu,cpuacct/x/cpu.cfs_period_us": "100000"},
                3,
            ),
            ("4:cpu:/x\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 64),
            ("4:cpu:/not/mounted\n", {"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2),
        ],
    )
    def test_granted_cpus(
        self, own_groups: str, files: dict[str, str], cpus: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The quota of the process's control group counts, in both versions, rounded up, and those above it."""
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))
        (tmp_path / "own").write_text(own_groups)
        for name, text in files.items():
            (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "groups" / name).write_text(text)
        assert granted_cpus(str(tmp_path / "groups"), str(tmp_path / "own")) == cpus
