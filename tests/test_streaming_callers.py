"""Streaming handlers of ric, called in every way in which Lambda's users call: boto3, Invoke, a function URL, RIE."""

from __future__ import annotations

import contextlib
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any

import pytest

from ric.local import Emulator
from tests.emulator_running import TIMEOUT_SECONDS, emulated, lambda_client
from tests.rie import Rie, rie_refusal

FUNCTION = """
import asyncio, os
from ric import StreamingResponse, response_stream

async def plain(event):
    for piece in event["pieces"]:
        yield piece
    if "fail" in event:
        raise ValueError(event["fail"])

def http(event):
    return StreamingResponse(plain(event), 201, {"Content-Type": "text/plain", "X-Made-By": "ric"}, ["a=1", "b=2"])

def handler(event, context):
    if "rawPath" in event:
        event = {"kind": "http", **{k: v for k, v in event.get("queryStringParameters", {}).items()}}
        event["pieces"] = event.get("pieces", "").split()
    if event["kind"] == "http":
        return http(event)
    with response_stream(context) as stream:
        for piece in event["pieces"]:
            stream.write(piece)
        if "fail" in event:
            raise ValueError(event["fail"])

async def stepwise(event, context):
    for number in range(3):
        while not os.path.exists(f"step-{number}"):
            await asyncio.sleep(0.005)
        yield f"piece {number}"
"""
PRELUDE = (
    b'{"statusCode": 201, "headers": {"Content-Type": "text/plain", "X-Made-By": "ric"}, "cookies": ["a=1", "b=2"]}'
)
PRELUDE_END = b"\0" * 8


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """The function in the emulator, in its own directory."""
    monkeypatch.chdir(tmp_path)
    with emulated(tmp_path, FUNCTION) as (emulator, _):
        yield emulator


def stream_events(emulator: Emulator, event: object) -> list[dict[str, Any]]:
    """Returns all that boto3 gets from ``invoke_with_response_stream``."""
    with lambda_client(emulator.base_url) as client:
        answer = client.invoke_with_response_stream(FunctionName="function", Payload=json.dumps(event))
        with contextlib.closing(answer["EventStream"]) as events:
            return list(events)


def payload(events: list[dict[str, Any]]) -> bytes:
    """Returns the payload of all chunks together."""
    return b"".join(event["PayloadChunk"]["Payload"] for event in events if "PayloadChunk" in event)


def get(emulator: Emulator, query: str) -> HTTPResponse:
    """Asks the function URL."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    answer: HTTPResponse = opener.open(f"{emulator.base_url}/path?{query}", timeout=TIMEOUT_SECONDS)
    return answer


class TestBoto3:
    """``invoke_with_response_stream`` and plain ``invoke``."""

    @pytest.mark.parametrize(("kind", "head"), [("plain", b""), ("http", PRELUDE + PRELUDE_END)])
    def test_streamed(self, emulator: Emulator, kind: str, head: bytes) -> None:
        """All pieces come, behind the prelude if there is one, and the end is a success."""
        events = stream_events(emulator, {"kind": kind, "pieces": ["a", "b", "c"]})
        assert payload(events) == head + b"abc"
        assert events[-1] == {"InvokeComplete": {}}

    def test_a_piece_at_a_time(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """boto3 has a piece in its hands before the next one is made."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "app.py").write_text(FUNCTION.replace("async def stepwise", "async def handler"))
        with (
            emulated(tmp_path) as (emulator, _),
            lambda_client(emulator.base_url) as client,
            contextlib.ExitStack() as stack,
        ):
            (tmp_path / "step-0").touch()
            answer = client.invoke_with_response_stream(FunctionName="function", Payload=b"{}")
            events = iter(stack.enter_context(contextlib.closing(answer["EventStream"])))
            for number in range(3):
                assert next(events) == {"PayloadChunk": {"Payload": f"piece {number}".encode()}}
                (tmp_path / f"step-{number + 1}").touch()
            assert list(events) == [{"InvokeComplete": {}}]

    @pytest.mark.parametrize("kind", ["plain", "http"])
    def test_a_failure_in_the_middle(self, emulator: Emulator, kind: str) -> None:
        """What came before the failure is there, then the error with its document; the next invocation works."""
        events = stream_events(emulator, {"kind": kind, "pieces": ["half"], "fail": "no more"})
        assert payload(events).endswith(b"half")
        end = events[-1]["InvokeComplete"]
        assert end["ErrorCode"] == "Unhandled"
        document = json.loads(end["ErrorDetails"])
        assert (document["errorType"], document["errorMessage"]) == ("ValueError", "no more")
        assert payload(stream_events(emulator, {"kind": "plain", "pieces": ["on"]})) == b"on"

    @pytest.mark.parametrize("kind", ["plain", "http"])
    def test_an_empty_stream(self, emulator: Emulator, kind: str) -> None:
        """It is a success; an HTTP response has its prelude."""
        events = stream_events(emulator, {"kind": kind, "pieces": []})
        assert payload(events) == (PRELUDE + PRELUDE_END if kind == "http" else b"")
        assert events[-1] == {"InvokeComplete": {}}

    def test_the_plain_call_gets_it_whole(self, emulator: Emulator) -> None:
        """A caller who does not stream gets the collected bytes, or the error."""
        with lambda_client(emulator.base_url) as client:
            answer = client.invoke(FunctionName="function", Payload=b'{"kind": "plain", "pieces": ["a", "b"]}')
            assert (answer["StatusCode"], answer["Payload"].read()) == (200, b"ab")
            failing = b'{"kind": "plain", "pieces": ["a"], "fail": "no"}'
            answer = client.invoke(FunctionName="function", Payload=failing)
            assert answer["FunctionError"] == "Unhandled"
            assert json.load(answer["Payload"])["errorType"] == "ValueError"


