"""Reads what sentry-sdk sends: envelopes, which are lines of JSON, a head and a content for each item."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable
from typing import Any

from .receivers import Message

# Random, or times and durations.
_DIFFERENT_IN_ANY_TWO_RUNS = {
    "asctime",
    "event_id",
    "execution_duration_in_millis",
    "remaining_time_in_millis",
    "parent_span_id",
    "span_id",
    "start_timestamp",
    "thread.id",
    "timestamp",
    "trace_id",
    "url",  # of the log, from the invocation's start to its end
}
# They name the runtime that runs: the packages that are installed, and the command line.
_ABOUT_THE_RUNTIME = {"modules", "sys.argv"}
_RUNTIMES = ("ric", "awslambdaric")
_ADDRESS = re.compile(r"\b0x[0-9a-f]+\b|\b127\.0\.0\.1:\d+\b")


def items(messages: Iterable[Message]) -> list[tuple[str, dict[str, Any]]]:
    """Returns type and content of all items, without what must differ, and without the frames of the runtime.

    Args:
        messages: The requests that were received.
    """
    found = []
    for message in messages:
        lines = gzip.decompress(message.body).splitlines()[1:]
        for head, content in zip(lines[::2], lines[1::2], strict=True):
            found.append((json.loads(head)["type"], _comparable(json.loads(content))))
    return found


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        left_out = _DIFFERENT_IN_ANY_TWO_RUNS | _ABOUT_THE_RUNTIME
        kept = {key: inner for key, inner in value.items() if key not in left_out}
        if "frames" in kept:
            kept["frames"] = [frame for frame in kept["frames"] if not _is_of_the_runtime(frame.get("module"))]
        if _is_of_the_runtime(kept.get("module")):
            kept["module"] = "<runtime>"  # where a class of the runtime is defined
        return {key: _comparable(inner) for key, inner in kept.items()}
    if isinstance(value, list):
        return [_comparable(inner) for inner in value]
    return _ADDRESS.sub("<address>", value) if isinstance(value, str) else value


def _is_of_the_runtime(module: str | None) -> bool:
    return bool(module) and str(module).partition(".")[0] in _RUNTIMES
