"""The promise to one caller: an answer, whole or in chunks as the function produces them.

The function's side calls ``begin``, ``write`` and ``finish``, the caller's side all the rest. Chunks wait here
for a caller who reads slowly, but not many: then ``write`` blocks, so the function's own writes block in the
end, and nothing is buffered without bound. A caller who leaves is no reason to stop the function.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from ric.local.invocation import Answer, StoppedError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Enough to keep both sides busy. What the sockets' own buffers hold comes on top.
MAX_WAITING_BYTES = 64 * 1024


class ReplyOverError(Exception):
    """The answer was given by somebody else meanwhile, for example because the time was up."""


class Reply:
    """One caller's answer.

    Args:
        streams: Whether the caller takes chunks; otherwise a streamed response is collected for it.
        is_awaited: Whether the caller waits for it; not so for an asynchronous invocation.
    """

    def __init__(self, *, streams: bool = False, is_awaited: bool = True) -> None:
        self.streams = streams
        self.is_awaited = is_awaited
        self._changed = threading.Condition()
        self._chunks: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._content_type: str | None = None
        self._answer: Answer | None = None
        self._is_stopped = False
        self._is_abandoned = False

    # The function's side.

    def begin(self, content_type: str) -> None:
        """Tells the caller that chunks of this media type follow."""
        with self._changed:
            self._content_type = content_type
            self._changed.notify_all()

    def write(self, chunk: bytes) -> None:
        """Passes on a chunk, once the caller has taken most of those before.

        Raises:
            ReplyOverError: The invocation has ended meanwhile.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._is_abandoned or self._has_room)
            if self._is_over:
                raise ReplyOverError
            if not self._is_abandoned:
                self._chunks.append(chunk)
                self._waiting_bytes += len(chunk)
                self._changed.notify_all()

    def finish(self, answer: Answer) -> None:
        """Ends the answer; only the first end counts."""
        with self._changed:
            if not self._is_over:
                self._answer = answer
                self._changed.notify_all()

    def stop(self) -> None:
        """Tells the caller that there will be no answer, since the emulator ends."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    # The caller's side.

    def content_type(self) -> str | None:
        """Waits for the beginning; returns the media type of the chunks, None if the answer is whole.

        Raises:
            StoppedError: The emulator ended before.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._content_type is not None or self._is_over)
            self._raise_if_stopped()
            return self._content_type

    def chunks(self) -> Iterator[bytes]:
        """Yields the chunks as they come, until the end.

        Raises:
            StoppedError: The emulator ended before.
        """
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._chunks or self._is_over)
                if not self._chunks:
                    self._raise_if_stopped()
                    return
                chunk = self._chunks.popleft()
                self._waiting_bytes -= len(chunk)
                self._changed.notify_all()
            yield chunk

    def answer(self, timeout_s: float | None = None) -> Answer:
        """Waits for the end.

        Args:
            timeout_s: How long to wait at most; None for as long as it takes.

        Raises:
            StoppedError: The emulator ended before.
            TimeoutError: It did not come in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_over, timeout_s):
                raise TimeoutError
            self._raise_if_stopped()
            assert self._answer  # noqa: S101 - for the type checker
            return self._answer

    @property
    def is_over(self) -> bool:
        """Whether the answer has ended."""
        with self._changed:
            return self._is_over

    def abandon(self) -> None:
        """Discards all chunks, also those still to come: the caller has left."""
        with self._changed:
            self._is_abandoned = True
            self._chunks.clear()
            self._waiting_bytes = 0
            self._changed.notify_all()

    @property
    def _is_over(self) -> bool:
        return self._answer is not None or self._is_stopped

    @property
    def _has_room(self) -> bool:
        return self._waiting_bytes < MAX_WAITING_BYTES

    def _raise_if_stopped(self) -> None:
        if self._is_stopped and self._answer is None:
            raise StoppedError
