"""A small function behind an API Gateway HTTP API: greets whoever the query string names."""

from __future__ import annotations

import json
import logging
from typing import Any

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers ``GET /hello?name=...``.

    Args:
        event: A request in API Gateway's payload format 2.0.
        context: What Lambda knows of the invocation.

    Returns:
        A response in the same format.
    """
    request = event["requestContext"]["http"]
    # API Gateway leaves the key out when there is no query string.
    name = event.get("queryStringParameters", {}).get("name", "world")
    logger.info("%s %s from %s, greeting %s", request["method"], event["rawPath"], request["sourceIp"], name)
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json; charset=utf-8"},
        "body": json.dumps({"greeting": f"Hello, {name}!", "request": context.aws_request_id}),
    }
