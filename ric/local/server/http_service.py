"""What both listeners share of HTTP/1.1: keep-alive, bodies, refusals, answers whole and in chunks.

Everything a client may send is bounded: connections in number, heads by ``request_head``, bodies by the service, and
on the callers' side the time that it may take.
"""

from __future__ import annotations

import select
import socket
import socketserver
import sys
import threading
from abc import abstractmethod
from collections.abc import Iterable
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ric.local.json_documents import JSON_TYPE
from ric.local.server.callers import find_objection
from ric.local.server.request_body import (
    BodyTooLargeError,
    EndlessBodyError,
    MalformedBodyError,
    RequestBody,
    TruncatedBodyError,
    read_body,
)
from ric.local.server.request_head import MalformedHeadError, TruncatedHeadError, read_head

MAX_CONNECTIONS = 512
"""Twice what the queue takes, so that a crowd is throttled in the service's words. Each has a thread."""

# How often a listener looks whether it should end; the default of half a second would be felt at Ctrl-C.
_SHUTDOWN_POLL_SECONDS = 0.05
# A line break must not become one of ours. What lies above is left alone, for it may be a byte of UTF-8.
_NO_CONTROLS = dict.fromkeys((*range(9), *range(10, 32), 127), " ")
_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)

Fields = Iterable[tuple[str, str]]


