"""``ric invoke --url``: what is sent to a running endpoint, and what becomes of its answer."""

from __future__ import annotations

import base64
import json
import socket
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from ric.cli.failure import CommandError
from ric.cli.remote import complete_url
from tests.cli_run import run, running
from tests.local_server import TIMEOUT_SECONDS, runtime_command, served

INVOKE_PATH = "/2015-03-31/functions/function/invocations"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:8080", f"http://127.0.0.1:8080{INVOKE_PATH}"),
        ("http://localhost:9000/", f"http://localhost:9000{INVOKE_PATH}"),
        ("http://[::1]:8080", f"http://[::1]:8080{INVOKE_PATH}"),
        (
            "http://127.0.0.1:3001/2015-03-31/functions/Hello/invocations",
            "http://127.0.0.1:3001/2015-03-31/functions/Hello/invocations",
        ),
        ("http://localhost:8080/orders?id=1", "http://localhost:8080/orders?id=1"),
        ("https://abc123.lambda-url.eu-west-1.on.aws", "https://abc123.lambda-url.eu-west-1.on.aws"),
        ("https://abc123.lambda-url.eu-west-1.on.aws/?a=b", "https://abc123.lambda-url.eu-west-1.on.aws/?a=b"),
    ],
)
def test_only_a_bare_endpoint_gets_the_invoke_path(url: str, target: str) -> None:
    """An address alone is the Invoke API's; a path, and a function URL of Lambda's, stay as they are."""
    assert complete_url(url) == target


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    """A mistyped URL is a sentence with an example, not an error from the depths of a library."""
    with pytest.raises(CommandError, match=r"write it like http://127\.0\.0\.1:8080"):
        complete_url(url)


def test_the_event_and_client_context_arrive(httpserver: HTTPServer, tmp_path: Path) -> None:
    """The endpoint gets the event as the body and the client context as the SDKs send it."""
    httpserver.expect_ordered_request(INVOKE_PATH, method="POST", json={"a": 1}).respond_with_data(b'{"b":2}')
    context = '{"custom": {"k": "v"}}'

    done = run(
        ["invoke", "--url", httpserver.url_for("/"), "--event-text", '{"a": 1}', "--client-context", context], tmp_path
    )

    assert (done.exit_code, done.out, done.err) == (0, b'{"b":2}', "")
    headers = httpserver.log[0][0].headers
    assert headers["Content-Type"] == "application/json"
    assert base64.b64decode(headers["X-Amz-Client-Context"]).decode() == context


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (b'{"errorType":"E","errorMessage":"m"}', {"X-Amz-Function-Error": "Unhandled"}, "E: m"),
        (b'{"errorMessage":"m","errorType":"E","requestId":"1","stackTrace":[]}', {}, "E: m"),
        (
            b'{"errorMessage":"m","errorType":"E","requestId":"1","stackTrace":[],"notes":["n"],"cause":{},"causesLeftOut":1}',
            {},
            "E: m",
        ),
        (b"Task timed out after 3.00 seconds", {}, "Task timed out after 3.00 seconds"),
    ],
    ids=["flagged", "AWS's emulator", "AWS's emulator, with a cause", "AWS's emulator, timeout"],
)
def test_function_errors_are_exit_code_1(
    body: bytes, headers: dict[str, str], reason: str, httpserver: HTTPServer, tmp_path: Path
) -> None:
    """An error is recognised from every kind of endpoint, also where it is not flagged."""
    httpserver.expect_request(INVOKE_PATH).respond_with_data(body, headers=headers)

    done = run(["invoke", "--url", httpserver.url_for("/")], tmp_path)

    assert (done.exit_code, done.out) == (1, body)
    assert done.err == f"ric: the function failed: {reason}\n"


def test_a_result_that_mentions_an_error_is_a_result(httpserver: HTTPServer, tmp_path: Path) -> None:
    """A function that returns a field of that name among others has not failed."""
    httpserver.expect_request(INVOKE_PATH).respond_with_json({"errorMessage": None, "items": []})

    assert run(["invoke", "--url", httpserver.url_for("/")], tmp_path).exit_code == 0


