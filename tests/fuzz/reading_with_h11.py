"""h11 as the judge: an independent parser, strict by design, that does no I/O either."""

from __future__ import annotations

import h11

from ric.api.http11 import MAX_HEAD_BYTES
from tests.fuzz.readings import Incomplete, Message, Reading, Refused, joined

# Above what ric reads, so that it is ric's own limits that show.
_LIMIT_BYTES = 4 * MAX_HEAD_BYTES


def read_answer(data: bytes, *, is_closed: bool) -> Reading:
    """Returns what h11 reads as the answer to a GET."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LIMIT_BYTES)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    connection.send(h11.EndOfMessage())
    if data:  # an empty piece would mean the end of the connection
        connection.receive_data(data)
    reading = _read_message(connection, is_closed=is_closed)
    if isinstance(reading, Message) and connection.trailing_data[0]:
        return reading._replace(is_reusable=False)  # bytes that nobody asked for
    return reading


def read_requests(data: bytes, *, is_closed: bool = True) -> list[Reading]:
    """Returns what h11 reads as the requests on one connection, up to the first that it does not take."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_LIMIT_BYTES)
    if data:  # an empty piece would mean the end of the connection
        connection.receive_data(data)
    readings: list[Reading] = []
    while data:
        data = connection.trailing_data[0]
        if not data:
            break
        reading = _read_message(connection, is_closed=is_closed)
        readings.append(reading)
        if not isinstance(reading, Message) or not reading.is_reusable:
            break
        connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
        connection.send(h11.EndOfMessage())
        if connection.our_state is not h11.DONE:
            break
        connection.start_next_cycle()
    return readings


def _read_message(connection: h11.Connection, *, is_closed: bool) -> Reading:
    """Reads on up to the end of one message."""
    start: tuple[int | bytes, ...] = ()
    headers: dict[bytes, bytes] = {}
    body = bytearray()
    is_ended_by_close = False
    while True:
        try:
            event = connection.next_event()
            if event is h11.NEED_DATA and is_closed:
                is_closed = False
                is_ended_by_close = True
                connection.receive_data(b"")
                event = connection.next_event()
        except h11.RemoteProtocolError as error:
            return Refused(str(error))
        if isinstance(event, h11.Response):
            start, headers = (event.status_code,), joined(list(event.headers))
        elif isinstance(event, h11.Request):
            start, headers = (event.method, event.target), joined(list(event.headers))
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            is_reusable = connection.their_state is h11.DONE and not is_ended_by_close
            return Message(start, headers, bytes(body), joined(list(event.headers)), is_reusable)
        elif isinstance(event, h11.ConnectionClosed):
            return Refused("closed before the message")
        elif event is h11.PAUSED:
            return Refused("it switches to another protocol")
        elif event is h11.NEED_DATA:
            return Incomplete()
