"""boto3: clients made at init talk to a service on loopback."""

from __future__ import annotations

import json

import pytest

from tests.function_run import invocation
from tests.image import PYTHON_VERSION

from .conftest import RunOnBoth
from .launch import BOOTSTRAP, LAUNCHES, Launch
from .receivers import HttpReceiver, Message
from .running import RECEIVER, Function

FUNCTION = Function("boto3", "boto3", environment={"AWS_ENDPOINT_URL": f"http://{RECEIVER}"}, receiver=HttpReceiver)
# Its time and what follows from it: the signature; its port; and a random number.
_DIFFERENT_IN_ANY_TWO_RUNS = {"authorization", "x-amz-date", "host", "amz-sdk-invocation-id"}


@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
def test_calls(launch: Launch, run_on_both: RunOnBoth) -> None:
    """What is sent to AWS is the same, with the trace id of the invocation, and so is an error of the SDK."""
    official, ours = run_on_both(
        launch,
        FUNCTION,
        [
            invocation({"key": "a"}, 1, Lambda_Runtime_Trace_Id="Root=1;Parent=2;Sampled=1"),
            invocation({"key": "b"}, 2, Lambda_Runtime_Trace_Id=""),
            invocation({"key": ""}, 3),
        ],
    )

    assert list(map(_comparable, ours.received)) == list(map(_comparable, official.received))
    per_invocation = ["GET /bucket/{}", "POST /", "POST /"]
    assert [message.path for message in ours.received] == [
        path.format(key) for key in ("a", "b") for path in per_invocation
    ]
    traces = [message.headers.get("x-amzn-trace-id") for message in ours.received]
    assert traces == ["Root=1;Parent=2;Sampled=1"] * 3 + [None] * 3
    items = [json.loads(message.body)["Item"]["id"]["S"] for message in ours.received if b"Item" in message.body]
    assert items == ["request-1", "request-2"]
    assert [json.loads(post.body)["body"] for post in ours.posts("/response")] == ["{}", "{}"]
    assert [json.loads(post.body)["errorType"] for post in ours.posts("/error")] == ["ParamValidationError"]


@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
def test_user_agent(launch: Launch, run_on_both: RunOnBoth) -> None:
    """botocore names the execution environment, which the entry point of an image sets and ``-m`` leaves alone."""
    _, ours = run_on_both(launch, FUNCTION, [invocation({"key": "a"}, 1)])

    agents = {message.headers["user-agent"] for message in ours.received}
    named = [f"exec-env/AWS_Lambda_python{PYTHON_VERSION}" in agent for agent in agents]
    assert named == [launch is BOOTSTRAP] * len(agents)


def _comparable(message: Message) -> tuple[str, dict[str, str], bytes]:
    kept = {name: value for name, value in message.headers.items() if name not in _DIFFERENT_IN_ANY_TWO_RUNS}
    assert message.headers.keys() > _DIFFERENT_IN_ANY_TWO_RUNS
    return message.path, kept, message.body
