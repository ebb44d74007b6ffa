"""aws-xray-sdk: subsegments go to the daemon, under the trace of each invocation."""

from __future__ import annotations

import json
import re

import pytest

from tests.function_run import invocation

from .conftest import RunOnBoth
from .launch import LAUNCHES, Launch
from .receivers import UdpReceiver
from .running import RECEIVER, Function, Seen
from .xray_segments import segments

FUNCTION = Function("xray", "xray", environment={"AWS_XRAY_DAEMON_ADDRESS": RECEIVER}, receiver=UdpReceiver)

_ROOTS = [f"1-5759e988-bd862e3fe1be46a99427279{number}" for number in range(4)]


def _trace(number: int, sampled: int = 1) -> str:
    return f"Root={_ROOTS[number]};Parent=53995c3f42cd8ad{number};Sampled={sampled}"


@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
def test_subsegments(launch: Launch, run_on_both: RunOnBoth) -> None:
    """Each invocation's subsegments have its trace and parent; those of a trace that is not sampled stay here."""
    official, ours = run_on_both(
        launch,
        FUNCTION,
        [
            invocation({"item": "teapot", "quantity": 2}, 1, Lambda_Runtime_Trace_Id=_trace(1)),
            invocation({"item": "teapot", "quantity": 0}, 2, Lambda_Runtime_Trace_Id=_trace(2)),
            invocation({"item": "cup", "quantity": 1}, 3, Lambda_Runtime_Trace_Id=_trace(3, sampled=0)),
        ],
    )

    assert _comparable(ours) == _comparable(official)
    # The runtime's own calls are not among them, though the function patched the library they might be made with.
    # The SDK sends the subsegment of a call over HTTP twice.
    sent = {(segment["trace_id"], segment["name"]): segment for segment in segments(ours.received)}
    assert [(*key, segment["parent_id"]) for key, segment in sent.items()] == [
        (_ROOTS[number], name, parent or f"53995c3f42cd8ad{number}")
        for number in (1, 2)
        for name, parent in (("localhost", "fetch"), ("fetch", None), ("price", None))
    ]
    failed = sent[_ROOTS[2], "price"]
    assert (sent[_ROOTS[1], "price"]["annotations"], failed["fault"]) == ({"item": "teapot"}, True)
    assert failed["cause"]["exceptions"][0]["type"] == "ZeroDivisionError"
    results = [json.loads(post.body) for post in ours.posts("/response")]
    assert results == [
        {"price": 50, "status": 200, "trace": _trace(1)},
        {"price": 100, "status": 200, "trace": _trace(3, sampled=0)},
    ]


def _comparable(seen: Seen) -> str:
    # The function's own service has another port in each run.
    return re.sub(r"localhost:\d+", "localhost", json.dumps(segments(seen.received)))
