"""datadog-lambda: its handler in place of the function's, named by CMD or by an exec wrapper.

Without Datadog's extension, which would be another process of the image, spans and metrics are lines of the log.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.function_run import invocation

from .conftest import RunInBothImages, RunOnBoth
from .launch import BOOTSTRAP, LAUNCHES, Launch
from .running import FUNCTIONS, Function, Seen

FUNCTION = Function(
    "datadog",
    "datadog",
    "datadog_lambda.handler.handler",
    environment={
        "DD_LAMBDA_HANDLER": "app.handler",
        "DD_FLUSH_TO_LOG": "true",
        "DD_SERVICE": "shop",
        "DD_ENV": "test",
        # These are spans of the imports that took more than so many milliseconds, others in any run.
        "DD_COLD_START_TRACING": "false",
    },
    scrubs=[
        (r'"(trace_id|span_id|parent_id)": "(?!0{16})[0-9A-F]{16}"', r'"\1": "<random>"'),
        (r'"(_dd\.p\.tid|runtime-id)": "[0-9a-f]+"', r'"\1": "<random>"'),
        (r'"(start|duration|process_id)": \d+', r'"\1": 0'),
        (r'"e":\d{10}', '"e":0'),
        (r"dd\.trace_id=[0-9a-f]{32} dd\.span_id=\d+", "dd.trace_id=<random> dd.span_id=<random>"),
        # Its log format does not pad the milliseconds.
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,2}Z", "<now, milliseconds>"),
        # The tracer describes the program that runs it.
        (r"entrypoint\.basedir:(ric|awslambdaric)", "entrypoint.basedir:<runtime>"),
    ],
)
SCRIPT = [
    invocation({"item": "teapot", "quantity": 2}, 1),
    invocation({"item": "teapot", "quantity": 0}, 2),
]


@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
def test_its_handler(launch: Launch, run_on_both: RunOnBoth) -> None:
    """Spans, metrics and log records with trace ids are the same, and so are results and errors."""
    _check(run_on_both(launch, FUNCTION, SCRIPT)[1])


def test_exec_wrapper(run_on_both: RunOnBoth) -> None:
    """A wrapper script may put Datadog's handler in place of the one that the image names."""
    _check(run_on_both(BOOTSTRAP, _wrapped(str(FUNCTIONS / "datadog" / "datadog_wrapper")), SCRIPT)[1])


def test_layer(run_in_both_images: RunInBothImages) -> None:
    """So it is in an image, with Datadog's packages where its layer has them."""
    _check(run_in_both_images(_wrapped("/var/task/datadog_wrapper"), SCRIPT)[1])


def _wrapped(wrapper: str) -> Function:
    environment = {name: value for name, value in FUNCTION.environment.items() if name != "DD_LAMBDA_HANDLER"}
    return replace(FUNCTION, handler="app.handler", environment={**environment, "AWS_LAMBDA_EXEC_WRAPPER": wrapper})


def _check(ours: Seen) -> None:
    lines = [json.loads(line) for line in ours.stdout.splitlines() if line.startswith("{")]
    metrics = [line["m"] for line in lines if "m" in line]
    assert metrics == [
        *["aws.lambda.enhanced.invocations", "orders.priced"] * 2,
        "aws.lambda.enhanced.errors",
    ]
    traces: list[list[dict[str, Any]]] = [trace for line in lines for trace in line.get("traces", [])]
    assert [[(span["name"], span["error"]) for span in trace] for trace in traces] == [
        [("aws.lambda", 0), ("price", 0)],
        [("aws.lambda", 1), ("price", 1)],
    ]
    assert [trace[0]["meta"]["request_id"] for trace in traces] == ["request-1", "request-2"]
    assert [trace[0]["meta"]["cold_start"] for trace in traces] == ["true", "false"]
    assert "request-1\t[dd.trace_id=<random> dd.span_id=<random>]\tprice of teapot" in ours.stdout
    assert [json.loads(post.body) for post in ours.posts("/response")] == [{"price": 50}]
    assert [json.loads(post.body)["errorType"] for post in ours.posts("/error")] == ["ZeroDivisionError"]
