"""A scripted Runtime API on a raw socket: it records what a client sends, to the byte, and answers from a script.

Rules:
* each ``GET /next`` gets the next answer of the script; before that, ``on_next`` is told how many came before, while
  the client waits: what it has written until then belongs to the invocations before;
* when the script is exhausted ``on_exhausted`` is called in place of an answer: it ends the client;
* connections are threads, because the official client opens new ones for init and restore; clients send one request
  at a time, so what is recorded is in order.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO

from .model import Request

_ACCEPTED_BODY = b'{"status":"OK"}\n'


@dataclass(frozen=True)
class ScriptedAnswer:
    """The bytes of one answer to ``/next``, and the status for what the client posts afterwards."""

    raw: bytes
    post_status: int = 202


class ScriptedRuntimeApi:
    """Serves one run of one client; use it as a context manager."""

    def __init__(
        self,
        script: Iterable[ScriptedAnswer],
        on_next: Callable[[int], None],
        on_exhausted: Callable[[], None],
    ) -> None:
        """Listen on a free loopback port.

        Args:
            script: the answers to ``/next``.
            on_next: called with the number of requests recorded so far, that ``GET /next`` included.
            on_exhausted: called when there is no answer left.
        """
        self.requests: list[Request] = []
        self._script = iter(script)
        self._on_next = on_next
        self._on_exhausted = on_exhausted
        self._post_status = 202
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> ScriptedRuntimeApi:
        self._acceptor.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        # The client is gone: its connections are at their end, so the threads are about to be, too.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(timeout=5)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(30)
        with connection, connection.makefile("rb") as stream:
            try:
                while (request := _read_request(stream)) is not None:
                    self.requests.append(request)
                    answer = self._answer(request)
                    if answer is None:
                        return
                    connection.sendall(answer)
            except OSError:
                return  # the client died; what it had sent is recorded

    def _answer(self, request: Request) -> bytes | None:
        if request.path.endswith("/runtime/invocation/next"):
            self._on_next(len(self.requests))
            answer = next(self._script, None)
            if answer is None:
                self._on_exhausted()
                return None
            self._post_status = answer.post_status
            return answer.raw
        if request.path.endswith("/runtime/restore/next"):
            return make_answer(200, {"Content-Type": "application/json"}, b"{}")
        status = self._post_status if "/invocation/" in request.path else 202
        return make_answer(status, {"Content-Type": "application/json"}, _ACCEPTED_BODY)


def make_answer(status: int, headers: dict[str, str], body: bytes) -> bytes:
    """Return the bytes of an answer; header values are sent as UTF-8."""
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def _read_request(stream: BinaryIO) -> Request | None:
    request_line = stream.readline().rstrip(b"\r\n")
    if not request_line:
        return None
    method, path, _ = request_line.decode("latin-1").split(" ", 2)
    headers: list[tuple[str, bytes]] = []
    while line := stream.readline().rstrip(b"\r\n"):
        name, _, value = line.partition(b":")
        headers.append((name.decode("latin-1").lower(), value.strip(b" \t")))
    lengths = [int(value) for name, value in headers if name == "content-length"]
    body = stream.read(lengths[0]) if lengths else b""
    if ("transfer-encoding", b"chunked") in headers:
        body = _read_chunks(stream)
    return Request(method, path, tuple(headers), body)


def _read_chunks(stream: BinaryIO) -> bytes:
    """Read a body in chunks with its trailers; return the content, and behind it the trailers as they came."""
    content = b""
    while size := int(stream.readline(), 16):
        content += stream.read(size)
        stream.readline()
    while (line := stream.readline()) not in (b"\r\n", b""):
        content += line
    return content
