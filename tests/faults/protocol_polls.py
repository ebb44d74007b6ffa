"""Answers to a poll: the rows of PROTOCOL.md's status policy for ``/next``, and events in unusual forms."""

from __future__ import annotations

import json

from tests.scripted_api import Step, close, drip, event, half_close, reset, send, status
from tests.scripted_api import wait_for_close as hold

from .functions import ECHO
from .model import ENDED, FAULT, PATIENCE_LIMIT_S, Due, Fault, Section
from .steps import many, unhurried

_HEAD = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: fault\r\nContent-Type: application/json\r\n"
_WHOLE = event(FAULT, b'"fault"')
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def poll(name: str, *steps: Step, told: str = "", due: Due = Due.NOTHING) -> Fault:
    """Returns a fault in the answer to one poll; the handler must see nothing of it."""
    return Fault(name, ECHO, polls=[steps], due=due, told=told)


def form(name: str, answer: bytes, **options: object) -> Fault:
    """Returns an unusual answer to a poll that means an ordinary event."""
    return Fault(name, ECHO, polls=[(send(answer),)], **options)  # type: ignore[arg-type]


POLL = Section(
    "The answer to a poll (`/next`)",
    (
        poll("204", send(b"HTTP/1.1 204 No Content\r\n\r\n")),
        poll("500, once", send(status(500))),
        poll("403, once", send(status(403))),
        poll("404, once", send(status(404))),
        poll("302, once", send(status(302, b"", b"Location: /elsewhere"))),
        poll("503, once", send(status(503))),
        poll("closed before the answer", close()),
        poll("reset before the answer", reset()),
        Fault("reset when it is accepted", ECHO, connections=[(reset(),)], due=Due.NOTHING),
        poll("half-closed before the answer", half_close(), hold()),
        poll("closed within the head", send(_WHOLE[:40]), close()),
        poll("reset within the head", send(_WHOLE[:40]), reset()),
        poll("closed within the body", send(_WHOLE[:-1]), close()),
        poll("reset within the body", send(_WHOLE[:-1]), reset()),
        poll("closed among the chunks", send(_CHUNKED + b'7\r\n"fault"\r\n'), close()),
        poll("closed within a chunk", send(_CHUNKED + b'7\r\n"fa'), close()),
        poll("a banner of SSH", send(b"SSH-2.0-OpenSSH_9.6\r\n"), close()),
        poll("a TLS alert", send(b"\x15\x03\x01\x00\x02\x02\x0a"), close()),
        poll("100 NUL bytes", send(b"\0" * 100), close()),
        poll("two lengths that differ", send(_HEAD + b'Content-Length: 7\r\nContent-Length: 6\r\n\r\n"fault"'), hold()),
        poll("a length and chunks", send(_HEAD + b"Content-Length: 17\r\n" + _CHUNKED[len(_HEAD) :]), hold()),
        poll("a negative length", send(_HEAD + b'Content-Length: -7\r\n\r\n"fault"'), hold()),
        poll("a length that is no number", send(_HEAD + b'Content-Length: 7x\r\n\r\n"fault"'), hold()),
        poll("a chunk size that is no number", send(_CHUNKED + b'x\r\n"fault"\r\n0\r\n\r\n'), hold()),
        poll("a chunk longer than it says", send(_CHUNKED + b'2\r\n"fault"\r\n0\r\n\r\n'), hold()),
        poll("a length of petabytes, then closed", send(_HEAD + b'Content-Length: 999999999999999\r\n\r\n"'), close()),
        poll("a head without end", send(b"HTTP/1.1 200 OK\r\n"), many(b"X-Field: value\r\n")),
        poll("100 Continue without end", many(b"HTTP/1.1 100 Continue\r\n\r\n")),
        poll("a chunk extension without end", send(_CHUNKED + b"7;"), many(b"x")),
        poll("no request id", send(_WHOLE.replace(b"Lambda-Runtime-Aws-Request-Id: fault\r\n", b""))),
        poll("a request id with a slash", send(_WHOLE.replace(b"Id: fault", b"Id: ../fault"))),
        poll("a request id with a bare CR", send(_WHOLE.replace(b"Id: fault", b"Id: fault\rX-Injected: y")), close()),
        Fault(
            "500, for good",
            ECHO,
            lasting=(send(status(500)),),
            due=Due.NOTHING,
            wanted=ENDED,
            told="500",
            limit_s=PATIENCE_LIMIT_S,
        ),
        Fault(
            "garbage, for good",
            ECHO,
            lasting=(send(b"garbage\r\n\r\n"), close()),
            due=Due.NOTHING,
            wanted=ENDED,
            told="garbage",
            limit_s=PATIENCE_LIMIT_S,
        ),
    ),
)

FORMS = Section(
    "Unusual events, each of which is to be served",
    (
        Fault("one byte at a time", ECHO, polls=[(drip(_WHOLE),)]),
        Fault(
            "over half a second",
            ECHO,
            polls=[(unhurried(event(FAULT, json.dumps("x" * 5000).encode())),)],
            result="x" * 5000,
            seen="x" * 5000,
        ),
        form("no `Content-Type`", event(FAULT, b'"fault"', content_type=None)),
        form("a blank `Content-Type`", event(FAULT, b'"fault"', content_type=b"")),
        form(
            "`application/json; charset=utf-8`",
            event(FAULT, b'"fault"', content_type=b"application/json; charset=utf-8"),
        ),
        form("`Application/JSON`", event(FAULT, b'"fault"', content_type=b"Application/JSON")),
        form("chunks", _CHUNKED + b'3;x=y\r\n"fa\r\n4\r\nult"\r\n0\r\nTrailer: x\r\n\r\n'),
        Fault("chunks, one byte at a time", ECHO, polls=[(drip(_CHUNKED + b'3\r\n"fa\r\n4\r\nult"\r\n0\r\n\r\n'),)]),
        Fault("a body up to the end of the connection", ECHO, polls=[(send(_HEAD + b'\r\n"fault"'), close())]),
        form("100 Continue before it", b"HTTP/1.1 100 Continue\r\n\r\n" + _WHOLE),
        form(
            "103 Early Hints with another request id",
            b"HTTP/1.1 103 Early Hints\r\nLambda-Runtime-Aws-Request-Id: 9\r\n\r\n" + _WHOLE,
        ),
        Fault("`Connection: close`", ECHO, polls=[(send(event(FAULT, b'"fault"', b"Connection: close")), close())]),
        Fault("HTTP/1.0", ECHO, polls=[(send(_WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0")), close())]),
        form("a folded header line", _WHOLE.replace(b"Id: fault", b"Id:\r\n  fault")),
        form("bare line feeds", _WHOLE.replace(b"\r\n", b"\n")),
        form("1,000 further headers", event(FAULT, b'"fault"', *[b"X-Many: y"] * 1000)),
        form("headers that are not UTF-8", event(FAULT, b'"fault"', b"Lambda-Runtime-Trace-Id: Root=\xff\xfe")),
        form("a deadline that is no number", _WHOLE.replace(b"4102444800000", b"soon"), due=Due.ANSWER),
        form(
            "a client context that is no JSON",
            event(FAULT, b'"fault"', b"Lambda-Runtime-Client-Context: {"),
            due=Due.ERROR,
        ),
        form("a body that is no JSON", event(FAULT, b"{"), due=Due.ERROR),
        form("a body 100,000 lists deep", event(FAULT, b"[" * 100_000), due=Due.ERROR),
    ),
)
