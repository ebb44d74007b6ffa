"""JSON as strangers send it, which may be anything, and the error documents that go both ways."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

JSON_TYPE = "application/json"


class ErrorFields(NamedTuple):
    """What an error document says; None for what it does not."""

    error_type: str | None = None
    message: str | None = None


def parse_object(text: bytes | str) -> dict[str, Any] | None:
    """Returns the JSON object that a stranger sent; None if it is anything else, however broken or deep."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def parse_error(document: bytes) -> ErrorFields | None:
    """Returns what an error document says, None if it is no JSON object."""
    fields = parse_object(document)
    return None if fields is None else ErrorFields(_text(fields.get("errorType")), _text(fields.get("errorMessage")))


def error_document(error_type: str, message: str) -> bytes:
    """Returns an error document."""
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, (str, int, float)) else None
