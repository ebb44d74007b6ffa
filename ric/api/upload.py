"""A request whose body is sent while it is produced: chunk by chunk (RFC 9112 section 7.1).

Rules: what is put in goes out at once, as far as the kernel takes it. Nothing is kept beyond the piece at hand, so a
server that reads slowly slows the producer down. A server may answer before the end, to refuse; then the rest is not
wanted, and whoever sends more is told. Fields behind the last chunk say what nobody knew at the beginning.
"""

from __future__ import annotations

from _thread import allocate_lock

from ric.errors import MalformedResponseError, RuntimeApiError, StreamingError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ric.api.http11 import Response
    from ric.api.transport import Connection

_LAST_CHUNK = b"0\r\n"
_LINE_END = b"\r\n"


class ChunkedUpload:
    """One such request. The first piece takes the head along.

    Args:
        connection: The connection, on which no other request is out.
        head: The rendered request head; it announces chunks.
        check: Called with an answer and the number of bytes posted; raises if it is a refusal.

    Attributes:
        failure: Why no more can be sent, once that is so.
        is_finished: Whether the last chunk is out and the answer is in.

    Raises:
        TransportError: There is no connection.
    """

    def __init__(self, connection: Connection, head: bytes, check: Callable[[Response, int], None]) -> None:
        self._connection = connection
        self._check = check
        self._descriptor = connection.begin()
        self._waiting: list[bytes | memoryview] = [head]
        self._posted_bytes = 0
        # A handler may write from several threads, and a chunk must stay in one piece.
        self._lock = allocate_lock()
        self._is_sealed = False
        self.failure: Exception | None = None
        self.is_finished = False

    def fileno(self) -> int:
        """Returns the connection's descriptor, to wait for room on."""
        return self._descriptor

    def write(self, *pieces: bytes | memoryview) -> None:
        """Sends each piece as a chunk of its own; waits while the server does not read.

        Args:
            pieces: What to send. An empty one is left out, because it would end the body.

        Raises:
            StreamingError: The body has ended.
            RuntimeApiError: The server refused the rest, or the connection is lost.
        """
        with self._lock:
            self.put(*pieces)
            while not self.flush():
                self._connection.wait_for_room()

    def put(self, *pieces: bytes | memoryview) -> None:
        """Queues pieces for ``flush``, for callers that must not wait. Arguments and errors as for ``write``."""
        if self._is_sealed:
            # The connection is the next invocation's by now, whoever still holds this one's stream.
            raise StreamingError("the response has ended, nothing can be written any more")
        for piece in pieces:
            view = memoryview(piece).cast("B")
            if view.nbytes:
                self._waiting += (b"%x\r\n" % view.nbytes, view, _LINE_END)
                self._posted_bytes += view.nbytes

    def flush(self) -> bool:
        """Sends what the kernel takes now; returns whether that was all.

        Raises:
            RuntimeApiError: The server refused the rest, or the connection is lost.
        """
        if self.failure is not None:
            raise self.failure
        try:
            while self._waiting:
                sent = self._connection.send_now(self._waiting)
                if sent is None:
                    self._end_early()
                elif not sent:
                    return False
                else:
                    self._forget(sent)
        except Exception as error:
            self.failure = error
            raise
        return True

    def is_wanted(self) -> bool:
        """Whether the server still takes what comes; if not, ``failure`` says why."""
        if self.failure is None and not self._is_sealed:
            try:
                if self._connection.send_now(()) is None:
                    self._end_early()
            except RuntimeApiError as error:
                self.failure = error
        return self.failure is None

    def finish(self, trailers: Iterable[tuple[str, str]] = ()) -> None:
        """Sends the end of the body and waits for the answer; does nothing if that was done before.

        Args:
            trailers: Names and values of fields behind the last chunk, as they go over the wire.

        Raises:
            RuntimeApiError: The server refused it, or the connection is lost.
        """
        with self._lock:
            if self._is_sealed:
                return
            self._is_sealed = True
            fields = "".join(f"{name}: {value}\r\n" for name, value in trailers)
            self._waiting.append(_LAST_CHUNK + fields.encode("ascii") + _LINE_END)
            while not self.flush():
                self._connection.wait_for_room()
            try:
                self._check(self._connection.receive(is_sent=True), self._posted_bytes)
            except Exception as error:
                self.failure = error
                raise
            self.is_finished = True

    def _end_early(self) -> None:
        self._check(self._connection.receive(is_sent=False), self._posted_bytes)
        raise MalformedResponseError("the server accepted a body before its end")

    def _forget(self, sent: int) -> None:
        """Removes the bytes that were sent from those that wait."""
        waiting = self._waiting
        while sent:
            first = waiting[0]
            if sent < len(first):
                waiting[0] = memoryview(first)[sent:]
                return
            sent -= len(first)
            del waiting[0]
