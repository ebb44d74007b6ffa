"""Single calls of the Runtime API: paths, header fields and bodies that are sent, and what each answer becomes."""

from __future__ import annotations

import json
import platform
import socket
from collections.abc import Callable, Iterator

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request

import ric
from ric.api import protocol, retry, sockets
from ric.api.client import InvocationRequest, LambdaRuntimeClient
from ric.errors import (
    FaultException,
    InvalidAddressError,
    LambdaRuntimeClientError,
    MalformedResponseError,
    ResponseTooLargeError,
    RuntimeApiUnavailableError,
    UnsafeHeaderError,
)
from tests.scripted_api import INIT_ERROR, NEXT, error_path, response_path

EVENT_HEADERS = {
    "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    "Lambda-Runtime-Deadline-Ms": "1542409706888",
    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-2:123456789012:function:custom-runtime",
    "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
    "Lambda-Runtime-Client-Context": '{"custom": {"a": "b"}}',
    "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId": "i"}',
    "Lambda-Runtime-Aws-Tenant-Id": "tenant",
    "Lambda-Runtime-Invocation-Id": "invocation",
    "Content-Type": "application/json",
}

MakeClient = Callable[[str], LambdaRuntimeClient]


@pytest.fixture
def make_client() -> Iterator[MakeClient]:
    """Makes clients for an address, and closes their connections in the end."""
    clients: list[LambdaRuntimeClient] = []

    def make(address: str) -> LambdaRuntimeClient:
        clients.append(LambdaRuntimeClient(address))
        return clients[-1]

    yield make
    for client in clients:
        client._own_api._connection.close()  # a client lives as long as its process, so it has no close of its own


@pytest.fixture
def client(httpserver: HTTPServer, make_client: MakeClient) -> LambdaRuntimeClient:
    """A client of the test's server."""
    return make_client(f"{httpserver.host}:{httpserver.port}")


def only_request(httpserver: HTTPServer) -> Request:
    """Returns the one request that was made."""
    httpserver.check()
    ((request, _),) = httpserver.log
    return request