class TestFunctionUrl:
    """The prelude becomes the head of an HTTP response."""

    def test_head_and_body(self, emulator: Emulator) -> None:
        """Status, headers and cookies are the function's, and the body is what it streamed."""
        with get(emulator, "pieces=a+b") as answer:
            assert answer.status == 201
            assert (answer.headers["Content-Type"], answer.headers["X-Made-By"]) == ("text/plain", "ric")
            assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
            assert answer.read() == b"ab"

    def test_an_empty_body(self, emulator: Emulator) -> None:
        """The head is the function's although there is no body."""
        with get(emulator, "pieces=") as answer:
            assert (answer.status, answer.read()) == (201, b"")

    def test_a_failure_in_the_middle(self, emulator: Emulator) -> None:
        """The body ends before its end, so that no client takes it for whole."""
        with get(emulator, "pieces=half&fail=no") as answer, pytest.raises(IncompleteRead) as caught:
            answer.read()
        assert caught.value.partial in (b"half", b"")


@pytest.mark.skipif(rie_refusal() is not None, reason=str(rie_refusal()))
class TestRealEmulator:
    """AWS's own emulator collects what is streamed; its server is the one that Lambda runs."""

    @pytest.fixture
    def rie(self, tmp_path: Path) -> Iterator[Rie]:
        """The function in AWS's emulator."""
        (tmp_path / "app.py").write_text(FUNCTION)
        with Rie([sys.executable, "-m", "ric", "app.handler"], tmp_path) as rie:
            yield rie

    def test_streams(self, rie: Rie) -> None:
        """Streams of both shapes come whole, empty ones too, and one process serves them all."""
        assert rie.invoke_raw(b'{"kind": "plain", "pieces": ["a", "b"]}') == b"ab"
        assert rie.invoke_raw(b'{"kind": "http", "pieces": ["a", "b"]}') == PRELUDE + PRELUDE_END + b"ab"
        assert rie.invoke_raw(b'{"kind": "plain", "pieces": []}') == b""
        assert rie.invoke_raw(b'{"kind": "http", "pieces": []}') == PRELUDE + PRELUDE_END
        assert rie.log.count("INIT START") == 1

    @pytest.mark.parametrize("size", [2, 100_000])
    def test_failures_in_the_middle(self, rie: Rie, size: int) -> None:
        """Its server takes the trailers, whatever the size of the error, and the next invocation is served."""
        event = json.dumps({"kind": "plain", "pieces": ["half"], "fail": "x" * size})
        assert rie.invoke_raw(event.encode()) == b"half"
        assert rie.invoke_raw(b'{"kind": "plain", "pieces": ["on"]}') == b"on"
        assert "ValueError: xx" in rie.log
        assert rie.log.count("INIT START") == 1
