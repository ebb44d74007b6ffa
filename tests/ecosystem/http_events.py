"""Events of HTTP requests, as the services that carry them to a function write them."""

from __future__ import annotations

import json
from typing import Any

from ric import events

SOURCES = ("apigw-v1", "apigw-v2", "alb", "function-url")
"""The services, by the names of ric's example events."""

_PAYLOAD_2 = ("apigw-v2", "function-url")


def http_event(source: str, method: str, path: str, body: object = None) -> dict[str, Any]:
    """Returns an example event with another request in it.

    Args:
        source: One of SOURCES.
        method: The method.
        path: The path, without a query: that of the example stays.
        body: What is sent as JSON; nothing when None.
    """
    event: dict[str, Any] = events.load(source)
    if source in _PAYLOAD_2:
        event["rawPath"] = path
        event["requestContext"]["http"] |= {"method": method, "path": path}
    else:
        event |= {"path": path, "httpMethod": method}
    if source == "apigw-v1":
        event["resource"] = path
        event["requestContext"] |= {"httpMethod": method, "resourcePath": path, "path": f"/prod{path}"}
    text = "" if body is None else json.dumps(body)
    event["body"] = text or None
    for headers in (event["headers"], event.get("multiValueHeaders") or {}):
        for name in [name for name in headers if name.lower() in ("content-type", "content-length")]:
            del headers[name]
    if text:
        for headers, value in ((event["headers"], str), (event.get("multiValueHeaders"), lambda text: [str(text)])):
            if headers is not None:
                headers |= {"content-type": value("application/json"), "content-length": value(len(text))}
    return event
