"""The Runtime API of a run: gives one invocation after the other, and holds the client to one right answer for each."""

from __future__ import annotations

import contextlib
import fcntl
import json
import socket
import struct
import termios
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

from tests.scripted_api import ACCEPTED, NEXT, error_path, event, response_path, status

from .mix import Disturbance, Invocation

_SILENCE_S = 30.0
"""A client from which nothing comes for so long hangs."""

_LINGER_RESETS = struct.pack("ii", 1, 0)
_ERROR_TYPE = "lambda-runtime-function-error-type"


class Violation(Exception):
    """The client did what it must not; the text says what, and at which invocation."""


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        method: The method.
        path: The path.
        headers: Values by lower-case name, trailers among them.
        body: The content.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Tally:
    """What happened in a run.

    Attributes:
        answered: How many invocations were answered rightly, by kind.
        disturbances: How many of them suffered what.
        refused: How many results came a second time, and were refused.
        connections: How many connections there were.
    """

    answered: Counter[str] = field(default_factory=Counter)
    disturbances: Counter[Disturbance] = field(default_factory=Counter)
    refused: int = 0
    connections: int = 0


class SoakApi:
    """Serves a run; use it as a context manager.

    Args:
        invocations: What is given.
        on_idle: Called with the number of invocations answered, while the client waits for the next one.
    """

    def __init__(self, invocations: Iterable[Invocation], on_idle: Callable[[int], None]) -> None:
        self.tally = Tally()
        self.failure: BaseException | None = None
        self.over = threading.Event()
        self._invocations = iter(invocations)
        self._on_idle = on_idle
        self._current: Invocation | None = None
        self._is_given = False
        self._is_disturbed = False
        self._taken: Request | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_SILENCE_S)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> SoakApi:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(_SILENCE_S)
        self._listener.close()

    def _serve(self) -> None:
        try:
            while not self.over.is_set():
                connection, _ = self._listener.accept()
                self.tally.connections += 1
                connection.settimeout(_SILENCE_S)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with connection, connection.makefile("rb") as stream:
                    while not self.over.is_set() and self._exchange(connection, stream):
                        pass
        except BaseException as error:  # noqa: BLE001 - raised in the thread of the run
            self.failure = error
        finally:
            self.over.set()

    def _exchange(self, connection: socket.socket, stream: BinaryIO) -> bool:
        """Answers one request; returns whether the connection may carry another one."""
        request = _read_request(stream)
        if request is None:
            return False
        if request.path == NEXT:
            return self._poll(connection)
        return self._post(connection, request)

    def _poll(self, connection: socket.socket) -> bool:
        if self._is_given:
            raise Violation(f"{self._current} was not answered, and the next one asked for")
        if self._current is None:
            self._on_idle(sum(self.tally.answered.values()))
            self._current, self._is_disturbed = next(self._invocations, None), False
        if self._current is None:
            self.over.set()
            return False
        data = event(str(self._current.number), self._current.event)
        if self._happens(Disturbance.POLL_CLOSED):
            return False
        if self._happens(Disturbance.POLL_RESET):
            return _reset(connection)
        if self._happens(Disturbance.POLL_NO_CONTENT):
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            return True
        if self._happens(Disturbance.EVENT_TRUNCATED):
            connection.sendall(data[:-1])
            return _reset(connection)
        self._is_given = True
        if self._happens(Disturbance.EVENT_ANNOUNCES_CLOSE):
            connection.sendall(data.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            return False
        connection.sendall(data)
        if self._happens(Disturbance.EVENT_AND_RESET):
            return _reset(connection)
        return not self._happens(Disturbance.EVENT_AND_CLOSE)

    def _post(self, connection: socket.socket, request: Request) -> bool:
        if request == self._taken:
            self.tally.refused += 1
            self._taken = None
            connection.sendall(status(403))
            return True
        current = self._current
        if current is None or not self._is_given:
            raise Violation(f"{request.path} was posted, and nothing was given")
        check(current, request)
        if self._happens(Disturbance.POST_CLOSED):
            return False
        if self._happens(Disturbance.POST_RESET):
            return _reset(connection)
        if self._happens(Disturbance.POST_OVERLOADED):
            connection.sendall(status(503))
            return True
        self.tally.answered[current.kind] += 1
        self.tally.disturbances[current.disturbance] += 1
        self._is_given = False
        if self._happens(Disturbance.POST_TAKEN_AND_RESET):
            self._taken, self._current = request, None
            return _reset(connection)
        if self._happens(Disturbance.ACCEPTED_BYTE_BY_BYTE):
            for byte in ACCEPTED:
                connection.sendall(bytes([byte]))
        else:
            connection.sendall(ACCEPTED)
        if self._happens(Disturbance.ACCEPTED_AND_RESET):
            self._current = None
            return _reset(connection)
        is_closed = self._happens(Disturbance.ACCEPTED_AND_CLOSE)
        self._current = None
        return not is_closed

    def _happens(self, disturbance: Disturbance) -> bool:
        """Whether this is to happen now to the invocation at hand; it happens once."""
        assert self._current is not None
        if self._is_disturbed or self._current.disturbance is not disturbance:
            return False
        self._is_disturbed = True
        return True


def check(invocation: Invocation, request: Request) -> None:
    """Checks the answer to an invocation.

    Raises:
        Violation: It is not the one that is due.
    """
    number, kind = str(invocation.number), invocation.kind
    # A stream that breaks before its first piece is an error like any other.
    is_error = kind == "error" or (kind == "broken stream" and not invocation.pieces)
    if request.path != (error_path(number) if is_error else response_path(number)):
        raise Violation(f"for invocation {number} ({kind}) {request.path} was posted: {request.body[:200]!r}")
    if is_error:
        right = json.loads(request.body)["errorMessage"] == invocation.message
    elif kind == "bytes":
        right = request.body == invocation.message.encode()
    elif "stream" in kind:
        right = request.body == (invocation.message * invocation.pieces).encode()
        right = right and (_ERROR_TYPE in request.headers) == (kind == "broken stream")
    else:
        right = json.loads(request.body) == {"run": invocation.number, "text": invocation.text}
    if not right:
        raise Violation(f"invocation {number} ({kind}) got another answer: {request.body[:200]!r}")


def _read_request(stream: BinaryIO) -> Request | None:
    """Returns the next request, None at the end of the connection."""
    try:
        line = stream.readline()
    except ConnectionError:
        return None
    if not line:
        return None
    method, path, _ = line.decode("ascii").split(" ")
    headers = _read_fields(stream)
    if headers.get("transfer-encoding") != "chunked":
        return Request(method, path, headers, stream.read(int(headers.get("content-length", 0))))
    pieces = []
    while size := int(stream.readline(), 16):
        pieces.append(stream.read(size))
        if stream.readline() != b"\r\n":
            raise Violation(f"a chunk of {path} is longer or shorter than it says")
    return Request(method, path, headers | _read_fields(stream), b"".join(pieces))


def _read_fields(stream: BinaryIO) -> dict[str, str]:
    fields = {}
    while (line := stream.readline()) != b"\r\n":
        if not line:
            raise Violation("the client closed the connection in the middle of a request")
        name, _, value = line.decode("ascii").partition(":")
        fields[name.lower()] = value.strip()
    return fields


def _reset(connection: socket.socket) -> bool:
    """Lets the connection end in a reset, which overtakes all that the client's kernel does not have yet."""
    while struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4))[0]:
        time.sleep(0.0001)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESETS)
    return False
