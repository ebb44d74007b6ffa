"""Whole runs against AWS's own Runtime Interface Emulator: each way of starting a function, from event to answer."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ric.install import install
from tests.image import private_image_refusal
from tests.interpreters import counting_python
from tests.rie import Rie, rie_refusal, wait_for_end

pytestmark = pytest.mark.skipif(rie_refusal() is not None, reason=str(rie_refusal()))

# What Lambda and the emulator take for an answer: 6 MB and a little for what is wrapped around it.
ANSWER_LIMIT_BYTES = 6 * 1024 * 1024 + 100
EVENT_BYTES = 6 * 1024 * 1024
PROMPT_S = 2.0  # what Lambda leaves between SIGTERM and SIGKILL

APP = """
import os

def echo(event, context):
    return event

def handler(event, context):
    if "fail" in event:
        raise LookupError(event["fail"])
    if "answer_bytes" in event:
        return "x" * (event["answer_bytes"] - 2)
    return {
        "pid": os.getpid(),
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "remaining_ms": context.get_remaining_time_in_millis(),
    }
"""
BROKEN = "import module_that_is_not_there_\u00e9\u4e2d\n"


class Start(NamedTuple):
    """One way of starting a function: the runtime as ENTRYPOINT has it, and where."""

    runtime: list[str | Path]
    directory: Path
    image: Path | None

    def serve(self, handler: str) -> Rie:
        """Return the emulator, not started yet, with this runtime and a handler."""
        return Rie([*self.runtime, handler], self.directory, self.image, RIC_PYTHON=sys.executable)


@pytest.fixture(scope="module", params=["ric", "awslambdaric", "bootstrap", "/var/runtime/bootstrap"])
def start(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Each way of starting a function in turn, with the functions of this file in its working directory."""
    directory = tmp_path_factory.mktemp("rie")
    task, image = directory, None
    runtime: list[str | Path] = [sys.executable, "-m", request.param]
    if request.param == "bootstrap":
        install(directory / "runtime")
        runtime = [directory / "runtime/bootstrap"]
    elif request.param == "/var/runtime/bootstrap":
        image = directory / "image"
        image.mkdir()
        if refusal := private_image_refusal(image):
            pytest.skip(refusal)
        install(image / "var/runtime")
        runtime = [request.param]
        task = image / "var/task"
    (task / "app.py").write_text(APP)
    (task / "broken.py").write_text(BROKEN)
    return Start(runtime, directory, image)


@pytest.fixture(scope="module")
def rie(start: Start) -> Iterator[Rie]:
    """The emulator with the function that tells about its invocation, fails, or answers at a given length."""
    with start.serve("app.handler") as emulator:
        yield emulator


@pytest.fixture(scope="module")
def echo(start: Start) -> Iterator[Rie]:
    """The emulator with the function that returns its event."""
    with start.serve("app.echo") as emulator:
        yield emulator


@pytest.mark.parametrize(
    "event", [{"a": [1, 2.5, None, True, {}]}, [], "text", 0, None, "\u00e9\u4e2d\U0001f600 \u2028", {"\u00fc": "\x00"}]
)
def test_echo(echo: Rie, event: object) -> None:
    """Every kind of JSON comes back as it went in, beyond ASCII too."""
    assert echo.invoke(event) == event


def test_six_megabytes_both_ways(echo: Rie) -> None:
    """The largest event and answer that Lambda takes pass whole."""
    event = b'"' + b"0123456789abcdef" * (EVENT_BYTES // 16) + b'"'
    assert echo.invoke_raw(event) == event


def test_context_of_the_emulator(rie: Rie) -> None:
    """The headers of a real Runtime API arrive in the context."""
    seen = rie.invoke({})
    assert seen["request_id"] in rie.log
    assert seen["arn"].startswith("arn:aws:lambda:")
    assert 0 < seen["remaining_ms"] <= 900_000


def test_invocations_share_a_process(rie: Rie) -> None:
    """A function keeps its process, and with it what it has loaded, also after it has failed."""
    first = rie.invoke({})
    assert rie.invoke({"fail": "x"})["errorType"] == "LookupError"
    second = rie.invoke({})
    assert second["pid"] == first["pid"]
    assert second["request_id"] != first["request_id"]


def test_error_document(rie: Rie) -> None:
    """A failing function answers with the document, and its error is in the log."""
    document = rie.invoke({"fail": "not there: \u00e9\u4e2d"})
    assert list(document) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (document["errorMessage"], document["errorType"]) == ("not there: \u00e9\u4e2d", "LookupError")
    assert len(document["stackTrace"]) == 1
    assert 'raise LookupError(event["fail"])' in document["stackTrace"][0]
    assert "[ERROR] LookupError: not there: \u00e9\u4e2d" in rie.log


def test_answer_at_the_limit_and_above(rie: Rie) -> None:
    """The last byte that is allowed passes; with one more the caller is told, and the function goes on."""
    pid = rie.invoke({})["pid"]
    assert len(rie.invoke_raw(json.dumps({"answer_bytes": ANSWER_LIMIT_BYTES}).encode())) == ANSWER_LIMIT_BYTES
    refusal = rie.invoke({"answer_bytes": ANSWER_LIMIT_BYTES + 1})
    assert refusal["errorType"] == "Function.ResponseSizeTooLarge"
    assert rie.invoke({})["pid"] == pid


def test_init_error(start: Start) -> None:
    """A function that cannot be imported answers with the reason, and the runtime ends with exit code 1."""
    with start.serve("broken.handler") as emulator:
        document = emulator.invoke({})
        assert document["errorType"] == "Runtime.ImportModuleError"
        assert "module_that_is_not_there_\u00e9\u4e2d" in document["errorMessage"]
        assert document["requestId"] == ""
        assert "exit status 1" in emulator.log


def test_sigterm_while_idle(start: Start) -> None:
    """SIGTERM ends a runtime that waits for work at once, whatever started it, and a new one takes over."""
    with start.serve("app.handler") as emulator:
        pid = emulator.invoke({})["pid"]
        os.kill(pid, signal.SIGTERM)
        assert wait_for_end(pid, PROMPT_S)
        # The emulator spends one invocation on finding out.
        assert emulator.invoke({})["errorType"] == "Runtime.ExitError"
        assert emulator.invoke({})["pid"] != pid


def test_sigterm_to_the_emulator(start: Start) -> None:
    """`docker stop` ends emulator and runtime: nothing stays behind."""
    with start.serve("app.handler") as emulator:
        pid = emulator.invoke({})["pid"]
        assert emulator.stop() == 0
        assert wait_for_end(pid, PROMPT_S)


def test_one_interpreter_is_started(tmp_path: Path) -> None:
    """A cold start through the entry point starts Python once."""
    install(tmp_path / "runtime")
    (tmp_path / "app.py").write_text(APP)
    python, starts = counting_python(tmp_path / "python3")
    with Rie([tmp_path / "runtime/bootstrap", "app.handler"], tmp_path, RIC_PYTHON=str(python)) as emulator:
        assert emulator.invoke({})["pid"]
        assert starts() == 1