class TestNext:
    """The poll."""

    def test_all_headers(self, httpserver: HTTPServer, client: LambdaRuntimeClient) -> None:
        """Every documented header reaches the invocation, with the body as it came."""
        httpserver.expect_request(NEXT, "GET").respond_with_data(b'{"a": 1}', headers=EVENT_HEADERS)
        assert client.wait_next_invocation() == InvocationRequest(
            invoke_id="8476a536-e9f4-11e8-9739-2dfe598c3fcd",
            x_amzn_trace_id="Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
            invoked_function_arn="arn:aws:lambda:us-east-2:123456789012:function:custom-runtime",
            deadline_time_in_ms=1542409706888,
            client_context='{"custom": {"a": "b"}}',
            cognito_identity='{"cognitoIdentityId": "i"}',
            tenant_id="tenant",
            content_type="application/json",
            event_body=b'{"a": 1}',
            invocation_id="invocation",
        )

    def test_request(self, httpserver: HTTPServer, client: LambdaRuntimeClient) -> None:
        """The poll sends Host and User-Agent, and nothing more."""
        httpserver.expect_request(NEXT, "GET").respond_with_data(b"{}", headers=EVENT_HEADERS)
        client.wait_next_invocation()
        request = only_request(httpserver)
        assert dict(request.headers) == {
            "Host": f"{httpserver.host}:{httpserver.port}",
            "User-Agent": f"aws-lambda-python/{platform.python_version()}-{ric.__version__}",
        }

    def test_names_in_any_case(self, httpserver: HTTPServer, client: LambdaRuntimeClient) -> None:
        """Header names are case-insensitive."""
        headers = {name.swapcase(): value for name, value in EVENT_HEADERS.items() if name != "Content-Type"}
        httpserver.expect_request(NEXT).respond_with_data(b"{}", headers=headers)
        invocation = client.wait_next_invocation()
        assert invocation.invoke_id == EVENT_HEADERS["Lambda-Runtime-Aws-Request-Id"]
        assert invocation.tenant_id == "tenant"

    def test_empty_values_are_absent(self, httpserver: HTTPServer, client: LambdaRuntimeClient) -> None:
        """A header without a value is treated as if it had not come."""
        headers = dict.fromkeys(EVENT_HEADERS, "") | {"Lambda-Runtime-Aws-Request-Id": "1"}
        httpserver.expect_request(NEXT).respond_with_data(b"", headers=headers)
        invocation = client.wait_next_invocation()
        assert invocation.__dict__ == {
            "invoke_id": "1",
            "x_amzn_trace_id": None,
            "invoked_function_arn": "",
            "deadline_time_in_ms": 0,
            "client_context": None,
            "cognito_identity": None,
            "tenant_id": None,
            "content_type": None,
            "event_body": b"",
            "invocation_id": None,
        }

    def test_a_long_way_to_no_connection(self, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
        """An attempt to connect is no idling, however long it takes: nobody was asked for an event."""
        monkeypatch.setattr(retry, "_POLL_PATIENCE_S", 0.1)
        monkeypatch.setattr(sockets, "_CONNECT_TIMEOUT_S", 0.2)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            with socket.create_connection(listener.getsockname()):  # there is room for one who waits to be accepted
                client = make_client("127.0.0.1:{1}".format(*listener.getsockname()))
                with pytest.raises(RuntimeApiUnavailableError, match="given up after 2 attempts: timed out"):
                    client.wait_next_invocation()

    def test_one_connection(self, httpserver: HTTPServer, client: LambdaRuntimeClient) -> None:
        """Calls that succeed can be repeated at will."""
        httpserver.expect_request(NEXT).respond_with_data(b"{}", headers=EVENT_HEADERS)
        httpserver.expect_request(response_path("1"), "POST").respond_with_data(b"", status=202)
        for _ in range(3):
            client.wait_next_invocation()
            client.post_invocation_result("1", "{}")
        assert len(httpserver.log) == 6


class TestResponse:
    """The result."""

    @pytest.mark.parametrize("data", ['{"a": "é😀"}', b"\x00\xff", "", "x" * 1_000_000])
    def test_body(self, httpserver: HTTPServer, client: LambdaRuntimeClient, data: str | bytes) -> None:
        """Text goes out as UTF-8, bytes as they are, with their length."""
        httpserver.expect_request(response_path("1"), "POST").respond_with_data(b"", status=202)
        client.post_invocation_result("1", data)
        request = only_request(httpserver)
        expected = data if isinstance(data, bytes) else data.encode()
        assert request.data == expected
        assert request.headers["Content-Length"] == str(len(expected))

    def test_lone_surrogates(self, httpserver: HTTPServer, client: LambdaRuntimeClient) -> None:
        """A lone surrogate, which UTF-8 cannot carry, is sent as JSON writes it."""
        httpserver.expect_request(response_path("1"), "POST").respond_with_data(b"", status=202)
        client.post_invocation_result("1", '"\ud800"')
        assert only_request(httpserver).data == b'"\\ud800"'

    @pytest.mark.parametrize("content_type", ["application/json", "application/unknown", "text/plain"])
    def test_media_type(self, httpserver: HTTPServer, client: LambdaRuntimeClient, content_type: str) -> None:
        """The media type is the one given; nothing else is sent along."""
        httpserver.expect_request(response_path("1"), "POST").respond_with_data(b"", status=202)
        client.post_invocation_result("1", "{}", content_type)
        headers = dict(only_request(httpserver).headers)
        assert headers["Content-Type"] == content_type
        assert headers.keys() == {"Host", "User-Agent", "Content-Type", "Content-Length"}

    def test_invocation_id_is_echoed(self, httpserver: HTTPServer, client: LambdaRuntimeClient) -> None:
        """The invocation id goes back, so that the platform can tell a stale answer."""
        httpserver.expect_request(response_path("1"), "POST").respond_with_data(b"", status=202)
        client.post_invocation_result("1", "{}", "application/json", "echo")
        assert only_request(httpserver).headers["Lambda-Runtime-Invocation-Id"] == "echo"

    @pytest.mark.parametrize("code", [200, 201, 202, 204])
    def test_success(self, httpserver: HTTPServer, client: LambdaRuntimeClient, code: int) -> None:
        """Every 2xx is success."""
        httpserver.expect_request(response_path("1"), "POST").respond_with_data(b"", status=code)
        client.post_invocation_result("1", "{}")
        only_request(httpserver)

    @pytest.mark.parametrize("code", [300, 400, 403, 404, 410, 429, 500, 501])
    def test_refusal(self, httpserver: HTTPServer, client: LambdaRuntimeClient, code: int) -> None:
        """Any other status raises, with path, status and body, after one try."""
        httpserver.expect_request(response_path("1"), "POST").respond_with_data(b"why", status=code)
        with pytest.raises(LambdaRuntimeClientError) as refusal:
            client.post_invocation_result("1", "{}")
        error = refusal.value
        assert (error.endpoint, error.response_code, error.response_body) == (response_path("1"), code, b"why")
        only_request(httpserver)

    def test_too_large(self, httpserver: HTTPServer, client: LambdaRuntimeClient) -> None:
        """413 raises an error that knows the size and the limit."""
        httpserver.expect_request(response_path("1"), "POST").respond_with_data(b"", status=413)
        with pytest.raises(ResponseTooLargeError) as refusal:
            client.post_invocation_result("1", b"12345")
        assert (refusal.value.size, refusal.value.limit) == (5, 6_291_556)

    @pytest.mark.parametrize(
        "request_id",
        ["", ".", "..", "a/b", "a\r\nX: y", "a b", "a%2fb", "a#b", "a?b", "é", "a\0", "a\t", "a\\b", "1/.."],
    )
    def test_unsafe_ids(self, httpserver: HTTPServer, client: LambdaRuntimeClient, request_id: str) -> None:
        """An id that would change the path or end the line is refused before anything is sent."""
        with pytest.raises(UnsafeHeaderError):
            client.post_invocation_result(request_id, "{}")
        with pytest.raises(UnsafeHeaderError):
            client.post_invocation_error(request_id, "{}", "{}")
        assert httpserver.log == []

    @pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "é", "\x7f"])
    def test_unsafe_values(self, httpserver: HTTPServer, client: LambdaRuntimeClient, value: str) -> None:
        """A media type or invocation id that would end its line is refused before anything is sent."""
        with pytest.raises(UnsafeHeaderError):
            client.post_invocation_result("1", "{}", value)
        with pytest.raises(UnsafeHeaderError):
            client.post_invocation_result("1", "{}", "application/json", value)
        assert httpserver.log == []


