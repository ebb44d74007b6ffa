"""The emulator's two listeners over real sockets; the test itself is the runtime."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator

import pytest

from ric.local.invocation import Failure
from tests.emulator_listeners import LIMIT_BYTES, TIMEOUT_SECONDS, Listeners, listening


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    """Both listeners, and a runtime that has not asked for anything yet."""
    with listening() as listeners:
        yield listeners


class TestRuntimeApi:
    """What the runtime is answered."""

    def test_next_has_what_lambda_sends(self, listeners: Listeners) -> None:
        """/next carries the event as JSON with id, deadline and function name; headers without a value are absent."""
        caller = listeners.call(b'{"a": 1}')
        answer = listeners.next()
        assert (answer.status_code, answer.content) == (200, b'{"a": 1}')
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Lambda-Runtime-Deadline-Ms"].isdigit()
        assert answer.headers["Lambda-Runtime-Invoked-Function-Arn"].endswith(":function:function")
        for absent in ("Trace-Id", "Client-Context", "Aws-Tenant-Id", "Cognito-Identity"):
            assert f"Lambda-Runtime-{absent}" not in answer.headers
        request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
        accepted = listeners.post(f"invocation/{request_id}/response", b"[]")
        assert (accepted.status_code, accepted.json()) == (202, {"status": "OK"})
        assert caller.result().headers["X-Amzn-RequestId"] == request_id

    def test_the_type_of_a_result_is_passed_on(self, listeners: Listeners) -> None:
        """Bytes that a handler returned reach the caller as they are, under the runtime's type."""
        caller = listeners.call()
        content_type = {"Content_Type": "application/unknown"}
        listeners.post(f"invocation/{listeners.take()}/response", b"\x00\xff", **content_type)
        assert caller.result().content == b"\x00\xff"
        assert caller.result().headers["Content-Type"] == "application/unknown"

    def test_everything_goes_over_one_connection(self, listeners: Listeners) -> None:
        """The connection stays open between calls, after refusals too, with their bodies read."""
        connection = http.client.HTTPConnection(listeners.runtime_address, timeout=TIMEOUT_SECONDS)
        connection.connect()
        first = connection.sock
        for path in ("/2018-06-01/runtime/invocation/x/response", "/elsewhere", "/2018-06-01/runtime/init/error"):
            connection.request("POST", path, b"x" * 100_000)
            connection.getresponse().read()
        assert connection.sock is first
        connection.close()

    def test_an_unknown_id_is_400(self, listeners: Listeners) -> None:
        """An answer to an invocation that does not run is refused, and does not disturb the one that does."""
        caller = listeners.call()
        request_id = listeners.take()
        refused = listeners.post("invocation/other/response", b"1")
        assert refused.status_code == 400
        assert refused.json().keys() == {"errorMessage", "errorType"}
        assert refused.json()["errorType"] == "InvalidRequestID"
        listeners.post(f"invocation/{request_id}/response", b"2")
        assert caller.result().json() == 2

    @pytest.mark.parametrize("second", ["response", "error"])
    def test_a_second_answer_is_403(self, listeners: Listeners, second: str) -> None:
        """An invocation is answered once; what comes later is refused and the caller keeps the first answer."""
        caller = listeners.call()
        request_id = listeners.take()
        listeners.post(f"invocation/{request_id}/response", b"1")
        refused = listeners.post(f"invocation/{request_id}/{second}", b"2")
        assert (refused.status_code, refused.json()["errorType"]) == (403, "InvalidStateTransition")
        assert caller.result().json() == 1

    def test_init_errors_are_taken_once_and_before_the_first_next(self, listeners: Listeners) -> None:
        """/init/error is accepted once; a second one, or one after /next, is 403."""
        document = json.dumps({"errorType": "Runtime.ImportModuleError", "errorMessage": "x"}).encode()
        assert listeners.post("init/error", document).status_code == 202
        assert listeners.post("init/error", document).status_code == 403
        assert listeners.sandbox.init_failure == Failure("Runtime.ImportModuleError", "x", document)

    def test_an_init_error_after_the_start_is_403(self, listeners: Listeners) -> None:
        """A runtime that has asked for an invocation has started, and cannot fail to."""
        caller = listeners.call()
        request_id = listeners.take()
        assert listeners.post("init/error", b"{}").status_code == 403
        listeners.post(f"invocation/{request_id}/response", b"1")
        assert caller.result().json() == 1

    def test_an_unknown_path_is_404(self, listeners: Listeners) -> None:
        """What the Runtime API does not have is refused in its own form of JSON."""
        refused = listeners.post("restore/elsewhere", b"{}")
        assert refused.status_code == 404
        assert refused.json().keys() == {"errorMessage", "errorType"}

    def test_a_result_above_the_limit_is_413(self, listeners: Listeners) -> None:
        """The runtime is told 413 and can go on; the caller gets a function error with the sizes."""
        caller = listeners.call()
        request_id = listeners.take()
        refused = listeners.post(f"invocation/{request_id}/response", b"x" * (LIMIT_BYTES + 1))
        assert refused.status_code == 413
        answer = caller.result()
        assert answer.headers["X-Amz-Function-Error"] == "Unhandled"
        assert answer.json()["errorType"] == "Function.ResponseSizeTooLarge"
        caller = listeners.call()
        listeners.post(f"invocation/{listeners.take()}/response", b"1")
        assert caller.result().json() == 1

    def test_web_pages_cannot_reach_it(self, listeners: Listeners) -> None:
        """A page cannot post results or errors of its own."""
        assert listeners.post("init/error", b"{}", Origin="https://evil.example").status_code == 403
        assert listeners.sandbox.init_failure is None

    @pytest.mark.parametrize(
        ("line", "status"), [(b"BREW / HTTP/1.1", 501), (b"GET / HTTP/1.1\r\nX: " + b"x" * 2**20, 431)]
    )
    def test_what_http_server_refuses_is_refused_in_json(self, listeners: Listeners, line: bytes, status: int) -> None:
        """Even a request that never reaches our code is answered in the form of this service, not in HTML."""
        head, _, body = listeners.send_raw(line + b"\r\nHost: localhost\r\n\r\n").partition(b"\r\n\r\n")
        assert head.startswith(f"HTTP/1.1 {status} ".encode())
        assert json.loads(body).keys() == {"errorMessage", "errorType"}


