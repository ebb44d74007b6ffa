"""snapshot-restore-py: hooks of the function around the snapshot and the restore."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.function_run import invocation

from .conftest import RunOnBoth
from .launch import LAUNCHES, Launch
from .running import Function

FUNCTION = Function("snapstart", "snapstart", environment={"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"})


@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
def test_hooks(launch: Launch, run_on_both: RunOnBoth) -> None:
    """Hooks before run last registered first, hooks after in order, with the restore between them."""
    _, ours = run_on_both(launch, FUNCTION, [invocation(None, 1)])

    calls = ["before 2!", "before 1", "after 1", "after 2!"]
    assert [json.loads(post.body) for post in ours.posts("/response")] == [[calls, "snap-start"]]
    paths = [request.path.rpartition("/2018-06-01/runtime/")[2] for request in ours.segments[0].requests]
    assert paths == ["restore/next", "invocation/next"]
    assert ours.segments[0].stdout.decode().splitlines() == calls


@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
@pytest.mark.parametrize(
    ("fails", "path_end", "error_type", "end"),
    [
        ("snapshot", "/init/error", "Runtime.BeforeSnapshotError", "exit code 64"),
        ("restore", "/restore/error", "Runtime.AfterRestoreError", "exit code 65"),
    ],
)
def test_failing_hooks(
    fails: str, path_end: str, error_type: str, end: str, launch: Launch, run_on_both: RunOnBoth
) -> None:
    """A hook that raises is reported where Lambda wants it, and ends the process with the code Lambda knows."""
    function = replace(FUNCTION, environment={**FUNCTION.environment, "FAILS": fails})
    _, ours = run_on_both(launch, function, [])

    (post,) = ours.posts(path_end)
    assert json.loads(post.body)["errorMessage"] == f"no {fails}"
    assert post.header("lambda-runtime-function-error-type") == error_type.encode()
    assert ours.segments[-1].end == end