class TestError:
    """The error of an invocation."""

    DOCUMENT = '{"errorMessage": "é", "errorType": "KeyError", "requestId": "1", "stackTrace": []}'

    def test_request(self, httpserver: HTTPServer, client: LambdaRuntimeClient) -> None:
        """The document is the body; type and X-Ray cause are headers; the invocation id is echoed."""
        httpserver.expect_request(error_path("1"), "POST").respond_with_data(b"", status=202)
        client.post_invocation_error("1", self.DOCUMENT, '{"a": 1}', "echo")
        request = only_request(httpserver)
        assert request.data == self.DOCUMENT.encode()
        headers = dict(request.headers)
        assert {name: headers[name] for name in headers if name not in ("Host", "User-Agent")} == {
            "Content-Type": "application/json",
            "Content-Length": str(len(self.DOCUMENT.encode())),
            "Lambda-Runtime-Function-Error-Type": "Function.KeyError",
            "Lambda-Runtime-Function-Xray-Error-Cause": '{"a": 1}',
            "Lambda-Runtime-Invocation-Id": "echo",
        }

    @pytest.mark.parametrize("text", ["é", "\x7f", "\u2028", "😀", "\ud800", "\x85", "日本"])
    def test_any_cause_is_a_legal_header(self, httpserver: HTTPServer, client: LambdaRuntimeClient, text: str) -> None:
        """An X-Ray cause with any character arrives, as ASCII that means the same."""
        httpserver.expect_request(error_path("1"), "POST").respond_with_data(b"", status=202)
        client.post_invocation_error("1", self.DOCUMENT, json.dumps({"message": text}, ensure_ascii=False))
        cause = only_request(httpserver).headers[protocol.XRAY_ERROR_CAUSE]
        assert cause.isascii()
        assert json.loads(cause) == {"message": text}

    def test_no_or_too_long_a_cause(self, httpserver: HTTPServer, client: LambdaRuntimeClient) -> None:
        """No cause, or one that the platform would crop to broken JSON, sends no such header, but the error."""
        httpserver.expect_request(error_path("1"), "POST").respond_with_data(b"", status=202)
        client.post_invocation_error("1", self.DOCUMENT, "")
        client.post_invocation_error("1", self.DOCUMENT, '"' + "é" * 20_000 + '"')
        assert len(httpserver.log) == 2
        assert all(protocol.XRAY_ERROR_CAUSE not in request.headers for request, _ in httpserver.log)

    @pytest.mark.parametrize(
        ("error_type", "sent"),
        [
            ("KeyError", "Function.KeyError"),
            ("Runtime.UnmarshalError", "Runtime.UnmarshalError"),
            ("Function.Own", "Function.Own"),
            ("my_error", "Function.Unknown"),
            ("X\r\nY: z", "Function.Unknown"),
            ("Fehleré", "Function.Unknown"),
            ("E2", "Function.Unknown"),
            ("E" * 256, f"Function.{'E' * 256}"),
            ("E" * 257, "Function.Unknown"),
            ("", "Function.Unknown"),
        ],
    )
    def test_error_type(self, httpserver: HTTPServer, client: LambdaRuntimeClient, error_type: str, sent: str) -> None:
        """The error type is sent in the form that the platform accepts, and can never inject a header."""
        httpserver.expect_request(error_path("1"), "POST").respond_with_data(b"", status=202)
        client.post_invocation_error("1", json.dumps({"errorType": error_type}), "")
        assert only_request(httpserver).headers["Lambda-Runtime-Function-Error-Type"] == sent

    @pytest.mark.parametrize("document", ["", "[]", "null", "no JSON", '{"errorType": 1}', "{}"])
    def test_other_documents(self, httpserver: HTTPServer, client: LambdaRuntimeClient, document: str) -> None:
        """A document of another form, which a third party may post, is sent as it is."""
        httpserver.expect_request(error_path("1"), "POST").respond_with_data(b"", status=202)
        client.post_invocation_error("1", document, "")
        assert only_request(httpserver).data == document.encode()


