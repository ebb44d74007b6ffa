"""``/restore/next`` and ``/restore/error`` when the Runtime API misbehaves: restored, or an end that says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scripted_api import (
    ACCEPTED,
    INIT_ERROR,
    NEXT,
    Step,
    answer,
    close,
    drip,
    event,
    read,
    reset,
    response_path,
    run_to_its_end,
    run_until_complete,
    send,
    status,
)

RESTORE_NEXT = "/2018-06-01/runtime/restore/next"
RESTORE_ERROR = "/2018-06-01/runtime/restore/error"
SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
RESTORED = status(200)
SERVED = (answer(event("1")), answer(ACCEPTED), read())
HOOKED = """
from snapshot_restore_py import register_after_restore, register_before_snapshot
hooks = []
register_before_snapshot(hooks.append, "before")
register_after_restore(hooks.append, "after")
def handler(event, context):
    return hooks
"""
FAILING = """
from snapshot_restore_py import register_after_restore
@register_after_restore
def fail():
    raise ValueError("why")
def handler(event, context):
    return event
"""
FORKING = """
import os
from snapshot_restore_py import register_after_restore
@register_after_restore
def fork():
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        print("child:", os.waitstatus_to_exitcode(status), flush=True)
    else:
        raise ValueError("in the child")
def handler(event, context):
    return event
"""
BREAKING = """
from snapshot_restore_py import register_{hook}
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
def {method}(*args):
    raise TypeError("replaced")
LambdaRuntimeClient.{method} = {method}
@register_{hook}
def fail():
    raise ValueError("why")
def handler(event, context):
    return event
"""


@pytest.mark.parametrize(
    "scripts",
    [
        [[read(), drip(RESTORED), *SERVED]],
        [[read(), send(b"HTTP/1.1 100 Continue\r\n\r\n" + RESTORED), *SERVED]],
        [[reset()], [answer(RESTORED), *SERVED]],
        [[read(), close()], [answer(RESTORED), *SERVED]],
        [[read(), reset()], [answer(RESTORED), *SERVED]],
        [[answer(status(503)), answer(RESTORED), *SERVED]],
        [[answer(RESTORED), close()], SERVED],
        [[answer(RESTORED), reset()], SERVED],
    ],
    ids=["byte by byte", "continue", "reset first", "closed", "reset", "503", "closed behind it", "reset behind it"],
)
def test_restored(tmp_path: Path, scripts: list[list[Step]]) -> None:
    """A connection that is lost or stale costs another request; each hook runs once, and the function is served."""
    outcome, api = run_until_complete(tmp_path, scripts, HOOKED, variables=SNAP_START)
    assert api.paths[-3:] == [NEXT, response_path("1"), NEXT]
    assert set(api.paths[:-3]) == {RESTORE_NEXT}
    assert json.loads(api.requests[-2].body) == ["before", "after"]
    assert outcome.stdout == ""


@pytest.mark.parametrize("code", [302, 403, 404, 500])
def test_refused(tmp_path: Path, code: int) -> None:
    """A restore that is refused ends the process with the code of a failed snapshot; log and platform know why."""
    script = [answer(status(code)), answer(ACCEPTED)]
    outcome, api = run_to_its_end(tmp_path, [script], HOOKED, variables=SNAP_START)
    assert outcome.exit_code == 64
    assert api.paths == [RESTORE_NEXT, INIT_ERROR]
    assert f"'{code}'" in json.loads(api.requests[1].body)["errorMessage"]
    assert f"'{code}'" in outcome.stdout


@pytest.mark.parametrize(
    "end",
    [
        [answer(status(403))],
        [answer(status(500))],
        [answer(b"garbage\r\n\r\n")],
        [answer(ACCEPTED[:30]), close()],
    ],
    ids=["403", "500", "garbage", "truncated"],
)
def test_report_of_a_failed_hook(tmp_path: Path, end: list[Step]) -> None:
    """Whatever becomes of the report, the hook's error is in the log, and the exit code is that of a failed restore."""
    outcome, api = run_to_its_end(tmp_path, [[answer(RESTORED), *end]], FAILING, variables=SNAP_START)
    assert outcome.exit_code == 65
    assert api.paths == [RESTORE_NEXT, RESTORE_ERROR]
    assert "ValueError: why" in outcome.stdout
    assert outcome.stderr == ""


@pytest.mark.parametrize(
    ("hook", "method", "paths", "exit_code"),
    [("before_snapshot", "post_init_error", [], 64), ("after_restore", "report_restore_error", [RESTORE_NEXT], 65)],
)
def test_replaced_report_of_a_failed_hook(
    tmp_path: Path, hook: str, method: str, paths: list[str], exit_code: int
) -> None:
    """A replaced client method that breaks is logged as well, and the exit code stays that of the hook."""
    source = BREAKING.format(hook=hook, method=method)
    outcome, api = run_to_its_end(tmp_path, [[answer(RESTORED)]] if paths else [], source, variables=SNAP_START)
    assert outcome.exit_code == exit_code
    assert api.paths == paths
    assert "ValueError: why" in outcome.stdout
    assert "TypeError: replaced" in outcome.stdout
    assert outcome.stderr == ""


def test_hook_that_fails_in_a_forked_child(tmp_path: Path) -> None:
    """The child may not speak to the Runtime API: it says so in the log and ends with the hook's code."""
    script = [answer(RESTORED), *SERVED]
    outcome, api = run_until_complete(tmp_path, [script], FORKING, variables=SNAP_START)
    assert api.paths == [RESTORE_NEXT, NEXT, response_path("1"), NEXT]
    assert "ValueError: in the child" in outcome.stdout
    assert "ForkedProcessError" in outcome.stdout
    assert "child: 65" in outcome.stdout
