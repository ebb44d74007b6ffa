"""The side that callers use, over HTTP: Invoke, InvokeWithResponseStream, and the function URL on all other paths.

A caller waits for the outcome. What the function did wrong is status 200 with ``X-Amz-Function-Error``; what
the caller did wrong is an error of the service, JSON with ``Type`` and ``Message``, its kind in
``x-amzn-errortype``. Lambda takes the Cognito identity from a request's signature, which nobody checks here;
``X-Amz-Cognito-Identity-Id`` and ``X-Amz-Cognito-Identity-Pool-Id`` stand in for it.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

from ric.api import protocol
from ric.local.invocation import StoppedError
from ric.local.invoke import event_stream
from ric.local.invoke.results import ServiceError
from ric.local.invoke.service import (
    Accepted,
    FunctionService,
    InvokeRequest,
    invoke_path,
    raise_stopped,
    too_large_message,
)
from ric.local.invoke.url_requests import serve_url_request
from ric.local.server.callers import is_unspecified
from ric.local.server.http_service import HttpService, ServiceConnection
from ric.local.variables import FUNCTION_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ric.local.invocation import Answer
    from ric.local.reply import Reply
    from ric.local.server.request_body import RequestBody

INVOKE_PATH = invoke_path(FUNCTION_NAME)
INVOKE_PATHS = re.compile(rf"{invoke_path('([^/]+)')}/?")
"""The paths of Invoke for any function, whose name is the group."""

MAX_REQUEST_BYTES = protocol.MAX_RESPONSE_BYTES
"""Lambda's quota for a synchronous invocation, the same in both directions."""

_INVOKE_STREAM = re.compile(r"/2021-11-15/functions/([^/]+)/response-streaming-invocations/?")
# Other actions of the service are not here, and must not be taken for requests to the function URL.
_SERVICE_PATH = re.compile(r"/20\d\d-\d\d-\d\d/(functions|layers|event-source-mappings|account-settings|tags)\b.*")
# A caller who neither sends the rest of a request nor reads an answer for so long is gone.
_PATIENCE_SECONDS = 75.0


class InvokeListener(HttpService):
    """The listener for callers.

    Args:
        service: Where requests go.
        host: The address to bind.
        port: The port to bind; 0 picks a free one.

    Raises:
        OSError: The address cannot be bound.
    """

    def __init__(self, service: FunctionService, host: str, port: int) -> None:
        self.service = service
        super().__init__(host, port, _CallerConnection)

    @property
    def base_url(self) -> str:
        """The address for someone on this machine, also when all addresses are bound."""
        host = "localhost" if is_unspecified(self.host) else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class _CallerConnection(ServiceConnection):
    max_body_bytes = MAX_REQUEST_BYTES
    timeout = _PATIENCE_SECONDS
    server: InvokeListener

    def serve(self, path: str, body: RequestBody) -> None:
        invoked, streamed = INVOKE_PATHS.fullmatch(path), _INVOKE_STREAM.fullmatch(path)
        try:
            if match := invoked or streamed:
                self._check_method()
                request = self._request(unquote(match[1]), body.data)
                self._invoke(request) if invoked else self._invoke_with_stream(request)
            elif _SERVICE_PATH.fullmatch(path):
                raise ServiceError(
                    404, "ResourceNotFoundException", f"there is nothing at {path}; invoke at {INVOKE_PATH}"
                )
            else:
                serve_url_request(self, self.server.service, body.data)
        except ServiceError as error:
            self.refuse(error.status, error.error_type, error.message)

    def refuse(self, status: int, error_type: str, message: str) -> None:
        document = {"Type": "User" if status < 500 else "Service", "Message": message}
        self.answer(status, json.dumps(document).encode(), [("x-amzn-errortype", error_type)])

    def refuse_large_body(self, path: str, size_bytes: int) -> None:
        self.refuse(413, "RequestTooLargeException", too_large_message(size_bytes, self.max_body_bytes))

    def _check_method(self) -> None:
        if self.command != "POST":
            raise ServiceError(405, "MethodNotAllowedException", f"{self.command} does not invoke; use POST")

    def _request(self, function: str, payload: bytes) -> InvokeRequest:
        get = self.headers.get
        query = parse_qs(self.path.partition("?")[2])
        return InvokeRequest(
            function,
            payload,
            qualifier=query.get("Qualifier", [None])[0],
            invocation_type=get("X-Amz-Invocation-Type") or "RequestResponse",
            log_type=get("X-Amz-Log-Type") or "None",
            client_context=get("X-Amz-Client-Context"),
            cognito_identity_id=get("X-Amz-Cognito-Identity-Id"),
            cognito_identity_pool_id=get("X-Amz-Cognito-Identity-Pool-Id"),
            tenant_id=get("X-Amz-Tenant-Id"),
            trace_id=get("X-Amzn-Trace-Id"),
        )

    def _invoke(self, request: InvokeRequest) -> None:
        accepted = self.server.service.invoke(request)
        if accepted.status != 200:
            self.answer(accepted.status, b"", _headers_of(accepted))
            return
        answer = _wait(accepted.reply)
        headers = [("Content-Type", answer.outcome.content_type), *_headers_of(accepted)]
        if answer.outcome.is_function_error:
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        if request.log_type == "Tail":
            headers.append(("X-Amz-Log-Result", base64.b64encode(answer.log_tail).decode()))
        self.answer(200, answer.outcome.body, headers)

    def _invoke_with_stream(self, request: InvokeRequest) -> None:
        accepted = self.server.service.invoke(request, streams=True)
        if accepted.status != 200:
            self.answer(accepted.status, b"", _headers_of(accepted))
            return
        reply = accepted.reply
        try:
            content_type = reply.content_type() or _wait(reply).outcome.content_type
            headers = [
                ("Content-Type", event_stream.CONTENT_TYPE),
                ("X-Amzn-Remapped-Content-Type", content_type),
                *_headers_of(accepted),
            ]
            self.answer_in_chunks(200, headers, _events(reply, with_log=request.log_type == "Tail"))
        except StoppedError:
            raise_stopped()
        finally:
            reply.abandon()


def _headers_of(accepted: Accepted) -> list[tuple[str, str]]:
    headers = [("X-Amzn-RequestId", accepted.request_id)]
    # Of what runs some time no version is told.
    return headers if accepted.status == 202 else [*headers, ("X-Amz-Executed-Version", "$LATEST")]


def _wait(reply: Reply) -> Answer:
    try:
        return reply.answer()
    except StoppedError:
        raise_stopped()


def _events(reply: Reply, *, with_log: bool) -> Iterator[bytes]:
    try:
        for chunk in reply.chunks():
            yield event_stream.payload_chunk(chunk)
        answer = reply.answer()
    except StoppedError as error:
        # In the middle of an answer there is no other way to tell.
        raise ConnectionAbortedError from error
    log = base64.b64encode(answer.log_tail).decode() if with_log else None
    if answer.outcome.is_function_error:
        yield event_stream.invoke_complete("Unhandled", answer.outcome.body.decode("utf-8", "replace"), log)
        return
    if reply.content_type() is None and answer.outcome.body:
        yield event_stream.payload_chunk(answer.outcome.body)
    yield event_stream.invoke_complete(log=log)
