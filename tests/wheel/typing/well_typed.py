"""What users of ric write, in each way that the documentation shows. No type checker may object to a line of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import awslambdaric
import ric
from awslambdaric.bootstrap import run
from awslambdaric.lambda_context import ClientContext, LambdaContext
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient as UpstreamsClient
from awslambdaric.lambda_runtime_exception import FaultException
from awslambdaric.lambda_runtime_log_utils import JsonFormatter
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
from ric import (
    LambdaRuntimeClient,
    Marshaller,
    OrjsonMarshaller,
    ResponseStream,
    StreamingResponse,
    on_shutdown,
    register_after_fork,
    register_pre_fork,
    response_stream,
    trace_id,
)
from ric.local import Emulator, InvocationEnd, InvokeResult, Observer
from ric.testing import (
    EmulatorFactory,
    FunctionError,
    InvocationResult,
    Invoker,
    invoke,
    make_context,
    set_remaining_time,
)

VERSIONS: tuple[str, str] = (ric.__version__, awslambdaric.__version__)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    left_ms: int = context.get_remaining_time_in_millis()
    request_id: str = context.aws_request_id
    client: ClientContext | None = context.client_context
    context.log(f"{request_id} has {left_ms} ms")
    title: str | None = client.client.app_title if client and client.client else None
    user: str | None = context.identity.cognito_identity_id
    return {"id": request_id, "from": client.custom if client else title, "name": event["name"], "user": user}


def annotated_by_ric(event: dict[str, Any], context: ric.LambdaContext) -> str | None:
    same: LambdaContext = context
    return trace_id() or same.tenant_id


async def async_handler(event: dict[str, Any], context: LambdaContext) -> str:
    return json.dumps(event) + str(context.invoked_function_arn)


def generator_handler(event: dict[str, Any], context: LambdaContext) -> Iterator[bytes | str]:
    yield b"bytes"
    yield "text"


async def words(text: str) -> AsyncIterator[str]:
    for word in text.split():
        yield word


async def http_handler(event: dict[str, Any], context: LambdaContext) -> StreamingResponse:
    return StreamingResponse(
        words(event["body"]), status_code=201, headers={"Content-Type": "text/plain"}, cookies=["a=b"]
    )


def writing_handler(event: dict[str, Any], context: LambdaContext) -> None:
    with response_stream(context) as stream:
        write(stream)


def write(stream: ResponseStream) -> int:
    return stream.write(b"head") + stream.write("text")


@on_shutdown
def close() -> None:
    Path("closed").touch()


@register_pre_fork
def before() -> None: ...


@register_after_fork
async def after() -> None: ...


class Plain:
    def unmarshal_request(self, request: bytes, content_type: str | None, /) -> Any:
        if content_type is None:
            raise FaultException(FaultException.UNMARSHAL_ERROR, "no type", None)
        return json.loads(request)

    def marshal_response(self, response: Any, /) -> tuple[str | bytes, str]:
        return json.dumps(response), "application/json"


own: Marshaller = Plain()
LambdaRuntimeClient.marshaller = own
LambdaRuntimeClient.marshaller = OrjsonMarshaller()
UpstreamsClient.marshaller = LambdaMarshaller()


def start_by_hand() -> None:
    run("app.handler", LambdaRuntimeClient("127.0.0.1:9001"))


def formatter() -> JsonFormatter:
    return JsonFormatter()


def test_in_process(lambda_invoke: Invoker) -> None:
    result: InvocationResult = lambda_invoke(handler, {"name": "Ada"}, context=make_context(remaining_time_ms=100))
    assert result.payload == {"name": "Ada"}
    with pytest.raises(FunctionError) as raised:
        invoke("app.handler", None).raise_for_error()
    assert raised.value.document.type == "ValueError"


def test_context(lambda_context: LambdaContext) -> None:
    set_remaining_time(lambda_context, 5)


def test_with_processes(lambda_emulator: EmulatorFactory) -> None:
    emulator: Emulator = lambda_emulator("app.handler", timeout_s=3)
    answer: InvokeResult = emulator.invoke({"name": "Ada"})
    assert answer.json() == {"name": "Ada"}
    for chunk in emulator.invoke_stream({}):
        assert chunk.startswith(b"")


class Durations(Observer):
    def __init__(self) -> None:
        self.all_ms: list[float] = []

    def invocation_ended(self, event: InvocationEnd) -> None:
        self.all_ms.append(event.duration_ms)
