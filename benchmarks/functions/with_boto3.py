"""A function with two clients of boto3, as many have."""

from typing import Any

import boto3

s3 = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
dynamodb = boto3.client("dynamodb", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")


def echo(event: Any, context: Any) -> Any:
    """Returns the event."""
    return event
