"""sentry-sdk: its AWS Lambda integration replaces functions of the runtime by name; the real transport sends events.

tests/test_sentry.py has what the integration does with handlers that only ric serves: async and streaming ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.function_run import invocation
from tests.parity.expectations import tells_more
from tests.parity.server import ScriptedAnswer

from .conftest import RunOnBoth
from .launch import LAUNCHES, Launch
from .receivers import HttpReceiver, Message
from .running import RECEIVER, Function
from .sentry_envelopes import items

FUNCTION = Function("sentry", "sentry", environment={"SENTRY": RECEIVER}, receiver=HttpReceiver)


@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
def test_errors_of_the_handler(launch: Launch, run_on_both: RunOnBoth) -> None:
    """Errors, logged errors, breadcrumbs and transactions reach Sentry before the invocation is answered."""
    events = [{"number": 1}, {"number": 2}, {"number": 0}]
    official, ours = run_on_both(
        launch, FUNCTION, [invocation(event, number) for number, event in enumerate(events, 1)]
    )

    assert items(ours.received) == items(official.received)
    errors, transactions = _of_type(ours.received, "event"), _of_type(ours.received, "transaction")
    assert [error["extra"]["lambda"]["aws_request_id"] for error in errors] == ["request-2", "request-3"]
    assert errors[0]["logentry"]["message"] == "odd number"
    exception = errors[1]["exception"]["values"][-1]
    assert exception["type"] == "ZeroDivisionError"
    assert [frame["function"] for frame in exception["stacktrace"]["frames"]][-2:] == ["handler", "divide"]
    assert [crumb["message"] for crumb in errors[1]["breadcrumbs"]["values"]] == ["divide by 0"]
    assert len(transactions) == len(events)


@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
@pytest.mark.parametrize(
    ("fails", "document", "exception"),
    [
        ("raise", ("RuntimeError", "no database"), ("RuntimeError", "no database")),
        (
            "import",
            ("Runtime.ImportModuleError", "Unable to import module 'app': No module named 'no_such_module'"),
            ("ModuleNotFoundError", "No module named 'no_such_module'"),
        ),
    ],
)
def test_errors_at_init(
    fails: str, document: tuple[str, str], exception: tuple[str, str], launch: Launch, run_on_both: RunOnBoth
) -> None:
    """What the module raises while it is imported reaches Sentry: with ric the exception itself, with its locals.

    The official client calls what sentry-sdk replaces when the exception is gone, which leaves it the error document.
    """
    function = replace(FUNCTION, environment={**FUNCTION.environment, "FAILS": fails})
    better = tells_more("ModuleNotFoundError") if fails == "import" else None
    official, ours = run_on_both(launch, function, [], better)

    for seen, wanted in ((official, document), (ours, exception)):
        (event,) = _of_type(seen.received, "event")
        first = event["exception"]["values"][0]
        assert (first["type"], first["value"]) == wanted
    last_frame = first["stacktrace"]["frames"][-1]
    assert (last_frame["filename"], last_frame["function"]) == ("app.py", "<module>")
    assert last_frame["vars"]["__name__"] == "'app'"


class _DeadlineSoon:
    """An invocation of which 2.5 s are left, counted from when it is given out."""

    def __iter__(self) -> Iterator[ScriptedAnswer]:
        yield invocation({"number": 3}, Lambda_Runtime_Deadline_Ms=str(int(time.time() * 1000) + 2500))


@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
def test_time_out_warning(launch: Launch, run_on_both: RunOnBoth) -> None:
    """Sentry's thread warns 1.5 s before the deadline, which it has from the context."""
    official, ours = run_on_both(launch, FUNCTION, _DeadlineSoon())

    assert items(ours.received) == items(official.received)
    (warning,) = _of_type(ours.received, "event")
    assert warning["exception"]["values"][-1]["type"] == "ServerlessTimeoutWarning"


def _of_type(messages: Iterable[Message], item_type: str) -> list[dict[str, Any]]:
    return [item for kind, item in items(messages) if kind == item_type]
