"""What workers tell their parent: each connection to the Runtime API that they open, and that they want SIGTERM.

The parent keeps a copy of each connection. When a worker is killed between the moment at which the platform sends it an
event and the moment at which it notes the event in its slot, the event is still in the connection, and there the parent
finds whose it is (see ``abandoned``). Messages are datagrams, so many workers share one channel.
"""

from __future__ import annotations

import array
import os
import socket

WANTS_EXTENSION = -1
"""In the place of a slot's number: a worker waits for the extension."""

_CONNECTION = b"c"
_EXTENSION = b"x"
_NUMBER_BYTES = 4
_DESCRIPTOR_BYTES = array.array("i").itemsize
_MESSAGE_BYTES = 64


class Channel:
    """Both ends, made in the parent; a worker inherits them."""

    def __init__(self) -> None:
        self._parents_end, self._workers_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._parents_end.setblocking(False)
        self._workers_end.setblocking(True)  # whatever socket.setdefaulttimeout says
        # Stays empty, and is closed when the extension is registered: that wakes all who wait, and whoever comes later.
        self._gate_out, self._gate_in = os.pipe()

    def fileno(self) -> int:
        """Returns the descriptor on which the parent waits for messages."""
        return self._parents_end.fileno()

    def receive(self) -> tuple[int, int | None] | None:
        """Returns the next message, None if there is none now.

        Returns:
            The number of a slot with the descriptor of its new connection (None if there was none left for it), or
            WANTS_EXTENSION.
        """
        room = socket.CMSG_SPACE(_DESCRIPTOR_BYTES)
        try:
            message, ancillary, _, _ = self._parents_end.recvmsg(_MESSAGE_BYTES, room)
        except BlockingIOError:
            return None
        if message == _EXTENSION:
            return WANTS_EXTENSION, None
        descriptors = array.array("i")
        for _, _, data in ancillary:
            descriptors.frombytes(data[: len(data) - len(data) % _DESCRIPTOR_BYTES])
        number = int.from_bytes(message[1:], "little")
        return number, descriptors[0] if descriptors else None

    def open_gate(self) -> None:
        """In the parent: releases the workers that wait for the extension."""
        if self._gate_in >= 0:
            os.close(self._gate_in)
            self._gate_in = -1

    def leave_to_worker(self) -> None:
        """In a worker: closes the parent's ends."""
        self._parents_end.close()
        self.open_gate()

    def send_connection(self, number: int, descriptor: int) -> None:
        """In a worker: tells which connection belongs to a slot from now on."""
        copied = array.array("i", [descriptor])
        message = _CONNECTION + number.to_bytes(_NUMBER_BYTES, "little")
        self._send(message, [(socket.SOL_SOCKET, socket.SCM_RIGHTS, copied)])

    def await_extension(self) -> None:
        """In a worker: returns when the parent has registered the extension, or tried to."""
        self._send(_EXTENSION, [])
        os.read(self._gate_out, 1)

    def close(self) -> None:
        """In the parent: ends the channel."""
        self._parents_end.close()
        self._workers_end.close()
        self.open_gate()
        os.close(self._gate_out)

    def _send(self, message: bytes, ancillary: list[tuple[int, int, array.array[int]]]) -> None:
        try:
            self._workers_end.sendmsg([message], ancillary)
        except OSError:
            # The parent is gone, and this process soon. Or descriptors are exhausted: then a crash in the worst moment
            # leaves one caller waiting for the time-out, which is better than to fail now.
            return
