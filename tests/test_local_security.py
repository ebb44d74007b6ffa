"""What keeps strangers out of the emulator, and what bounds those who may come in."""

from __future__ import annotations

import base64
import http.client
import json
import math
import socket
from collections.abc import Iterator
from email.message import Message

import pytest
import requests

from ric.local import Emulator
from ric.local.invoke.invoke_listener import INVOKE_PATH
from ric.local.server import request_body
from ric.local.server.callers import find_objection
from ric.local.server.http_service import MAX_CONNECTIONS
from tests.emulator_listeners import TIMEOUT_SECONDS, Listeners, listening


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    """Both listeners, and a runtime that has not asked for anything yet."""
    with listening() as listeners:
        yield listeners


@pytest.mark.parametrize("path", ["/", "/favicon.ico", INVOKE_PATH])
@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE", ""])
def test_images_and_links_of_other_pages_run_nothing(listeners: Listeners, path: str, site: str) -> None:
    """Requests without an Origin, as an image or a link of another page sends them, are told by Sec-Fetch-Site."""
    answer = listeners.http.get(
        listeners.invoke_api.base_url + path, headers={"Sec-Fetch-Site": site}, timeout=TIMEOUT_SECONDS
    )
    assert answer.status_code == 403
    assert not listeners.queue.is_waiting


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_a_browser_may_open_the_function_url(listeners: Listeners, site: str) -> None:
    """An address that the user typed, and the pages that the function itself serves, reach the function."""
    url = listeners.invoke_api.base_url
    answer = listeners.callers.submit(requests.get, url, headers={"Sec-Fetch-Site": site}, timeout=TIMEOUT_SECONDS)
    listeners.post(f"invocation/{listeners.take()}/response", b'"welcome"')
    assert answer.result().json() == "welcome"


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}])
def test_the_runtime_api_is_as_careful(listeners: Listeners, headers: dict[str, str]) -> None:
    """A page can neither take an invocation from the runtime nor answer one, streamed or not."""
    caller = listeners.call()
    base = f"http://{listeners.runtime_address}/2018-06-01/runtime/invocation"
    assert listeners.http.get(f"{base}/next", headers=headers, timeout=TIMEOUT_SECONDS).status_code == 403
    request_id = listeners.take()
    for mode in ({}, {"Lambda-Runtime-Function-Response-Mode": "streaming"}):
        answer = listeners.http.post(
            f"{base}/{request_id}/response", iter([b"1"]), headers={**headers, **mode}, timeout=TIMEOUT_SECONDS
        )
        assert answer.status_code == 403
    listeners.post(f"invocation/{request_id}/response", b"2")
    assert caller.result().json() == 2


def test_connections_are_bounded(listeners: Listeners) -> None:
    """Beyond the limit a connection is closed at once; when another one goes, there is room again."""
    address = ("127.0.0.1", listeners.invoke_api.port)
    connections = [socket.create_connection(address, TIMEOUT_SECONDS) for _ in range(MAX_CONNECTIONS)]
    try:
        with socket.create_connection(address, TIMEOUT_SECONDS) as surplus:
            assert surplus.recv(1) == b""
    finally:
        for connection in connections:
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b""
            connection.close()
    answer = listeners.http.post(listeners.invoke_api.base_url + INVOKE_PATH, b"{", timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("field", "status"),
    [(b"X: " + b"x" * 2**20, 431), (b"\r\n".join(b"X-%d: y" % n for n in range(200)), 431), (b"", 414)],
)
def test_heads_are_bounded(listeners: Listeners, field: bytes, status: int) -> None:
    """A field, a number of fields or a path beyond all measure is refused."""
    path = b"/" if field else b"/" + b"x" * 70_000
    with socket.create_connection(("127.0.0.1", listeners.invoke_api.port), TIMEOUT_SECONDS) as connection:
        connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n" + field + b"\r\n\r\n")
        assert connection.recv(65536).startswith(f"HTTP/1.1 {status} ".encode())


