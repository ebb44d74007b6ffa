"""The function's ``logging``: the root handler, its filter and its formatters.

This module is imported when ``logging`` is (see log_setup); the way to the first invocation does not need it. Names
and behaviour are public: logging helpers set formatters and add filters on the handler found at the root.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import threading
import time
import traceback

from ric import identity
from ric.function.traces import message_of
from ric.process.sinks import frame_type, write_to_descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TIMESTAMP = "%Y-%m-%dT%H:%M:%S"
_TEXT_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"

# Python's levels by the platform's numbers: TRACE 1 is unknown here, 0 is a frame without a level.
_PLATFORM_LEVELS = {
    logging.NOTSET: 0,
    logging.DEBUG: 2,
    logging.INFO: 3,
    logging.WARNING: 4,
    logging.ERROR: 5,
    logging.CRITICAL: 6,
}
TEXT_FRAME_TYPES = {level: frame_type(number, "TEXT") for level, number in _PLATFORM_LEVELS.items()}
JSON_FRAME_TYPES = {level: frame_type(number, "JSON") for level, number in _PLATFORM_LEVELS.items()}

# What every record has, and what the formatter puts elsewhere; any other attribute came as `extra`.
_STANDARD_ATTRIBUTES = {"aws_request_id", "tenant_id", "_frame_type", *logging.makeLogRecord({}).__dict__}
_STANDARD_ATTRIBUTES.discard("taskName")  # upstream shows it

# Taken now, so that a handler which patches json does not change the log; what JSON cannot express becomes a str.
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


_telling = threading.local()


def _tell_of_failure(handler: logging.Handler, record: logging.LogRecord) -> None:
    """Tells on standard error that a record cannot be written, unless ``logging.raiseExceptions`` is false.

    Raises:
        RecursionError: It was one, as Python's own handlers do: to tell of it would need the stack that is used up.
    """
    if isinstance(sys.exc_info()[1], RecursionError):
        raise
    with contextlib.suppress(Exception):  # standard error is closed, or user code put something there
        if getattr(_telling, "is_under_way", False):
            write_to_descriptor(f"{record.msg}\n")  # user code made standard error a part of the log, which leads here
            return
        _telling.is_under_way = True
        try:
            logging.Handler.handleError(handler, record)
        finally:
            _telling.is_under_way = False


class LambdaLoggerHandler(logging.Handler):
    """The root handler: formats the record and gives it to the sink.

    Args:
        log_sink: Has ``log(msg)`` and ``log_error(lines)``; may be replaced at any time.
    """

    def __init__(self, log_sink: Any) -> None:
        super().__init__()
        self.log_sink = log_sink

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record, or tells that it cannot."""
        try:
            self.log_sink.log(self.format(record))
        except Exception:  # noqa: BLE001 - arguments that do not fit the message, a formatter of user code
            self.handleError(record)

    handleError = _tell_of_failure


class LambdaLoggerHandlerWithFrameType(logging.Handler):
    """The root handler where the platform filters by level: it passes the level on to the sink.

    Args:
        log_sink: Has ``log(msg, frame_type=...)`` and ``log_error(lines)``.
    """

    def __init__(self, log_sink: Any) -> None:
        super().__init__()
        self.log_sink = log_sink

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record with its level, or tells that it cannot."""
        try:
            message = self.format(record)
            self.log_sink.log(
                message,
                frame_type=getattr(record, "_frame_type", None) or TEXT_FRAME_TYPES.get(rounded_level(record)),
            )
        except Exception:  # noqa: BLE001 - as above
            self.handleError(record)

    handleError = _tell_of_failure


class LambdaLoggerFilter(logging.Filter):
    """Gives every record the ids of the current invocation."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Sets ``aws_request_id`` and ``tenant_id``; lets every record pass."""
        request_id, record.tenant_id = identity.current()
        record.aws_request_id = request_id or ""
        return True


def text_formatter() -> logging.Formatter:
    """Returns a formatter for ``[LEVEL]``, time, request id and message, separated by tabs.

    Its class is ``logging.Formatter`` and no other, because datadog-lambda compares that before it puts its own there.
    Unlike that class it also ends a record with a line feed when a traceback stands behind the message.
    """
    formatter = logging.Formatter(_TEXT_FORMAT, _TIMESTAMP)
    format_record = formatter.format

    def format_with_line_end(record: logging.LogRecord) -> str:
        text = format_record(record)
        return text if text.endswith("\n") else text + "\n"

    formatter.format = format_with_line_end  # type: ignore[method-assign]
    return formatter


class JsonFormatter(logging.Formatter):
    """One JSON object for each record, with a line feed behind it."""

    def __init__(self) -> None:
        super().__init__(datefmt=f"{_TIMESTAMP}Z")

    def format(self, record: logging.LogRecord) -> str:
        """Returns the record as JSON; also rounds its level down to one that the platform knows."""
        record.levelno = rounded_level(record)
        record.levelname = logging.getLevelName(record.levelno)
        record._frame_type = JSON_FRAME_TYPES.get(record.levelno, JSON_FRAME_TYPES[logging.NOTSET])
        is_document = isinstance(record.msg, dict) and not record.args
        fields = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "message": record.msg if is_document else record.getMessage(),
            "logger": record.name,
            **_exception_fields(record),
            "requestId": getattr(record, "aws_request_id", None),
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}" if record.exc_info else None,
        }
        tenant_id = getattr(record, "tenant_id", None)
        if tenant_id is not None:
            fields["tenantId"] = tenant_id
        for name, value in record.__dict__.items():
            if name not in _STANDARD_ATTRIBUTES and name not in fields:
                fields[name] = value
        return _encode({name: value for name, value in fields.items() if value is not None}) + "\n"


def _exception_fields(record: logging.LogRecord) -> dict[str, Any]:
    if not record.exc_info:
        return {"stackTrace": None, "errorType": None, "errorMessage": None}
    etype, value, tb = record.exc_info
    return {
        "stackTrace": traceback.format_tb(tb),
        "errorType": etype.__name__ if etype else None,
        "errorMessage": message_of(value),
    }


def rounded_level(record: logging.LogRecord) -> int:
    """Returns the record's level rounded down to one of Python's own, between 0 and 50."""
    return min(logging.CRITICAL, max(logging.NOTSET, record.levelno)) // 10 * 10


def set_up(log_format: str, log_level: str, log_sink: Any) -> None:
    """Gives the root logger its handler.

    Args:
        log_format: ``"JSON"`` or ``"TEXT"``.
        log_level: Name of the root level; ``""`` or an unknown name leaves it.
        log_sink: Where records go.
    """
    logging.Formatter.converter = time.gmtime
    root = logging.getLogger()
    is_json = log_format == "JSON"
    handler: Any = (LambdaLoggerHandlerWithFrameType if is_json or log_level else LambdaLoggerHandler)(log_sink)
    handler.setFormatter(JsonFormatter() if is_json else text_formatter())
    handler.addFilter(LambdaLoggerFilter())
    if log_level in logging._nameToLevel:
        root.setLevel(log_level)
    root.addHandler(handler)
