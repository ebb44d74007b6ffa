"""One socket: opened, looked at, shut down.

It stands on ``_socket``, not on ``socket``: the C module costs a fraction of the time to import, and what handlers do
to ``socket`` (replace its class, set a default time-out, patch it for gevent or tracing) cannot reach it.
"""

from __future__ import annotations

import _socket
from errno import EBADF, ENOTSOCK
from select import POLLIN, poll

from ric.errors import NoConnectionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ric.api.address import Address

_CONNECT_TIMEOUT_S = 2.0
_PEEK_NOW = _socket.MSG_PEEK | _socket.MSG_DONTWAIT
_LAST_STANDARD_DESCRIPTOR = 2
_NOT_OUR_DESCRIPTOR = (EBADF, ENOTSOCK)


def is_quiet(connection: _socket.socket) -> bool:
    """Whether an idle connection is still open and holds no bytes that nobody asked for."""
    try:
        connection.recv(1, _PEEK_NOW)
    except BlockingIOError:
        return True
    except OSError as error:
        disown(connection, error)
    return False


def readiness_of(connection: _socket.socket) -> Any:
    """Returns the poll object that tells of anything that happens to a connection while it is idle."""
    readiness = poll()
    readiness.register(connection.fileno(), POLLIN)
    return readiness


def wait_for_input(*descriptors: int) -> set[int]:
    """Waits until there is something to be read, or an end, at one of the descriptors; returns where."""
    readiness = poll()
    for descriptor in descriptors:
        readiness.register(descriptor, POLLIN)
    return {descriptor for descriptor, _ in readiness.poll()}


def receive(connection: _socket.socket, size: int, flags: int = 0) -> bytes:
    """Waits for bytes, also when a handler has made every descriptor that it found non-blocking."""
    while True:
        try:
            return connection.recv(size, flags)
        except BlockingIOError:
            connection.setblocking(True)


def disown(connection: _socket.socket, error: OSError) -> None:
    """Forgets a connection that a handler closed: its descriptor may be one of the handler's own files by now."""
    if error.errno in _NOT_OUR_DESCRIPTOR:
        connection.detach()


def shut_down(connection: _socket.socket) -> None:
    """Ends a connection for all processes that have it open."""
    try:
        connection.shutdown(_socket.SHUT_RDWR)
    except OSError:
        return  # it is down already


def connect(address: Address) -> _socket.socket:
    """Opens a connection, blocking and without delays for small pieces.

    Args:
        address: The server.

    Raises:
        OSError: None of the host's addresses answers.
    """
    # The host goes as bytes: for a str the C code would import the idna codec, which costs milliseconds.
    candidates = _socket.getaddrinfo(address.host.encode(), address.port, 0, _socket.SOCK_STREAM)
    failure: OSError = NoConnectionError("the host has no address")
    for family, kind, proto, _, socket_address in candidates:
        connection = _above_standard_descriptors(_socket.socket(family, kind, proto))
        try:
            connection.settimeout(_CONNECT_TIMEOUT_S)
            connection.connect(socket_address)
            # Blocking from here on, whatever socket.setdefaulttimeout says.
            connection.settimeout(None)
            connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        except OSError as error:
            connection.close()
            failure = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise failure


def duplicate_above_standard(descriptor: int) -> int:
    """Returns a duplicate, close-on-exec, that is none of 0 to 2.

    New descriptors get these numbers when a handler closed its standard streams: prints would go there.
    """
    from fcntl import F_DUPFD_CLOEXEC, fcntl

    return fcntl(descriptor, F_DUPFD_CLOEXEC, _LAST_STANDARD_DESCRIPTOR + 1)


def _above_standard_descriptors(connection: _socket.socket) -> _socket.socket:
    """Moves a socket that has one of these numbers."""
    if connection.fileno() > _LAST_STANDARD_DESCRIPTOR:
        return connection
    descriptor = duplicate_above_standard(connection.fileno())
    moved = _socket.socket(connection.family, connection.type, connection.proto, descriptor)
    connection.close()
    return moved
