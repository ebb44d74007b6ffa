"""``invoke``: one invocation in process, by the code that serves it in Lambda."""

from __future__ import annotations

import gc
import json
import logging
import sys
import threading
from contextvars import ContextVar
from dataclasses import FrozenInstanceError
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from ric import bootstrap, identity
from ric.api.client import LambdaRuntimeClient
from ric.errors import FaultException
from ric.process.sinks import StandardLogSink
from ric.testing import (
    ErrorDocument,
    FunctionError,
    PostedError,
    PostedResult,
    RecordingClient,
    invoke,
    make_context,
    set_remaining_time,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ric.bootstrap import LambdaContext


def echo(event: Any, context: LambdaContext) -> Any:
    """Returns the event."""
    return event


def fail(event: Any, context: LambdaContext) -> Any:
    """Raises."""
    raise ValueError("no name")


@pytest.mark.parametrize(
    ("event", "decoded"),
    [
        ({"a": [1, 2.5, None, True]}, {"a": [1, 2.5, None, True]}),
        ("text", "text"),
        (None, None),
        (b'{"a": 1}', {"a": 1}),
        ({"price": Decimal("1.10")}, {"price": 1.1}),
        ({"name": "Grüezi \ud800"}, {"name": "Grüezi \ud800"}),
        ((1, 2), [1, 2]),
    ],
)
def test_the_event_goes_through_json(event: object, decoded: object) -> None:
    """A handler gets what it would get in Lambda, not the very object of the test."""
    seen: list[object] = []

    def handler(event: Any, context: LambdaContext) -> None:
        seen.append(event)

    invoke(handler, event)

    assert seen == [decoded]
    assert seen[0] is not event or not isinstance(event, (dict, list))


def test_the_result_is_encoded_as_in_lambda() -> None:
    """The bytes are the runtime's own, so a test sees what the caller gets."""
    result = invoke(lambda event, context: {"a": (1, Decimal("1.10")), "ü": "é"}, {})

    assert result.raw == b'{"a": [1, 1.10], "\\u00fc": "\\u00e9"}'
    assert result.content_type == "application/json"
    assert result.payload == {"a": [1, 1.1], "ü": "é"}
    assert result.chunks == (result.raw,)
    assert (result.error, result.exception, result.logs) == (None, None, "")
    assert result.raise_for_error() is result


def test_the_execution_environment_is_that_of_each_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """How the first result was encoded does not decide about the second one."""
    assert invoke(echo, "é").raw == b'"\\u00e9"'
    monkeypatch.setenv("AWS_EXECUTION_ENV", "AWS_Lambda_python3.12")
    assert invoke(echo, "é").raw == '"é"'.encode()


def test_bytes_are_not_decoded() -> None:
    """A binary result stays one."""
    result = invoke(lambda event, context: b"\x00{", {})

    assert (result.raw, result.payload, result.content_type) == (b"\x00{", b"\x00{", "application/unknown")


def test_an_assigned_marshaller_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a function assigns to decode events and encode results is tested along with it."""

    class Marshaller:
        def unmarshal_request(self, request: bytes, content_type: str | None) -> str:
            return request.decode()

        def marshal_response(self, response: object) -> tuple[bytes, str]:
            return f"<{response}>".encode(), "text/xml"

    monkeypatch.setattr(LambdaRuntimeClient, "marshaller", Marshaller())

    result = invoke(echo, b"a")

    assert (result.payload, result.content_type) == (b"<a>", "text/xml")


def test_a_handler_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler string is resolved as in Lambda, and nothing is hidden from the collector afterwards."""
    (tmp_path / "named_app.py").write_text("def handler(event, context):\n    return __name__\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert invoke("named_app.handler", {}).payload == "named_app"
    assert gc.get_freeze_count() == 0
    del sys.modules["named_app"]


def test_a_handler_that_does_not_exist_is_an_error_of_the_test() -> None:
    """A typing error does not look like a failure of the function."""
    with pytest.raises(FaultException, match=r"Runtime\.HandlerNotFound: Handler 'nothing' missing"):
        invoke(f"{__name__}.nothing", {})


def test_an_event_that_is_no_json_is_an_error_of_the_test() -> None:
    """What no caller could send does not look like a failure of the function."""
    with pytest.raises(TypeError, match="not JSON serializable"):
        invoke(echo, {"day": date(2025, 1, 1)})


def test_a_failure_is_the_document_that_the_caller_gets() -> None:
    """Error document, log record and exception of a failure are all there for the test to look at."""
    result = invoke(fail, {}, context=make_context(request_id="r1"))

    assert result.error is not None
    assert (result.error.type, result.error.message, result.error.request_id) == ("ValueError", "no name", "r1")
    assert len(result.error.stack_trace) == 1, "frames of the runtime are not the user's business"
    assert 'raise ValueError("no name")' in result.error.stack_trace[0]
    assert list(result.payload) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert json.loads(result.raw) == result.payload
    assert result.chunks == (result.raw,)
    assert result.logs.startswith("[ERROR] ValueError: no name\rTraceback (most recent call last):\r")
    assert type(result.exception) is ValueError


def test_a_failure_can_be_raised() -> None:
    """A test that expects success fails with the function's own traceback."""
    with pytest.raises(FunctionError, match="the function failed with ValueError: no name") as caught:
        invoke(fail, {}).raise_for_error()

    assert type(caught.value.__cause__) is ValueError
    assert caught.value.document.type == "ValueError"


@pytest.mark.parametrize(
    ("event", "result", "error_type", "message"),
    [
        (b"{", None, "Runtime.UnmarshalError", "Unable to unmarshal input"),
        (b"{}", {1, 2}, "Runtime.MarshalError", "Unable to marshal response"),
    ],
)
def test_what_json_cannot_express_fails(event: bytes, result: object, error_type: str, message: str) -> None:
    """A handler whose result only works in Python fails in the test already."""
    answer = invoke(lambda event, context: result, event)

    assert answer.error is not None
    assert (answer.error.type, message in answer.error.message) == (error_type, True)
    with pytest.raises(FunctionError):
        answer.raise_for_error()


def test_an_exit_is_a_failure_of_the_function() -> None:
    """``sys.exit()`` in a handler does not end the test run."""
    result = invoke(lambda event, context: sys.exit(3), {})

    assert result.error is not None
    assert (result.error.type, result.error.message) == ("SystemExit", "3")


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), pytest.fail.Exception("never call this")])
def test_what_is_meant_for_the_test_run_reaches_it(raised: BaseException) -> None:
    """Ctrl-C and ``pytest.fail`` are not swallowed by the function under test."""

    def handler(event: Any, context: LambdaContext) -> None:
        raise raised

    stdout = sys.stdout
    with pytest.raises(type(raised)) as caught:
        invoke(handler, {})
    assert caught.value is raised
    assert sys.stdout is stdout


