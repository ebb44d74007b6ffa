"""A Runtime API made of exact bytes, and the function that runs against it.

A script holds a sequence of steps for each connection, in the order in which connections are made. The server follows
it to the letter: it sends what the steps say and nothing else, and writes down every byte that it gets. What arrives
on a connection whose steps are over is kept as ``unexpected``. The script is complete when the last step of every
connection was made, which usually is the reading of the next request.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.local_server import clean_environment

TIMEOUT_S = 25
NEXT = "/2018-06-01/runtime/invocation/next"
INIT_ERROR = "/2018-06-01/runtime/init/error"


def response_path(request_id: str) -> str:
    """Returns where the result of an invocation goes."""
    return f"/2018-06-01/runtime/invocation/{request_id}/response"


def error_path(request_id: str) -> str:
    """Returns where the error of an invocation goes."""
    return f"/2018-06-01/runtime/invocation/{request_id}/error"


class Request(NamedTuple):
    """One request as it came.

    Attributes:
        head: Request line and fields, with the blank line.
        body: What followed; empty when the script did not read it.
        connection: Number of the connection, from 0.
        arrived_s: When its head was complete, by the monotonic clock.
    """

    head: bytes
    body: bytes
    connection: int
    arrived_s: float

    @property
    def method(self) -> str:
        """The method."""
        return self.head.split(b" ", 1)[0].decode()

    @property
    def path(self) -> str:
        """The path as sent."""
        return self.head.split(b" ", 2)[1].decode()

    @property
    def headers(self) -> dict[str, str]:
        """Values by lower-case name; a name that comes twice is a mistake of the client."""
        pairs = [line.split(": ", 1) for line in self.head.decode("ascii").split("\r\n")[1:-2]]
        headers = {name.lower(): value for name, value in pairs}
        assert len(headers) == len(pairs), "a field was sent twice"
        return headers


class Peer:
    """One accepted connection, as the steps see it."""

    def __init__(self, api: ScriptedApi, connection: socket.socket, number: int) -> None:
        self.api = api
        self.connection = connection
        self.number = number
        self.received = b""

    def read_head(self) -> bytes:
        """Returns the head of the next request and writes it down, leaving its body where it is."""
        while b"\r\n\r\n" not in self.received:
            self._receive()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        self.api.requests.append(Request(head + b"\r\n\r\n", b"", self.number, time.monotonic()))
        return head

    def read(self) -> None:
        """Reads one whole request."""
        self.read_body(next((int(line[15:]) for line in self.read_head().split(b"\r\n") if line[:15] == _LENGTH), 0))

    def read_body(self, length: int) -> None:
        """Reads the body of the request whose head was read last."""
        while len(self.received) < length:
            self._receive()
        body, self.received = self.received[:length], self.received[length:]
        self.api.requests[-1] = self.api.requests[-1]._replace(body=body)

    def read_body_until(self, end: bytes) -> None:
        """Adds to the body of the request whose head was read last what comes up to these bytes."""
        while end not in self.received:
            self._receive()
        body, found, self.received = self.received.partition(end)
        request = self.api.requests[-1]
        self.api.requests[-1] = request._replace(body=request.body + body + found)

    def _receive(self) -> None:
        data = self.connection.recv(256 * 1024)
        if not data:
            raise EOFError(f"connection {self.number} was closed by the client after {self.received[:200]!r}")
        self.received += data


_FLOOD_BYTES = 100_000_000
_LENGTH = b"Content-Length:"
_JSON = b"application/json"
Step = Callable[[Peer], None]


def read() -> Step:
    """Reads one whole request."""
    return Peer.read


def read_head() -> Step:
    """Reads the head of a request and leaves its body unread."""
    return lambda peer: _discard(peer.read_head())


def send(data: bytes) -> Step:
    """Sends the bytes."""
    return lambda peer: peer.connection.sendall(data)


def answer(data: bytes) -> Step:
    """Reads one whole request, then sends the bytes."""

    def step(peer: Peer) -> None:
        peer.read()
        peer.connection.sendall(data)

    return step


def answer_for(duration_s: float, data: bytes) -> Step:
    """Reads requests and sends each the bytes, for so long."""

    def step(peer: Peer) -> None:
        end_s = time.monotonic() + duration_s
        while time.monotonic() < end_s:
            peer.read()
            peer.connection.sendall(data)

    return step


def drip(data: bytes) -> Step:
    """Sends the bytes one at a time, each in a segment of its own."""

    def step(peer: Peer) -> None:
        peer.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in data:
            peer.connection.sendall(bytes([byte]))

    return step


def flood(start: bytes, line: bytes, amounts: list[int]) -> Step:
    """Sends one line again and again until the client has had enough, and notes how many bytes that took."""

    def step(peer: Peer) -> None:
        peer.connection.sendall(start)
        block = line * (65536 // len(line) + 1)
        amounts.append(0)
        with contextlib.suppress(ConnectionError):
            while amounts[-1] < _FLOOD_BYTES:
                peer.connection.sendall(block)
                amounts[-1] += len(block)

    return step


def read_body(length: int) -> Step:
    """Reads the body of a request whose head was read before."""

    def step(peer: Peer) -> None:
        peer.read_body(length)

    return step


def read_until(end: bytes) -> Step:
    """Reads the body of a request whose head was read before, up to these bytes."""
    return lambda peer: peer.read_body_until(end)


def read_stream() -> Step:
    """Reads a whole request whose body comes in chunks; the body is kept as it came, with sizes and trailers."""

    def step(peer: Peer) -> None:
        peer.read_head()
        peer.read_body_until(b"0\r\n")
        peer.read_body_until(b"\r\n")
        while not peer.api.requests[-1].body.endswith(b"\r\n\r\n"):
            peer.read_body_until(b"\r\n")

    return step


def answer_stream(data: bytes) -> Step:
    """Reads a whole request whose body comes in chunks, then sends the bytes."""

    def step(peer: Peer) -> None:
        read_stream()(peer)
        peer.connection.sendall(data)

    return step


def skim_stream(sizes: list[int]) -> Step:
    """Reads the rest of a body in chunks and notes only how many bytes that were, for bodies of any size."""

    def step(peer: Peer) -> None:
        tail, peer.received = peer.received, b""
        sizes.append(len(tail))
        while not tail.endswith(b"\r\n0\r\n\r\n"):
            data = peer.connection.recv(1024 * 1024)
            assert data, "the connection was closed within the body"
            sizes[-1] += len(data)
            tail = (tail + data)[-16:]

    return step


def half_close() -> Step:
    """Ends the server's side and keeps reading."""
    return lambda peer: peer.connection.shutdown(socket.SHUT_WR)


