"""RIC_PRELOAD=1: the handler module is imported once, in the parent, and its workers begin where that ended."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ric.local import FunctionStartError, LogLine, RuntimeExit
from tests.pool_running import APP, PROMPT_S, kill_and_wait, pool
from tests.scripted_api import ACCEPTED, INIT_ERROR, answer, run_to_its_end
from tests.test_pool_parts import in_pool

PRELOAD = {"RIC_PRELOAD": "1"}
HOOKS = """
import os, ric
ran = [("import", os.getpid())]

@ric.register_pre_fork
def first():
    ran.append(("first", os.getpid()))

@ric.register_pre_fork
def second():
    ran.append(("second", os.getpid()))

@ric.register_after_fork
def after():
    ran.append(("after", os.getpid()))
"""
TELL = """
import time
def handler(event, context):
    time.sleep(0.05)
    return {"ran": ran, "pid": os.getpid(), "parent": os.getppid()}
"""


def test_the_module_is_imported_once_and_hooks_run_around_the_fork(tmp_path: Path) -> None:
    """Import and pre-fork hooks run in the parent, after-fork hooks in each worker, also in successors."""
    with pool(tmp_path, code=HOOKS + TELL, env=PRELOAD) as running:
        for _ in range(2):
            for answer in [result.json() for result in running.call_all([{}] * 16)]:
                parent = running.parent
                before = [["import", parent], ["first", parent], ["second", parent]]
                assert answer["ran"] == [*before, ["after", answer["pid"]]]
                assert answer["parent"] == parent
            kill_and_wait(running.workers())


def test_the_name_of_the_preview_runtimes(tmp_path: Path) -> None:
    """Functions that import the hook as upstream's preview runtimes have it go on working."""
    code = HOOKS.replace("import os, ric", "import os, ric\nfrom awslambdaric import lambda_concurrency_hooks as hooks")
    code = code.replace("@ric.register_pre_fork", "@hooks.register_pre_fork")
    with pool(tmp_path, 1, code + TELL, env=PRELOAD) as running:
        assert [name for name, _ in running.call().result().json()["ran"]] == ["import", "first", "second", "after"]


def test_hooks_without_preloading(tmp_path: Path) -> None:
    """Each worker imports the module itself: no hook has anything to do, and the log says so of those that should."""
    with pool(tmp_path, 1, HOOKS + TELL) as running:
        assert [name for name, _ in running.call().result().json()["ran"]] == ["import"]
        running.recorder.wait_for_line("register_pre_fork() has no effect")


@pytest.mark.parametrize(
    ("source", "error_type", "sent_type"),
    [
        ("import no_such_module", "Runtime.ImportModuleError", "Runtime.ImportModuleError"),
        ("import ric\nric.register_pre_fork(lambda: 1 / 0)", "ZeroDivisionError", "Runtime.PreForkError"),
    ],
)
def test_a_start_that_fails_in_the_parent(source: str, error_type: str, sent_type: str, tmp_path: Path) -> None:
    """It is reported once, and no worker is started."""
    outcome, api = run_to_its_end(
        tmp_path,
        [[answer(ACCEPTED)]],
        f"{source}\ndef handler(event, context): pass\n",
        variables=in_pool(4, **PRELOAD),
    )
    assert outcome.exit_code == 1
    assert api.paths == [INIT_ERROR]
    assert api.requests[0].headers["lambda-runtime-function-error-type"] == sent_type
    assert f'"errorType": "{error_type}"' in api.requests[0].body.decode()
    assert outcome.stdout.count(f"[ERROR] {error_type}") == 1


def test_a_start_that_fails_in_the_workers(tmp_path: Path) -> None:
    """An after-fork hook that raises is an init error as well."""
    code = f"import ric\nric.register_after_fork(lambda: 1 / 0)\n{APP}"
    with pytest.raises(FunctionStartError) as raised, pool(tmp_path, code=code, env=PRELOAD):
        pass
    assert raised.value.failure.error_type == "ZeroDivisionError"


