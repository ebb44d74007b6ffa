"""The Invoke API of the emulator through boto3, the client that most callers have."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ric.local import Emulator, InvocationEnd, InvocationStart, ServiceError
from ric.local.invocation_queue import MAX_QUEUED
from tests.emulator_listeners import LIMIT_BYTES, Listeners, listening
from tests.emulator_running import Recorder, emulated, lambda_client

FUNCTION = """
import json, os, time

def handler(event, context):
    if event == "fail":
        raise ValueError("no such thing")
    if event == "chat":
        print("first line")
        print("x" * 5000)
        print("last line")
    if event == "sleep":
        time.sleep(600)
    custom = context.client_context.custom if context.client_context else None
    return {"event": event, "id": context.aws_request_id, "custom": custom, "tenant": context.tenant_id,
            "identity": context.identity.cognito_identity_id, "pool": context.identity.cognito_identity_pool_id,
            "trace": os.environ.get("_X_AMZN_TRACE_ID"), "arn": context.invoked_function_arn,
            "name": context.function_name, "memory": context.memory_limit_in_mb,
            "remaining_ms": context.get_remaining_time_in_millis()}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Emulator, Recorder]]:
    """A function that tells about its invocation, with a time limit."""
    directory = tmp_path_factory.mktemp("invoke")
    with emulated(directory, FUNCTION, function_name="orders", timeout_s=1.5, memory_mb=512) as running:
        yield running


@pytest.fixture(scope="module")
def client(running: tuple[Emulator, Recorder]) -> Iterator[Any]:
    """boto3 on that function."""
    with lambda_client(running[0].base_url) as client:
        yield client


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    """Both listeners, and a runtime that has not asked for anything yet."""
    with listening() as listeners:
        yield listeners


def invoke(client: Any, event: object, **options: Any) -> Any:
    """Invokes the function; the decoded payload is added to boto3's answer."""
    answer = client.invoke(FunctionName="orders", Payload=json.dumps(event), **options)
    return {**answer, "json": json.loads(answer["Payload"].read() or "null")}


class TestBoto3Invoke:
    """``client("lambda", endpoint_url=...).invoke``."""

    def test_a_result(self, client: Any) -> None:
        """boto3 finds status, version, request id and payload where it looks for them."""
        answer = invoke(client, {"name": "Zoë"})
        assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
        assert answer["json"]["event"] == {"name": "Zoë"}
        assert answer["json"]["id"] == answer["ResponseMetadata"]["RequestId"]
        assert "FunctionError" not in answer
        assert "LogResult" not in answer

    def test_what_the_function_is_told_about_itself(self, client: Any) -> None:
        """Name, memory and time limit given to the emulator are those of the context."""
        seen = invoke(client, {})["json"]
        assert (seen["name"], seen["memory"]) == ("orders", "512")
        assert 0 < seen["remaining_ms"] <= 1500

    def test_a_function_error(self, client: Any) -> None:
        """A failure is status 200 with FunctionError and the error document."""
        answer = invoke(client, "fail")
        assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
        assert answer["json"]["errorType"] == "ValueError"

    def test_a_timeout(self, client: Any, running: tuple[Emulator, Recorder]) -> None:
        """A timeout is a function error in Lambda's words, and the next caller is served by a new process."""
        answer = invoke(client, "sleep")
        assert answer["FunctionError"] == "Unhandled"
        (message,) = answer["json"].values()
        assert list(answer["json"]) == ["errorMessage"]
        moment, request_id, rest = message.split(" ", 2)
        assert moment.endswith("Z")
        assert request_id == answer["ResponseMetadata"]["RequestId"]
        assert rest == "Task timed out after 1.50 seconds"
        assert invoke(client, 1)["json"]["event"] == 1

    def test_an_asynchronous_invocation(self, client: Any, running: tuple[Emulator, Recorder]) -> None:
        """Event is answered 202 before the function runs, and the function runs."""
        answer = invoke(client, "later", InvocationType="Event")
        assert (answer["StatusCode"], answer["json"]) == (202, None)
        request_id = answer["ResponseMetadata"]["RequestId"]
        end = running[1].wait_for(InvocationEnd, lambda end: end.request_id == request_id)
        assert (end.status, json.loads(end.payload)["event"]) == ("success", "later")

    def test_a_dry_run(self, client: Any, running: tuple[Emulator, Recorder]) -> None:
        """DryRun is answered 204, and the function does not run."""
        count = len(running[1].of(InvocationEnd))
        assert invoke(client, "x", InvocationType="DryRun")["StatusCode"] == 204
        invoke(client, "y")
        assert len(running[1].of(InvocationEnd)) == count + 1

    def test_the_tail_of_the_log(self, client: Any) -> None:
        """LogType Tail returns the last 4 KB of the log, up to and with REPORT."""
        answer = invoke(client, "chat", LogType="Tail")
        tail = base64.b64decode(answer["LogResult"])
        assert len(tail) == 4096
        *_, last, end, report = tail.decode().splitlines()
        request_id = answer["ResponseMetadata"]["RequestId"]
        assert last == "last line"
        assert end == f"END RequestId: {request_id}"
        assert report.startswith(f"REPORT RequestId: {request_id}\tDuration: ")
        quiet = base64.b64decode(invoke(client, {}, LogType="Tail")["LogResult"]).decode().splitlines()
        assert quiet[0].startswith("START RequestId: ")
        assert quiet[0].endswith(" Version: $LATEST")
        assert len(quiet) == 3

    def test_what_the_caller_sends_along(self, client: Any) -> None:
        """Client context and tenant reach the function through boto3's parameters."""
        context = base64.b64encode(json.dumps({"custom": {"k": "é"}}).encode()).decode()
        seen = invoke(client, {}, ClientContext=context, TenantId="blue")["json"]
        assert (seen["custom"], seen["tenant"]) == ({"k": "é"}, "blue")

    @pytest.mark.parametrize(
        ("name", "qualifier", "arn_end"),
        [
            ("orders", None, "function:orders"),
            ("function", None, "function:orders"),
            ("orders:live", None, "function:orders:live"),
            ("orders", "7", "function:orders:7"),
            ("arn:aws:lambda:us-east-1:012345678912:function:orders", None, "function:orders"),
            ("012345678912:function:orders:$LATEST", None, "function:orders:$LATEST"),
        ],
    )
    def test_every_way_to_name_it(self, client: Any, name: str, qualifier: str | None, arn_end: str) -> None:
        """A function answers to its name, its ARN in all forms, any qualifier, and RIE's name for every function."""
        options = {"Qualifier": qualifier} if qualifier else {}
        seen = json.loads(client.invoke(FunctionName=name, **options)["Payload"].read())
        assert seen["arn"].endswith(arn_end)


