"""The tests of app.py: most of them in process, and two with the function in a process of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import app
import pytest

from ric.testing import FunctionError, make_context

if TYPE_CHECKING:
    from ric.function.context import LambdaContext
    from ric.local import Emulator
    from ric.testing import EmulatorFactory, Invoker


def batch(*orders: dict[str, Any]) -> dict[str, Any]:
    """Returns an event of SQS with these orders."""
    return {"Records": [{"messageId": f"m{number}", "body": json.dumps(order)} for number, order in enumerate(orders)]}


def test_prices_every_order(lambda_invoke: Invoker) -> None:
    """All messages are done, and the log says what each of them costs."""
    result = lambda_invoke(app.handler, batch({"quantity": 2, "price": 3.5}, {"quantity": 1, "price": 4}))

    assert result.payload == {"batchItemFailures": []}
    assert "message m0 costs 7.0 EUR" in result.logs
    assert "message m1 costs 4.0 EUR" in result.logs


def test_uses_the_configured_currency(lambda_invoke: Invoker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function is configured by its environment."""
    monkeypatch.setenv("CURRENCY", "CHF")

    assert "4.0 CHF" in lambda_invoke("app.handler", batch({"quantity": 1, "price": 4})).logs


def test_hands_back_what_it_has_no_time_for(lambda_invoke: Invoker) -> None:
    """Close to the time-out, messages go back to the queue instead of being lost."""
    context = make_context(remaining_time_ms=100)

    result = lambda_invoke(app.handler, batch({"quantity": 1, "price": 4}), context=context)

    assert result.payload == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_refuses_an_empty_order(lambda_invoke: Invoker) -> None:
    """The caller is told what is wrong with an order."""
    result = lambda_invoke(app.handler, batch({"quantity": 0, "price": 4}))

    assert result.error is not None
    assert result.error.type == "ValueError"
    assert result.error.message == "quantity must be at least 1, not 0"
    with pytest.raises(FunctionError):
        result.raise_for_error()


def test_can_be_called_directly(lambda_context: LambdaContext) -> None:
    """A handler is a function like any other, and the context a value."""
    assert app.handler(batch(), lambda_context) == {"batchItemFailures": []}


@pytest.fixture(scope="session")
def orders(session_lambda_emulator: EmulatorFactory) -> Emulator:
    """The function in a process of its own, started once for all tests that need it."""
    return session_lambda_emulator("app.handler", timeout_s=10, env={"CURRENCY": "USD"})


def test_serves_a_batch(orders: Emulator) -> None:
    """The whole chain: process, runtime, Runtime API."""
    result = orders.invoke(batch({"quantity": 1, "price": 4}))

    assert result.json() == {"batchItemFailures": []}
    assert "4.0 USD" in result.log_tail


def test_survives_a_bad_batch(orders: Emulator) -> None:
    """A failure costs one invocation, not the process."""
    assert orders.invoke(batch({"quantity": 0, "price": 4})).function_error == "Unhandled"
    assert orders.invoke(batch()).json() == {"batchItemFailures": []}