class TestStreamedResponses:
    """Responses sent in chunks; the caller of a plain invocation gets them collected."""

    def test_chunks_are_collected(self, listeners: Listeners) -> None:
        """The caller gets all chunks as one body."""
        caller = listeners.call()
        listeners.post(f"invocation/{listeners.take()}/response", iter([b'"one', b' and two"']))
        assert caller.result().json() == "one and two"

    def test_a_stream_above_the_limit_is_413(self, listeners: Listeners) -> None:
        """The limit holds for the sum of the chunks."""
        caller = listeners.call()
        block = b"x" * 1_000_000
        refused = listeners.post(f"invocation/{listeners.take()}/response", iter([block] * 7))
        assert refused.status_code == 413
        assert caller.result().json()["errorType"] == "Function.ResponseSizeTooLarge"

    def test_an_error_in_the_trailers_is_a_function_error(self, listeners: Listeners) -> None:
        """A stream that fails on its way reaches the caller as the error, not as half a result."""
        document = {"errorType": "Function.Broken", "errorMessage": "half-way"}
        encoded = base64.b64encode(json.dumps(document).encode())
        caller = listeners.call()
        trailers = b"Lambda-Runtime-Function-Error-Type: Function.Broken\r\n"
        trailers += b"Lambda-Runtime-Function-Error-Body: " + encoded + b"\r\n"
        answer = listeners.send_raw(self.head(listeners.take()) + b"4\r\nhalf\r\n0\r\n" + trailers + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 202 ")
        assert caller.result().headers["X-Amz-Function-Error"] == "Unhandled"
        assert caller.result().json() == document

    @pytest.mark.parametrize("chunk", [b"-4\r\nhalf\r\n", b"0x4\r\nhalf\r\n", b"\r\n", b"3\r\nhalf\r\n"])
    def test_broken_chunks_are_400(self, listeners: Listeners, chunk: bytes) -> None:
        """Chunks whose size is nonsense are refused, and the invocation still waits for its answer."""
        caller = listeners.call()
        request_id = listeners.take()
        answer = listeners.send_raw(self.head(request_id) + chunk + b"0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        listeners.post(f"invocation/{request_id}/response", b"1")
        assert caller.result().json() == 1

    @pytest.mark.parametrize("field", [b"Content-Length: four", b"Content-Length: -1", b"Transfer-Encoding: gzip"])
    def test_a_length_that_is_none_is_400(self, listeners: Listeners, field: bytes) -> None:
        """A body whose end cannot be known is refused, and the connection is closed."""
        head = b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: localhost\r\n" + field + b"\r\n\r\n"
        answer = listeners.send_raw(head + b"four")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"Connection: close" in answer
        assert listeners.sandbox.init_failure is None

    @pytest.mark.parametrize("part", [b"", b"4\r\nha", b"4\r\nhalf\r\n"])
    def test_a_response_cut_short_is_no_answer(self, listeners: Listeners, part: bytes) -> None:
        """A connection that breaks in the middle leaves the invocation open, so that it can be answered again."""
        caller = listeners.call()
        request_id = listeners.take()
        assert listeners.send_raw(self.head(request_id) + part) == b""
        assert listeners.post(f"invocation/{request_id}/response", b"1").status_code == 202
        assert caller.result().json() == 1

    def head(self, request_id: str) -> bytes:
        """Returns the head of a response sent in chunks."""
        path = f"/2018-06-01/runtime/invocation/{request_id}/response"
        return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()


class TestOrder:
    """Which invocation goes where."""

    def test_one_at_a_time(self, listeners: Listeners) -> None:
        """A runtime that asks again without having answered gave up: its caller is told, the next one is served."""
        first = listeners.call()
        request_id = listeners.take()
        second = listeners.call(b"2")
        assert listeners.next().content == b"2"
        assert first.result().headers["X-Amz-Function-Error"] == "Unhandled"
        assert first.result().json()["errorType"] == "Runtime.NoResponse"
        assert request_id in first.result().json()["errorMessage"]
        assert not second.done()

    def test_a_runtime_that_hung_up_loses_nothing(self, listeners: Listeners) -> None:
        """An invocation meant for a connection that was closed while it waited goes to the next one."""
        with listeners.connect() as connection:
            connection.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert listeners.wait_until_ready()
        caller = listeners.call(b"7")
        assert listeners.next().content == b"7"
        assert not caller.done()

    def test_a_connection_of_an_earlier_runtime_is_not_served(self, listeners: Listeners) -> None:
        """What is left of a runtime that ended cannot take an invocation from its successor."""
        stale = listeners.sandbox.runtime_number
        listeners.restart_runtime()
        listeners.call(b"7")
        assert listeners.sandbox.calls.take(stale) is None
        assert listeners.next().content == b"7"

    def test_callers_at_the_end_are_told(self, listeners: Listeners) -> None:
        """A caller who still waits when the emulator ends gets a service error."""
        caller = listeners.call()
        listeners.take()
        listeners.queue.close()
        assert caller.result().status_code == 503
        assert caller.result().json()["Type"] == "Service"
