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

from ric.api import sockets
from ric.api.http11 import (
    CHUNKED,
    MAX_HEAD_BYTES,
    UNTIL_CLOSE,
    ChunkedDecoder,
    Response,
    ResponseHead,
    find_head_end,
    parse_response_head,
)
from ric.errors import ForkedProcessError, MalformedResponseError, RefusedConnectionError, TransportError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from ric.api.address import Address

_RECEIVE_BYTES = 64 * 1024
# One recv fills at most this much, so that an announced length alone never makes us allocate it.
_MAX_BODY_STEP_BYTES = 16 * 1024 * 1024
_SEND_NOW = _socket.MSG_DONTWAIT | getattr(_socket, "MSG_NOSIGNAL", 0)
_LARGE_BYTES = 1024 * 1024
_CONTENT_TOO_LARGE = 413
_MOST_INTERIM_ANSWERS = 100

_is_heap_kept = False


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
        self._owner = getpid()
        self._socket: _socket.socket | None = None
        self._readiness: Any = None
        self._received: bytes | bytearray = b""
        self._is_in_parts = False
        self._interim_answers = 0

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
            response = self._receive(connection)
        except BaseException as error:  # noqa: BLE001 - also what a signal handler of user code raises while we wait
            self._give_up(error)
        # A server that refuses a large body need not read it, though the kernels between us may have taken all of it.
        if not is_sent or (response.status == _CONTENT_TOO_LARGE and len(body) > _RECEIVE_BYTES):
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
            if not sockets.is_quiet(connection) and not self._awaits_more(connection):
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
            response = self._receive(self._socket)
        except BaseException as error:  # noqa: BLE001 - as above
            self._give_up(error)
        if not is_sent:
            self.close()
        self._is_in_parts = False
        return response

    def close(self) -> None:
        """Closes the connection; the next exchange opens a new one."""
        connection, self._socket = self._socket, None
        self._received = b""
        self._is_in_parts = False
        self._interim_answers = 0
        if connection is not None:
            if self.on_connect is not None and getpid() == self._owner:
                sockets.shut_down(connection)  # a copy keeps it open, and the server would not learn of the end
            connection.close()

    def _give_up(self, error: BaseException) -> NoReturn:
        """Closes the connection and raises the error, in the runtime's own words if it is the network's."""
        if isinstance(error, OSError) and _is_of_the_network(error):
            if self._socket is not None:
                sockets.disown(self._socket, error)
            self.close()
            raise _transport_error(error) from error
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
            if events & POLLIN and not self._awaits_more(connection):
                return False
            try:
                rest = rest[connection.send(rest, _SEND_NOW) :]
            except BlockingIOError:
                continue  # there was an interim answer, but no room yet
            except (BrokenPipeError, ConnectionResetError):
                return False  # what the server said before it closed is still there to be read
        return True

    def _awaits_more(self, connection: _socket.socket) -> bool:
        """Whether the server has sent only interim answers so far, so that it still wants the rest of the request."""
        data = connection.recv(_RECEIVE_BYTES)
        searched = len(self._received)
        # Bytes would be copied as a whole for each one that is added, however slowly they come.
        self._received = bytearray(self._received) if isinstance(self._received, bytes) else self._received
        self._received += data
        while (end := find_head_end(self._received, searched)) >= 0:
            if not parse_response_head(bytes(self._received[:end])).is_interim:
                return False
            self._count_interim_answer()
            del self._received[:end]
            searched = 0
        return bool(data) and len(self._received) <= MAX_HEAD_BYTES

    def _receive(self, connection: _socket.socket) -> Response:
        head = self._receive_head(connection)
        while head.is_interim:
            self._count_interim_answer()
            head = self._receive_head(connection)
        self._interim_answers = 0
        if head.framing == CHUNKED:
            body = self._receive_chunks(connection)
        elif head.framing == UNTIL_CLOSE:
            body = self._receive_until_close(connection, is_refusal=head.status >= 300)
        else:
            body = self._receive_length(connection, head.framing)
        # Bytes behind the announced body belong to no request of ours: they must not become the next answer.
        if self._received or not head.keeps_alive:
            self.close()
        return Response(head, body)

    def _count_interim_answer(self) -> None:
        """Counts an interim answer to the current request: a server could send them for ever."""
        self._interim_answers += 1
        if self._interim_answers > _MOST_INTERIM_ANSWERS:
            raise MalformedResponseError(f"more than {_MOST_INTERIM_ANSWERS} interim answers")

    def _receive_head(self, connection: _socket.socket) -> ResponseHead:
        data = self._received
        searched = 0
        while (end := find_head_end(data, searched)) < 0:
            if len(data) > MAX_HEAD_BYTES:
                raise MalformedResponseError(f"a head of more than {MAX_HEAD_BYTES} bytes")
            more = _receive_some(connection)
            if not more:
                if data:
                    raise MalformedResponseError("the connection was closed within the head")
                raise TransportError("the connection was closed without an answer")
            searched = len(data)
            if not data:
                data = more  # the whole head, nearly always
            else:
                data = bytearray(data) if isinstance(data, bytes) else data
                data += more
        self._received = data[end:]
        return parse_response_head(bytes(data[:end]))

    def _receive_length(self, connection: _socket.socket, length: int) -> bytes:
        if length >= _LARGE_BYTES:
            _keep_heap()
        if len(self._received) == length:  # it came with the head, as nearly all do
            body, self._received = bytes(self._received), b""
            return body
        pieces = [self._received[:length]]
        self._received = self._received[length:]
        missing = length - len(pieces[0])
        while missing:
            piece = _receive_some(connection, min(missing, _MAX_BODY_STEP_BYTES), _socket.MSG_WAITALL)
            if not piece:
                raise MalformedResponseError(f"the connection was closed {missing} bytes before the end of {length}")
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def _receive_chunks(self, connection: _socket.socket) -> bytes:
        decoder = ChunkedDecoder()
        decoder.feed(self._received)
        while not decoder.complete:
            data = _receive_some(connection)
            if not data:
                raise MalformedResponseError("the connection was closed among the chunks")
            decoder.feed(data)
        self._received = decoder.rest
        return decoder.body()

    def _receive_until_close(self, connection: _socket.socket, *, is_refusal: bool) -> bytes:
        body = bytearray(self._received)  # a list of pieces takes a hundred times the memory if they are single bytes
        try:
            while data := _receive_some(connection):
                body += data
        except ConnectionResetError:
            # A server that refuses a body without having read it ends so; then it is the status that counts.
            if not is_refusal:
                raise
        self._received = b""
        return bytes(body)