def close() -> Step:
    """Closes the connection; with unread bytes in it, the kernel makes that a reset."""
    return lambda peer: peer.connection.close()


def reset() -> Step:
    """Closes the connection with a reset."""

    def step(peer: Peer) -> None:
        peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.connection.close()

    return step


def tell(event: threading.Event) -> Step:
    """Tells the test that the script got here."""
    return lambda peer: event.set()


def wait_for(event: threading.Event) -> Step:
    """Waits for the test."""

    def step(peer: Peer) -> None:
        assert event.wait(TIMEOUT_S), "the test did not set the event"

    return step


def hold(duration_s: float) -> Step:
    """Says nothing for so long, unless the client closes the connection."""

    def step(peer: Peer) -> None:
        assert not select.select([peer.connection], [], [], duration_s)[0], "the client did not wait"

    return step


def wait_for_close() -> Step:
    """Waits until the client has closed the connection."""

    def step(peer: Peer) -> None:
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                peer._receive()

    return step


class ScriptedApi:
    """The server; it has its port from the start, and refuses connections until ``listen``.

    Args:
        connections: The steps of each connection.
        host: The loopback address to serve.
    """

    def __init__(self, *connections: Sequence[Step], host: str = "127.0.0.1") -> None:
        self.requests: list[Request] = []
        self.unexpected = b""
        self.function_ended = False
        self._scripts = connections
        self._changed = threading.Condition()
        self._open_scripts = len(connections)
        self._failure: BaseException | None = None
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._listener.settimeout(TIMEOUT_S)
        self._listener.bind((host, 0))
        port = self._listener.getsockname()[1]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def listen(self) -> ScriptedApi:
        """Begins to accept connections."""
        self._listener.listen()
        self._start(self._accept)
        return self

    def __enter__(self) -> ScriptedApi:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for connection in [self._listener, *self._connections]:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(TIMEOUT_S)
        self._listener.close()

    @property
    def paths(self) -> list[str]:
        """The paths that were called, in order."""
        return [request.path for request in self.requests]

    def function_has_ended(self) -> None:
        """Tells those who wait for the script that it will not be completed any more."""
        with self._changed:
            self.function_ended = True
            self._changed.notify_all()

    def wait_until_complete(self) -> None:
        """Waits until every step was made; raises what went wrong on the way."""
        with self._changed:
            self._changed.wait_for(lambda: not self._open_scripts or self._failure or self.function_ended, TIMEOUT_S)
            if self.function_ended:  # its last bytes may still be under way
                self._changed.wait_for(lambda: not self._open_scripts or self._failure, 1)
            if self._failure is not None:
                raise self._failure
            assert not self._open_scripts, f"the script was not completed; requests: {self.paths}"

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the end of the test closes the listener
            for number, script in enumerate(self._scripts):
                peer = self._next_peer(number)
                self._start(lambda peer=peer, script=script: self._follow(peer, script))  # type: ignore[misc]
            while True:
                peer = self._next_peer(-1)
                self._start(lambda peer=peer: self._collect_unexpected(peer))  # type: ignore[misc]

    def _next_peer(self, number: int) -> Peer:
        connection, _ = self._listener.accept()
        connection.settimeout(TIMEOUT_S)
        self._connections.append(connection)
        return Peer(self, connection, number)

    def _follow(self, peer: Peer, script: Sequence[Step]) -> None:
        try:
            for step in script:
                step(peer)
        except BaseException as error:  # noqa: BLE001 - raised in the test's own thread
            self._failure = self._failure or error
        with self._changed:
            self._open_scripts -= 1
            self._changed.notify_all()
        self._collect_unexpected(peer)

    def _collect_unexpected(self, peer: Peer) -> None:
        with peer.connection, contextlib.suppress(OSError, EOFError):
            while True:
                self.unexpected += peer.received
                peer.received = b""
                peer._receive()


