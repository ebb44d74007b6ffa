"""What type checkers have to object to. A line with a mistake names the rule of mypy and that of pyright."""

from __future__ import annotations

from typing import Any

import ric
from awslambdaric.lambda_context import LambdaContext
from awslambdaric.lambda_runtime_client import NoSuchClient  # E: attr-defined, reportAttributeAccessIssue
from ric import Marshaller, StreamingResponse, on_shutdown, register_pre_fork, response_stream
from ric.local import Emulator
from ric.testing import Invoker, make_context


def handler(event: dict[str, Any], context: LambdaContext) -> str:
    left: str = context.get_remaining_time_in_millis()  # E: assignment, reportAssignmentType
    context.invoke_id  # E: attr-defined, reportAttributeAccessIssue
    context.client_context.custom  # E: union-attr, reportOptionalMemberAccess
    return left


def http_handler(event: dict[str, Any], context: LambdaContext) -> StreamingResponse:
    if event:
        return StreamingResponse(42)  # E: arg-type, reportArgumentType
    return StreamingResponse(["a"], status_code="200")  # E: arg-type, reportArgumentType


def writing_handler(event: dict[str, Any], context: LambdaContext) -> None:
    with response_stream(context) as stream:
        stream.write({"no": "bytes"})  # E: arg-type, reportArgumentType


@on_shutdown  # E: type-var, reportArgumentType
def close(signal_number: int) -> None: ...


register_pre_fork("app.before")  # E: type-var, reportArgumentType
ric.on_shutdwon(print)  # E: attr-defined, reportAttributeAccessIssue


class HalfAMarshaller:
    def unmarshal_request(self, request: bytes, content_type: str | None, /) -> Any: ...


half: Marshaller = HalfAMarshaller()  # E: assignment, reportAssignmentType
context = make_context(remaining_time="soon")  # E: call-arg, reportCallIssue


def test_handler(lambda_invoke: Invoker) -> None:
    lambda_invoke(handler)  # E: call-arg, reportCallIssue
    lambda_invoke(handler, {}, context=1)  # E: arg-type, reportArgumentType
    lambda_invoke(3, {})  # E: arg-type, reportArgumentType


emulator = Emulator("app.handler")  # E: call-arg, reportCallIssue
