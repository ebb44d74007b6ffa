"""Streamed responses: from a runtime that writes chunk by chunk to callers of each kind."""

from __future__ import annotations

import contextlib
import http.client
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError

from ric.local.invoke import event_stream
from tests.emulator_listeners import LIMIT_BYTES, TIMEOUT_SECONDS, Listeners, RuntimeStream, listening
from tests.emulator_running import lambda_client

HTTP_TYPE = "application/vnd.awslambda.http-integration-response"
DOCUMENT = {"errorType": "Function.Broken", "errorMessage": "half-way"}
# More than any socket buffers on the way from the runtime to the caller hold.
PLENTY = 64
MEGABYTE = b"x" * 1_000_000


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    """Both listeners, and a runtime that has not asked for anything yet."""
    with listening() as listeners:
        yield listeners


@pytest.fixture
def client(listeners: Listeners) -> Iterator[Any]:
    """boto3 on them."""
    with lambda_client(listeners.invoke_api.base_url) as client:
        yield client


def read(answer: Any) -> list[Any]:
    """Returns all events of boto3's answer, and lets its connection go."""
    with contextlib.closing(answer["EventStream"]) as events:
        return list(events)


class TestFraming:
    """Messages of AWS's event streams."""

    def test_botocore_reads_them(self) -> None:
        """botocore's own parser, which checks both CRCs, finds what was put in."""
        buffer = EventStreamBuffer()
        buffer.add_data(
            event_stream.payload_chunk(b"\x00\xff") + event_stream.invoke_complete("Unhandled", "{}", "bG9n")
        )
        chunk, end = list(buffer)
        assert (chunk.headers[":message-type"], chunk.headers[":event-type"]) == ("event", "PayloadChunk")
        assert chunk.payload == b"\x00\xff"
        assert end.headers[":event-type"] == "InvokeComplete"
        assert json.loads(end.payload) == {"ErrorCode": "Unhandled", "ErrorDetails": "{}", "LogResult": "bG9n"}

    def test_the_layout(self) -> None:
        """Lengths, headers and CRC-32 stand where the specification has them."""
        message = event_stream.payload_chunk(b"abc")
        total, headers = struct.unpack(">II", message[:8])
        assert total == len(message)
        assert message[8:12] == struct.pack(">I", zlib.crc32(message[:8]))
        assert message[12:].startswith(b"\x0d:message-type\x07\x00\x05event")
        assert message[12 + headers : -4] == b"abc"
        assert message[-4:] == struct.pack(">I", zlib.crc32(message[:-4]))


class TestInvokeWithResponseStream:
    """boto3's ``invoke_with_response_stream``."""

    def call(self, listeners: Listeners, client: Any, **options: Any) -> Any:
        """Invokes the function from a thread; the call ends when the answer begins."""
        invoke = client.invoke_with_response_stream
        return listeners.callers.submit(invoke, FunctionName="function", Payload=b"{}", **options)

    def test_each_chunk_arrives_before_the_next_is_written(self, listeners: Listeners, client: Any) -> None:
        """The caller reads a chunk while the function has not even begun the next one."""
        caller = self.call(listeners, client)
        request_id = listeners.take()
        with RuntimeStream(listeners, request_id) as stream, contextlib.ExitStack() as stack:
            stream.write(b"one")
            answer = caller.result(TIMEOUT_SECONDS)
            assert answer["ResponseMetadata"]["RequestId"] == request_id
            assert answer["ExecutedVersion"] == "$LATEST"
            assert answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
            events = iter(stack.enter_context(contextlib.closing(answer["EventStream"])))
            assert next(events) == {"PayloadChunk": {"Payload": b"one"}}
            stream.write(b"two")
            assert next(events) == {"PayloadChunk": {"Payload": b"two"}}
            assert stream.finish() == 202
            assert list(events) == [{"InvokeComplete": {}}]

    def test_an_error_in_the_middle(self, listeners: Listeners, client: Any) -> None:
        """A stream that fails ends with ErrorCode and the error document, after what came before."""
        caller = self.call(listeners, client)
        with RuntimeStream(listeners, listeners.take()) as stream:
            stream.write(b"half")
            assert stream.fail(DOCUMENT) == 202
        chunk, end = read(caller.result())
        assert chunk["PayloadChunk"]["Payload"] == b"half"
        assert end["InvokeComplete"]["ErrorCode"] == "Unhandled"
        assert json.loads(end["InvokeComplete"]["ErrorDetails"]) == DOCUMENT
        assert listeners.reports.ends[0].error_type == "Function.Broken"

    def test_a_stream_cut_short(self, listeners: Listeners, client: Any) -> None:
        """A runtime that hangs up in the middle is Runtime.TruncatedResponse, and the next one is served."""
        caller = self.call(listeners, client)
        with RuntimeStream(listeners, listeners.take()) as stream:
            stream.write(b"half")
        _, end = read(caller.result())
        assert json.loads(end["InvokeComplete"]["ErrorDetails"])["errorType"] == "Runtime.TruncatedResponse"

    def test_a_function_that_does_not_stream(self, listeners: Listeners, client: Any) -> None:
        """A whole response is one chunk, an error is told in the last message; the log comes if asked for."""
        caller = self.call(listeners, client, LogType="Tail")
        listeners.post(f"invocation/{listeners.take()}/response", b'"whole"')
        chunk, end = read(caller.result())
        assert chunk["PayloadChunk"]["Payload"] == b'"whole"'
        assert end["InvokeComplete"].keys() == {"LogResult"}
        caller = self.call(listeners, client)
        listeners.post(f"invocation/{listeners.take()}/error", json.dumps(DOCUMENT).encode())
        (end,) = read(caller.result())
        assert json.loads(end["InvokeComplete"]["ErrorDetails"]) == DOCUMENT

    def test_refusals_are_those_of_invoke(self, listeners: Listeners, client: Any) -> None:
        """What Lambda refuses is an exception before any event."""
        with pytest.raises(ClientError, match="InvalidRequestContentException"):
            client.invoke_with_response_stream(FunctionName="function", Payload=b"{")
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            client.invoke_with_response_stream(FunctionName="other")
        with pytest.raises(ClientError, match="InvalidParameterValueException"):
            client.invoke_with_response_stream(FunctionName="function", InvocationType="Event")
        dry = client.invoke_with_response_stream(FunctionName="function", InvocationType="DryRun")
        assert (dry["StatusCode"], read(dry)) == (204, [])


