"""The emulator's two listeners around one sandbox, without a process: the test is the runtime and the callers."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import requests

from ric.local.invocation import Failure
from ric.local.invocation_queue import InvocationQueue
from ric.local.invoke.invoke_listener import INVOKE_PATH, InvokeListener
from ric.local.invoke.service import FunctionService
from ric.local.observer import InvocationEnd, Observer
from ric.local.runtime.extensions import Extensions
from ric.local.runtime.journal import Journal, Narrator
from ric.local.runtime.lifecycle import Lifecycle, Step
from ric.local.runtime.runtime_listener import RuntimeListener
from ric.local.runtime.sandbox import Sandbox

TIMEOUT_SECONDS = 30
LIMIT_BYTES = 6_291_556
ARN = "arn:aws:lambda:us-east-1:012345678912:function:function"


class Reports(Observer):
    """Keeps the report of each invocation."""

    def __init__(self) -> None:
        self.ends: list[InvocationEnd] = []

    def invocation_ended(self, event: InvocationEnd) -> None:
        """Keeps one."""
        self.ends.append(event)


class Listeners:
    """Both listeners around one state, callers, and a runtime that speaks HTTP.

    Args:
        slots: How many invocations the runtime may have at once; None for one, in the ordinary way.
        timeout_s: How long an invocation may take.
        snap_start: Whether the runtime is restored from a snapshot.
    """

    def __init__(self, *, slots: int | None = None, timeout_s: float | None = None, snap_start: bool = False) -> None:
        self.queue = InvocationQueue()
        self.sandbox = Sandbox(self.queue, slots, timeout_s, snap_start)
        self.lifecycle = Lifecycle(self.sandbox, starts_at_once=True)
        assert self.lifecycle.next_task().step is Step.START
        self.reports = Reports()
        self.extensions = Extensions()
        self.extensions.open()
        self._is_ready = threading.Event()
        self.journal = Journal(Narrator(self.reports), 0, 128, self._is_ready.set)
        self.runtime_api = RuntimeListener(self.sandbox, self.journal, self.extensions, {"functionName": "function"})
        self.invoke_api = InvokeListener(FunctionService(self.queue, "function", ARN), "127.0.0.1", 0)
        self.runtime_address = self.runtime_api.address
        for service in (self.runtime_api, self.invoke_api):
            service.start("listener")
        self.callers = ThreadPoolExecutor(8)
        self.http = requests.Session()
        self.http.trust_env = False

    def wait_until_ready(self) -> bool:
        """Waits until the runtime has asked for an invocation."""
        return self._is_ready.wait(TIMEOUT_SECONDS)

    def wait_until(self, condition: Callable[[], bool]) -> bool:
        """Waits until the sandbox's state meets a condition."""
        with self.queue.changed:
            return self.queue.changed.wait_for(condition, TIMEOUT_SECONDS)

    def restart_runtime(self) -> None:
        """Lets the runtime end and a new one start."""
        self.lifecycle.runtime_ended(Failure("Runtime.ExitError", "gone"))
        self.lifecycle.request_restart(0)
        assert self.lifecycle.next_task().step is Step.START

    def call(self, payload: bytes = b"{}", headers: Mapping[str, str] | None = None) -> Future[requests.Response]:
        """Invokes the function from a thread."""
        url = self.invoke_api.base_url + INVOKE_PATH
        return self.callers.submit(self._post_as_caller, url, payload, headers)

    def next(self) -> requests.Response:
        """Asks for the next invocation, as the runtime."""
        return self.http.get(self._url("invocation/next"), timeout=TIMEOUT_SECONDS)

    def post(self, path: str, body: bytes | Iterator[bytes], **headers: str) -> requests.Response:
        """Posts to the Runtime API; an iterator is sent in chunks."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(self._url(path), body, headers=names, timeout=TIMEOUT_SECONDS)

    def take(self) -> str:
        """Takes the next invocation and returns its id."""
        return str(self.next().headers["Lambda-Runtime-Aws-Request-Id"])

    def send_raw(self, data: bytes) -> bytes:
        """Sends bytes to the Runtime API on a connection of their own, then nothing more; returns all that comes."""
        with self.connect() as connection:
            return send_whole(connection, data)

    def connect(self) -> socket.socket:
        """Opens a connection to the Runtime API."""
        host, _, port = self.runtime_address.partition(":")
        return socket.create_connection((host, int(port)), timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        """Ends the listeners and all who wait."""
        self.queue.close()
        self.lifecycle.runtime_ended(Failure("Runtime.ExitError", "the emulator ended"))
        self.extensions.forget_all()
        self.http.close()
        for service in (self.runtime_api, self.invoke_api):
            service.close()
        self.callers.shutdown()

    def _post_as_caller(self, url: str, payload: bytes, headers: Mapping[str, str] | None) -> requests.Response:
        with requests.Session() as http:
            http.trust_env = False
            return http.post(url, payload, headers=headers, timeout=TIMEOUT_SECONDS)

    def _url(self, path: str) -> str:
        return f"http://{self.runtime_address}/2018-06-01/runtime/{path}"


def send_whole(connection: socket.socket, data: bytes) -> bytes:
    """Sends bytes, then nothing more; returns all that comes until the other side closes the connection."""
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)
    received = b""
    while block := connection.recv(65536):
        received += block
    return received


@contextlib.contextmanager
def listening(**options: Any) -> Iterator[Listeners]:
    """Opens both listeners, with the options of ``Listeners``, and closes them afterwards."""
    listeners = Listeners(**options)
    try:
        yield listeners
    finally:
        listeners.close()


class RuntimeStream:
    """A response that a runtime streams by hand, byte by byte if need be.

    Args:
        listeners: Whose Runtime API it goes to.
        request_id: The invocation.
        content_type: The media type of the response.
        mode: What the runtime calls this kind of response.
    """

    def __init__(
        self, listeners: Listeners, request_id: str, content_type: str = "text/plain", mode: str = "streaming"
    ) -> None:
        self._socket = listeners.connect()
        head = [
            f"POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1",
            "Host: localhost",
            f"Lambda-Runtime-Function-Response-Mode: {mode}",
            "Transfer-Encoding: chunked",
            f"Content-Type: {content_type}",
            "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
        ]
        self._socket.sendall("\r\n".join([*head, "", ""]).encode())

    def write(self, chunk: bytes) -> None:
        """Sends a chunk."""
        self._socket.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))

    def try_to_write(self, chunk: bytes, timeout_s: float) -> bool:
        """Sends a chunk; returns whether the other side took it all in time."""
        self._socket.settimeout(timeout_s)
        try:
            self.write(chunk)
        except TimeoutError:
            return False
        return True

    def finish(self, trailers: bytes = b"") -> int:
        """Sends the end of the body; returns the status of the answer."""
        self._socket.sendall(b"0\r\n" + trailers + b"\r\n")
        return self.status()

    def fail(self, document: object) -> int:
        """Ends the stream with an error; returns the status of the answer."""
        encoded = base64.b64encode(json.dumps(document).encode())
        trailers = b"Lambda-Runtime-Function-Error-Type: Function.Broken\r\n"
        return self.finish(trailers + b"Lambda-Runtime-Function-Error-Body: " + encoded + b"\r\n")

    def status(self) -> int:
        """Reads the answer; returns its status, and 0 if the connection was closed instead."""
        self._socket.settimeout(TIMEOUT_SECONDS)
        answer = b""
        while b"\r\n" not in answer and (block := self._socket.recv(65536)):
            answer += block
        return int(answer.split()[1]) if answer else 0

    def close(self) -> None:
        """Closes the connection, in the middle of the body if need be."""
        self._socket.close()

    def __enter__(self) -> RuntimeStream:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
