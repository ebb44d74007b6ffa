"""Rules for what the client writes: another parser reads from it what was meant, however the kernel takes it."""

from __future__ import annotations

from collections.abc import Sequence

from ric.api.runtime_api import RuntimeApi
from ric.api.trailers import error_trailers
from ric.api.transport import Connection
from ric.errors import MalformedResponseError, TransportError, UnsafeHeaderError
from tests.fuzz import reading_with_h11
from tests.fuzz.network import network
from tests.fuzz.reading_answers import ADDRESS, message_of, read_answer
from tests.fuzz.readings import Message, Refused
from tests.fuzz.wire import Wire

ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
_PREFIX = b"/2018-06-01/runtime/invocation/"
_HEAD = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"


def sent_request(wire: Wire) -> Message:
    """Returns the one request that was sent on a wire, as h11 reads it."""
    (reading,) = reading_with_h11.read_requests(bytes(wire.sent))
    assert isinstance(reading, Message), (bytes(wire.sent), reading)
    return reading


def check_result(invoke_id: str, content: bytes, content_type: str, invocation_id: str, room: Sequence[int]) -> bool:
    """Posts a result: it arrives as what it is, or nothing of it is sent.

    Returns:
        Whether it was sent.
    """
    wire = Wire([ACCEPTED], room=room, arrivals=[1000])
    with network(wire):
        try:
            RuntimeApi("127.0.0.1:9").post_invocation_result(invoke_id, content, content_type, invocation_id)
        except UnsafeHeaderError:
            assert not wire.sent
            return False
    request = sent_request(wire)
    assert request.start == (b"POST", _PREFIX + invoke_id.encode() + b"/response")
    assert request.body == content
    assert request.headers[b"content-type"] == content_type.strip(" ").encode()
    assert request.headers.get(b"lambda-runtime-invocation-id", b"") == invocation_id.strip(" ").encode()
    return True


def check_error(invoke_id: str, document: bytes, cause: str) -> bool:
    """Posts an error: document and cause arrive, whatever is in them; only the id may be refused."""
    wire = Wire([ACCEPTED])
    with network(wire):
        try:
            RuntimeApi("127.0.0.1:9").post_error(invoke_id, document, cause)
        except UnsafeHeaderError as error:
            assert error.name == "request id"
            assert not wire.sent
            return False
    request = sent_request(wire)
    assert request.start == (b"POST", _PREFIX + invoke_id.encode() + b"/error")
    assert request.body == document
    assert set(request.headers) - {b"lambda-runtime-function-xray-error-cause"} == {
        b"host",
        b"user-agent",
        b"content-type",
        b"lambda-runtime-function-error-type",
    }
    return True


def check_stream(pieces: Sequence[bytes], document: bytes | None, room: Sequence[int]) -> None:
    """Streams a result: the pieces arrive as one body, and a failure in its trailers."""
    wire = Wire([ACCEPTED], room=room, arrivals=[10_000])
    with network(wire):
        upload = RuntimeApi("127.0.0.1:9").start_response("1", "text/plain")
        for piece in pieces:
            upload.write(piece)
        trailers = [] if document is None else error_trailers(document, "Function.Error")
        upload.finish(trailers)
    request = sent_request(wire)
    assert request.body == b"".join(pieces)
    assert request.trailers == {name.lower().encode(): value.encode() for name, value in trailers}


def check_early_answer(data: bytes, pieces: Sequence[bytes], arrivals: Sequence[int], room: Sequence[int]) -> None:
    """Sends a request while the server answers already: the answer is read as if it had come afterwards.

    Args:
        data: The server's bytes.
        pieces: The same in pieces.
        arrivals: When each piece comes, in calls to send.
        room: How much the kernel takes at each of them.
    """
    body = b"x" * 300
    wire = Wire(pieces, arrivals=sorted(arrivals), room=room)
    expected = read_answer([data], is_closed=True)
    with network(wire):
        connection = Connection(ADDRESS)
        try:
            response = connection.exchange(_HEAD % len(body), body)
        except (MalformedResponseError, TransportError) as error:
            assert isinstance(expected, Refused), (data, pieces, arrivals, room, error, expected)
            assert not wire.is_open
        else:
            assert isinstance(expected, Message), (data, pieces, arrivals, room, expected)
            assert message_of(response, is_reusable=expected.is_reusable) == expected
            is_whole = bytes(wire.sent) == _HEAD % len(body) + body
            assert is_whole or not wire.is_open, "a connection was kept on which half a request is out"
