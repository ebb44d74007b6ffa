"""Contexts for tests: real ones, whose every field a test can choose."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from ric.function.context import LambdaContext

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# Lambda's own time-out and memory of a new function; name, region and account are those of the emulator.
_REMAINING_TIME_MS = 3000
_MEMORY_MB = 128
_FUNCTION_NAME = "function"
_ARN = "arn:aws:lambda:us-east-1:012345678912:function:{name}"


def make_context(
    *,
    remaining_time_ms: int = _REMAINING_TIME_MS,
    request_id: str | None = None,
    function_name: str | None = None,
    function_version: str | None = None,
    memory_limit_mb: int | None = None,
    log_group_name: str | None = None,
    log_stream_name: str | None = None,
    invoked_function_arn: str | None = None,
    tenant_id: str | None = None,
    client_context: Mapping[str, Any] | None = None,
    cognito_identity: Mapping[str, Any] | None = None,
    trace_context: Mapping[str, str] | None = None,
) -> LambdaContext:
    """Returns the context of an invocation that begins now.

    What is said of the function comes from the environment where an argument is left out and Lambda's variable, such
    as ``AWS_LAMBDA_FUNCTION_NAME``, is set.

    Args:
        remaining_time_ms: What ``get_remaining_time_in_millis()`` counts down from, in ms.
        request_id: ``aws_request_id``; a new one unless given.
        function_name: ``function`` unless given.
        function_version: ``$LATEST`` unless given.
        memory_limit_mb: In MB, 128 unless given; ``memory_limit_in_mb`` is text, as in Lambda.
        log_group_name: ``/aws/lambda/`` and the name unless given.
        log_stream_name: ``$LATEST`` unless given.
        invoked_function_arn: That of the function in us-east-1 unless given.
        tenant_id: Tenant of a tenant-isolated function.
        client_context: ``client``, ``custom`` and ``env``, as a mobile SDK sends them.
        cognito_identity: ``cognitoIdentityId`` and ``cognitoIdentityPoolId``.
        trace_context: ``traceparent``, ``tracestate`` and ``baggage``, for ``w3c()``.
    """
    sent = dict(client_context) if client_context is not None else None
    if trace_context is not None:
        sent = {**(sent or {}), "w3c": dict(trace_context)}
    context = LambdaContext(
        request_id or str(uuid.uuid4()),
        sent,
        dict(cognito_identity or {}),
        _deadline_ms(remaining_time_ms),
        invoked_function_arn,
        tenant_id,
    )
    context.function_name = function_name or context.function_name or _FUNCTION_NAME
    context.function_version = function_version or context.function_version or "$LATEST"
    memory_mb = None if memory_limit_mb is None else str(memory_limit_mb)
    context.memory_limit_in_mb = memory_mb or context.memory_limit_in_mb or str(_MEMORY_MB)
    context.log_group_name = log_group_name or context.log_group_name or f"/aws/lambda/{context.function_name}"
    context.log_stream_name = log_stream_name or context.log_stream_name or "$LATEST"
    context.invoked_function_arn = invoked_function_arn or _ARN.format(name=context.function_name)
    return context


def set_remaining_time(context: LambdaContext, remaining_time_ms: int) -> None:
    """Moves the deadline of a context, also in the middle of an invocation.

    Args:
        context: The context.
        remaining_time_ms: What is left from now on, in ms; 0 or less for nothing.
    """
    context._epoch_deadline_time_in_ms = _deadline_ms(remaining_time_ms)


def _deadline_ms(remaining_time_ms: int) -> int:
    return int(time.time() * 1000) + remaining_time_ms
