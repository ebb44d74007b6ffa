"""``make_context`` and ``set_remaining_time``: contexts for tests."""

from __future__ import annotations

import pytest

from ric.bootstrap import LambdaContext
from ric.testing import make_context, set_remaining_time

VARIABLES = {
    "AWS_LAMBDA_FUNCTION_NAME": "orders",
    "AWS_LAMBDA_FUNCTION_VERSION": "7",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/logs/orders",
    "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
}


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes Lambda's variables away that the machine may have."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_every_field_has_a_default() -> None:
    """A handler that reads any field finds what Lambda would put there."""
    context = make_context()

    assert type(context) is LambdaContext
    assert context.function_name == "function"
    assert context.function_version == "$LATEST"
    assert context.memory_limit_in_mb == "128"
    assert context.log_group_name == "/aws/lambda/function"
    assert context.log_stream_name == "$LATEST"
    assert context.invoked_function_arn == "arn:aws:lambda:us-east-1:012345678912:function:function"
    assert (context.tenant_id, context.client_context) == (None, None)
    assert (context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id) == (None, None)
    assert context.w3c() == {}


def test_each_invocation_has_a_request_id_of_its_own() -> None:
    """Code that remembers request ids does not take two invocations for one."""
    assert make_context().aws_request_id != make_context().aws_request_id


def test_arguments_are_what_the_handler_reads() -> None:
    """Each argument arrives in the field that it is for."""
    context = make_context(
        request_id="r1",
        function_name="orders",
        function_version="7",
        memory_limit_mb=512,
        log_group_name="/logs",
        log_stream_name="stream",
        invoked_function_arn="arn:of:orders",
        tenant_id="blue",
        client_context={"custom": {"a": 1}, "env": {"b": 2}, "client": {"app_title": "Shop"}},
        cognito_identity={"cognitoIdentityId": "id", "cognitoIdentityPoolId": "pool"},
        trace_context={"traceparent": "00-1-2-01"},
    )

    assert (context.aws_request_id, context.function_name, context.function_version) == ("r1", "orders", "7")
    assert context.memory_limit_in_mb == "512"
    assert (context.log_group_name, context.log_stream_name) == ("/logs", "stream")
    assert (context.invoked_function_arn, context.tenant_id) == ("arn:of:orders", "blue")
    assert (context.client_context.custom, context.client_context.env) == ({"a": 1}, {"b": 2})
    assert context.client_context.client.app_title == "Shop"
    assert (context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id) == ("id", "pool")
    assert context.w3c() == {"traceparent": "00-1-2-01"}


def test_the_client_context_of_the_test_is_not_changed() -> None:
    """A test may use one mapping for several contexts."""
    client_context = {"custom": {}, "w3c": {"traceparent": "00-1-2-01"}}

    assert make_context(client_context=client_context).w3c() == make_context(client_context=client_context).w3c() != {}


def test_variables_of_the_environment_are_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test run that sets Lambda's variables has contexts that say the same; an argument is stronger."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)

    context = make_context(function_version="8")

    assert (context.function_name, context.function_version, context.memory_limit_in_mb) == ("orders", "8", "512")
    assert (context.log_group_name, context.log_stream_name) == ("/logs/orders", "stream")
    assert (context.invoked_function_arn or "").endswith(":function:orders")


def test_the_time_left_is_counted_down_from_what_was_asked_for() -> None:
    """A test chooses how much time a handler believes it has."""
    assert 50_000 < make_context(remaining_time_ms=60_000).get_remaining_time_in_millis() <= 60_000
    assert make_context(remaining_time_ms=0).get_remaining_time_in_millis() == 0


def test_the_deadline_can_be_moved() -> None:
    """A test can take a handler's time away, or give it more, while it runs."""
    context = make_context(remaining_time_ms=60_000)

    set_remaining_time(context, -5)
    assert context.get_remaining_time_in_millis() == 0
    set_remaining_time(context, 600_000)
    assert 500_000 < context.get_remaining_time_in_millis() <= 600_000
