"""The real sentry-sdk on ric: its AWS Lambda integration replaces functions of the runtime by name.

Rules: the transport writes envelopes to a file, so nothing leaves the machine; the Runtime API is a fake on loopback,
and must still get the function's own errors.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.function_run import ERROR, INIT_ERROR, LAUNCHERS, RESPONSE, Run, invocation, run_function

pytest.importorskip("sentry_sdk")

_INIT_SENTRY = """
import json, os
import sentry_sdk
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration
from sentry_sdk.transport import Transport


class FileTransport(Transport):
    def capture_envelope(self, envelope):
        event = envelope.get_event()
        with open(os.environ["EVENTS"], "a") as file:
            file.write(json.dumps(event, default=str) + "\\n")


sentry_sdk.init(
    dsn="http://key@127.0.0.1:9/1", transport=FileTransport, integrations=[AwsLambdaIntegration(timeout_warning=False)]
)
"""


def run_with_sentry(tmp_path: Path, source: str, launcher: str) -> tuple[Run, list[dict[str, Any]]]:
    """Runs the function with two invocations, of event 1 and of event 0; returns also what sentry-sdk sent."""
    events = tmp_path / "events"
    events.touch()
    run = run_function(
        tmp_path,
        _INIT_SENTRY + source,
        [invocation(1, number=1), invocation(0, number=2)],
        launcher=launcher,
        # sentry-sdk may use what Python deprecates: that is not ours to judge.
        environment={"EVENTS": str(events), "PYTHONWARNINGS": "default", "AWS_REGION": "eu-west-1"},
    )
    return run, [json.loads(line) for line in events.read_text().splitlines()]


def exception_of(event: dict[str, Any]) -> tuple[str, str, list[str]]:
    """Returns type, message and functions of the stack of the event's last exception."""
    exception = event["exception"]["values"][-1]
    return exception["type"], exception["value"], [frame["function"] for frame in exception["stacktrace"]["frames"]]


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_an_error_of_the_handler_is_captured(launcher: str, tmp_path: Path) -> None:
    """sentry-sdk gets the exception with the user's frames, and Lambda gets it too."""
    source = """
def divide(number):
    return 1 // number

def handler(event, context):
    return divide(event)
"""
    run, events = run_with_sentry(tmp_path, source, launcher)

    assert run.results() == [1]
    assert [json.loads(post.body)["errorType"] for post in run.posts(ERROR)] == ["ZeroDivisionError"]
    assert len(events) == 1, run
    error_type, _, functions = exception_of(events[0])
    assert (error_type, functions[-2:]) == ("ZeroDivisionError", ["handler", "divide"])
    assert events[0]["extra"]["lambda"]["aws_request_id"] == "request-2"


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_an_error_while_the_module_is_imported_is_captured(launcher: str, tmp_path: Path) -> None:
    """sentry-sdk gets an exception that the function's module raises, with its stack, and Lambda gets it too."""
    source = """
def connect():
    raise RuntimeError("no database")

connect()

def handler(event, context):
    return event
"""
    run, events = run_with_sentry(tmp_path, source, launcher)

    assert [json.loads(post.body)["errorMessage"] for post in run.posts(INIT_ERROR)] == ["no database"]
    assert run.exit_code == 1
    assert len(events) == 1, run
    error_type, message, functions = exception_of(events[0])
    assert (error_type, message, functions[-2:]) == ("RuntimeError", "no database", ["<module>", "connect"])


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_missing_module_is_captured(launcher: str, tmp_path: Path) -> None:
    """So it is with a module that cannot be imported, which the runtime reports in its own words."""
    source = """
import no_such_module

def handler(event, context):
    return event
"""
    run, events = run_with_sentry(tmp_path, source, launcher)

    assert [json.loads(post.body)["errorType"] for post in run.posts(INIT_ERROR)] == ["Runtime.ImportModuleError"]
    assert len(events) == 1, run
    types = [exception["type"] for exception in events[0]["exception"]["values"]]
    assert types == ["ModuleNotFoundError", "FaultException"]


_STREAMS = {
    "async def": """
async def divide(number):
    return 1 // number
async def handler(event, context):
    return await divide(event)
""",
    "generator": """
def divide(number):
    return 1 // number
def handler(event, context):
    yield "result: "
    yield str(divide(event))
""",
    "async generator": """
def divide(number):
    return 1 // number
async def handler(event, context):
    yield "result: "
    yield str(divide(event))
""",
    "StreamingResponse": """
from ric import StreamingResponse
def divide(number):
    return 1 // number
def body(number):
    yield "result: "
    yield str(divide(number))
def handler(event, context):
    return StreamingResponse(body(event))
""",
}


@pytest.mark.parametrize("kind", _STREAMS)
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_errors_of_async_and_streaming_handlers_are_captured(launcher: str, kind: str, tmp_path: Path) -> None:
    """sentry-sdk wraps the plain form of the handler, so it sees what is raised in the middle of a stream."""
    run, events = run_with_sentry(tmp_path, _STREAMS[kind], launcher)

    posts = run.posts(RESPONSE)
    if kind == "async def":
        assert run.results() == [1]
        assert len(run.posts(ERROR)) == 1
    else:
        assert [b"result: " in post.body for post in posts] == [True, True]
        assert run.posts(ERROR) == []
        assert b"Function.ZeroDivisionError" in posts[1].body
    assert len(events) == 1, run
    error_type, _, functions = exception_of(events[0])
    assert (error_type, functions[-1]) == ("ZeroDivisionError", "divide")
    assert events[0]["extra"]["lambda"]["aws_request_id"] == "request-2"