def test_the_handler_gets_the_very_context() -> None:
    """What a test or the handler sets on the context is seen by the other; the time can be changed half-way."""
    context = make_context(remaining_time_ms=60_000)

    def handler(event: Any, context: LambdaContext) -> list[bool]:
        before = context.get_remaining_time_in_millis() > 1000
        set_remaining_time(context, 10)
        return [context is expected, before, context.get_remaining_time_in_millis() > 1000]

    expected = context

    assert invoke(handler, {}, context=context).payload == [True, True, False]


def test_the_duration_is_measured() -> None:
    """A result says how long the invocation took."""
    assert invoke(echo, {}).duration_ms > 0


def test_a_result_is_a_value() -> None:
    """Nobody changes a result by accident, and the payload is decoded once."""
    result = invoke(echo, {"a": 1})

    assert result.payload is result.payload
    with pytest.raises(FrozenInstanceError):
        result.raw = b""  # type: ignore[misc]


def test_log_records_carry_the_request_and_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record is as in Lambda, JSON included; afterwards there is no current invocation."""
    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", "JSON")

    def handler(event: Any, context: LambdaContext) -> None:
        logging.warning("here")
        raise ValueError("no name")

    result = invoke(handler, {}, context=make_context(request_id="r1", tenant_id="blue"))

    record, error = (json.loads(line) for line in result.logs.splitlines())
    assert (record["message"], record["requestId"], record["tenantId"]) == ("here", "r1", "blue")
    assert (error["level"], error["errorType"], error["requestId"]) == ("ERROR", "ValueError", "r1")
    assert identity.current() == (None, None)


def test_the_trace_id_is_the_invocations_own() -> None:
    """A function finds it as in every mode of Lambda: its own, none where none is given, and none afterwards."""

    def inner(event: Any, context: LambdaContext) -> str | None:
        return identity.trace_id()

    def outer(event: Any, context: LambdaContext) -> list[str | None]:
        return [invoke(inner, {}, trace_id=event).payload, identity.trace_id()]

    assert invoke(outer, "Root=2", trace_id="Root=1").payload == ["Root=2", "Root=1"]
    assert invoke(outer, None).payload == [None, None]
    assert identity.trace_id() is None


def test_context_variables_of_the_handler_do_not_last() -> None:
    """What one invocation puts into a context variable another test does not find."""
    variable: ContextVar[str] = ContextVar("variable", default="unset")

    invoke(lambda event, context: variable.set("set") and None, {})

    assert variable.get() == "unset"


def test_a_handler_may_invoke_another_one() -> None:
    """Functions that call each other can be tested together; each result has its own log."""

    def inner(event: Any, context: LambdaContext) -> str:
        context.log("inner log\n")
        logging.warning("inner record")
        return context.aws_request_id

    def outer(event: Any, context: LambdaContext) -> list[str]:
        result = invoke(inner, {}, context=make_context(request_id="r2"))
        context.log("outer log\n")
        return [result.payload, result.logs, str(identity.current()[0])]

    result = invoke(outer, {}, context=make_context(request_id="r1"))

    request_id, log, own_request_id = result.payload
    assert (request_id, own_request_id) == ("r2", "r1")
    assert [line.split("\t")[-1] for line in log.splitlines()] == ["inner log", "inner record"]
    assert result.logs == "outer log\n"


def test_invocations_of_several_threads_do_not_mix() -> None:
    """Tests that invoke from threads get each invocation's own result and log, because one runs at a time."""
    results: dict[int, tuple[Any, str]] = {}
    both_inside = threading.Barrier(2)

    def handler(event: Any, context: LambdaContext) -> bool:
        sys.stdout.write(f"{event} begins\n")
        try:
            both_inside.wait(0.5)
        except threading.BrokenBarrierError:
            return True  # nobody else came in, as it should be
        finally:
            sys.stdout.write(f"{event} ends\n")
        return False

    def run(number: int) -> None:
        result = invoke(handler, number)
        results[number] = (result.payload, result.logs)

    stdout = sys.stdout
    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert results == {number: (True, f"{number} begins\n{number} ends\n") for number in range(2)}
    assert sys.stdout is stdout


