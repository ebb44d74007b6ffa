"""Example events of the services that invoke functions, one JSON file for each.

They are complete: whatever a service documents as part of its event is there, and what belongs together agrees
(times with epochs, digests with bodies, lengths with contents). Names are made up, addresses and the account are
those reserved for documentation. Keys and types follow
https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

DESCRIPTIONS = {
    "alb": "Application Load Balancer: POST with a JSON body",
    "apigw-v1": "API Gateway REST API, payload format 1.0: POST with a JSON body",
    "apigw-v2": "API Gateway HTTP API, payload format 2.0: GET with a query string, cookies and a JWT",
    "cognito": "Cognito user pool: a user signs up",
    "dynamodb": "DynamoDB stream: an item is added, changed and deleted",
    "eventbridge": "EventBridge: an event of an application",
    "function-url": "Function URL: POST with a JSON body and cookies",
    "kinesis": "Kinesis data stream: two records",
    "s3": "S3: an object is created",
    "schedule": "EventBridge: a scheduled rule fires",
    "sns": "SNS: one message, with attributes",
    "sqs": "SQS: a batch of two messages, one of them received before",
}
"""The names of all examples, in order, and what each one is."""


class UnknownExampleError(LookupError):
    """There is no example of this name.

    Args:
        name: The name asked for.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"there is no example event {self.name!r}; choose one of {', '.join(DESCRIPTIONS)}"


def text(name: str) -> str:
    """Returns an example as JSON text, formatted for people.

    Args:
        name: One of ``DESCRIPTIONS``.

    Raises:
        UnknownExampleError: It is none of them.
    """
    if name not in DESCRIPTIONS:
        raise UnknownExampleError(name)
    return resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")


def load(name: str) -> Any:
    """Returns an example, decoded; a new object each time, so that it may be changed.

    Args:
        name: One of ``DESCRIPTIONS``.

    Raises:
        UnknownExampleError: It is none of them.
    """
    return json.loads(text(name))
