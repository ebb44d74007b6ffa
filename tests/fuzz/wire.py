"""A client's socket without a network: what arrives, in which pieces, and how much can be sent is laid down before.

The kernel decides these things as it likes, and with real sockets a test has no say in them; nor could it make ten
thousand connections a second. ``test_answers`` compares it with a real one.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise


class WouldWaitError(BaseException):
    """The client waits for bytes that never come. Not an Exception, so that no policy of ric's can deal with it."""


class Wire:
    """The client's end of a connection.

    Args:
        segments: What the server sends, each piece in a segment of its own.
        is_closed: Whether the server closes the connection behind them.
        arrivals: How many times the client has to send before each segment is there, unless it waits for it; none for
            segments that are there from the start.
        room: How many bytes the kernel takes at each call; 0 for none now. All, when this is used up.

    Attributes:
        sent: What the client sent.
        is_open: Whether the client has not closed it.
        received_bytes: How much the client took.
    """

    def __init__(
        self,
        segments: Iterable[bytes],
        *,
        is_closed: bool = True,
        arrivals: Sequence[int] = (),
        room: Iterable[int] = (),
    ) -> None:
        self.sent = bytearray()
        self.is_open = True
        self.received_bytes = 0
        self._segments = deque(segment for segment in segments if segment)
        self._arrivals = deque([*arrivals, *[0] * len(self._segments)])
        self._is_closed = is_closed
        self._room = deque(room)
        self._sends = 0
        self._signal: tuple[socket.socket, socket.socket] | None = None
        self._is_signalled = False

    @property
    def unread(self) -> bytes:
        """What the client has not read."""
        return b"".join(self._segments)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Gives the next bytes, of one segment unless MSG_WAITALL asks for more."""
        assert self.is_open
        if flags & socket.MSG_DONTWAIT and not self._is_readable():
            raise BlockingIOError
        if flags & socket.MSG_PEEK:
            return self._segments[0][:size] if self._segments else b""
        data = self._take(size)
        while flags & socket.MSG_WAITALL and len(data) < size and (self._segments or not self._is_closed):
            data += self._take(size - len(data))
        self.received_bytes += len(data)
        self._update_signal()
        return data

    def sendmsg(self, parts: Sequence[bytes | memoryview], ancillary: object = (), flags: int = 0) -> int:
        """Takes as much as there is room for."""
        return self.send(b"".join(parts), flags)

    def send(self, data: bytes | memoryview, flags: int = 0) -> int:
        """Takes as much as there is room for."""
        assert self.is_open
        room = self._room.popleft() if self._room else len(data)
        self._sends += 1
        self._update_signal()
        if data and not room:
            raise BlockingIOError
        self.sent += data[:room]
        return min(room, len(data))

    def fileno(self) -> int:
        """Returns a descriptor that can be read from when there is something here."""
        if self._signal is None:
            self._signal = socket.socketpair()
            self._update_signal()
        return self._signal[0].fileno()

    def close(self) -> None:
        """Notes that the client is done with it."""
        self.is_open = False
        self.release()

    def release(self) -> None:
        """Gives back the descriptor, also where the client keeps the connection."""
        for end in self._signal or ():
            end.close()

    def _take(self, size: int) -> bytes:
        if not self._segments:
            if self._is_closed:
                return b""
            raise WouldWaitError
        segment = self._segments[0]
        if size < len(segment):
            self._segments[0] = segment[size:]
        else:
            self._segments.popleft()
            self._arrivals.popleft()
        return segment[:size]

    def _is_readable(self) -> bool:
        return self._arrivals[0] <= self._sends if self._segments else self._is_closed

    def _update_signal(self) -> None:
        if self._signal is None or not self.is_open or self._is_signalled is self._is_readable():
            return
        self._is_signalled = not self._is_signalled
        reader, writer = self._signal
        if self._is_signalled:
            writer.send(b"!")
        else:
            reader.recv(1)


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Returns the pieces of data between the places; a place beyond its end counts from the start again."""
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if start < end]


def single_bytes(data: bytes) -> list[bytes]:
    """Returns each byte as a piece of its own."""
    return [data[index : index + 1] for index in range(len(data))]
