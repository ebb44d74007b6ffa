"""What the emulator answers a runtime or an extension that breaks the rules: it is a test double for clients."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
import requests

from ric.local.runtime.lifecycle import Step
from tests.emulator_listeners import TIMEOUT_SECONDS, Listeners, RuntimeStream, listening

DOCUMENT = json.dumps({"errorType": "ValueError", "errorMessage": "x"}).encode()
NO_ERROR_DOCUMENTS = [
    pytest.param(b"\xff", id="no text"),
    pytest.param(b"[]", id="no object"),
    pytest.param(b'{"errorType": {}, "errorMessage": null}', id="no text in it"),
    pytest.param(b'{"errorType":' + b"[" * 100_000, id="deep"),
    pytest.param(b'{"errorMessage":' + b"1" * 10_000 + b"}", id="a long number"),
]


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    """Both listeners, and a runtime that has not asked for anything yet."""
    with listening() as listeners:
        yield listeners


@pytest.fixture
def several() -> Iterator[Listeners]:
    """The same for a runtime that may have two invocations at once."""
    with listening(slots=2) as listeners:
        yield listeners


class TestOneAtATime:
    """The ordinary state machine."""

    @pytest.mark.parametrize("kind", ["response", "error"])
    def test_an_answer_before_the_first_next(self, listeners: Listeners, kind: str) -> None:
        """There is nothing to answer yet: 400."""
        refused = listeners.post(f"invocation/x/{kind}", DOCUMENT)
        assert (refused.status_code, refused.json()["errorType"]) == (400, "InvalidRequestID")

    def test_an_answer_that_comes_too_late(self) -> None:
        """After the time is up an answer is 410; its caller has heard of the timeout."""
        with listening(timeout_s=0.05) as listeners:
            caller = listeners.call()
            request_id = listeners.take()
            task = listeners.lifecycle.next_task()
            assert task.step is Step.END_OVERDUE
            listeners.journal.conclude(task.settled)
            assert "timed out" in caller.result().json()["errorMessage"]
            for mode in ({}, {"Lambda_Runtime_Function_Response_Mode": "streaming"}):
                late = listeners.post(f"invocation/{request_id}/response", b"1", **mode)
                assert (late.status_code, late.json()["errorType"]) == (410, "ResourceGone")

    def test_an_answer_to_what_was_given_up(self, listeners: Listeners) -> None:
        """Asking for the next invocation gave up the one before, so its answer is 410."""
        listeners.call()
        request_id = listeners.take()
        listeners.call()
        listeners.take()
        assert listeners.post(f"invocation/{request_id}/response", b"1").status_code == 410

    def test_a_reply_of_another_invocation(self, listeners: Listeners) -> None:
        """The invocation id that came with /next must come back unchanged, if it comes back."""
        caller = listeners.call()
        answer = listeners.next()
        request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
        token = answer.headers["Lambda-Runtime-Invocation-Id"]
        path = f"invocation/{request_id}/response"
        refused = listeners.post(path, b"1", Lambda_Runtime_Invocation_Id="stale")
        assert (refused.status_code, refused.json()["errorType"]) == (400, "InvalidInvocationID")
        assert listeners.post(path, b"2", Lambda_Runtime_Invocation_Id=token).status_code == 202
        assert caller.result().json() == 2

    def test_restoring_what_was_never_saved(self, listeners: Listeners) -> None:
        """Without SnapStart the calls around a snapshot are 403."""
        refused = listeners.http.get(
            f"http://{listeners.runtime_address}/2018-06-01/runtime/restore/next", timeout=TIMEOUT_SECONDS
        )
        assert refused.status_code == 403
        assert listeners.post("restore/error", DOCUMENT).status_code == 403

    @pytest.mark.parametrize("document", NO_ERROR_DOCUMENTS)
    def test_an_error_document_that_is_none(self, listeners: Listeners, document: bytes) -> None:
        """An init error in no known form is taken as it is."""
        assert listeners.post("init/error", document).status_code == 202
        failure = listeners.sandbox.init_failure
        assert failure
        assert (failure.error_type, failure.document) == ("Runtime.Unknown", document)

    @pytest.mark.parametrize("document", NO_ERROR_DOCUMENTS)
    def test_a_handlers_error_that_is_none(self, listeners: Listeners, document: bytes) -> None:
        """An error in no known form reaches the caller as it is, and the report all the same."""
        caller = listeners.call()
        assert listeners.post(f"invocation/{listeners.take()}/error", document).status_code == 202
        assert caller.result().content == document
        assert listeners.reports.ends[0].error_type == "Unknown"

    def test_an_error_that_utf_8_cannot_carry(self, listeners: Listeners) -> None:
        """A lone surrogate, which JSON can write, stands as its escape in the log."""
        document = json.dumps({"errorType": "Runtime.\ud800", "errorMessage": "\udfff"}).encode()
        caller = listeners.call(headers={"X-Amz-Log-Type": "Tail"})
        assert listeners.post(f"invocation/{listeners.take()}/error", document).status_code == 202
        assert caller.result().content == document
        assert base64.b64decode(caller.result().headers["X-Amz-Log-Result"]).endswith(b"Error Type: Runtime.\\ud800\n")

    @pytest.mark.parametrize("body", [b"\xe9\xe9\xe9", b"e30", b""])
    def test_an_error_body_that_is_none(self, listeners: Listeners, body: bytes) -> None:
        """Of a stream's error whose document cannot be read the caller learns the type."""
        caller = listeners.call()
        trailers = b"Lambda-Runtime-Function-Error-Type: Function.Broken\r\n"
        with RuntimeStream(listeners, listeners.take()) as stream:
            stream.write(b"half")
            assert stream.finish(trailers + b"Lambda-Runtime-Function-Error-Body: " + body + b"\r\n") == 202
        assert caller.result().json() == {"errorType": "Function.Broken", "errorMessage": ""}


