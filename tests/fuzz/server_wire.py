"""A server's socket without a network: a caller who has sent everything, and keeps what is answered."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterable


class ServerWire:
    """The server's end of a connection.

    Args:
        segments: What the caller sent, each piece in a segment of its own; then it ended its side.

    Attributes:
        answered: What the server sent.
    """

    def __init__(self, segments: Iterable[bytes]) -> None:
        self.answered = bytearray()
        self.received_bytes = 0
        self._segments = deque(segment for segment in segments if segment)

    def makefile(self, mode: str, buffering: int = -1) -> io.BufferedReader:
        """Returns the reading side, with a buffer as a socket's file has."""
        assert mode == "rb"
        return io.BufferedReader(_Segments(self._segments))

    def sendall(self, data: bytes) -> None:
        """Keeps the bytes."""
        self.answered += data

    def setsockopt(self, *option: object) -> None:
        """Takes any option."""


class _Segments(io.RawIOBase):
    def __init__(self, segments: deque[bytes]) -> None:
        self._segments = segments

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._segments:
            return 0
        segment = self._segments.popleft()
        length = min(len(segment), len(buffer))
        buffer[:length] = segment[:length]
        if segment[length:]:
            self._segments.appendleft(segment[length:])
        return length
