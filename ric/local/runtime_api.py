"""The Runtime API as the function's runtime sees it, over HTTP.

``GET /runtime/invocation/next`` is answered when there is an invocation; ``POST .../{id}/response`` and
``.../{id}/error`` settle it; ``POST /runtime/init/error`` says that there will be none. Specification: "Using
the Lambda runtime API" in the Lambda developer guide. A streamed response is collected, and the fields after
it may turn it into a function error.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import select
import socket
import time

from ric.api import protocol
from ric.local.environment import function_arn
from ric.local.http_service import HttpService, ServiceConnection
from ric.local.invocations import (
    JSON_TYPE,
    AlreadyDoneError,
    Failure,
    Invocation,
    Invocations,
    Outcome,
    UnknownRequestError,
)
from ric.local.request_body import RequestBody

# What the real emulator announces by default. It is announced only: nothing ends a function that takes
# longer.
ANNOUNCED_TIMEOUT_SECONDS = 300

_ANSWER_PATH = re.compile(rf"{protocol.RUNTIME}/invocation/([^/]+)/(response|error)")
_ERROR_BODY_TRAILER = "Lambda-Runtime-Function-Error-Body"


class RuntimeApi(HttpService):
    """The listener for the runtime, always on loopback and on a port of its own.

    Args:
        invocations: What it gives out and settles.
    """

    def __init__(self, invocations: Invocations) -> None:
        self.invocations = invocations
        super().__init__("127.0.0.1", 0, _RuntimeConnection)

    @property
    def address(self) -> str:
        """The value for ``AWS_LAMBDA_RUNTIME_API``."""
        return f"{self.host}:{self.port}"


class _RuntimeConnection(ServiceConnection):
    max_body_bytes = protocol.MAX_RESPONSE_BYTES
    server: RuntimeApi

    def setup(self) -> None:
        super().setup()
        self.invocations = self.server.invocations
        self.runtime_number = self.invocations.runtime_number

    def serve(self, path: str, body: RequestBody) -> None:
        answered = _ANSWER_PATH.fullmatch(path)
        if self.command == "GET" and path == protocol.NEXT:
            self._give_next()
        elif self.command == "POST" and answered:
            request_id, kind = answered.groups()
            self._settle(request_id, self._outcome(kind, body))
        elif self.command == "POST" and path == protocol.INIT_ERROR:
            self._note_init_failure(body.data)
        else:
            self.refuse(404, "NotFound", f"the Runtime API has no {self.command} {path}")

    def refuse(self, status: int, error_type: str, message: str) -> None:
        self.answer(status, json.dumps({"errorMessage": message, "errorType": error_type}).encode())

    def refuse_large_body(self, path: str, size_bytes: int) -> None:
        message = (
            f"Response payload size ({size_bytes} bytes) exceeded maximum allowed payload size "
            f"({self.max_body_bytes} bytes)."
        )
        if answered := _ANSWER_PATH.fullmatch(path):
            document = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
            outcome = Outcome(json.dumps(document).encode(), is_function_error=True)
            if not self._try_settle(answered[1], outcome):
                return
        self.refuse(413, "RequestEntityTooLarge", message)

    def _give_next(self) -> None:
        invocation = self.invocations.take(self.runtime_number)
        if invocation is None:
            self.close_connection = True
            return
        if self._peer_is_gone():
            self.invocations.put_back(invocation)
            self.close_connection = True
            return
        try:
            self.answer(200, invocation.payload, _next_headers(invocation))
        except ConnectionError:
            # It did not get the whole event, so it did not run it.
            self.invocations.put_back(invocation)
            raise

    def _peer_is_gone(self) -> bool:
        """Whether the runtime hung up while it waited: it was killed, or tries again on a new connection."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        except ConnectionError:
            return True

    def _outcome(self, kind: str, body: RequestBody) -> Outcome:
        if kind == "error":
            return Outcome(body.data, is_function_error=True)
        if protocol.ERROR_TYPE in body.trailers:
            return _outcome_of_broken_stream(body)
        return Outcome(body.data, self.headers.get("Content-Type") or JSON_TYPE)

    def _settle(self, request_id: str, outcome: Outcome) -> None:
        if self._try_settle(request_id, outcome):
            self._accept()

    def _try_settle(self, request_id: str, outcome: Outcome) -> bool:
        try:
            self.invocations.settle(request_id, outcome)
        except AlreadyDoneError:
            self.refuse(403, "InvalidStateTransition", f"invocation {request_id} was answered before")
            return False
        except UnknownRequestError:
            self.refuse(400, "InvalidRequestID", f"{request_id} is not the current invocation")
            return False
        return True

    def _note_init_failure(self, document: bytes) -> None:
        try:
            self.invocations.report_init_failure(_init_failure(document))
        except AlreadyDoneError:
            self.refuse(403, "InvalidStateTransition", "the runtime has started, or reported this before")
        else:
            self._accept()

    def _accept(self) -> None:
        self.answer(202, b'{"status":"OK"}')


def _next_headers(invocation: Invocation) -> dict[str, str]:
    headers = {
        protocol.REQUEST_ID: invocation.request_id,
        protocol.DEADLINE_MS: str(int((time.time() + ANNOUNCED_TIMEOUT_SECONDS) * 1000)),
        protocol.FUNCTION_ARN: function_arn(),
        protocol.TRACE_ID: invocation.trace_id,
        protocol.CLIENT_CONTEXT: invocation.client_context,
        protocol.TENANT_ID: invocation.tenant_id,
    }
    return {name: value for name, value in headers.items() if value}


def _outcome_of_broken_stream(body: RequestBody) -> Outcome:
    """The function failed after its first byte: the caller gets the error, not half a result."""
    try:
        document = base64.b64decode(body.trailers.get(_ERROR_BODY_TRAILER, ""), validate=True)
    except binascii.Error:
        document = b""
    if not document:
        document = json.dumps({"errorType": body.trailers[protocol.ERROR_TYPE], "errorMessage": ""}).encode()
    return Outcome(document, is_function_error=True)


def _init_failure(document: bytes) -> Failure:
    try:
        fields = json.loads(document)
        error_type, message = str(fields["errorType"]), str(fields["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return Failure("Runtime.Unknown", "the runtime reported an error that is not an error document", document)
    return Failure(error_type, message, document)
