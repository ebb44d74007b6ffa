"""Requests to the function URL over HTTP: answered whole, or chunk by chunk when the function streams."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ric.api import protocol
from ric.local.invocation import StoppedError
from ric.local.invoke.function_url import (
    InvalidResponseError,
    UrlRequest,
    UrlResponse,
    build_event,
    parse_prelude,
    parse_result,
)
from ric.local.invoke.service import FunctionService, raise_stopped

if TYPE_CHECKING:
    from ric.local.reply import Reply
    from ric.local.server.http_service import ServiceConnection


def serve_url_request(connection: ServiceConnection, service: FunctionService, body: bytes) -> None:
    """Runs the function for a request that is not one to the Lambda API.

    Args:
        connection: Where the request came from.
        service: Where invocations go.
        body: The request's body.

    Raises:
        ServiceError: Too many invocations wait already, or the emulator ends.
    """
    request = UrlRequest(
        method=connection.command,
        target=connection.path,
        headers=connection.headers.items(),
        body=body,
        source_ip=str(connection.client_address[0]),
        request_id=str(uuid.uuid4()),
        moment=datetime.now(timezone.utc),
        protocol=connection.request_version,
    )
    event = json.dumps(build_event(request)).encode()
    trace_id = connection.headers.get("X-Amzn-Trace-Id")
    reply = service.invoke_url(event, trace_id, request.request_id)
    try:
        _answer(connection, reply, request.request_id)
    except StoppedError:
        raise_stopped()
    finally:
        reply.abandon()


def _answer(connection: ServiceConnection, reply: Reply, request_id: str) -> None:
    own = [("X-Amzn-RequestId", request_id)]
    content_type = reply.content_type()
    try:
        if content_type is None:
            answer = reply.answer()
            if answer.outcome.is_function_error:
                raise InvalidResponseError("the function failed")
            response = parse_result(answer.outcome.body)
            connection.answer(response.status, response.body, [*response.fields, *own])
            return
        chunks = reply.chunks()
        if content_type == protocol.HTTP_INTEGRATION_TYPE:
            response, first = _read_prelude(reply, chunks)
        else:
            response, first = UrlResponse(fields=[("Content-Type", content_type)]), b""
    except InvalidResponseError as error:
        # What is wrong is for the developer, who is the only caller here; Lambda says no more than the first half.
        document = json.dumps({"Message": f"Internal Server Error: {error}"}).encode()
        connection.answer(502, document, [("x-amzn-errortype", "InternalServerErrorException"), *own])
        return
    connection.answer_in_chunks(response.status, [*response.fields, *own], _rest(reply, first, chunks))


def _read_prelude(reply: Reply, chunks: Iterator[bytes]) -> tuple[UrlResponse, bytes]:
    """Returns the response's head, and what came of the body along with it."""
    collected = b""
    for chunk in chunks:
        collected += chunk
        prelude, end, first = collected.partition(protocol.PRELUDE_END)
        if end:
            return parse_prelude(prelude), first
        if len(collected) > protocol.MAX_PRELUDE_BYTES:
            raise InvalidResponseError(f"the prelude does not end in the first {protocol.MAX_PRELUDE_BYTES} bytes")
    if reply.answer().outcome.is_function_error:
        raise InvalidResponseError("the function failed")
    raise InvalidResponseError("the stream ended in its prelude")


def _rest(reply: Reply, first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    try:
        yield from chunks
        failed = reply.answer().outcome.is_function_error
    except StoppedError:
        failed = True
    if failed:
        # The head is out, so an end without the last chunk is the only way to tell.
        raise ConnectionAbortedError
