"""The HTTP/1.1 ground that both listeners stand on: keep-alive, bodies, refusals, and who may call at all.

A web page must not be able to invoke a function that someone develops on the same machine, nor to meddle with
its Runtime API. Browsers name the page in ``Origin``, and the name they resolved in ``Host``: a foreign
origin, or a host name that merely points to this machine (DNS rebinding), is refused.
"""

from __future__ import annotations

import ipaddress
import socket
import socketserver
import sys
from abc import abstractmethod
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from ric.local.invocations import JSON_TYPE
from ric.local.request_body import (
    BodyTooLargeError,
    MalformedBodyError,
    RequestBody,
    TruncatedBodyError,
    read_body,
)

# How often a listener looks whether it should end; the default of half a second would be felt at Ctrl-C.
_SHUTDOWN_POLL_SECONDS = 0.05


class HttpService(ThreadingHTTPServer):
    """A listening socket whose connections are served by threads.

    Args:
        host: The address to bind; ``0.0.0.0`` and ``::`` mean all, and then any ``Host`` is accepted.
        port: The port to bind; 0 picks a free one.
        handler: Serves each connection.

    Raises:
        OSError: The address cannot be bound.
    """

    daemon_threads = True
    # Further callers queue while one invocation runs; the default of 5 refuses a small crowd.
    request_queue_size = 128
    # Python 3.14 turns it on, and then a second emulator shares a busy port instead of failing.
    allow_reuse_port = False

    def __init__(self, host: str, port: int, handler: type[ServiceConnection]) -> None:
        self.host = host
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        """Binds without asking the DNS for the host's full name, as http.server does: it can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.port: int = self.socket.getsockname()[1]
        self.server_name, self.server_port = self.host, self.port

    def serve_forever(self, poll_interval: float = _SHUTDOWN_POLL_SECONDS) -> None:
        """Serves until ``shutdown`` is called."""
        super().serve_forever(poll_interval)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Passes over clients that went away, which is their right; anything else is a bug and is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def accepts_host(self, host_header: str) -> bool:
        """Whether a request addressed to this ``Host`` is meant for us."""
        try:
            name = urlsplit(f"//{host_header}").hostname or ""
        except ValueError:
            return False
        if name in ("localhost", self.host.lower()) or _is_unspecified(self.host):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


class ServiceConnection(BaseHTTPRequestHandler):
    """One connection: reads requests whole and refuses those that must not be served."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
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

    def do_POST(self) -> None:
        """Serves one request; http.server calls it by its name, as the other methods below."""
        path = self.path.partition("?")[0]
        try:
            # Read before anything is decided: a refusal must not leave the body in front of the next request.
            body = read_body(self.headers, self.rfile, self.max_body_bytes)
        except TruncatedBodyError:
            self.close_connection = True
        except MalformedBodyError as error:
            self.close_connection = True
            self.refuse(400, "InvalidRequestContentException", str(error))
        except BodyTooLargeError as error:
            if self._is_from_here():
                self.refuse_large_body(path, error.size_bytes)
        else:
            if self._is_from_here():
                self.serve(path, body)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_POST

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Sends a whole answer; its type is JSON unless the headers say otherwise."""
        self.send_response_only(status)
        for name, value in {"Content-Type": JSON_TYPE, **(headers or {})}.items():
            # A folded header line reaches us with its line break, which must not become one of our own.
            self.send_header(name, " ".join(value.splitlines()))
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuses what http.server itself could not read, in the form of this service instead of HTML."""
        self.close_connection = True
        self.command = getattr(self, "command", "") or ""
        self.refuse(code, "InvalidRequestContentException", explain or message or "the request cannot be read")

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: the terminal belongs to the function's own log."""

    def _is_from_here(self) -> bool:
        host = self.headers.get("Host")
        if host is not None and not self.server.accepts_host(host):
            self.refuse(403, "AccessDeniedException", f"Host {host!r} is not this server")
            return False
        origin = self.headers.get("Origin")
        if origin is not None and _network_location(origin) != host:
            self.refuse(403, "AccessDeniedException", f"requests from pages of {origin!r} are not served")
            return False
        return True


def _network_location(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _is_unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
