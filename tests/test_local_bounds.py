"""What bounds those who may talk to the emulator: time, and what is kept of what they say."""

from __future__ import annotations

import concurrent.futures
import os
import socket
from collections.abc import Iterator

import pytest

from ric.api import protocol
from ric.local.invoke import invoke_listener
from ric.local.runtime import log_pump
from ric.local.runtime.log_pump import LogPump
from tests.emulator_listeners import TIMEOUT_SECONDS, Listeners, listening


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    """Both listeners, and a runtime that has not asked for anything yet."""
    with listening() as listeners:
        yield listeners


@pytest.mark.parametrize(
    "sent", [b"", b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{}"]
)
def test_a_caller_who_sends_no_more_is_given_up(
    listeners: Listeners, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection on which nothing comes for a while gives its place to somebody else, and nothing runs."""
    # The 75 s of the real thing are too long for a test.
    monkeypatch.setattr(invoke_listener._CallerConnection, "timeout", 0.2)
    with socket.create_connection(("127.0.0.1", listeners.invoke_api.port), TIMEOUT_SECONDS) as connection:
        connection.sendall(sent)
        assert connection.recv(1) == b""
    assert not listeners.queue.is_waiting


def test_a_waiting_caller_is_not_given_up(listeners: Listeners, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long the function takes is another matter."""
    monkeypatch.setattr(invoke_listener._CallerConnection, "timeout", 0.05)
    caller = listeners.call()
    request_id = listeners.take()
    with pytest.raises(concurrent.futures.TimeoutError):  # the built-in one from Python 3.11 on
        caller.result(0.3)
    listeners.post(f"invocation/{request_id}/response", b"1")
    assert caller.result().json() == 1


def test_streams_are_bounded(listeners: Listeners, monkeypatch: pytest.MonkeyPatch) -> None:
    """A streamed response ends at Lambda's quota, and the runtime is told."""
    # 200 MB take a second that the suite does not have.
    monkeypatch.setattr(protocol, "MAX_STREAMED_BYTES", 1_000_000)
    url = listeners.invoke_api.base_url + "/2021-11-15/functions/function/response-streaming-invocations"
    caller = listeners.callers.submit(listeners.http.post, url, b"{}", timeout=TIMEOUT_SECONDS)
    path = f"invocation/{listeners.take()}/response"
    answer = listeners.post(path, iter([b"x" * 300_000] * 4), Lambda_Runtime_Function_Response_Mode="streaming")
    assert answer.status_code == 413
    assert b"Function.ResponseSizeTooLarge" in caller.result().content


def test_events_for_an_extension_that_does_not_ask(listeners: Listeners) -> None:
    """An extension that registers for invocations and never asks for one costs no more than the last 256."""
    registration = listeners.http.post(
        f"http://{listeners.runtime_address}/2020-01-01/extension/register",
        b'{"events": ["INVOKE", "SHUTDOWN"]}',
        headers={"Lambda-Extension-Name": "idle"},
        timeout=TIMEOUT_SECONDS,
    )
    identifier = registration.headers["Lambda-Extension-Identifier"]
    for _ in range(300):
        listeners.extensions.announce_shutdown("spindown", 0)
    listeners.extensions.announce_shutdown("the last", 0)
    waiting = [listeners.extensions.next_event(identifier) for _ in range(256)]
    assert waiting[-1] is not None and waiting[-1]["shutdownReason"] == "the last"


def test_a_line_of_log_without_an_end() -> None:
    """A function that writes no line feeds is passed on in pieces, complete and in order."""
    (stdout, writing), (stderr, other) = os.pipe(), os.pipe()
    pieces: list[str] = []
    pump = LogPump(stdout, stderr, lambda stream, line: pieces.append(line))
    written = b"x" * (3 * log_pump._MAX_LINE_BYTES) + b"end"
    with os.fdopen(writing, "wb") as file:
        file.write(written)
    os.close(other)
    assert pump.wait_for_end(TIMEOUT_SECONDS)
    assert "".join(pieces).encode() == written
    assert len(pieces) >= 3
    assert max(map(len, pieces)) < log_pump._MAX_LINE_BYTES + 64 * 1024


def test_a_path_is_no_way_around(listeners: Listeners) -> None:
    """Odd spellings of the Runtime API's paths are not the Runtime API on the callers' port."""
    for path in ("/2018-06-01/runtime/invocation/next", "//2018-06-01/runtime/invocation/next"):
        caller = listeners.callers.submit(
            listeners.http.get, listeners.invoke_api.base_url + path, timeout=TIMEOUT_SECONDS
        )
        listeners.post(f"invocation/{listeners.take()}/response", b'"the function itself"')
        assert caller.result().json() == "the function itself"