class Outcome(NamedTuple):
    """How a function's process ended.

    Attributes:
        exit_code: Its exit code; a negative number is the signal that ended it.
        stdout: What it wrote.
        stderr: What it wrote there.
        seconds: How long it ran.
    """

    exit_code: int
    stdout: str
    stderr: str
    seconds: float


class Function:
    """A function's process, from its start to its end."""

    def __init__(
        self, api: ScriptedApi, command: Sequence[str | Path], directory: Path, variables: Mapping[str, str]
    ) -> None:
        self.api = api
        self._started_s = time.monotonic()
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env=clean_environment({"AWS_LAMBDA_RUNTIME_API": api.address, **variables}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="backslashreplace",
        )
        self._output = ("", "")
        self._ended_s = 0.0
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()

    def stop_when_complete(self) -> Outcome:
        """Ends the process once the script is complete."""
        try:
            self.api.wait_until_complete()
        except BaseException as error:
            self.kill()
            raise AssertionError(f"{error!r}\n{''.join(self._output)}") from error
        assert self.process.poll() is None, f"it ended by itself: {self.process.returncode}\n{''.join(self._output)}"
        self.process.terminate()
        return self.wait()

    def wait(self) -> Outcome:
        """Waits until the process ends by itself."""
        self._watcher.join(TIMEOUT_S)
        assert not self._watcher.is_alive(), f"the process does not end; requests: {self.api.paths}"
        return Outcome(self.process.returncode, *self._output, self._ended_s - self._started_s)

    def terminate_at_work(self) -> Outcome:
        """Sends SIGTERM to a function that is at work, and waits for the end; once more if nothing comes of it.

        Python runs no handler for a signal that comes just before it begins to wait in a system call.
        """
        self.process.terminate()
        self._watcher.join(TIMEOUT_S / 2)
        if self._watcher.is_alive():
            self.process.terminate()
        return self.wait()

    def kill(self) -> None:
        """Ends the process, whatever it does."""
        self.process.kill()
        self._watcher.join(TIMEOUT_S)

    def _watch(self) -> None:
        self._output = self.process.communicate()
        self._ended_s = time.monotonic()
        self.api.function_has_ended()


