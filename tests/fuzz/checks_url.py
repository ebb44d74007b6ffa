"""Rules for function URLs: any result of a function is an HTTP response of its own, or refused as none."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone
from email.message import Message as Fields
from types import SimpleNamespace
from typing import Any, cast

import h11

from ric.local.invoke.function_url import (
    InvalidResponseError,
    UrlRequest,
    UrlResponse,
    build_event,
    parse_prelude,
    parse_result,
)
from ric.local.server.http_service import HttpService, ServiceConnection
from ric.local.server.request_body import RequestBody
from tests.fuzz.server_wire import ServerWire

_REQUEST = b"%b / HTTP/%b\r\nHost: localhost\r\n\r\n"


class _Answering(ServiceConnection):
    """Answers every request with one response, whole or in chunks."""

    max_body_bytes = 0

    def __init__(self, wire: ServerWire, response: UrlResponse, chunks: list[bytes] | None) -> None:
        self._response = response
        self._chunks = chunks
        super().__init__(cast("Any", wire), ("127.0.0.1", 1), cast("HttpService", SimpleNamespace(host="::")))

    def serve(self, path: str, body: RequestBody) -> None:
        if self._chunks is None:
            self.answer(self._response.status, self._response.body, self._response.fields)
        else:
            self.answer_in_chunks(self._response.status, self._response.fields, self._chunks)

    def refuse(self, status: int, error_type: str, message: str) -> None:
        raise AssertionError(message)

    def refuse_large_body(self, path: str, size_bytes: int) -> None:
        raise AssertionError(size_bytes)


def check_result(payload: bytes, chunks: list[bytes], *, method: bytes = b"GET", version: bytes = b"1.1") -> str:
    """Sends what a result describes, as a whole and as the beginning of a stream.

    Args:
        payload: What the function returned, or the prelude of its stream.
        chunks: What it streamed.
        method: The method of the request that is answered.
        version: The version of HTTP of the client.

    Returns:
        ``refused``, or ``sent``.
    """
    outcome = "refused"
    for parse, pieces in ((parse_result, None), (parse_prelude, chunks)):
        try:
            response = parse(payload)
        except InvalidResponseError:
            continue
        outcome = "sent"
        wire = ServerWire([_REQUEST % (method, version)])
        _Answering(wire, response, pieces)
        content = response.body if pieces is None else b"".join(pieces)
        _check_answer(bytes(wire.answered), method, response, content)
    return outcome


def _check_answer(answered: bytes, method: bytes, response: UrlResponse, content: bytes) -> None:
    """Reads the answer with h11: the fields of the function and its content, and nothing that it smuggled in."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "h")]))
    client.send(h11.EndOfMessage())
    client.receive_data(answered)
    head = client.next_event()
    assert isinstance(head, h11.Response), (answered, head)
    assert head.status_code == response.status
    own = {b"content-length", b"transfer-encoding", b"connection"}
    names = sorted(name.lower().encode() for name, _ in response.fields)
    assert sorted(name for name, _ in head.headers if name not in own) == names
    body = bytearray()
    client.receive_data(b"")
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage), (answered, event)
    has_content = method != b"HEAD" and response.status not in (204, 304)
    assert bytes(body) == (content if has_content else b"")
    assert not client.trailing_data[0], answered


def check_event(target: str, fields: list[tuple[str, str]], body: bytes) -> None:
    """Makes the event of a request; whatever that is, it is JSON, and nothing of it is lost."""
    headers = Fields()
    for name, value in fields:
        headers[name] = value
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
    event = build_event(UrlRequest("POST", target, headers.items(), body, "127.0.0.1", "1", moment))
    assert json.loads(json.dumps(event)) == event
    query = f"?{event['rawQueryString']}" if "?" in target else ""
    assert event["rawPath"] + query == target
    content = event.get("body", "")
    assert (base64.b64decode(content) if event["isBase64Encoded"] else content.encode()) == body
