"""A Runtime API for measuring: prepared bytes out, time stamps around what comes back.

It runs in the thread of the benchmark, does nothing between its time stamps but send and receive, and knows only as
much HTTP as the clients under test speak.
"""

from __future__ import annotations

import select
import socket
import time
from typing import NamedTuple

TIMEOUT_S = 60.0
ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'
_HEAD_END = b"\r\n\r\n"
_BLOCK_BYTES = 256 * 1024
_LAST_CHUNK = b"\r\n0\r\n\r\n"


class Request(NamedTuple):
    """A request that was read whole.

    Attributes:
        line: Its first line.
        body_bytes: The size of its body.
        arrived_ns: When its last byte was read.
    """

    line: bytes
    body_bytes: int
    arrived_ns: int


class ClientEndedError(Exception):
    """The client hung up or is silent, although more was to come."""


def render_event(request_id: str, body: bytes) -> bytes:
    """Returns an answer to ``/next``."""
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        f"Lambda-Runtime-Aws-Request-Id: {request_id}\r\nLambda-Runtime-Deadline-Ms: 4102444800000\r\n"
        "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:123456789012:function:bench\r\n"
        "Lambda-Runtime-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class BenchmarkApi:
    """Listens on loopback for one client, which may use several connections."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._poll = select.poll()
        self._poll.register(self._listener, select.POLLIN)
        self._connections: dict[int, socket.socket] = {}
        self._block = bytearray(_BLOCK_BYTES)
        self._last = self._listener

    def close(self) -> None:
        """Closes everything."""
        for connection in (self._listener, *self._connections.values()):
            connection.close()

    def receive(self) -> Request:
        """Reads the next request, on whichever connection it comes.

        Raises:
            ClientEndedError: None came.
        """
        while True:
            ready = self._poll.poll(TIMEOUT_S * 1000)
            if not ready:
                raise ClientEndedError(f"silent for {TIMEOUT_S} s")
            for descriptor, _ in ready:
                if descriptor == self._listener.fileno():
                    self._accept()
                elif (request := self._read(self._connections[descriptor])) is not None:
                    return request

    def answer(self, data: bytes) -> int:
        """Sends the answer to the request that was read last; returns when that began, in ns."""
        began_ns = time.perf_counter_ns()
        self._last.sendall(data)
        return began_ns

    def exchange(self, event: bytes) -> tuple[int, Request]:
        """Gives an event to a client that has asked for one, and takes what it posts.

        Returns:
            How long it took until the post had come whole, in ns, and the post, which is not answered yet.
        """
        began_ns = self.answer(event)
        request = self.receive()
        return request.arrived_ns - began_ns, request

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(TIMEOUT_S)
        self._connections[connection.fileno()] = connection
        self._poll.register(connection, select.POLLIN)

    def _read(self, connection: socket.socket) -> Request | None:
        data = connection.recv(_BLOCK_BYTES)
        if not data:
            self._poll.unregister(connection)
            del self._connections[connection.fileno()]
            connection.close()
            return None
        while (end := data.find(_HEAD_END)) < 0:
            data += connection.recv(_BLOCK_BYTES)
        self._last = connection
        head = data[:end].lower()
        body_bytes = len(data) - end - len(_HEAD_END)
        if b"transfer-encoding: chunked" in head:
            body_bytes = self._skim_chunks(connection, data[end:], body_bytes)
        else:
            start = head.find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            while body_bytes < length:
                body_bytes += self._receive_some(connection)
        return Request(data[: data.find(b"\r\n")], body_bytes, time.perf_counter_ns())

    def _skim_chunks(self, connection: socket.socket, tail: bytes, body_bytes: int) -> int:
        while not tail.endswith(_LAST_CHUNK):
            count = self._receive_some(connection)
            body_bytes += count
            tail = (tail + bytes(self._block[max(0, count - 16) : count]))[-16:]
        return body_bytes

    def _receive_some(self, connection: socket.socket) -> int:
        count = connection.recv_into(self._block)
        if not count:
            raise ClientEndedError("hung up in the middle of a request")
        return count