def test_a_deep_result_is_a_result(httpserver: HTTPServer, tmp_path: Path) -> None:
    """What is nested too deeply to be looked into is passed on."""
    deep = b"[" * 100_000
    httpserver.expect_request(INVOKE_PATH).respond_with_data(deep)

    done = run(["invoke", "--url", httpserver.url_for("/")], tmp_path)

    assert (done.exit_code, done.out, done.err) == (0, deep, "")


def test_a_refusal_is_exit_code_3_with_the_service_s_words(httpserver: HTTPServer, tmp_path: Path) -> None:
    """What the service itself refuses is no result, so standard output stays empty."""
    document = {"Type": "User", "Message": "Function not found: function"}
    httpserver.expect_request(INVOKE_PATH).respond_with_json(
        document, status=404, headers={"x-amzn-errortype": "ResourceNotFoundException"}
    )

    done = run(["invoke", "--url", httpserver.url_for("/")], tmp_path)

    assert (done.exit_code, done.out) == (3, b"")
    assert "404 NOT FOUND: ResourceNotFoundException: Function not found: function" in done.err


def test_a_page_with_an_error_status_is_shown_and_is_exit_code_1(httpserver: HTTPServer, tmp_path: Path) -> None:
    """A function URL's answer is the function's, whatever its status."""
    httpserver.expect_request("/orders").respond_with_data(b"gone fishing", status=503)

    done = run(["invoke", "--url", httpserver.url_for("/orders")], tmp_path)

    assert (done.exit_code, done.out) == (1, b"gone fishing")
    assert done.err == f"ric: {httpserver.url_for('/orders')} answered 503 SERVICE UNAVAILABLE\n"


def test_nobody_there_is_a_sentence(tmp_path: Path) -> None:
    """The most common mistake, no server, is told as such and with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    done = run(["invoke", "--url", f"http://127.0.0.1:{port}"], tmp_path)

    assert done.exit_code == 3
    expected = f"ric: nothing answers at http://127.0.0.1:{port}{INVOKE_PATH}; start one with ric dev HANDLER"
    assert done.err.startswith(expected)


def test_no_answer_in_time_is_a_sentence(tmp_path: Path) -> None:
    """--timeout bounds the wait for an endpoint that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]

        done = run(["invoke", "--url", f"http://127.0.0.1:{port}", "--timeout", "0.3"], tmp_path)

    assert done.exit_code == 3
    assert f"http://127.0.0.1:{port}{INVOKE_PATH} did not answer in 0.3 s; raise --timeout" in done.err


def test_a_proxy_of_the_environment_is_passed_by_on_this_machine(httpserver: HTTPServer, tmp_path: Path) -> None:
    """Developers behind a proxy reach their own machine."""
    httpserver.expect_request(INVOKE_PATH).respond_with_data(b"1")
    proxies = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}

    assert run(["invoke", "--url", httpserver.url_for("/")], tmp_path, variables=proxies).out == b"1"


def test_a_stream_appears_as_it_comes(tmp_path: Path) -> None:
    """The first chunk of a function URL is shown before the second exists."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/stream"
        with running(["invoke", "--url", url], tmp_path) as command:
            server.settimeout(TIMEOUT_SECONDS)
            connection, _ = server.accept()
            with connection:
                connection.settimeout(TIMEOUT_SECONDS)
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n")
                command.wait_for("first\n")
                connection.sendall(b"7\r\nsecond\n\r\n0\r\n\r\n")
                command.wait_for("first\nsecond\n")
                assert command.wait() == 0


def test_the_emulator_is_such_an_endpoint(tmp_path: Path) -> None:
    """What ``python -m ric`` serves can be invoked, through the Invoke API and as a function URL."""
    (tmp_path / "app.py").write_text("def echo(event, context):\n    return event\n")
    with served(runtime_command("app.echo"), tmp_path) as emulator:
        base = emulator.invoke_url.removesuffix(INVOKE_PATH)
        done = run(["invoke", "--url", base, "--event-text", '{"a": 1}'], tmp_path)
        page = run(["invoke", "--url", f"{base}/orders?x=1", "--event-text", "[1]"], tmp_path)

    assert (done.exit_code, json.loads(done.out)) == (0, {"a": 1})
    assert page.exit_code == 0
    request = json.loads(page.out)
    assert (request["rawPath"], request["body"], request["rawQueryString"]) == ("/orders", "[1]", "x=1")