def test_bodies_are_bounded(listeners: Listeners, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that never ends is not read for ever, not even to be thrown away."""
    # 256 MB over loopback take a second that the suite does not have.
    monkeypatch.setattr(request_body, "_MAX_DISCARDED_BYTES", 8_000_000)
    connection = http.client.HTTPConnection("127.0.0.1", listeners.invoke_api.port, timeout=TIMEOUT_SECONDS)
    connection.putrequest("POST", INVOKE_PATH)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    with pytest.raises(ConnectionError):
        while True:
            connection.send(b"%x\r\n%b\r\n" % (1_000_000, b" " * 1_000_000))
    connection.close()


def test_two_lengths_are_refused(listeners: Listeners) -> None:
    """A request whose length is given twice, and differently, could smuggle another one."""
    with socket.create_connection(("127.0.0.1", listeners.invoke_api.port), TIMEOUT_SECONDS) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}")
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    ("host", "is_served"),
    [
        *(("localhost:8080", True), ("127.0.0.1:8080", True), ("192.0.2.7:8080", True), ("[2001:db8::1]:8080", True)),
        *(("my-function:8080", True), ("evil.example:8080", False), ("evil.example.:8080", False), (":8080", False)),
    ],
)
def test_names_of_a_container(host: str, is_served: bool) -> None:
    """Bound to all addresses, as in a container, addresses and plain names are served, but no name of the web."""
    headers = Message()
    headers["Host"] = host
    headers["Origin"] = f"http://{host}"
    assert (find_objection(headers, "0.0.0.0") is None) is is_served


def test_a_length_of_thousands_of_digits_is_refused(listeners: Listeners) -> None:
    """A length that no integer is made of is answered as any other wrong one."""
    with socket.create_connection(("127.0.0.1", listeners.invoke_api.port), TIMEOUT_SECONDS) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("timeout_s", [0, -1, math.nan, math.inf])
def test_timeouts_that_are_none(timeout_s: float) -> None:
    """A time-out that no clock can add is refused when it is given."""
    with pytest.raises(ValueError, match="timeout_s must be above 0"):
        Emulator(["true"], handler="app.handler", timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *((f"?Qualifier={value}", b"") for value in ("a%0d%0aX:%20y", "a%00b", "%E2%82%AC", "a.b", "a%20b")),
        *(("", b"X-Amzn-Trace-Id: " + value) for value in (b"a\0b", b"a\x1b[31m", b"\xe9", b"a\r\n b", b"a\rb")),
        *(("", b"X-Amz-Tenant-Id: " + value) for value in (b"a\0b", b"a\x7f", b"\xe2\x82\xac")),
    ],
)
def test_what_cannot_stand_in_a_header_does_not_reach_the_runtime(
    listeners: Listeners, query: str, field: bytes
) -> None:
    """Of what callers say, nothing that could break out of a header is passed on: it is refused, and nothing runs."""
    with socket.create_connection(("127.0.0.1", listeners.invoke_api.port), TIMEOUT_SECONDS) as connection:
        line = f"POST {INVOKE_PATH}{query} HTTP/1.1\r\n".encode()
        connection.sendall(line + b"Host: localhost\r\n" + (field and field + b"\r\n") + b"Content-Length: 0\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert not listeners.queue.is_waiting


def test_a_request_to_the_function_url_brings_no_header_along(listeners: Listeners) -> None:
    """The trace id is the one field of it that the runtime gets as a header."""
    with socket.create_connection(("127.0.0.1", listeners.invoke_api.port), TIMEOUT_SECONDS) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Amzn-Trace-Id: a\r\n Lambda-Runtime-X: y\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert not listeners.queue.is_waiting


def test_client_contexts_are_one_line_of_ascii(listeners: Listeners) -> None:
    """The JSON that a caller sends in base64 is written anew for the header, so that its line breaks are not in it."""
    context = {"custom": {"key": "1\r\nLambda-Runtime-X: y", "\u20ac": "\u2028"}}
    encoded = base64.b64encode(json.dumps(context, ensure_ascii=False, indent=2).encode()).decode()
    caller = listeners.call(headers={"X-Amz-Client-Context": encoded})
    answer = listeners.next()
    value = answer.headers["Lambda-Runtime-Client-Context"]
    assert value.isascii() and value.isprintable()
    assert json.loads(value) == context
    assert "Lambda-Runtime-X" not in answer.headers
    listeners.post(f"invocation/{answer.headers['Lambda-Runtime-Aws-Request-Id']}/response", b"1")
    assert caller.result().json() == 1
