"""One persistent TCP connection to the Runtime API.

Rules: one request is out at a time, sent whole (``exchange``) or in parts (``begin`` to ``receive``, see upload). Any
failure, also a signal handler that raises, closes the connection, because its state is then unknown; so does a request
that was begun and not ended. The next one opens a new connection. Reading has no time-out, for ``/next`` may idle for
hours.
"""

from __future__ import annotations

import _socket
from os import getpid
from select import POLLIN, POLLOUT, poll

from ric.api import answers, sockets
from ric.api.http11 import render_request_head
from ric.api.protocol import user_agent
from ric.errors import ForkedProcessError, NoConnectionError, RefusedConnectionError, TransportError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from ric.api.address import Address
    from ric.api.http11 import Response

_SEND_NOW = _socket.MSG_DONTWAIT | getattr(_socket, "MSG_NOSIGNAL", 0)
_CONTENT_TOO_LARGE = 413
# A server that refuses a body larger than this may have left it unread.
_MAYBE_UNREAD_BYTES = 64 * 1024


class Connection:
    """A connection that is opened when first needed, kept alive, and reopened after it was lost.

    Args:
        address: The server.

    Attributes:
        on_connect: Called with each new socket, by those who keep a copy of it. None where nobody does.
    """

    def __init__(self, address: Address) -> None:
        self.on_connect: Callable[[_socket.socket], None] | None = None
        self._address = address
        self._agent = ("User-Agent", user_agent())
        self._owner = getpid()
        self._socket: _socket.socket | None = None
        self._readiness: Any = None
        self._answers = answers.AnswerReader()
        self._is_in_parts = False

    def head(
        self, method: str, endpoint: str, fields: Sequence[tuple[str, str]] = (), body_length: int | None = None
    ) -> bytes:
        """Returns the head of a request to the server; it names who asks.

        Args:
            method: The HTTP method.
            endpoint: The path, without the base path of the server.
            fields: Further header fields.
            body_length: As for ``render_request_head``.

        Raises:
            UnsafeHeaderError: A value holds a control or non-ASCII character.
        """
        address = self._address
        return render_request_head(
            method, address.base_path + endpoint, address.authority, (self._agent, *fields), body_length
        )

    def exchange(self, head: bytes, body: bytes = b"", meanwhile: Callable[[int], None] | None = None) -> Response:
        """Sends one request and waits for its answer.

        Args:
            head: The rendered request head.
            body: The request body.
            meanwhile: Called with the connection's descriptor once the request is out and before the answer is awaited.

        Raises:
            TransportError: There is no connection, or it was lost before the answer began.
            MalformedResponseError: What came is not one complete answer.
            ForkedProcessError: This is a forked child of the process that opened the connection.
        """
        if getpid() != self._owner:
            raise ForkedProcessError
        try:
            connection = self._ready_socket()
            is_sent = self._send(connection, head, body)
            if meanwhile is not None:
                meanwhile(connection.fileno())
            response = self._read_answer(connection)
        except BaseException as error:  # noqa: BLE001 - also what a signal handler of user code raises while we wait
            self._give_up(error)
        # The kernels between us may have taken all of a large body, though the server refuses it and reads none of it.
        if not is_sent or (response.status == _CONTENT_TOO_LARGE and len(body) > _MAYBE_UNREAD_BYTES):
            self.close()
        return response

    def begin(self) -> int:
        """Makes the connection ready for a request that is sent in parts, and returns its descriptor.

        Raises:
            TransportError: There is no connection.
            ForkedProcessError: This is a forked child of the process that opened the connection.
        """
        if getpid() != self._owner:
            raise ForkedProcessError
        try:
            connection = self._ready_socket()
        except BaseException as error:  # noqa: BLE001 - as above
            self._give_up(error)
        self._is_in_parts = True
        return connection.fileno()

    def send_now(self, parts: Sequence[bytes | memoryview]) -> int | None:
        """Sends as much of the request that was begun as the kernel takes at once.

        Returns:
            The number of bytes, 0 when there is no room now; None when the server has answered already or hung up,
            which ``receive`` tells.

        Raises:
            TransportError: The connection is gone.
            ForkedProcessError: This is a forked child of the process that opened the connection.
        """
        connection = self._socket
        if getpid() != self._owner:
            raise ForkedProcessError
        if connection is None:
            raise TransportError("the connection was closed in the middle of a request")
        try:
            if not sockets.is_quiet(connection) and not self._answers.is_more_wanted(connection):
                return None
            return connection.sendmsg(parts, (), _SEND_NOW) if parts else 0
        except BlockingIOError:
            return 0
        except (BrokenPipeError, ConnectionResetError):
            return None  # what the server said before it closed is still there to be read
        except BaseException as error:  # noqa: BLE001 - as above
            self._give_up(error)

    def wait_for_room(self) -> None:
        """Waits until the kernel takes more of the request that was begun, or the server says something."""
        assert self._socket is not None  # noqa: S101 - for the type checker
        readiness = poll()
        readiness.register(self._socket.fileno(), POLLIN | POLLOUT)
        readiness.poll()

    def adopt(self, connection: _socket.socket) -> None:
        """Takes over a socket on which another process sent a request and read nothing; ``receive`` comes next."""
        self.close()
        self._take(connection)
        self._is_in_parts = True

    def receive(self, *, is_sent: bool, meanwhile: Callable[[int], None] | None = None) -> Response:
        """Waits for the answer to the request that was begun, and ends it.

        Args:
            is_sent: Whether the request is out as a whole; the connection is of no use afterwards if it is not.
            meanwhile: As for ``exchange``.

        Raises:
            TransportError: The connection was lost before the answer began.
            MalformedResponseError: What came is not one complete answer.
        """
        assert self._socket is not None  # noqa: S101 - for the type checker
        try:
            if meanwhile is not None:
                meanwhile(self._socket.fileno())
            response = self._read_answer(self._socket)
        except BaseException as error:  # noqa: BLE001 - as above
            self._give_up(error)
        if not is_sent:
            self.close()
        self._is_in_parts = False
        return response

    def close(self) -> None:
        """Closes the connection; the next exchange opens a new one."""
        connection, self._socket = self._socket, None
        self._answers.clear()
        self._is_in_parts = False
        if connection is not None:
            if self.on_connect is not None and getpid() == self._owner:
                sockets.shut_down(connection)  # a copy keeps it open, and the server would not learn of the end
            connection.close()

    def _give_up(self, error: BaseException) -> NoReturn:
        """Closes the connection and raises the error, in the runtime's own words if it is the network's."""
        if isinstance(error, OSError) and _is_of_the_network(error):
            connection = self._socket
            if connection is not None:
                sockets.disown(connection, error)
            self.close()
            raise _transport_error(error, NoConnectionError if connection is None else TransportError) from error
        self.close()
        raise error

    def _ready_socket(self) -> _socket.socket:
        if self._socket is not None and (self._is_in_parts or self._is_stale(self._socket)):
            self.close()
        if self._socket is None:
            connection = sockets.connect(self._address)
            self._take(connection)
            if self.on_connect is not None:
                self.on_connect(connection)
            return connection
        return self._socket

    def _read_answer(self, connection: _socket.socket) -> Response:
        response, is_reusable = self._answers.read(connection)
        if not is_reusable:
            self.close()
        return response

    def _take(self, connection: _socket.socket) -> None:
        self._socket = connection
        self._readiness = sockets.readiness_of(connection)

    def _is_stale(self, connection: _socket.socket) -> bool:
        # To poll costs a quarter of a peek that fails; what has happened, if something has, only the peek can tell.
        return bool(self._readiness.poll(0)) and not sockets.is_quiet(connection)

    def _send(self, connection: _socket.socket, head: bytes, body: bytes) -> bool:
        """Sends head and body in one call where the kernel takes them whole.

        Returns:
            False if the server answered before it had read everything, as it does to refuse a body that is too large.
        """
        try:
            sent = connection.sendmsg((head, body), (), _SEND_NOW)
        except BlockingIOError:
            sent = 0  # the server took the request before for answered without having read it
        if sent == len(head) + len(body):
            return True
        rest = memoryview(head + body if sent < len(head) else body)
        rest = rest[sent if sent < len(head) else sent - len(head) :]
        readiness = poll()
        readiness.register(connection.fileno(), POLLIN | POLLOUT)
        while rest:
            ((_, events),) = readiness.poll()
            if events & POLLIN and not self._answers.is_more_wanted(connection):
                return False
            try:
                rest = rest[connection.send(rest, _SEND_NOW) :]
            except BlockingIOError:
                continue  # there was an interim answer, but no room yet
            except (BrokenPipeError, ConnectionResetError):
                return False  # what the server said before it closed is still there to be read
        return True


def _is_of_the_network(error: OSError) -> bool:
    """Whether the error comes from a call on the socket, and not from Python code that ran meanwhile."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    own = (globals(), vars(answers), vars(sockets))
    return traceback is not None and any(traceback.tb_frame.f_globals is names for names in own)


def _transport_error(error: OSError, kind: type[TransportError]) -> TransportError:
    if isinstance(error, TransportError):
        return error
    if isinstance(error, ConnectionRefusedError):
        kind = RefusedConnectionError
    return kind(error.strerror or str(error))