class HttpService(ThreadingHTTPServer):
    """A listening socket whose connections are served by threads.

    Args:
        host: The address to bind; ``0.0.0.0`` and ``::`` mean all, and then any ``Host`` is accepted.
        port: The port to bind; 0 picks a free one.
        handler: Serves each connection.
        max_connections: How many may be open; one more is closed at once.

    Raises:
        OSError: The address cannot be bound.
    """

    daemon_threads = True
    # The default of 5 makes a crowd that comes at once wait for seconds.
    request_queue_size = MAX_CONNECTIONS
    # Python 3.14 turns it on, and then a second emulator shares a busy port instead of failing.
    allow_reuse_port = False

    def __init__(
        self, host: str, port: int, handler: type[ServiceConnection], max_connections: int = MAX_CONNECTIONS
    ) -> None:
        self.host = host
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._is_started = False
        self._free_places = threading.BoundedSemaphore(max_connections)
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        """Binds without asking the DNS for the host's full name, as http.server does: it can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.port: int = self.socket.getsockname()[1]
        self.server_name, self.server_port = self.host, self.port

    def start(self, name: str) -> None:
        """Serves in the background, in a thread of this name, until it is closed."""
        threading.Thread(target=self.serve_forever, args=[_SHUTDOWN_POLL_SECONDS], name=name, daemon=True).start()
        self._is_started = True

    def close(self) -> None:
        """Ends the service, whether or not it was started, and gives the address back."""
        if self._is_started:  # or the wait for the thread's end would have none
            self.shutdown()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serves a connection in a thread, if there is still room for one."""
        if not self._free_places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread can be started
            self._free_places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serves a connection, and makes room for another one."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free_places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that went away; any other error is a bug and is shown."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class ServiceConnection(BaseHTTPRequestHandler):
    """One connection: reads requests and refuses those that must not be served."""

    protocol_version = "HTTP/1.1"
    # What an answer is sent as before a request was read; as HTTP/0.9, the default, it would have no head.
    default_request_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    raw_requestline: bytes
    max_body_bytes: int
    server: HttpService

    @abstractmethod
    def serve(self, path: str, body: RequestBody) -> None:
        """Answers one request; its method is in ``self.command``."""

    @abstractmethod
    def refuse(self, status: int, error_type: str, message: str) -> None:
        """Answers with an error in the form of this service."""

    @abstractmethod
    def refuse_large_body(self, path: str, size_bytes: int) -> None:
        """Answers a request whose body, already discarded, was above ``max_body_bytes``."""

    def serve_unread(self, path: str) -> bool:
        """Answers a request whose body is taken as it comes; returns whether this is one."""
        return False

    def parse_request(self) -> bool:
        """Reads a head, of which http.server has read the first line; returns whether there is a request to serve."""
        self.command, self.path, self.request_version = "", "", self.default_request_version
        self.headers = Message()
        self.close_connection = True
        try:
            head = read_head(self.raw_requestline, self.rfile)
        except TruncatedHeadError:
            return False
        except MalformedHeadError as error:
            self.send_error(error.status, str(error))
            return False
        self.command, self.path, self.request_version = head.method, head.target, head.version
        self.headers = head.fields
        self.close_connection = not head.keeps_alive
        return self.handle_expect_100() if head.expects_continue else True

    def do_POST(self) -> None:
        """Serves one request; http.server calls it by its name, as the other methods below."""
        path = self.path.partition("?")[0]
        objection = find_objection(self.headers, self.server.host)
        try:
            if objection is None and self.serve_unread(path):
                return
            # Read before anything is decided: a refusal must not leave the body in front of the next request.
            body = read_body(self.headers, self.rfile, self.max_body_bytes)
        except TruncatedBodyError:
            self.close_connection = True
        except (MalformedBodyError, EndlessBodyError) as error:
            self.close_connection = True
            self.refuse(400, "InvalidRequestContentException", str(error))
        except BodyTooLargeError as error:
            if not self._refuse_stranger(objection):
                self.refuse_large_body(path, error.size_bytes)
        else:
            if not self._refuse_stranger(objection):
                self.serve(path, body)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_POST

    def answer(self, status: int, body: bytes, headers: Fields = ()) -> None:
        """Sends a whole answer; its type is JSON unless the headers say otherwise."""
        fields = list(headers)
        if not any(name.lower() == "content-type" for name, _ in fields):
            fields.insert(0, ("Content-Type", JSON_TYPE))
        if status not in _BODILESS:
            fields.append(("Content-Length", str(len(body))))
        self._send_head(status, fields)
        if self.command != "HEAD" and status not in _BODILESS:
            self.wfile.write(body)

    def answer_in_chunks(self, status: int, headers: Fields, chunks: Iterable[bytes]) -> None:
        """Sends an answer while it is produced.

        What the producer raises ends the connection without an end of the body, which tells that it is incomplete.
        A client of HTTP/1.0 does not know chunks; for it the connection's end is the body's.
        """
        fields = list(headers)
        if status in _BODILESS:
            self._send_head(status, fields)
            return
        is_chunked = self.request_version != "HTTP/1.0"
        if is_chunked:
            fields.append(("Transfer-Encoding", "chunked"))
        else:
            self.close_connection = True
        self._send_head(status, fields)
        if self.command == "HEAD":
            self.close_connection = True
            return
        try:
            for chunk in chunks:
                if chunk:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if is_chunked else chunk)
        except BaseException:
            self.close_connection = True
            raise
        if is_chunked:
            self.wfile.write(b"0\r\n\r\n")

    def client_is_gone(self) -> bool:
        """Whether the client hung up while it waits: it was killed, or tries again on a new connection."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        try:
            return bool(poll.poll(0)) and not self.connection.recv(1, socket.MSG_PEEK)
        except ConnectionError:
            return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuses what http.server itself could not read, in the form of this service instead of HTML."""
        self.close_connection = True
        self.command = getattr(self, "command", "") or ""
        self.refuse(code, "InvalidRequestContentException", explain or message or "the request cannot be read")

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: the terminal belongs to the function's own log."""

    def _send_head(self, status: int, fields: Fields) -> None:
        self.send_response_only(status)
        for name, value in fields:
            self.send_header(name, value.translate(_NO_CONTROLS))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _refuse_stranger(self, objection: str | None) -> bool:
        if objection is not None:
            self.refuse(403, "AccessDeniedException", objection)
        return objection is not None
