"""Reads what OpenTelemetry's exporter sends: spans as protobuf, decoded with the packages that encoded them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from typing import Any

from .environments import packages_python
from .receivers import Message

_DECODE = """
import json, sys
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
bodies = [bytes.fromhex(line) for line in sys.stdin]
json.dump([MessageToDict(ExportTraceServiceRequest.FromString(body)) for body in bodies], sys.stdout)
"""
# Random, or the time.
_DIFFERENT_IN_ANY_TWO_RUNS = ("spanId", "startTimeUnixNano", "endTimeUnixNano", "timeUnixNano", "service.instance.id")


def spans(packages: str, messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Returns the spans, without what must differ between any two runs; attributes are plain dictionaries.

    Args:
        packages: The environment of the function, by the name of the file below ``requirements/``.
        messages: The requests that were received. A parent among them is told by its name, any other by its id.
    """
    done = subprocess.run(
        [packages_python(packages), "-c", _DECODE],
        input="\n".join(message.body.hex() for message in messages),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    sent = [
        span | {"resource": resource["resource"]["attributes"]}
        for request in json.loads(done.stdout)
        for resource in request["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    names = {span["spanId"]: span["name"] for span in sent}
    for span in sent:
        if span.get("parentSpanId") in names:
            span["parentSpanId"] = names[span["parentSpanId"]]
    return [_comparable(span) for span in sent]


def _comparable(value: Any) -> Any:
    if isinstance(value, list) and all("key" in item for item in value):
        value = {item["key"]: item["value"] for item in value}
    if isinstance(value, dict):
        return {key: _comparable(inner) for key, inner in value.items() if key not in _DIFFERENT_IN_ANY_TWO_RUNS}
    return [_comparable(inner) for inner in value] if isinstance(value, list) else value
