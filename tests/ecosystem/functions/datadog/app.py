"""A function with a custom metric and a span of its own, wrapped by datadog_lambda.handler."""

import logging

from datadog_lambda.metric import lambda_metric
from ddtrace import tracer

logger = logging.getLogger("orders")
logger.setLevel("INFO")


@tracer.wrap("price")
def price(event):
    logger.info("price of %s", event["item"])
    return 100 // event["quantity"]


def handler(event, context):
    lambda_metric("orders.priced", 1, tags=[f"item:{event['item']}"])
    return {"price": price(event)}