class TestServiceErrors:
    """What boto3 raises: the error's code, its status, and that the function never ran."""

    def refusal(self, client: Any, **options: Any) -> tuple[int, str, str]:
        """Returns status, code and message of the error."""
        with pytest.raises(ClientError) as raised:
            client.invoke(**{"FunctionName": "orders", "Payload": b"{}", **options})
        response: Any = raised.value.response
        return (
            response["ResponseMetadata"]["HTTPStatusCode"],
            response["Error"]["Code"],
            response["Error"]["Message"],
        )

    @pytest.mark.parametrize(
        "payload", [b"{", b"nothing", b"{} {}", b"\xff\xfe", b"NaN", b"[" * 100_000, b"\xef\xbb\xbf{}"]
    )
    def test_an_event_that_is_not_json(self, client: Any, payload: bytes) -> None:
        """An event that is no JSON is InvalidRequestContentException, status 400."""
        status, code, message = self.refusal(client, Payload=payload)
        assert (status, code) == (400, "InvalidRequestContentException")
        assert message.startswith("Could not parse request body into json: ")

    def test_another_function(self, client: Any) -> None:
        """Another name is ResourceNotFoundException, status 404, which tells the right one."""
        status, code, message = self.refusal(client, FunctionName="invoices")
        assert (status, code) == (404, "ResourceNotFoundException")
        assert "/2015-03-31/functions/orders/invocations" in message

    def test_a_large_event(self, client: Any) -> None:
        """An event above 6 MB is RequestTooLargeException, status 413; so is one above 1 MB for Event."""
        assert self.refusal(client, Payload=b" " * (LIMIT_BYTES + 1))[:2] == (413, "RequestTooLargeException")
        large = b'"' + b"x" * 1024 * 1024 + b'"'
        assert self.refusal(client, Payload=large, InvocationType="Event")[:2] == (413, "RequestTooLargeException")

    def test_an_unknown_type(self, client: Any) -> None:
        """Invocation and log types that do not exist are InvalidParameterValueException, status 400."""
        assert self.refusal(client, InvocationType="Later")[:2] == (400, "InvalidParameterValueException")
        assert self.refusal(client, LogType="Head")[:2] == (400, "InvalidParameterValueException")

    def test_other_actions(self, client: Any) -> None:
        """An action that the emulator does not have is an error, and no request to the function URL."""
        with pytest.raises(ClientError) as raised:
            client.get_function(FunctionName="orders")
        assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"

    def test_a_full_queue(self, listeners: Listeners) -> None:
        """More callers than the queue takes are told TooManyRequestsException, status 429; the others are served."""
        with lambda_client(listeners.invoke_api.base_url) as client:
            for _ in range(MAX_QUEUED):
                answer = client.invoke(FunctionName="function", InvocationType="Event")
                assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
            assert self.refusal(client, FunctionName="function")[:2] == (429, "TooManyRequestsException")
        assert listeners.take()


