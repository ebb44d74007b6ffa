"""A function that takes orders from a queue: prices each, and stops in time to hand back what it did not reach."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ric.function.context import LambdaContext

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)

# What is left to answer in good order, rather than be ended by Lambda in the middle of a message.
RESERVE_MS = 500


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Prices orders from SQS.

    Args:
        event: A batch of messages; each body is an order with ``quantity`` and ``price``.
        context: What Lambda knows of the invocation.

    Returns:
        ``batchItemFailures``: the messages that SQS should deliver again.
    """
    failures = []
    for message in event["Records"]:
        if context.get_remaining_time_in_millis() < RESERVE_MS:
            logger.warning("no time left for message %s", message["messageId"])
            failures.append({"itemIdentifier": message["messageId"]})
            continue
        logger.info("message %s costs %s %s", message["messageId"], price(json.loads(message["body"])), currency())
    return {"batchItemFailures": failures}


def price(order: dict[str, Any]) -> float:
    """Returns what an order costs.

    Raises:
        ValueError: It is an order of less than one piece.
    """
    if order["quantity"] < 1:
        raise ValueError(f"quantity must be at least 1, not {order['quantity']}")
    return float(order["quantity"] * order["price"])


def currency() -> str:
    """Returns the currency that the function is configured for."""
    return os.environ.get("CURRENCY", "EUR")