class TestSeveralAtOnce:
    """The state machine of Managed Instances."""

    def test_repeated_and_unknown_ids_are_400(self, several: Listeners) -> None:
        """Here a second answer is 400, where it is 403 otherwise."""
        caller = several.call()
        request_id = several.take()
        assert several.post(f"invocation/{request_id}/response", b"1").status_code == 202
        assert several.post(f"invocation/{request_id}/response", b"2").status_code == 400
        assert several.post("invocation/other/response", b"2").status_code == 400
        assert caller.result().json() == 1

    def test_a_third_call_for_the_next_one_is_500(self, several: Listeners) -> None:
        """More outstanding calls than slots are refused; those within the limit are served."""
        url = f"http://{several.runtime_address}/2018-06-01/runtime/invocation/next"
        outstanding = [several.callers.submit(requests.get, url, timeout=TIMEOUT_SECONDS) for _ in range(2)]
        assert several.wait_until(lambda: several.sandbox.calls.waiting == 2)
        assert several.next().status_code == 500
        payloads = {b"1", b"2"}
        for payload in payloads:
            several.call(payload)
        assert {call.result(TIMEOUT_SECONDS).content for call in outstanding} == payloads

    def test_a_late_answer_is_410(self) -> None:
        """A timeout does not end the process, so its answer may still come; it is refused."""
        with listening(slots=2, timeout_s=0.05) as several:
            several.call()
            request_id = several.take()
            task = several.lifecycle.next_task()
            assert task.step is Step.SETTLE
            several.journal.conclude(task.settled)
            assert several.post(f"invocation/{request_id}/response", b"1").status_code == 410

    def test_a_stream_that_outlives_its_invocation_is_410(self) -> None:
        """A stream is cut off as soon as the time is up, in whatever state it is."""
        with listening(slots=2, timeout_s=0.3) as several:
            several.callers.submit(requests.get, several.invoke_api.base_url, timeout=TIMEOUT_SECONDS)
            with RuntimeStream(several, several.take()) as stream:
                stream.write(b"one")
                several.journal.conclude(several.lifecycle.next_task().settled)
                stream.write(b"two")
                assert stream.status() == 410


