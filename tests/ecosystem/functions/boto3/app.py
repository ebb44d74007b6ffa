"""AWS clients made at init, used in each invocation, with the real botocore over a real connection."""

import boto3

s3 = boto3.client("s3")
table = boto3.resource("dynamodb").Table("orders")
events = boto3.client("events")


def handler(event, context):
    body = s3.get_object(Bucket="bucket", Key=event["key"])["Body"].read().decode()
    table.put_item(Item={"id": context.aws_request_id, "body": body})
    put = events.put_events(Entries=[{"Source": "orders", "DetailType": "made", "Detail": body}])
    return {"body": body, "retries": put["ResponseMetadata"]["RetryAttempts"]}
