"""Turning the function's log, and the events and results around it, into text for a terminal.

A record of several lines reaches Lambda's log as one: ``\\r`` stands for the line breaks, and no-break spaces for
blanks at the beginning of a line. Here they become again what they were.
"""

from __future__ import annotations

import re

from ric.local.json_documents import parse_object

_RECORD_BREAK = "\r"
_NO_BREAK_SPACE = "\u00a0"
# What the root handler writes: level, time and invocation in front of the message.
_LOGGED = re.compile(r"(\[[A-Z]+\])\t[\d-]+T[\d:.]+Z\t[0-9a-f-]*\t")
_MAX_PARSED_BYTES = 256 * 1024
_CONTROLS = dict.fromkeys((*range(0x20), 0x7F, *range(0x80, 0xA0)), " ")


def readable_lines(record: str) -> list[str]:
    """Returns the lines of a record."""
    return [_with_blanks(line) for line in record.rstrip(_RECORD_BREAK).split(_RECORD_BREAK)]


def without_prefix(record: str) -> str:
    """Returns a record of the ``logging`` module without what a reader knows who sees it happen."""
    return _LOGGED.sub(r"\1 ", record, count=1)


def summarise_event(payload: bytes) -> str:
    """Returns what an event is about, in a few words: a request, a batch of records, or the event itself."""
    # Nothing longer is taken apart to describe it: the function waits meanwhile.
    event = parse_object(payload) if len(payload) <= _MAX_PARSED_BYTES else None
    if event is not None:
        request = event.get("requestContext")
        http = request.get("http") if isinstance(request, dict) else None
        if isinstance(http, dict) and "rawPath" in event:
            query = event.get("rawQueryString")
            return _one_line(f"{http.get('method')} {event['rawPath']}{'?' if query else ''}{query or ''}")
        if "httpMethod" in event and "path" in event:
            return _one_line(f"{event['httpMethod']} {event['path']}")
        records = event.get("Records")
        if isinstance(records, list) and records and isinstance(records[0], dict):
            source = records[0].get("eventSource") or records[0].get("EventSource") or "unknown source"
            return _one_line(f"{len(records)} record{'s' if len(records) > 1 else ''} of {source}")
        if "detail-type" in event:
            return _one_line(f"{event['detail-type']} from {event.get('source')}")
    return summarise_payload(payload)


def summarise_payload(payload: bytes) -> str:
    """Returns the beginning of a payload as one line without control characters."""
    return _one_line(payload[:_MAX_PARSED_BYTES].decode(errors="replace"))


def format_duration(duration_ms: float) -> str:
    """Returns a duration with the digits that a person reads."""
    if duration_ms < 10:
        return f"{duration_ms:.1f} ms"
    return f"{duration_ms:.0f} ms" if duration_ms < 1000 else f"{duration_ms / 1000:.2f} s"


def _with_blanks(line: str) -> str:
    text = line.lstrip(_NO_BREAK_SPACE)
    return " " * (len(line) - len(text)) + text


def _one_line(text: str) -> str:
    return " ".join(text.translate(_CONTROLS).split())