def _receive_some(connection: _socket.socket, size: int = _RECEIVE_BYTES, flags: int = 0) -> bytes:
    """Waits for bytes, also when a handler has made every descriptor that it found non-blocking."""
    while True:
        try:
            return connection.recv(size, flags)
        except BlockingIOError:
            connection.setblocking(True)


def _keep_heap() -> None:
    """Keeps the C library from giving memory back to the kernel after each large event, only to ask for it again.

    glibc trims its heap by twice the size of the largest block that it has freed ("M_MMAP_THRESHOLD" in mallopt(3)), so
    one is freed that is larger than events are. It is never touched, and costs no memory. With 6 MB in and out this
    saves a third of the time, which went into page faults (28 ms to 18 ms, benchmarks "echo 6 MB").
    """
    global _is_heap_kept
    if not _is_heap_kept:
        _is_heap_kept = True
        bytes(_MAX_BODY_STEP_BYTES)


def _is_of_the_network(error: OSError) -> bool:
    """Whether the error comes from a call made here or in ``sockets``, and not from Python code that ran meanwhile."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and any(traceback.tb_frame.f_globals is own for own in (globals(), vars(sockets)))


def _transport_error(error: OSError) -> TransportError:
    if isinstance(error, TransportError):
        return error
    kind = RefusedConnectionError if isinstance(error, ConnectionRefusedError) else TransportError
    return kind(error.strerror or str(error))
