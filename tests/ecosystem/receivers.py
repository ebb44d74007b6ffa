"""What stands in for the service that a package sends to: it listens on loopback and keeps what it gets."""

from __future__ import annotations

import re
import socket
from typing import NamedTuple, Protocol

from pytest_httpserver import HTTPServer

_ANY_PATH = re.compile(".*")
_MAX_DATAGRAM_BYTES = 65536
# Nobody reads while the function runs, so the kernel has to keep all of it.
_BUFFER_BYTES = 1_000_000


class Message(NamedTuple):
    """One thing that was received.

    Attributes:
        path: Method and path with its query; empty for a datagram.
        headers: By lower-case name; none for a datagram.
        body: The content, as it came.
    """

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver(Protocol):
    """Listens from when it is made until ``close``."""

    address: str
    """Host and port."""

    def received(self) -> list[Message]:
        """Returns what came, in order; to be called when the function has ended."""

    def close(self) -> None:
        """Stops listening."""


class UdpReceiver:
    """Receives datagrams."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def received(self) -> list[Message]:
        """Returns the datagrams; on loopback, sending one is what delivers it."""
        messages = []
        while True:
            try:
                messages.append(Message("", {}, self._socket.recv(_MAX_DATAGRAM_BYTES)))
            except BlockingIOError:
                return messages

    def close(self) -> None:
        """Stops listening."""
        self._socket.close()


class HttpReceiver:
    """Receives requests and gives each the same answer, an empty JSON object."""

    def __init__(self) -> None:
        self._server = HTTPServer(port=0)
        self._server.expect_request(_ANY_PATH).respond_with_data(b"{}", content_type="application/json")
        self._server.start()
        self.address = f"127.0.0.1:{self._server.port}"

    def received(self) -> list[Message]:
        """Returns the requests."""
        return [
            Message(
                f"{request.method} {request.full_path.removesuffix('?')}",
                {name.lower(): value for name, value in request.headers},
                request.get_data(),
            )
            for request, _ in self._server.log
        ]

    def close(self) -> None:
        """Stops listening."""
        self._server.stop()
