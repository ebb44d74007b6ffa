"""Gives back what it gets."""

# ruff: noqa: T201 - a function on Lambda logs by printing, too

from __future__ import annotations

from typing import Any


def handler(event: Any, context: Any) -> Any:
    """Return the event; one that is bytes or str is shown on stdout, too."""
    if isinstance(event, (bytes, str)):
        print(type(event).__name__, len(event), ascii(event[:80]))
    return event
