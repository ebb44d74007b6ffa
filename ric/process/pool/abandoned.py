"""Connections that a dead worker leaves behind, perhaps with an unread event.

The parent tells the server that nothing more will be sent, as the kernel would have if there were no copy, and waits
without blocking for what the server says: the end of the connection, or an event that it had given out already. The
head of the answer has the ids of that event, which the parent reports.
"""

from __future__ import annotations

import contextlib
import socket

from ric.api.http11 import MAX_HEAD_BYTES, find_head_end
from ric.api.protocol import INVOCATION_ID, REQUEST_ID

_RECEIVE_BYTES = 64 * 1024
_REQUEST_ID_FIELD = b"\n" + REQUEST_ID.lower().encode() + b":"
_INVOCATION_ID_FIELD = b"\n" + INVOCATION_ID.lower().encode() + b":"


def ids_in(head: bytes) -> tuple[bytes, bytes] | None:
    """Returns request id and invocation id from the head of an answer; None if it names no invocation.

    It need not be correct HTTP otherwise: whoever reads the whole answer finds that out.
    """
    lowered = head.lower()
    request_id = _value(head, lowered, _REQUEST_ID_FIELD)
    return (request_id, _value(head, lowered, _INVOCATION_ID_FIELD)) if request_id else None


def _value(head: bytes, lowered: bytes, field: bytes) -> bytes:
    start = lowered.find(field)
    if start < 0:
        return b""
    start += len(field)
    end = head.find(b"\n", start)
    return head[start : end if end >= 0 else None].strip()


class AbandonedConnection:
    """A connection that a dead worker left behind.

    Args:
        descriptor: The parent's copy.

    Attributes:
        is_over: Whether there is nothing more to come.
    """

    def __init__(self, descriptor: int) -> None:
        self._connection = socket.socket(fileno=descriptor)
        self._received = b""
        self.is_over = False
        self._connection.setblocking(False)
        with contextlib.suppress(OSError):  # it may be shut down already, and hold an event all the same
            self._connection.shutdown(socket.SHUT_WR)

    def fileno(self) -> int:
        """Returns the descriptor to wait on."""
        return self._connection.fileno()

    def read(self) -> tuple[str, str] | None:
        """Reads the bytes that have arrived; returns request id and invocation id if an event is among them."""
        while not self.is_over:
            try:
                data = self._connection.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return None
            except OSError:
                data = b""
            self._received += data
            if head := self._head():
                self.close()
                ids = ids_in(head)
                return (ids[0].decode("utf-8", "replace"), ids[1].decode("utf-8", "replace")) if ids else None
            if not data or len(self._received) > MAX_HEAD_BYTES:
                self.close()
        return None

    def _head(self) -> bytes:
        """The head of the answer once it is complete; interim answers (RFC 9110 section 15.2) do not count."""
        while (end := find_head_end(self._received)) >= 0:
            head, rest = self._received[:end], self._received[end:]
            if not head.partition(b" ")[2].startswith(b"1"):
                return head
            self._received = rest
        return b""

    def close(self) -> None:
        """Gives the connection up."""
        self.is_over = True
        self._connection.close()