INIT_DOCUMENT = {"errorMessage": "é", "errorType": "Runtime.ImportModuleError", "requestId": "", "stackTrace": []}


class TestOnce:
    """The calls that happen at most once in a process."""

    def test_init_error(self, httpserver: HTTPServer, client: LambdaRuntimeClient) -> None:
        """An init error goes out as JSON with its type."""
        httpserver.expect_request(INIT_ERROR, "POST").respond_with_data(b"", status=202)
        client.post_init_error(dict(INIT_DOCUMENT))
        request = only_request(httpserver)
        assert request.get_json() == INIT_DOCUMENT
        assert request.headers["Lambda-Runtime-Function-Error-Type"] == "Runtime.ImportModuleError"

    def test_init_error_type_override(self, httpserver: HTTPServer, client: LambdaRuntimeClient) -> None:
        """A given type stands in the header in place of the document's."""
        httpserver.expect_request(INIT_ERROR, "POST").respond_with_data(b"", status=202)
        client.post_init_error(dict(INIT_DOCUMENT), FaultException.BEFORE_SNAPSHOT_ERROR)
        assert only_request(httpserver).headers["Lambda-Runtime-Function-Error-Type"] == "Runtime.BeforeSnapshotError"

    def test_restore(self, httpserver: HTTPServer, client: LambdaRuntimeClient) -> None:
        """Waiting for the restore is a GET, and its error a POST with the type."""
        httpserver.expect_ordered_request(protocol.RESTORE_NEXT, "GET").respond_with_data(b"", status=200)
        httpserver.expect_ordered_request(protocol.RESTORE_ERROR, "POST").respond_with_data(b"", status=202)
        client.restore_next()
        client.report_restore_error(dict(INIT_DOCUMENT))
        httpserver.check()
        request, _ = httpserver.log[1]
        assert request.headers["Lambda-Runtime-Function-Error-Type"] == "Runtime.AfterRestoreError"

    @pytest.mark.parametrize("code", [400, 403, 500])
    def test_refusal(self, httpserver: HTTPServer, client: LambdaRuntimeClient, code: int) -> None:
        """A refused report raises, and leaves it to the caller what to do."""
        httpserver.expect_request(INIT_ERROR, "POST").respond_with_data(b"why", status=code)
        with pytest.raises(LambdaRuntimeClientError) as refusal:
            client.post_init_error(dict(INIT_DOCUMENT))
        assert refusal.value.response_code == code