class TestHeaders:
    """What boto3 has no parameter for."""

    def test_trace_id_and_identity(self, running: tuple[Emulator, Recorder]) -> None:
        """Trace id and Cognito identity reach the function from a program's keyword arguments."""
        emulator, _ = running
        result = emulator.invoke(
            {}, trace_id="Root=1-2-3", cognito_identity_id="me", cognito_identity_pool_id="swimmers", tenant_id="t"
        )
        seen = result.json()
        assert (seen["trace"], seen["identity"], seen["pool"], seen["tenant"]) == ("Root=1-2-3", "me", "swimmers", "t")

    def test_cognito_headers(self, listeners: Listeners) -> None:
        """Over HTTP the Cognito identity comes in two headers, and goes on to the runtime as one JSON value."""
        listeners.call(headers={"X-Amz-Cognito-Identity-Id": "me", "X-Amz-Cognito-Identity-Pool-Id": "swimmers"})
        identity = json.loads(listeners.next().headers["Lambda-Runtime-Cognito-Identity"])
        assert identity == {"cognitoIdentityId": "me", "cognitoIdentityPoolId": "swimmers"}


class TestInProcess:
    """``Emulator.invoke``, which needs no HTTP."""

    def test_a_result(self, running: tuple[Emulator, Recorder]) -> None:
        """The result holds what a caller over HTTP would get, and the report's duration."""
        emulator, recorder = running
        result = emulator.invoke({"a": 1}, client_context={"custom": {"b": 2}})
        assert (result.status, result.function_error, result.chunks) == (200, None, ())
        assert result.json()["event"] == {"a": 1}
        assert result.json()["custom"] == {"b": 2}
        assert result.log_tail.startswith(f"START RequestId: {result.request_id} ")
        (end,) = [end for end in recorder.of(InvocationEnd) if end.request_id == result.request_id]
        assert end.duration_ms == result.duration_ms > 0

    def test_bytes_are_the_payload_itself(self, running: tuple[Emulator, Recorder]) -> None:
        """Bytes go to the function as they are; what is no JSON is refused as over HTTP."""
        emulator, _ = running
        assert emulator.invoke(b' {"a":1} ').json()["event"] == {"a": 1}
        with pytest.raises(ServiceError) as raised:
            emulator.invoke(b"{")
        assert (raised.value.status, raised.value.error_type) == (400, "InvalidRequestContentException")

    def test_a_function_error(self, running: tuple[Emulator, Recorder]) -> None:
        """A failure is no exception: the result says so and has the error document."""
        result = running[0].invoke("fail")
        assert (result.status, result.function_error) == (200, "Unhandled")
        assert json.loads(result.error_document)["errorMessage"] == "no such thing"

    def test_other_invocation_types(self, running: tuple[Emulator, Recorder]) -> None:
        """Event and DryRun return at once with their status."""
        emulator, recorder = running
        assert emulator.invoke({}, invocation_type="DryRun").status == 204
        result = emulator.invoke("async", invocation_type="Event")
        assert result.status == 202
        recorder.wait_for(InvocationEnd, lambda end: end.request_id == result.request_id)

    def test_other_invocation_types_of_a_stream(self, running: tuple[Emulator, Recorder]) -> None:
        """As over HTTP a stream may be tried without running the function, and is not to be had later."""
        emulator, recorder = running
        count = len(recorder.of(InvocationStart))
        dry = emulator.invoke_stream({}, invocation_type="DryRun")
        assert (list(dry), dry.result().status, dry.result().payload) == ([], 204, b"")
        with pytest.raises(ServiceError) as raised:
            emulator.invoke_stream({}, invocation_type="Event")
        assert (raised.value.status, raised.value.error_type) == (400, "InvalidParameterValueException")
        emulator.invoke()
        assert len(recorder.of(InvocationStart)) == count + 1

    def test_a_stream_is_collected_under_the_rules_of_invoke(self, tmp_path: Path) -> None:
        """Without HTTP, too, a streamed response of more than 6 MB, or that fails half-way, is an error alone."""
        code = """
def handler(event, context):
    for number in range(event["pieces"]):
        yield b"x" * 1_000_000
    if event.get("fail"):
        raise ValueError("half-way")
"""
        with emulated(tmp_path, code) as (emulator, _):
            whole = emulator.invoke({"pieces": 6})
            large = emulator.invoke({"pieces": 7})
            failed = emulator.invoke({"pieces": 1, "fail": True})
            streamed = emulator.invoke_stream({"pieces": 7}).result()
        assert (len(whole.payload), whole.content_type) == (6_000_000, "application/octet-stream")
        assert (large.function_error, large.json()["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
        assert (failed.function_error, failed.json()["errorType"]) == ("Unhandled", "ValueError")
        assert (whole.chunks, large.chunks, failed.chunks) == ((), (), ())
        assert len(streamed.payload) == 7_000_000

    def test_a_stopped_emulator(self, tmp_path: Path) -> None:
        """After its end an invocation is refused as by a service that is down, not left waiting."""
        with emulated(tmp_path, FUNCTION) as (emulator, _):
            pass
        with pytest.raises(ServiceError) as raised:
            emulator.invoke({})
        assert raised.value.status == 503
