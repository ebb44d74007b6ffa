"""A client's place in the pool: how a worker keeps its parent informed.

Rules: an event stays in the connection until the slot has its ids, so that at any moment one of the two, or both, tell
the parent what a dead worker held. The head is looked at without being taken (``MSG_PEEK``), which is one system call
and some microseconds for each invocation. A worker that dies before it has taken anything leaves its question to its
successor, who waits for the answer on the same connection: nobody is the worse for it.
"""

from __future__ import annotations

import _socket

from ric.api.http11 import MAX_HEAD_BYTES, find_head_end
from ric.api.sockets import receive
from ric.process.pool.abandoned import ids_in
from ric.process.pool.slots import IDLE, POLLING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ric.process.pool.channel import Channel
    from ric.process.pool.slots import Slot

_LOOK_BYTES = 16 * 1024
_WAIT_FOR_MORE = _socket.MSG_PEEK | _socket.MSG_WAITALL


class Place:
    """One place.

    Args:
        number: Of the slot.
        slot: The slot.
        channel: To the parent.
        inherited: The descriptor on which the dead predecessor had asked for an invocation, if any.

    Attributes:
        wait_first: Waits for an answer to begin, given the connection's descriptor, and may raise instead; None where
            reading waits well enough.
    """

    def __init__(self, number: int, slot: Slot, channel: Channel, inherited: int | None = None) -> None:
        self.slot = slot
        self.wait_first: Callable[[int], None] | None = None
        self._number = number
        self._channel = channel
        self._connection: _socket.socket | None = None
        if inherited is not None:
            self._connection = _socket.socket(fileno=inherited)
            self._connection.settimeout(None)

    @property
    def connection(self) -> _socket.socket | None:
        """The connection; at first the inherited one, if any."""
        return self._connection

    def follow(self, connection: _socket.socket) -> None:
        """Passes a new connection on to the parent."""
        self._connection = connection
        self._channel.send_connection(self._number, connection.fileno())

    def wait(self, descriptor: int) -> None:
        """Waits for the answer to ``/next``, and notes in the slot which invocation it brings.

        Raises:
            OSError: The connection is lost.
        """
        self.slot.enter(POLLING)
        if self.wait_first is not None:
            self.wait_first(descriptor)
        try:
            ids = ids_in(self._look_at_head())
        except OSError:
            self.slot.enter(IDLE)  # nobody answers there any more
            raise
        if ids is None:
            self.slot.enter(IDLE)
        else:
            self.slot.hold(*ids)

    def await_extension(self) -> None:
        """Lets the parent register the extension that makes Lambda send SIGTERM."""
        self._channel.await_extension()

    def _look_at_head(self) -> bytes:
        assert self._connection is not None  # noqa: S101 - for the type checker
        connection = self._connection
        data = receive(connection, _LOOK_BYTES, _socket.MSG_PEEK)
        while (end := find_head_end(data)) < 0:
            connection.setblocking(True)  # a handler may have changed that: part of a head would look like the end
            if len(data) > MAX_HEAD_BYTES or len(receive(connection, len(data) + 1, _WAIT_FOR_MORE)) <= len(data):
                return b""  # no answer, or the end of the connection; who reads it will say so
            data = receive(connection, 2 * len(data) + _LOOK_BYTES, _socket.MSG_PEEK)
        return data[:end]
