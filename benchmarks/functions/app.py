"""The functions that are measured. They import nothing: that would be measured as well."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def echo(event: Any, context: Any) -> Any:
    """Returns the event."""
    return event


def fail(event: Any, context: Any) -> Any:
    """Raises, a few frames deep."""
    return _look_up(event)


def stream(event: Any, context: Any) -> Any:
    """Streams as many blocks as the event says."""
    block = b"x" * event["block_bytes"]
    for _ in range(event["blocks"]):
        yield block


def _look_up(event: Any) -> Any:
    return event["there is no such key"]
