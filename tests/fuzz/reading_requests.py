"""What the emulator makes of the bytes that callers and runtimes send, through its own connection class."""

from __future__ import annotations

from collections.abc import Iterable
from email.message import Message as Fields
from types import SimpleNamespace
from typing import Any, cast

import h11

from ric.local.server.http_service import HttpService, ServiceConnection
from ric.local.server.request_body import RequestBody
from tests.fuzz.readings import Message, Reading, Refused, joined
from tests.fuzz.server_wire import ServerWire

LIMIT_BYTES = 10_000


class _Recorder(ServiceConnection):
    """A service that keeps every request, and refuses none that can be read."""

    max_body_bytes = LIMIT_BYTES

    def __init__(self, wire: ServerWire) -> None:
        self.readings: list[Reading] = []
        self.methods: list[str] = []
        # "::" is bound to all addresses; who may call is another matter.
        server = cast("HttpService", SimpleNamespace(host="::"))
        super().__init__(cast("Any", wire), ("127.0.0.1", 1), server)

    def serve(self, path: str, body: RequestBody) -> None:
        start = (_latin(self.command), _latin(self.path))
        headers, trailers = _fields(self.headers), _fields(body.trailers)
        self.readings.append(Message(start, headers, body.data, trailers, is_reusable=not self.close_connection))
        self.methods.append(self.command)
        self.answer(200, b"{}")

    def refuse(self, status: int, error_type: str, message: str) -> None:
        self.readings.append(Refused(message))
        self.methods.append(self.command)
        self.answer(status, b"{}")

    def refuse_large_body(self, path: str, size_bytes: int) -> None:
        assert size_bytes > self.max_body_bytes
        self.refuse(413, "", "too large")


def read_requests(segments: Iterable[bytes]) -> list[Reading]:
    """Returns what the emulator reads on one connection, up to its end.

    What it answered has to be HTTP, one answer for each request, and nothing may be raised.
    """
    wire = ServerWire(segments)
    connection = _Recorder(wire)
    _check_answers(bytes(wire.answered), connection.readings, connection.methods)
    return connection.readings


def _check_answers(answered: bytes, readings: list[Reading], methods: list[str]) -> None:
    """Reads the answers with h11, which knows from the method whether one has a body."""
    connection = h11.Connection(h11.CLIENT)
    if answered:
        connection.receive_data(answered)
    for index, (reading, method) in enumerate(zip(readings, methods, strict=True)):
        connection.send(h11.Request(method=method or "GET", target="/", headers=[("Host", "h")]))
        connection.send(h11.EndOfMessage())
        event = connection.next_event()
        while isinstance(event, h11.InformationalResponse):
            event = connection.next_event()
        assert isinstance(event, h11.Response), (answered, event)
        assert (event.status_code == 200) is isinstance(reading, Message)
        while not isinstance(event, h11.EndOfMessage):
            event = connection.next_event()
            assert isinstance(event, h11.Data | h11.EndOfMessage), (answered, event)
        if index + 1 < len(readings):
            connection.start_next_cycle()
    rest = bytes(connection.trailing_data[0])
    assert not rest.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b""), rest


def _fields(fields: Fields) -> dict[bytes, bytes]:
    return joined([(_latin(name), _latin(value)) for name, value in fields.items()])


def _latin(text: str) -> bytes:
    return text.encode("latin-1")
