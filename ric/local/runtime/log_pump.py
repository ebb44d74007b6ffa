"""Everything that a runtime process writes, cut into lines.

A thread reads both pipes. What a runtime wrote before it answered an invocation is in the pipe when the answer
arrives, so :meth:`LogPump.drain` in the answering thread reads the rest before the invocation is reported.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import Literal

Stream = Literal["stdout", "stderr"]

_BLOCK_BYTES = 64 * 1024
# A pipe holds 64 KiB. A process that writes without end must not hold up whoever drains.
_MAX_BLOCKS_PER_DRAIN = 32
# A line without an end is passed on in pieces.
_MAX_LINE_BYTES = 256 * 1024


class LogPump:
    """Reads two pipes until their ends, which it closes.

    Args:
        stdout: Descriptor of the pipe's reading end; taken over.
        stderr: The same for standard error.
        on_line: Called with stream and line, one call at a time.
    """

    def __init__(self, stdout: int, stderr: int, on_line: Callable[[Stream, str], None]) -> None:
        self._on_line = on_line
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._streams: dict[int, Stream] = {stdout: "stdout", stderr: "stderr"}
        self._rests = {stdout: b"", stderr: b""}
        for descriptor in self._streams:
            os.set_blocking(descriptor, False)
        threading.Thread(target=self._run, name="ric-log", daemon=True).start()

    def wait_for_end(self, timeout_s: float) -> bool:
        """Waits at most ``timeout_s`` seconds for the last writer to close the pipes; returns whether it did."""
        return self._ended.wait(timeout_s)

    def drain(self) -> None:
        """Passes on everything written so far, including a last line without a line feed."""
        with self._lock:
            for descriptor in list(self._streams):
                for _ in range(_MAX_BLOCKS_PER_DRAIN):
                    if not self._read(descriptor):
                        break
                self._flush(descriptor)

    def _run(self) -> None:
        poll = select.poll()
        watched = set(self._streams)
        for descriptor in watched:
            poll.register(descriptor, select.POLLIN)
        while watched:
            for descriptor, _ in poll.poll():
                with self._lock:
                    self._read(descriptor)
                    if descriptor not in self._streams:
                        poll.unregister(descriptor)
                        os.close(descriptor)
                        watched.remove(descriptor)
        self._ended.set()

    def _read(self, descriptor: int) -> bool:
        """Reads a block; returns whether there may be more now."""
        if descriptor not in self._streams:
            return False
        try:
            block = os.read(descriptor, _BLOCK_BYTES)
        except BlockingIOError:
            return False
        if not block:
            self._flush(descriptor)
            # Closed by the thread, which waits on it.
            del self._streams[descriptor]
            return False
        *lines, rest = (self._rests[descriptor] + block).split(b"\n")
        for line in lines:
            self._pass_on(descriptor, line)
        self._rests[descriptor] = rest
        if len(rest) >= _MAX_LINE_BYTES:
            self._flush(descriptor)
        return True

    def _flush(self, descriptor: int) -> None:
        if descriptor in self._streams and (rest := self._rests[descriptor]):
            self._rests[descriptor] = b""
            self._pass_on(descriptor, rest)

    def _pass_on(self, descriptor: int, line: bytes) -> None:
        self._on_line(self._streams[descriptor], line.decode("utf-8", "replace"))
