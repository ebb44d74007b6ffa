"""Where log lines go: standard output, or framed onto the descriptor that Lambda provides.

Rules: a line is out when the call returns. A sink takes any text and never raises for a stream that user code closed or
replaced; reporting an error must not become the next one.
"""

from __future__ import annotations

import atexit
import os
import sys

# The functions themselves: a handler that replaces those of the modules does not keep errors from being logged.
from os import write
from select import POLLOUT, poll
from time import time_ns

from ric import config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Any, TextIO

ERROR_LOG_LINE_TERMINATE = "\r"
"""CloudWatch takes text up to a line feed for one event; a carriage return keeps a traceback together."""

_FRAME_MAGIC = 0xA55A0000
_FRAME_HAS_LEVEL = 0x2
_FRAME_IS_TEXT = 0x1
_LEVEL_SHIFT = 2
_ERROR_LEVEL = 5


def frame_type(level: int, log_format: str) -> bytes:
    """Returns the first four bytes of a frame.

    Args:
        level: 0 for none, TRACE 1, DEBUG 2, INFO 3, WARN 4, ERROR 5, FATAL 6.
        log_format: ``"TEXT"`` or ``"JSON"``.
    """
    text = _FRAME_IS_TEXT if log_format == "TEXT" else 0
    return (_FRAME_MAGIC | level << _LEVEL_SHIFT | _FRAME_HAS_LEVEL | text).to_bytes(4, "big")


class Unbuffered:
    """A text stream that is flushed at each write, so that nothing is lost when the environment is frozen or killed."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __enter__(self) -> Unbuffered:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def __getattr__(self, attr: str) -> Any:
        return getattr(self.stream, attr)

    def write(self, msg: str) -> int:
        """Writes the text and flushes."""
        written = self.stream.write(msg)
        self.stream.flush()
        return written

    def writelines(self, msgs: Iterable[str]) -> None:
        """Writes all lines and flushes once."""
        self.stream.writelines(msgs)
        self.stream.flush()


def unbuffer_output() -> None:
    """Makes ``sys.stdout`` and ``sys.stderr`` unbuffered; a stream that is not there stays away."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, Unbuffered):
            setattr(sys, name, Unbuffered(stream))
    atexit.register(drop_unwritable_output)


def drop_unwritable_output() -> None:
    """Keeps text that nobody takes from changing the exit code: Python ends with 120 if it cannot flush a stream."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            # To flush would wait for a thread that waits for room; Python itself does so for a second only.
            if _has_room(stream):
                stream.flush()
        except BaseException:  # noqa: BLE001 - its descriptor is closed, nobody reads it, or user code put something there
            setattr(sys, name, None)


def _has_room(stream: Any) -> bool:
    """Whether a stream takes text without waiting for a reader."""
    try:
        descriptor = stream.fileno()
    except Exception:  # noqa: BLE001 - it is none of a descriptor
        return True
    readiness = poll()
    readiness.register(descriptor, POLLOUT)
    return bool(readiness.poll(0))


class StandardLogSink:
    """Writes to standard output.

    Args:
        log_format: ``"TEXT"`` or ``"JSON"``, for those who write error records; None: as the environment says.
    """

    def __init__(self, log_format: str | None = None) -> None:
        self.log_format = log_format or config.log_format()

    def __enter__(self) -> StandardLogSink:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def has_room(self) -> bool:
        """Whether a line can be written without waiting for whoever reads the log."""
        return _has_room(sys.stdout)

    def log(self, msg: str, frame_type: bytes | None = None) -> None:
        """Writes the text as it is."""
        try:
            sys.stdout.write(msg)
        except Exception:  # noqa: BLE001 - user code put it there
            # It may be None, closed, or have an encoding that lacks a character of the message.
            write_to_descriptor(msg)

    def log_error(self, message_lines: list[str]) -> None:
        """Writes the lines so that they stay one event."""
        self.log(ERROR_LOG_LINE_TERMINATE.join(message_lines) + "\n")


class FramedTelemetryLogSink:
    """Writes frames which keep messages apart whatever they contain.

    A frame is four bytes of type, four of length, eight of time (microseconds since the epoch), all big-endian, then
    the message in UTF-8.

    Args:
        fd: The descriptor; it is closed with the sink.
        log_format: ``"TEXT"`` or ``"JSON"``, which the type tells the platform; None: as the environment says.
    """

    def __init__(self, fd: int | str, log_format: str | None = None) -> None:
        self.fd = int(fd)
        self.log_format = log_format or config.log_format()

    def __enter__(self) -> FramedTelemetryLogSink:
        self.file = os.fdopen(self.fd, "wb", 0)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        try:  # noqa: SIM105 - contextlib would be one more import at each start
            self.file.close()
        except OSError:
            pass  # user code closed the descriptor; what the process ends with is another matter

    def has_room(self) -> bool:
        """Whether a frame can be written without waiting for whoever reads the log."""
        return _has_room(self.file)

    def log(self, msg: str, frame_type: bytes | None = None) -> None:
        """Writes one frame.

        Args:
            msg: The message.
            frame_type: Its type; without one it is text without a level.
        """
        message = msg.encode("utf-8", "backslashreplace")
        head = (
            (frame_type or _FRAME_WITHOUT_LEVEL)
            + len(message).to_bytes(4, "big")
            + (time_ns() // 1000).to_bytes(8, "big")
        )
        try:
            self._write_all(head + message)
        except (ValueError, OSError):
            write_to_descriptor(msg)  # user code closed the descriptor

    def log_error(self, message_lines: list[str]) -> None:
        """Writes the lines as one frame of level ERROR."""
        self.log("\n".join(message_lines), frame_type(_ERROR_LEVEL, self.log_format))

    def _write_all(self, frame: bytes) -> None:
        rest = memoryview(frame)
        while rest:  # a pipe may take less than it is given
            rest = rest[self.file.write(rest) :]


_FRAME_WITHOUT_LEVEL = frame_type(0, "TEXT")


def create_log_sink() -> StandardLogSink | FramedTelemetryLogSink:
    """Returns the sink that the environment asks for."""
    descriptor = config.take_telemetry_descriptor()
    log_format = config.log_format()
    if descriptor is None:
        return StandardLogSink(log_format)
    return FramedTelemetryLogSink(descriptor, log_format)


def write_to_descriptor(msg: str) -> None:
    """Writes straight to descriptor 1, or to 2 where that is closed."""
    rest = memoryview(msg.encode("utf-8", "backslashreplace"))
    for descriptor in (1, 2):
        try:
            while rest:
                rest = rest[write(descriptor, rest) :]
        except OSError:
            continue  # if both are closed there is nowhere left to say so
        return
