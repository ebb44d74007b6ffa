"""Several invocations at once against AWS's own emulator, which has a mode for that as Lambda Managed Instances do."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ric.install import install
from tests.image import TIMEOUT_S, private_image_refusal
from tests.pool_running import kill_and_wait
from tests.rie import Rie, rie_refusal

pytestmark = pytest.mark.skipif(rie_refusal() is not None, reason=str(rie_refusal()))

SIZE = 4
APP = """
import asyncio, os, signal, time

def handler(event, context):
    if "kill" in event:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(event.get("wait_s", 0))
    return {"pid": os.getpid(), "parent": os.getppid(), "request_id": context.aws_request_id}

async def tell(event, context):
    await asyncio.sleep(event.get("wait_s", 0))
    return handler({}, context)

async def stream(event, context):
    for number in range(event["pieces"]):
        await asyncio.sleep(0.005)
        yield f"{event['name']}{number} "
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image that holds all its runtime needs: the emulator runs it as a user who may not read this repository."""
    directory = tmp_path_factory.mktemp("managed") / "image"
    directory.mkdir()
    if refusal := private_image_refusal(directory):
        pytest.skip(refusal)
    if os.geteuid() != 0:
        pytest.skip("in this mode the emulator changes the user, for which it has to be root")
    task = directory / "var/task"
    install(task)
    for package in ("ric", "awslambdaric", "simplejson", "snapshot_restore_py"):
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.origin is not None
        shutil.copytree(Path(spec.origin).parent, task / package)
    (task / "app.py").write_text(APP)
    return directory


def serve(image: Path, handler: str, **variables: str) -> Rie:
    """Returns the emulator in its mode for several invocations, not started yet."""
    return Rie(
        [],
        image.parent,
        image,
        Path(sys.base_prefix),
        _HANDLER=handler,
        AWS_LAMBDA_MAX_CONCURRENCY=str(SIZE),
        PYTHONDONTWRITEBYTECODE="1",
        **variables,
    )


@pytest.fixture(scope="module", params=["process", "thread", "hybrid", "asyncio"])
def mode(request: pytest.FixtureRequest) -> str:
    """Each mode in turn."""
    return str(request.param)


@pytest.fixture(scope="module", params=["app.handler", "app.tell"])
def rie(request: pytest.FixtureRequest, image: Path, mode: str) -> Iterator[Rie]:
    """The emulator with a plain and with an async function."""
    with serve(image, request.param, AWS_LAMBDA_CONCURRENCY_MODE=mode) as emulator:
        yield emulator


def call(rie: Rie, event: object) -> bytes:
    """Invokes the function. The emulator queues nothing: it refuses what comes when no worker asks for an event."""
    end_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end_s:
        body = rie.invoke_raw(json.dumps(event).encode())
        if b"Runtime.Unavailable" not in body:
            return body
    raise AssertionError(f"no worker is free:\n{rie.log}")


def call_all(rie: Rie, events: Sequence[object]) -> list[Any]:
    """Invokes the function with all events, as many at a time as it takes, and returns the decoded answers."""
    with ThreadPoolExecutor(SIZE) as callers:
        return [json.loads(body) for body in callers.map(call, [rie] * len(events), events)]


def test_several_at_once(rie: Rie, mode: str) -> None:
    """Callers get their own answers, from as many processes as the mode has."""
    answers = call_all(rie, [{"wait_s": 0.2}] * 4 * SIZE)
    assert len({answer["request_id"] for answer in answers}) == 4 * SIZE
    assert len({answer["parent"] for answer in answers}) == 1
    if mode == "process":
        assert len({answer["pid"] for answer in answers}) == SIZE


def test_streams(image: Path, mode: str) -> None:
    """The emulator takes chunked answers of several invocations at once, and gives callers the whole."""
    events = [{"pieces": 20, "name": f"{number}-"} for number in range(2 * SIZE)]
    with (
        serve(image, "app.stream", AWS_LAMBDA_CONCURRENCY_MODE=mode) as rie,
        ThreadPoolExecutor(SIZE) as callers,
    ):
        bodies = list(callers.map(call, [rie] * len(events), events))
    for event, body in zip(events, bodies, strict=True):
        assert body.decode() == "".join(f"{event['name']}{number} " for number in range(20)), body[:500]


def test_a_worker_that_dies(image: Path) -> None:
    """The emulator passes the parent's report on to the caller, and goes on with the successor."""
    with serve(image, "app.handler") as rie:
        (before,) = call_all(rie, [{}])
        (report,) = call_all(rie, [{"kill": True}])
        assert report["errorType"] == "Runtime.ExitError"
        assert report["errorMessage"].endswith("signal: killed")
        after = call_all(rie, [{"wait_s": 0.2}] * 2 * SIZE)
        assert {answer["parent"] for answer in after} == {before["parent"]}


def test_a_worker_that_dies_while_it_waits(image: Path) -> None:
    """The emulator does not notice: its question is answered to the successor."""
    with serve(image, "app.handler") as rie:
        before = {answer["pid"]: answer["parent"] for answer in call_all(rie, [{"wait_s": 0.2}] * 4 * SIZE)}
        assert len(before) == SIZE
        kill_and_wait(list(before))
        after = call_all(rie, [{"wait_s": 0.2}] * 4 * SIZE)
        assert all("pid" in answer for answer in after), after
        assert {answer["parent"] for answer in after} == set(before.values())
        assert len({answer["pid"] for answer in after} - set(before)) == SIZE