class TestRuntimeSide:
    """What a runtime that streams is answered."""

    def test_a_slow_caller_slows_the_function(self, listeners: Listeners) -> None:
        """While the caller reads nothing writes block; as soon as it reads they go on, and nothing is lost."""
        connection, stream = self.start_unread(listeners)
        with stream:
            written = 0
            while written < PLENTY and stream.try_to_write(MEGABYTE, timeout_s=0.5):
                written += 1
            assert written < PLENTY, "64 MB were taken though nobody reads"
            answer = connection.getresponse()
            # What of the last megabyte was sent cannot be known, so the stream is closed where it stands.
            stream.close()
            with pytest.raises(http.client.IncompleteRead) as cut:
                answer.read()
            assert len(cut.value.partial) >= written * len(MEGABYTE)
            answer.close()
        connection.close()

    def test_a_caller_who_leaves_does_not_stop_the_function(self, listeners: Listeners) -> None:
        """What the function still writes is thrown away, and it can end in order."""
        connection, stream = self.start_unread(listeners)
        with stream:
            connection.close()
            for _ in range(20):
                stream.write(MEGABYTE)
            assert stream.finish() == 202
        assert listeners.reports.ends[0].status == "success"

    def test_a_plain_caller_gets_the_chunks_collected(self, listeners: Listeners) -> None:
        """Invoke waits for the end, and returns one payload."""
        caller = listeners.call()
        with RuntimeStream(listeners, listeners.take()) as stream:
            stream.write(b'"one')
            stream.write(b' and two"')
            assert stream.finish() == 202
        assert caller.result().json() == "one and two"

    def test_a_plain_caller_gets_no_more_than_6_mb(self, listeners: Listeners) -> None:
        """Above 6 MB the runtime is told 413, the caller of Invoke Function.ResponseSizeTooLarge."""
        caller = listeners.call()
        with RuntimeStream(listeners, listeners.take()) as stream:
            for _ in range(LIMIT_BYTES // len(MEGABYTE)):
                stream.write(MEGABYTE)
            stream.write(b"x" * 291_557)
            assert stream.status() == 413
        assert caller.result().json()["errorType"] == "Function.ResponseSizeTooLarge"

    def test_a_streaming_caller_gets_more_than_6_mb(self, listeners: Listeners) -> None:
        """For a caller who takes chunks the limit is 200 MB; they do not pile up here."""
        connection, stream = self.start_unread(listeners)
        with stream:
            answer = connection.getresponse()
            for _ in range(10):
                stream.write(MEGABYTE)
                assert answer.read(len(MEGABYTE)) == MEGABYTE
            assert stream.finish() == 202
        assert answer.read() == b""
        connection.close()

    @pytest.mark.parametrize("mode", ["buffered", "chunked"])
    def test_another_mode_is_400(self, listeners: Listeners, mode: str) -> None:
        """A mode that does not exist is refused, and the invocation can still be answered."""
        caller = listeners.call()
        request_id = listeners.take()
        with RuntimeStream(listeners, request_id, mode=mode) as stream:
            assert stream.finish() == 400
        assert listeners.post(f"invocation/{request_id}/response", b"1").status_code == 202
        assert caller.result().json() == 1

    def test_a_second_answer_during_the_first_is_403(self, listeners: Listeners) -> None:
        """While a response is being streamed nothing else can answer the invocation."""
        caller = listeners.call()
        request_id = listeners.take()
        with RuntimeStream(listeners, request_id) as stream:
            stream.write(b'"a')
            assert listeners.wait_until(lambda: listeners.sandbox.running[request_id].is_being_answered)
            assert listeners.post(f"invocation/{request_id}/error", b"{}").status_code == 403
            stream.write(b'b"')
            assert stream.finish() == 202
        assert caller.result().json() == "ab"

    def start_unread(self, listeners: Listeners) -> tuple[http.client.HTTPConnection, RuntimeStream]:
        """Begins a stream to a caller who has not read anything yet."""
        connection = http.client.HTTPConnection("127.0.0.1", listeners.invoke_api.port, timeout=TIMEOUT_SECONDS)
        connection.request("GET", "/stream")
        return connection, RuntimeStream(listeners, listeners.take())


class TestFunctionUrl:
    """Streams to the function URL."""

    def start(
        self, listeners: Listeners, content_type: str = HTTP_TYPE, version: str = "HTTP/1.1"
    ) -> tuple[Any, RuntimeStream]:
        """Sends a request; returns the connection and the stream that answers it."""
        connection: Any = http.client.HTTPConnection("127.0.0.1", listeners.invoke_api.port, timeout=TIMEOUT_SECONDS)
        connection._http_vsn_str = version
        connection.request("GET", "/")
        return connection, RuntimeStream(listeners, listeners.take(), content_type)

    def test_the_prelude_becomes_the_head(self, listeners: Listeners) -> None:
        """Status, headers and cookies come from the prelude, at once; then each chunk as it is written."""
        connection, stream = self.start(listeners)
        with stream:
            head = {"statusCode": 201, "headers": {"X-A": "b", "Content-Type": "text/html"}, "cookies": ["c=1", "d=2"]}
            stream.write(json.dumps(head).encode())
            stream.write(b"\0" * 8)
            answer = connection.getresponse()
            assert (answer.status, answer.headers["X-A"], answer.headers["Content-Type"]) == (201, "b", "text/html")
            assert answer.headers.get_all("Set-Cookie") == ["c=1", "d=2"]
            stream.write(b"one")
            assert answer.read(3) == b"one"
            stream.write(b"two")
            assert answer.read(3) == b"two"
            assert stream.finish() == 202
        assert answer.read() == b""
        connection.close()

    def test_the_prelude_may_come_in_pieces(self, listeners: Listeners) -> None:
        """Where chunks end means nothing: the separator may be split, and the body begin in its chunk."""
        connection, stream = self.start(listeners)
        with stream:
            for piece in (b'{"statusCode"', b": 202}\0\0\0", b"\0\0\0\0\0body"):
                stream.write(piece)
            assert stream.finish() == 202
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (202, b"body")
        connection.close()

    def test_a_stream_without_prelude(self, listeners: Listeners) -> None:
        """Any other media type is passed on as it is, with status 200."""
        connection, stream = self.start(listeners, "text/event-stream")
        with stream:
            stream.write(b"data: 1\n\n")
            assert stream.finish() == 202
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Content-Type"], answer.read()) == (
            200,
            "text/event-stream",
            b"data: 1\n\n",
        )
        connection.close()

    @pytest.mark.parametrize("prelude", [b"", b"no JSON" + b"\0" * 8, b"[]" + b"\0" * 8, b"x" * 20_000])
    def test_a_broken_prelude_is_502(self, listeners: Listeners, prelude: bytes) -> None:
        """A stream that does not begin with a prelude, or has no end of it in 16 KB, is a bad gateway."""
        connection, stream = self.start(listeners)
        with stream:
            if prelude:
                stream.write(prelude)
            stream.finish()
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read()).keys()) == (502, {"Message"})
        connection.close()

    def test_a_failure_after_the_head_cuts_the_body(self, listeners: Listeners) -> None:
        """With the status out, a body without its end is how the caller learns of the failure."""
        connection, stream = self.start(listeners, "text/plain")
        with stream:
            stream.write(b"half")
            assert stream.fail(DOCUMENT) == 202
        answer = connection.getresponse()
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
        answer.close()
        connection.close()

    def test_a_client_of_http_1_0(self, listeners: Listeners) -> None:
        """A client that does not know chunks gets the bytes, and the connection's end as that of the body."""
        connection, stream = self.start(listeners, "text/plain", "HTTP/1.0")
        with stream:
            stream.write(b"one")
            stream.write(b"two")
            assert stream.finish() == 202
        answer = connection.getresponse()
        assert (answer.headers["Transfer-Encoding"], answer.read()) == (None, b"onetwo")
        connection.close()