def test_a_replaced_loop_function_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error tracker that replaces ``handle_event_request`` can be tested with the function."""
    original = bootstrap.handle_event_request

    def tracker(client: Any, handler: Any, *rest: Any) -> None:
        original(client, lambda event, context: ["tracked", handler(event, context)], *rest)

    monkeypatch.setattr(bootstrap, "handle_event_request", tracker)

    assert invoke(echo, 1).payload == ["tracked", 1]


def test_a_tracker_sees_the_context_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """What wraps the handler outside reads the same names and deadline as the handler."""
    original = bootstrap.handle_event_request
    seen: list[Any] = []

    def tracker(client: Any, handler: Any, *rest: Any) -> None:
        def wrapped(event: Any, context: LambdaContext) -> Any:
            seen.append([*map(str, (context, context._epoch_deadline_time_in_ms))])
            return handler(event, context)

        original(client, wrapped, *rest)

    monkeypatch.setattr(bootstrap, "handle_event_request", tracker)
    context = make_context(function_name="orders", memory_limit_mb=512, tenant_id="blue")
    invoke(echo, 1, context=context)

    assert seen == [[str(context), str(context._epoch_deadline_time_in_ms)]]


def test_the_recording_client_stands_in_for_the_runtime_api() -> None:
    """Tests of tools around the runtime can use it with the runtime's own function."""
    client = RecordingClient()
    for handler in (echo, fail):
        bootstrap.handle_event_request(
            client, handler, "r1", b"[1]", None, None, None, "arn", 0, None, StandardLogSink(), "echoed"
        )

    result, error = client.posts
    assert result == PostedResult("r1", b"[1]", "application/json")
    assert isinstance(error, PostedError)
    assert ErrorDocument.from_json(error.body).message == "no name"
    assert json.loads(error.xray_cause)["exceptions"][0]["type"] == "ValueError"
