"""The log record of a failure that the runtime itself reports: a failed invocation, init error or refused answer."""

from __future__ import annotations

import time

from ric import config
from ric.api.marshal import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ERROR_LOG_IDENT = "\u00a0"
"""No-break space: CloudWatch strips plain leading blanks, and with them the shape of a traceback."""

_TIMESTAMP = "%Y-%m-%dT%H:%M:%SZ"


def log_error(error_result: dict[str, Any], log_sink: Any) -> None:
    """Writes an error document to the log, as one record.

    Args:
        error_result: The document; in text format a ``stackTrace`` of None leaves the traceback out.
        log_sink: Where to; its ``log_format`` says how, else the environment does.
    """
    log_format = getattr(log_sink, "log_format", None)
    if (log_format if isinstance(log_format, str) else config.log_format()) == "JSON":
        timestamp = time.strftime(_TIMESTAMP, time.gmtime())
        log_sink.log_error([to_json({"timestamp": timestamp, "level": "ERROR", **error_result})])
    else:
        log_sink.log_error(_text_lines(error_result))


def _text_lines(error_result: dict[str, Any]) -> list[str]:
    error_type = error_result.get("errorType")
    message = error_result.get("errorMessage")
    description = ": ".join(str(part) for part in (error_type, message) if part)
    lines = [f"[ERROR] {description}" if description else "[ERROR]"]
    stack_trace = error_result.get("stackTrace")
    if stack_trace is not None:
        lines.append("Traceback (most recent call last):")
        for entry in stack_trace:
            lines += [replace_line_indentation(line, " ", ERROR_LOG_IDENT) for line in entry.splitlines() or [""]]
    return lines


def replace_line_indentation(line: str, indent_char: str, new_indent_char: str) -> str:
    """Returns the line with each leading ``indent_char`` replaced by ``new_indent_char``."""
    text = line.lstrip(indent_char)
    return new_indent_char * (len(line) - len(text)) + text
