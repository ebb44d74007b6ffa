"""Reads what the X-Ray SDK sends to its daemon: a line that tells the format, then a segment as JSON, in a datagram."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import dropwhile
from typing import Any

from .environments import REPOSITORY
from .receivers import Message

_HEAD = {"format": "json", "version": 1}
# The SDK reports the whole stack, by the names of files only, from the runtime's first frame on.
_FRAMES_OF_RUNTIMES = {"<frozen runpy>", *(path.name for path in (REPOSITORY / "ric").rglob("*.py"))}
# Random, or the time.
_DIFFERENT_IN_ANY_TWO_RUNS = {"id", "start_time", "end_time"}


def segments(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Returns the segments, without what must differ between any two runs, and the frames of the runtime.

    Args:
        messages: The datagrams. What refers to another one by its random id has the name of that instead.
    """
    sent = [_segment(message.body) for message in messages]
    names: dict[str, str] = {}
    for segment in sent:
        names[segment["id"]] = segment["name"]
        if isinstance(segment.get("cause"), dict):
            names |= {exception["id"]: exception["type"] for exception in segment["cause"]["exceptions"]}
    return [_without_what_differs(_with_names(segment, names)) for segment in sent]


def _with_names(segment: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    references = {key: segment[key] for key in ("parent_id", "cause") if isinstance(segment.get(key), str)}
    return segment | {key: names.get(value, value) for key, value in references.items()}


def _segment(datagram: bytes) -> dict[str, Any]:
    head, _, body = datagram.partition(b"\n")
    assert json.loads(head) == _HEAD
    segment: dict[str, Any] = json.loads(body)
    return segment


def _without_what_differs(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: inner for key, inner in value.items() if key not in _DIFFERENT_IN_ANY_TWO_RUNS}
        if "stack" in kept:
            kept["stack"] = list(dropwhile(lambda frame: frame["path"] in _FRAMES_OF_RUNTIMES, kept["stack"]))
        return {key: _without_what_differs(inner) for key, inner in kept.items()}
    if isinstance(value, list):
        return [_without_what_differs(inner) for inner in value]
    return value