@contextlib.contextmanager
def function(
    api: ScriptedApi,
    directory: Path,
    source: str = "def handler(event, context):\n    return event\n",
    *,
    variables: Mapping[str, str] | None = None,
    command: Sequence[str | Path] = (sys.executable, "-m", "ric", "app.handler"),
) -> Iterator[Function]:
    """Runs ``python -m ric app.handler`` in a directory with this source as ``app.py``, and ends it afterwards."""
    (directory / "app.py").write_text(textwrap.dedent(source), encoding="utf-8")
    started = Function(api, command, directory, variables or {})
    try:
        yield started
    finally:
        started.kill()


def run_until_complete(
    directory: Path,
    connections: Sequence[Sequence[Step]],
    source: str = "def handler(event, context):\n    return event\n",
    *,
    variables: Mapping[str, str] | None = None,
) -> tuple[Outcome, ScriptedApi]:
    """Runs a function to the end of the script, where it should be alive, and ends it then."""
    with ScriptedApi(*connections).listen() as api, function(api, directory, source, variables=variables) as running:
        outcome = running.stop_when_complete()
        return outcome, api


def run_to_its_end(
    directory: Path,
    connections: Sequence[Sequence[Step]],
    source: str = "def handler(event, context):\n    return event\n",
    *,
    variables: Mapping[str, str] | None = None,
    handler: str = "app.handler",
) -> tuple[Outcome, ScriptedApi]:
    """Runs a function until it ends by itself; the script must be complete then, and nothing more have come."""
    with ScriptedApi(*connections).listen() as api:
        command = (sys.executable, "-m", "ric", handler)
        with function(api, directory, source, variables=variables, command=command) as running:
            outcome = running.wait()
        try:
            api.wait_until_complete()
        except BaseException as error:
            raise AssertionError(f"{error!r}\n{outcome.stdout}{outcome.stderr}") from error
        assert api.unexpected == b""
        return outcome, api


def event(
    request_id: str = "1",
    body: bytes = b"{}",
    *fields: bytes,
    content_type: bytes | None = _JSON,
    deadline_ms: object = 4102444800000,
) -> bytes:
    """Returns an answer to /next.

    Args:
        request_id: The request id.
        body: The event.
        fields: Further header lines, without line ends.
        content_type: Its media type; None sends no such field.
        deadline_ms: When it times out, in ms since the epoch; None sends no such field.
    """
    lines = [
        b"HTTP/1.1 200 OK",
        b"Lambda-Runtime-Aws-Request-Id: " + request_id.encode(),
        *([] if deadline_ms is None else [b"Lambda-Runtime-Deadline-Ms: " + str(deadline_ms).encode()]),
        b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:1:function:f",
        *([] if content_type is None else [b"Content-Type: " + content_type]),
        *fields,
        b"Content-Length: %d" % len(body),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def status(code: int, body: bytes = b"{}", *fields: bytes) -> bytes:
    """Returns an answer with a status, a body and further header lines."""
    lines = [b"HTTP/1.1 %d Some Reason" % code, *fields, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


ACCEPTED = status(202, b'{"status":"OK"}\n', b"Content-Type: application/json")


def _discard(value: object) -> None:
    """Turns a call that returns something into a step."""
