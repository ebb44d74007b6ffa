"""The log record of a failure that the runtime itself reports: a failed invocation, init error or refused answer."""

from __future__ import annotations

# The functions themselves: a handler that replaces those of the module does not keep errors from being logged.
from time import gmtime, strftime

from ric import config
from ric.api.error_fitting import bare
from ric.api.marshal import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ERROR_LOG_IDENT = "\u00a0"
"""No-break space: CloudWatch strips plain leading blanks, and with them the shape of a traceback."""

_MARGIN = 4 * ERROR_LOG_IDENT
_TRACEBACK = "Traceback (most recent call last):"
_TIMESTAMP = "%Y-%m-%dT%H:%M:%SZ"


def log_error(error_result: dict[str, Any], log_sink: Any) -> None:
    """Writes an error document to the log, as one record.

    In text format the error comes first, with its traceback and notes, then each exception behind it: those that led to
    each other one below the other, the members of a group indented and counted.

    Args:
        error_result: The document; in text format a ``stackTrace`` of None leaves the traceback out.
        log_sink: Where to; its ``log_format`` says how, else the environment does.
    """
    log_format = getattr(log_sink, "log_format", None)
    is_json = (log_format if isinstance(log_format, str) else config.log_format()) == "JSON"
    try:
        lines = [_json_line(error_result)] if is_json else _text_lines(error_result)
    except Exception:  # noqa: BLE001 - third parties make documents, too, and a document may hold anything
        texts = bare(error_result)
        lines = [_json_line(texts)] if is_json else _text_lines(texts)
    log_sink.log_error(lines)


def _json_line(error_result: dict[str, Any]) -> str:
    timestamp = strftime(_TIMESTAMP, gmtime())
    return to_json({"timestamp": timestamp, "level": "ERROR", **error_result})


def _text_lines(error_result: dict[str, Any]) -> list[str]:
    description = _description(error_result)
    # Line by line, since a line feed within the record would end it: what follows could pass for a record of its own.
    lines = (f"[ERROR] {description}" if description else "[ERROR]").split("\n")
    stack_trace = error_result.get("stackTrace")
    if stack_trace is not None:
        lines += [_TRACEBACK, *_indented(stack_trace, "")]
    lines += _indented(error_result.get("notes") or (), "")
    lines += _lines_of_causes(error_result)
    left_out = error_result.get("causesLeftOut")
    return [*lines, f"({left_out} more exceptions left out)"] if left_out else lines


def _lines_of_causes(error_result: dict[str, Any]) -> list[str]:
    lines = []
    pending = _causes_of(error_result, "")
    while pending:  # a loop, because the document may be nested deeper than the stack is
        margin, heading, cause = pending.pop()
        stack_trace = cause.get("stackTrace")
        lines += [margin + heading] if heading else []
        lines += _indented([f"Caused by {_description(cause)}"], margin)
        if stack_trace:
            lines += [margin + _TRACEBACK, *_indented(stack_trace, margin)]
        lines += _indented(cause.get("notes") or (), margin)
        pending += _causes_of(cause, margin)
    return lines


def _causes_of(document: dict[str, Any], margin: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Returns margin, heading and document of each exception right behind one, the last one first."""
    cause = document.get("cause")
    if isinstance(cause, dict):
        return [(margin, "", cause)]
    members = [member for member in cause if isinstance(member, dict)] if isinstance(cause, list) else []
    numbered = [(margin + _MARGIN, f"[{number} of {len(members)}]", member) for number, member in enumerate(members, 1)]
    return numbered[::-1]


def _description(document: dict[str, Any]) -> str:
    return ": ".join(str(part) for part in (document.get("errorType"), document.get("errorMessage")) if part)


def _indented(texts: Iterable[str], margin: str) -> list[str]:
    """Returns the lines of all texts, with blanks at their beginning that CloudWatch does not strip."""
    return [
        margin + replace_line_indentation(line, " ", ERROR_LOG_IDENT)
        for text in texts
        for line in text.splitlines() or [""]
    ]


def replace_line_indentation(line: str, indent_char: str, new_indent_char: str) -> str:
    """Returns the line with each leading ``indent_char`` replaced by ``new_indent_char``."""
    text = line.lstrip(indent_char)
    return new_indent_char * (len(line) - len(text)) + text
