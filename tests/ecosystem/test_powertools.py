"""aws-lambda-powertools: logger, metrics, tracer, event handler, batches."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ric import events
from tests.function_run import invocation

from .conftest import RunOnBoth
from .http_events import http_event
from .launch import LAUNCHES, Launch
from .receivers import UdpReceiver
from .running import RECEIVER, Function, Seen
from .xray_segments import segments

_SCRUBS = [
    (r'"timestamp":"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\+\d{4}"', '"timestamp":"<now>"'),
    (r'"Timestamp":\d{13}', '"Timestamp":0'),
]
API = Function(
    "powertools",
    "powertools",
    environment={
        "AWS_XRAY_DAEMON_ADDRESS": RECEIVER,
        "POWERTOOLS_SERVICE_NAME": "orders",
        "POWERTOOLS_METRICS_NAMESPACE": "shop",
    },
    receiver=UdpReceiver,
    scrubs=_SCRUBS,
)
BATCH = Function("powertools", "powertools", "batch.handler", scrubs=_SCRUBS)


@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
@pytest.mark.parametrize("log_format", ["", "JSON"])
def test_api(log_format: str, launch: Launch, run_on_both: RunOnBoth) -> None:
    """Answers, validation, structured logs with the context's fields, metrics and subsegments are the same."""
    function = Function(**(vars(API) | {"environment": {**API.environment, "AWS_LAMBDA_LOG_FORMAT": log_format}}))
    official, ours = run_on_both(
        launch,
        function,
        [
            invocation(http_event("apigw-v1", "GET", "/orders/7"), 1),
            invocation(http_event("apigw-v1", "GET", "/orders/404"), 2),
            invocation(http_event("apigw-v1", "GET", "/orders/many"), 3),
            invocation(http_event("apigw-v1", "GET", "/broken"), 4),
        ],
    )

    assert segments(ours.received) == segments(official.received)
    assert [segment["name"] for segment in segments(ours.received)] == [
        *["## app.read_order", "## handler"] * 2,
        "## handler",
        *["## app.broken", "## handler"],
    ]
    answers = [json.loads(post.body) for post in ours.posts("/response")]
    assert [answer["statusCode"] for answer in answers] == [200, 404, 422]
    assert json.loads(answers[0]["body"]) == {"number": 7, "lang": "nl"}
    assert [json.loads(post.body)["errorMessage"] for post in ours.posts("/error")] == ["no database"]
    reading, *_ = [record for record in _records(ours) if record.get("message") == "reading"]
    assert (reading["function_request_id"], reading["order"], reading["é"]) == ("request-1", 7, "ü")
    assert (reading["xray_trace_id"], reading["cold_start"]) == ("1-5759e988-bd862e3fe1be46a994272793", True)
    metrics = [record for record in _records(ours) if "_aws" in record]
    assert [sorted(metric.keys() & {"ColdStart", "OrdersRead"}) for metric in metrics] == [
        ["ColdStart"],
        ["OrdersRead"],
        ["OrdersRead"],
    ]


@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
def test_batch(launch: Launch, run_on_both: RunOnBoth) -> None:
    """A batch with one failed message is answered with that message."""
    event = events.load("sqs")
    _, ours = run_on_both(launch, BATCH, [invocation(event, 1), invocation(event, 2)])

    failed = [
        record["messageId"] for record in event["Records"] if record["attributes"]["ApproximateReceiveCount"] != "1"
    ]
    assert len(failed) == 1
    answer = {"batchItemFailures": [{"itemIdentifier": failed[0]}]}
    assert [json.loads(post.body) for post in ours.posts("/response")] == [answer, answer]
    assert [record["message"] for record in _records(ours)] == [
        f"message {record['messageId']}" for record in event["Records"]
    ] * 2


def _records(seen: Seen) -> list[dict[str, Any]]:
    return [json.loads(line) for line in seen.stdout.splitlines() if line.startswith("{")]
