"""What atheris feeds: for each target, how bytes become the arguments of a check, and which bytes to start from.

The first bytes of an input steer (where the rest is cut, who answers when), all others are what goes over the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from tests.fuzz import messages
from tests.fuzz.checks_answers import check_answer
from tests.fuzz.checks_invocations import check_invocation, echo, fail
from tests.fuzz.checks_requests import check_requests
from tests.fuzz.checks_sending import check_early_answer, check_error, check_result, check_stream
from tests.fuzz.checks_url import check_event
from tests.fuzz.checks_url import check_result as check_url_result
from tests.fuzz.wire import cut

_STEERING_BYTES = 8
_OK = b"HTTP/1.1 200 OK"
_POST = b"POST / HTTP/1.1\r\nHost: h"
_CONTEXT = b'{"client": {"app_title": "a"}, "custom": {}, "env": null, "w3c": {"traceparent": "x"}}'
_NEXT = [
    b"Lambda-Runtime-Aws-Request-Id: 1",
    b"Lambda-Runtime-Deadline-Ms: 4102444800000",
    b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:1:function:f",
    b"Lambda-Runtime-Trace-Id: Root=1",
    b"Lambda-Runtime-Client-Context: " + _CONTEXT,
    b'Lambda-Runtime-Cognito-Identity: {"cognitoIdentityId": "a", "cognitoIdentityPoolId": "b"}',
    b"Lambda-Runtime-Aws-Tenant-Id: t",
    b"Lambda-Runtime-Invocation-Id: i",
]


class Target(NamedTuple):
    """One thing to fuzz.

    Attributes:
        check: Takes an input; raises if a rule is broken.
        seeds: Inputs to start from.
    """

    check: Callable[[bytes], object]
    seeds: Iterable[bytes]


def _answer(data: bytes) -> None:
    steering, data = _steered(data)
    check_answer(data, list(steering[1:]), is_closed=steering[0] % 4 != 0)


def _early_answer(data: bytes) -> None:
    steering, data = _steered(data)
    pieces = cut(data, steering[:4])
    check_early_answer(data, pieces, [byte % 8 for byte in steering[:4]], [byte % 64 for byte in steering[4:]])


def _request(data: bytes) -> None:
    steering, data = _steered(data)
    check_requests(data, list(steering))


def _invocation(data: bytes) -> None:
    steering, data = _steered(data)
    check_invocation(data, echo if steering[0] % 2 else fail)


def _sending(data: bytes) -> None:
    steering, data = _steered(data)
    room = [byte % 64 for byte in steering[:4]]
    pieces = cut(data, steering[4:])
    text, *others = [piece.decode("utf-8", "replace") for piece in (*pieces, b"", b"", b"")]
    check_result(text, data, others[0], others[1], room)
    check_error(text, data, others[0])
    check_stream(pieces, data if steering[0] % 2 else None, room)


def _url(data: bytes) -> None:
    steering, data = _steered(data)
    chunks = cut(data, steering[2:5])
    method, version = (b"GET", b"HEAD")[steering[0] % 2], (b"1.1", b"1.0")[steering[1] % 2]
    check_url_result(data, chunks, method=method, version=version)
    text = data.decode("latin-1")
    fields = [("Content-Type", text[:20]), ("Cookie", text[20:40]), ("X", text[40:60])]
    check_event("/" + "".join(text.split()), fields, data)


def _steered(data: bytes) -> tuple[bytes, bytes]:
    return data[:_STEERING_BYTES].ljust(_STEERING_BYTES, b"\0"), data[_STEERING_BYTES:]


def _messages(start: bytes) -> Iterable[bytes]:
    for field in (*messages.ODD_FIELDS, *messages.ODD_FRAMING):
        yield start + b"\r\n" + field + b"\r\n\r\nhello"
        yield start + b"\r\n" + field + b"\r\nContent-Length: 5\r\n\r\nhello"
    for chunk in messages.ODD_CHUNKS:
        yield start + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"
    for end in messages.ODD_ENDS:
        yield start + b"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" + end


def _events() -> Iterable[bytes]:
    for body in (b"{}", b"[1.5e3, true, null]", b'{"a": "\\ud800\\n\xc3\xa9"}', b"text"):
        for field in _NEXT:
            yield b"\r\n".join([_OK, _NEXT[0], field, b"Content-Length: %d" % len(body), b"", body])
        yield b"\r\n".join([_OK, *_NEXT, b"Content-Length: %d" % len(body), b"", body])


_RESULTS = (
    b'{"statusCode": 200, "headers": {"Content-Type": "text/plain", "X": ["a", 1]}, "body": "b"}',
    b'{"statusCode": 204, "cookies": ["a=b"], "isBase64Encoded": true, "body": "Yg=="}',
    b'"text"',
)
_INTERIM = b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n"


def _with_steering(inputs: Iterable[bytes]) -> list[bytes]:
    return [bytes(range(number, number + _STEERING_BYTES)) + data for number, data in enumerate(inputs)]


TARGETS = {
    "answer": Target(_answer, _with_steering([*_messages(_OK), _INTERIM + _OK + b"\r\n\r\n"])),
    "early-answer": Target(_early_answer, _with_steering([_INTERIM + message for message in _messages(_OK)][:60])),
    "request": Target(_request, _with_steering([*_messages(_POST), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 3])),
    "invocation": Target(_invocation, _with_steering(_events())),
    "sending": Target(_sending, _with_steering([b"1application/json1", b"a/b", b"1text\r\nX: y"])),
    "url": Target(_url, _with_steering(_RESULTS)),
}

WORDS = sorted(
    {
        *messages.ODD_FIELDS,
        *messages.ODD_FRAMING,
        *messages.ODD_CHUNKS,
        *messages.ODD_ENDS,
        *(field.partition(b" ")[0] for field in _NEXT),
        *(b'"%b"' % name for name in (b"statusCode", b"headers", b"cookies", b"body", b"isBase64Encoded")),
        *(b"HTTP/1.0", b"HTTP/1.1 204 x", b"HTTP/1.1 304 x", b"HTTP/1.1 100 x", b"\r\n\r\n", b"Expect: 100-continue"),
    }
    - {b""}
)
