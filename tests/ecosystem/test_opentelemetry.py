"""OpenTelemetry's instrumentation: set up by the function itself, and by an exec wrapper without a change to it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from tests.function_run import invocation

from .conftest import RunInBothImages, RunOnBoth
from .launch import BOOTSTRAP, LAUNCHES, Launch
from .otlp import spans
from .receivers import HttpReceiver
from .running import FUNCTIONS, RECEIVER, Function, Seen

PACKAGES = "opentelemetry"
IN_CODE = Function(
    "opentelemetry",
    PACKAGES,
    environment={
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{RECEIVER}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_PROPAGATORS": "xray-lambda",
    },
    receiver=HttpReceiver,
)
_ROOT = "5759e988bd862e3fe1be46a99427279"
_PARENT = "53995c3f42cd8ad"


def _trace(number: int) -> str:
    return f"Root=1-{_ROOT[:8]}-{_ROOT[8:]}{number};Parent={_PARENT}{number};Sampled=1"


SCRIPT = [
    invocation({"item": "teapot", "quantity": 2}, 1, Lambda_Runtime_Trace_Id=_trace(1)),
    invocation({"item": "teapot", "quantity": 0}, 2, Lambda_Runtime_Trace_Id=_trace(2)),
]


@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
def test_set_up_by_the_function(launch: Launch, run_on_both: RunOnBoth) -> None:
    """The handler is replaced while its module is imported; spans are sent before the invocation is answered."""
    _check(*run_on_both(launch, IN_CODE, SCRIPT), ["price", "parity"])


@pytest.mark.parametrize("wrapper", ["otel-instrument", "otel-handler"])
def test_exec_wrapper(wrapper: str, run_on_both: RunOnBoth) -> None:
    """A wrapper script gets the interpreter and what it is to run, and may name another handler in ``_HANDLER``."""
    function = _wrapped(str(FUNCTIONS / "opentelemetry" / wrapper))
    _check(*run_on_both(BOOTSTRAP, function, SCRIPT), ["parity"])


def test_layer(run_in_both_images: RunInBothImages) -> None:
    """So it is in an image, with the packages where OpenTelemetry's layer has them."""
    official, ours = run_in_both_images(_wrapped("/var/task/otel-handler"), SCRIPT)
    _check(official, ours, ["parity"])
    assert b"/opt/python/lib/" in ours.posts("/error")[0].body


def _wrapped(wrapper: str) -> Function:
    environment = {**IN_CODE.environment, "AWS_LAMBDA_EXEC_WRAPPER": wrapper}
    return replace(IN_CODE, handler="plain.handler", environment=environment)


def _check(official: Seen, ours: Seen, names: list[str]) -> None:
    """Asserts that each invocation sent spans of these names, the last of them in the trace that Lambda began."""
    sent = spans(PACKAGES, ours.received)
    assert sent == spans(PACKAGES, official.received)
    assert [span["name"] for span in sent] == names * 2
    for number, server in enumerate(sent[len(names) - 1 :: len(names)], 1):
        assert base64.b64decode(server["traceId"]).hex() == f"{_ROOT}{number}"
        assert base64.b64decode(server["parentSpanId"]).hex() == f"{_PARENT}{number}"
        assert server["attributes"]["faas.invocation_id"] == {"stringValue": f"request-{number}"}
    assert sent[0]["attributes"]["item"] == {"stringValue": "teapot"}
    assert [span["status"].get("code") for span in sent] == [*[None] * len(names), *["STATUS_CODE_ERROR"] * len(names)]
    (exception,) = sent[-1]["events"]
    assert exception["attributes"]["exception.type"] == {"stringValue": "ZeroDivisionError"}
    assert [json.loads(post.body) for post in ours.posts("/response")] == [{"recording": True, "price": 50}]
    assert [json.loads(post.body)["errorType"] for post in ours.posts("/error")] == ["ZeroDivisionError"]