class TestAddresses:
    """Every form of address serves every call."""

    @pytest.mark.parametrize("form", ["http://{}", "{}/", "http://{}/"])
    def test_forms(self, httpserver: HTTPServer, make_client: MakeClient, form: str) -> None:
        """A scheme and a slash at the end change nothing."""
        httpserver.expect_request(response_path("1"), "POST").respond_with_data(b"", status=202)
        make_client(form.format(f"{httpserver.host}:{httpserver.port}")).post_invocation_result("1", "{}")
        assert only_request(httpserver).headers["Host"] == f"{httpserver.host}:{httpserver.port}"

    @pytest.mark.parametrize("form", ["{}/.rt", "http://{}/.rt/"])
    def test_base_path(self, httpserver: HTTPServer, make_client: MakeClient, form: str) -> None:
        """A base path stands before each path of the API."""
        client = make_client(form.format(f"{httpserver.host}:{httpserver.port}"))
        httpserver.expect_ordered_request("/.rt" + NEXT, "GET").respond_with_data(b"{}", headers=EVENT_HEADERS)
        for path in (response_path("1"), error_path("1"), INIT_ERROR):
            httpserver.expect_ordered_request("/.rt" + path, "POST").respond_with_data(b"", status=202)
        httpserver.expect_ordered_request("/.rt" + protocol.RESTORE_NEXT, "GET").respond_with_data(b"")
        httpserver.expect_ordered_request("/.rt" + protocol.RESTORE_ERROR, "POST").respond_with_data(b"", status=202)
        client.wait_next_invocation()
        client.post_invocation_result("1", "{}")
        client.post_invocation_error("1", "{}", "")
        client.post_init_error({"errorType": "X"})
        client.restore_next()
        client.report_restore_error({})
        httpserver.check()

    def test_ipv6(self, make_client: MakeClient) -> None:
        """An IPv6 address in brackets is connected to, and stands in brackets in Host."""
        try:
            server = HTTPServer("::1")
            server.start()
        except OSError as error:
            pytest.skip(f"no IPv6 on this machine: {error}")
        with server:
            server.expect_request(response_path("1"), "POST").respond_with_data(b"", status=202)
            make_client(f"[::1]:{server.port}").post_invocation_result("1", "{}")
            assert only_request(server).headers["Host"] == f"[::1]:{server.port}"

    def test_host_name(self, httpserver: HTTPServer, make_client: MakeClient) -> None:
        """A host name is resolved, and the first of its addresses that answers is taken."""
        httpserver.expect_request(response_path("1"), "POST").respond_with_data(b"", status=202)
        make_client(f"localhost:{httpserver.port}").post_invocation_result("1", "{}")
        only_request(httpserver)

    def test_refusal(self) -> None:
        """What is no address is refused when the client is made."""
        with pytest.raises(InvalidAddressError):
            LambdaRuntimeClient("127.0.0.1:port")

    def test_proxies_are_ignored(
        self, httpserver: HTTPServer, client: LambdaRuntimeClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Proxy variables of the function's environment do not concern the Runtime API."""
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        httpserver.expect_request(response_path("1"), "POST").respond_with_data(b"", status=202)
        client.post_invocation_result("1", "{}")
        only_request(httpserver)


def test_unavailable_error_keeps_its_data() -> None:
    """The error that ends the process says where, what, how often and why, and keeps them as attributes."""
    reason = MalformedResponseError("half a head")
    error = RuntimeApiUnavailableError("h:1", NEXT, 7, reason)
    assert (error.address, error.endpoint, error.attempts, error.reason) == ("h:1", NEXT, 7, reason)
    assert all(part in str(error) for part in ("h:1", NEXT, "7", "half a head"))
