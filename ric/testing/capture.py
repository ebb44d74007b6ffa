"""What a function writes while it runs in the test's process: kept, in the order in which it was written.

Standard output, standard error and ``logging`` belong to the whole process, so one capture is at work at a time, or one
within another. Code may keep the streams of an invocation and write to them later, as a log handler does that was made
during the first one; what is written then goes to the process's streams of that moment.
"""

from __future__ import annotations

import io
import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ric import config
from ric.process.logs import set_up
from ric.process.sinks import StandardLogSink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal, TextIO

    from _typeshed import ReadableBuffer


class CapturedLog:
    """What was written, as one text.

    Attributes:
        sink: Where the runtime writes its own records, in the format that the environment asks for.
    """

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.is_open = True
        self.sink = StandardLogSink(config.log_format())

    def text(self) -> str:
        """Returns what was written so far; bytes that are no text are shown as U+FFFD."""
        return b"".join(self.parts).decode("utf-8", "replace")


@contextmanager
def captured_output() -> Iterator[CapturedLog]:
    """Sends standard output, standard error and ``logging`` into one log, and puts all back as it was.

    Handlers at the root, such as those of pytest's ``caplog``, go on hearing of each record.
    """
    log = CapturedLog()
    before = (sys.stdout, sys.stderr)
    sys.stdout, sys.stderr = _stream(log, "stdout", "strict"), _stream(log, "stderr", "backslashreplace")
    try:
        with _console_handlers_moved(before, (sys.stdout, sys.stderr)), _logging_as_in_lambda(log.sink):
            yield log
    finally:
        sys.stdout, sys.stderr = before
        log.is_open = False


@contextmanager
def _logging_as_in_lambda(log_sink: StandardLogSink) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, converter = root.handlers[:], root.level, logging.Formatter.converter
    # That of an invocation around this one would write each record a second time.
    root.handlers[:] = [handler for handler in handlers if not hasattr(handler, "log_sink")]
    try:
        set_up(log_sink.log_format, config.log_level(), log_sink)
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.Formatter.converter = converter


@contextmanager
def _console_handlers_moved(old: tuple[TextIO, TextIO], new: tuple[TextIO, TextIO]) -> Iterator[None]:
    """Moves the handlers that the function's modules made when they were imported, before the capture began."""
    moved = []
    for handler in _stream_handlers():
        for old_stream, new_stream in zip(old, new, strict=True):
            if handler.stream is old_stream:
                handler.setStream(new_stream)
                moved.append((handler, old_stream, new_stream))
                break
    try:
        yield
    finally:
        for handler, old_stream, new_stream in moved:
            if handler.stream is new_stream:
                handler.setStream(old_stream)


def _stream_handlers() -> Iterator[logging.StreamHandler[TextIO]]:
    root = logging.getLogger()
    for logger in [root, *root.manager.loggerDict.values()]:
        if isinstance(logger, logging.Logger):
            # The last-resort handler has no stream of its own: it asks for standard error each time.
            yield from (h for h in logger.handlers if isinstance(h, logging.StreamHandler) and "stream" in vars(h))


def _stream(log: CapturedLog, name: Literal["stdout", "stderr"], errors: str) -> TextIO:
    return io.TextIOWrapper(_LogWriter(log, name), "utf-8", errors, newline="\n", write_through=True)


class _LogWriter(io.BufferedIOBase):
    """The binary side of a stream; closing it changes nothing, so a handler cannot lose its log that way.

    Args:
        log: Where to, while it is open.
        name: The stream of this process that gets what is written later.
    """

    def __init__(self, log: CapturedLog, name: Literal["stdout", "stderr"]) -> None:
        super().__init__()
        self._log = log
        self._name = name
        self.name = f"<{name}>"

    def fileno(self) -> int:
        # For programs that the handler starts: what they write themselves goes where the process's output goes.
        return 1 if self._name == "stdout" else 2

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        pass

    def write(self, data: ReadableBuffer) -> int:
        content = bytes(data)
        if self._log.is_open:
            self._log.parts.append(content)
            return len(content)
        stream = getattr(sys, self._name)
        if getattr(stream, "buffer", None) is self:  # somebody put it back late; there must be no circle
            stream = getattr(sys, f"__{self._name}__")
        if stream is not None:
            stream.write(content.decode("utf-8", "replace"))
        return len(content)