def test_an_async_handler(tmp_path: Path) -> None:
    """Each worker has an event loop of its own, whatever the module did with the parent's while it was imported."""
    code = """
import asyncio, os
lock = asyncio.Lock()
async def handler(event, context):
    async with lock:
        await asyncio.sleep(0.02)
    return await asyncio.to_thread(os.getpid)
"""
    with pool(tmp_path, code=code, env=PRELOAD) as running:
        pids = {result.json() for result in running.call_all([{}] * 32)}
        assert len(pids) == 4


def test_what_the_module_did_to_logging_stays(tmp_path: Path) -> None:
    """The root handler of the import is the one of the workers, so each record comes once, as the module wants it."""
    code = """
import logging
logging.warning("while importing")
logging.root.handlers[0].setFormatter(logging.Formatter("mine: %(message)s %(aws_request_id)s\\n"))
def handler(event, context):
    logging.warning("while running")
    return len(logging.root.handlers)
"""
    with pool(tmp_path, 1, code, env=PRELOAD) as running:
        result = running.call().result()
        assert result.json() == 1
    lines = [line.text for line in running.recorder.of(LogLine)]
    assert [line for line in lines if "while importing" in line] == [lines[0]]
    assert lines[0].startswith("[WARNING]\t")
    assert [line for line in lines if "while running" in line] == [f"mine: while running {result.request_id}"]


def test_logging_that_is_imported_later(tmp_path: Path) -> None:
    """A module that imports logging in its handler gets one root handler, too."""
    code = """
def handler(event, context):
    import logging
    logging.warning("while running")
    return len(logging.root.handlers)
"""
    with pool(tmp_path, 1, code, env=PRELOAD) as running:
        assert running.call().result().json() == 1
    assert len([line for line in running.recorder.of(LogLine) if "while running" in line.text]) == 1


def test_shutdown_callbacks_of_a_preloaded_module(tmp_path: Path) -> None:
    """They were registered in the parent, and run in each worker and not in the parent."""
    code = f"""
import os, ric
@ric.on_shutdown
def say():
    print(f"callback of {{os.getpid()}}\\n", end="")
{APP}"""
    with pool(tmp_path, code=code, env={**PRELOAD, "RIC_SHUTDOWN_GRACE_MS": "20000"}) as running:
        workers = running.meet_all(tmp_path)
        os.kill(running.parent, signal.SIGTERM)
        assert running.recorder.wait_for(RuntimeExit).exit_status == 143
        said = [line.text for line in running.recorder.of(LogLine)]
    assert sorted(said) == sorted(f"callback of {pid}" for pid in workers)


def test_signal_handlers_of_a_preloaded_module(tmp_path: Path) -> None:
    """The parent acts on signals in its own way; the module's handlers are at work in the workers."""
    code = f"""
import signal, sys
def act(number, frame):
    print("seen\\n", end="")
    sys.exit(7)
signal.signal(signal.SIGTERM, act)
{APP}"""
    with pool(tmp_path, 2, code, env=PRELOAD) as running:
        running.meet_all(tmp_path)
        os.kill(running.parent, signal.SIGTERM)
        assert running.recorder.wait_for(RuntimeExit).exit_status == 7
        assert [line.text for line in running.recorder.of(LogLine)].count("seen") == 2


def test_threads_of_a_preloaded_module(tmp_path: Path) -> None:
    """A thread stays with the parent, which is no reason not to fork, even where warnings are errors."""
    code = f"""
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
{APP}"""
    with pool(tmp_path, 2, code, env={**PRELOAD, "PYTHONWARNINGS": "error"}) as running:
        assert running.call().result(PROMPT_S).function_error is None


def test_a_value_that_makes_no_sense(tmp_path: Path) -> None:
    """The error names the variable and what to do."""
    outcome, _ = run_to_its_end(tmp_path, [], "", variables=in_pool(1, RIC_PRELOAD="yes"))
    assert (outcome.exit_code, outcome.stderr) == (
        1,
        "ric: RIC_PRELOAD is 'yes': set it to 1 or 0, or leave it unset\n",
    )
