"""The emulator reads heads and trailers, over raw sockets: what fuzzing found that ``http.server`` makes of them."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Iterator

import pytest

from ric.local.invoke.invoke_listener import INVOKE_PATH
from ric.local.server.request_head import MalformedHeadError, read_fields
from tests.emulator_listeners import TIMEOUT_SECONDS, Listeners, RuntimeStream, listening, send_whole

POST = f"POST {INVOKE_PATH} HTTP/1.1\r\n".encode()


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    """Both listeners, and a runtime that has not asked for anything yet."""
    with listening() as listeners:
        yield listeners


def invoke_raw(listeners: Listeners, data: bytes) -> bytes:
    """Sends bytes to the side of callers, then nothing more; returns all that comes."""
    with socket.create_connection(("127.0.0.1", listeners.invoke_api.port), TIMEOUT_SECONDS) as connection:
        return send_whole(connection, data)


@pytest.mark.parametrize("part", [POST[:-2], POST, POST + b"Host: localhost", POST + b"Host: localhost\r\nContent-Le"])
def test_a_head_cut_short_is_no_request(listeners: Listeners, part: bytes) -> None:
    """A connection that ends in the middle of a head invokes nothing: the length of a body may have been to come."""
    assert invoke_raw(listeners, part) == b""
    assert not listeners.queue.is_waiting


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length : 4\r\n",
        b" Content-Length: 4\r\n",
        b"A: b\r\n Content-Length: 4\r\n",
        b"no field\r\nContent-Length: 4\r\n",
        b"From me\r\nContent-Length: 4\r\n",
        b"A: b\rContent-Length: 4\r\n",
        b"A: b\0\r\nContent-Length: 4\r\n",
        b"Host: localhost\r\nContent-Length: 4\r\n",
        b"Content-Length: \xa04\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: 4, 5\r\n",
        b"Transfer-Encoding:\r\nContent-Length: 4\r\n",
        b"Transfer-Encoding: \xa0chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
    ],
)
def test_heads_that_can_be_read_in_two_ways(listeners: Listeners, head: bytes) -> None:
    """They are refused with the connection, so that nobody's body becomes a request."""
    answer = invoke_raw(listeners, POST + b"Host: localhost\r\n" + head + b"\r\nnull" + POST + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert not listeners.queue.is_waiting


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /", 400),
        (b"GET / HTTP/x", 400),
        (b"GET / HTTP/1.1 ", 400),
        (b"GET /\xa0HTTP/1.1", 400),
        (b"GET / HTTP/1.1\r", 400),
        (b"GET / HTTP/0.9", 505),
        (b"GET / HTTP/3.0", 505),
        (b"", 400),
    ],
)
def test_request_lines_that_are_none(listeners: Listeners, line: bytes, status: int) -> None:
    """The refusal is an HTTP answer with a head and JSON behind it."""
    head, _, body = invoke_raw(listeners, line + b"\r\nHost: localhost\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body).keys() == {"Type", "Message"}


def test_chunks_in_http_1_0(listeners: Listeners) -> None:
    """HTTP/1.0 has none, and what is before the runtime and ric may have read the body otherwise."""
    head = POST.replace(b"1.1", b"1.0") + b"Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert invoke_raw(listeners, head + b"2\r\n{}\r\n0\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert not listeners.queue.is_waiting


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2, 2\r\n\r\n{}",
        b"content-length:2\ncontent-length: 2\r\n\n{}",
        b"Content-Length: 2\n\n{}",
    ],
)
def test_unusual_heads_that_can_be_read_in_one_way(listeners: Listeners, head: bytes) -> None:
    """A length that is repeated, and lines that end in LF alone, are understood."""
    assert invoke_raw(listeners, POST + b"X-Amz-Invocation-Type: DryRun\n" + head).startswith(b"HTTP/1.1 204 ")


@pytest.mark.parametrize("part", [b"", b"Lambda-Runtime-Function-Error-Type: Function.X\r\n", b"Lambda-Runt"])
def test_trailers_cut_short_are_no_end(listeners: Listeners, part: bytes) -> None:
    """A stream that breaks off behind its last chunk failed: the field that says so may not have come."""
    caller = listeners.call()
    with RuntimeStream(listeners, listeners.take()) as stream:
        stream.write(b"half")
        stream._socket.sendall(b"0\r\n" + part)
        stream._socket.shutdown(socket.SHUT_WR)
        assert stream.status() == 400
    assert caller.result().json()["errorType"] == "Runtime.TruncatedResponse"


def test_an_xray_cause_of_the_largest_size_is_taken(listeners: Listeners) -> None:
    """64 KiB, which the platform takes, are more than a line of http.server."""
    caller = listeners.call()
    cause = {"Lambda-Runtime-Function-XRay-Error-Cause": "x" * 65536}
    posted = listeners.post(f"invocation/{listeners.take()}/error", b'{"errorType": "E", "errorMessage": ""}', **cause)
    assert posted.status_code == 202
    assert caller.result().headers["X-Amz-Function-Error"] == "Unhandled"


@pytest.mark.parametrize("line", [b"X:%b\x01\r\n", b"X: a%bb\x01\r\n", b"X: a%bb\r\n", b"X%b: a\r\n"])
def test_a_line_takes_no_more_time_for_its_size(line: bytes) -> None:
    """One request full of blanks does not keep all others waiting: thirty times the blanks, thirty times the time."""

    def seconds(blanks: int) -> float:
        stream = io.BytesIO(line % (b" " * blanks) + b"\r\n")
        start_s = time.process_time()
        for _ in range(100):
            stream.seek(0)
            try:
                read_fields(stream)
            except MalformedHeadError:
                continue  # what most of these lines are; how long it takes to say so counts
        return time.process_time() - start_s

    least = min(seconds(1_000) for _ in range(3))
    assert min(seconds(30_000) for _ in range(3)) < 100 * least