class TestExtensions:
    """The Extensions API."""

    BASE = "/2020-01-01/extension"

    def register(self, listeners: Listeners, body: bytes = b"{}", name: str = "tool") -> requests.Response:
        """Registers an extension."""
        url = f"http://{listeners.runtime_address}{self.BASE}/register"
        return listeners.http.post(url, body, headers={"Lambda-Extension-Name": name}, timeout=TIMEOUT_SECONDS)

    def get_event(self, listeners: Listeners, identifier: str) -> requests.Response:
        """Asks for the next event."""
        url = f"http://{listeners.runtime_address}{self.BASE}/event/next"
        headers = {"Lambda-Extension-Identifier": identifier}
        return listeners.http.get(url, headers=headers, timeout=TIMEOUT_SECONDS)

    def test_registering(self, listeners: Listeners) -> None:
        """An extension learns its identifier and the function that it is there for."""
        answer = self.register(listeners, b'{"events": ["INVOKE"]}')
        assert (answer.status_code, answer.json()) == (200, {"functionName": "function"})
        identifier = answer.headers["Lambda-Extension-Identifier"]
        listeners.call(headers={"X-Amzn-Trace-Id": "Root=1"})
        request_id = listeners.take()
        event = self.get_event(listeners, identifier).json()
        assert (event["eventType"], event["requestId"]) == ("INVOKE", request_id)
        assert event["tracing"] == {"type": "X-Amzn-Trace-Id", "value": "Root=1"}
        assert event["deadlineMs"] > 0

    def test_registering_too_late(self, listeners: Listeners) -> None:
        """Once the runtime has started, nobody can register any more."""
        listeners.call()
        listeners.take()
        assert self.register(listeners).status_code == 403

    @pytest.mark.parametrize("body", [b"{", b"[]", b"[" * 100_000, b'{"events": 1}', b'{"events": ["SLEEP"]}'])
    def test_registering_for_nonsense(self, listeners: Listeners, body: bytes) -> None:
        """Events that do not exist, and bodies that are none, are 400."""
        assert self.register(listeners, body).status_code == 400

    def test_registering_without_a_name(self, listeners: Listeners) -> None:
        """An extension must say what it is called."""
        assert self.register(listeners, name="").json()["errorType"] == "Extension.InvalidExtensionName"

    def test_a_stranger_gets_nothing(self, listeners: Listeners) -> None:
        """Events are for those who registered, and until they report that they end."""
        assert self.get_event(listeners, "x").json()["errorType"] == "Extension.UnknownExtensionIdentifier"
        identifier = self.register(listeners).headers["Lambda-Extension-Identifier"]
        url = f"http://{listeners.runtime_address}{self.BASE}/exit/error"
        headers = {"Lambda-Extension-Identifier": identifier}
        assert listeners.http.post(url, headers=headers, timeout=TIMEOUT_SECONDS).status_code == 202
        assert self.get_event(listeners, identifier).status_code == 403

    def test_the_end_of_the_runtime_ends_its_extensions(self, listeners: Listeners) -> None:
        """Who still waits for an event when the runtime ends is not left waiting."""
        identifier = self.register(listeners).headers["Lambda-Extension-Identifier"]
        with listeners.connect() as connection:
            head = f"GET {self.BASE}/event/next HTTP/1.1\r\nHost: localhost\r\n"
            connection.sendall(f"{head}Lambda-Extension-Identifier: {identifier}\r\n\r\n".encode())
            listeners.extensions.forget_all()
            answer = connection.recv(65536)
        # Nothing if it waited already, a refusal if it came later.
        assert answer == b"" or answer.startswith(b"HTTP/1.1 403 ")
