"""The side that callers use: ``POST /2015-03-31/functions/function/invocations``, as AWS's emulator has it.

A caller waits for the outcome. What the function did wrong is status 200 with ``X-Amz-Function-Error``; what
the caller did wrong is an error of the service, JSON with ``Type`` and ``Message``, its kind in
``x-amzn-errortype``. Specification: the action Invoke in the Lambda API reference.
"""

from __future__ import annotations

import base64
import json
import uuid

from ric.api import protocol
from ric.local.environment import FUNCTION_NAME
from ric.local.http_service import HttpService, ServiceConnection
from ric.local.invocations import Invocation, Invocations, Outcome, StoppedError
from ric.local.request_body import RequestBody

INVOKE_PATH = f"/2015-03-31/functions/{FUNCTION_NAME}/invocations"
MAX_REQUEST_BYTES = protocol.MAX_RESPONSE_BYTES
"""Lambda's quota for a synchronous invocation, the same in both directions."""


class InvokeApi(HttpService):
    """The listener for callers.

    Args:
        invocations: Where requests are queued.
        host: The address to bind.
        port: The port to bind; 0 picks a free one.

    Raises:
        OSError: The address cannot be bound.
    """

    def __init__(self, invocations: Invocations, host: str, port: int) -> None:
        self.invocations = invocations
        super().__init__(host, port, _CallerConnection)

    @property
    def base_url(self) -> str:
        """The address for someone on this machine, also when all addresses are bound."""
        host = "localhost" if self.host in ("0.0.0.0", "::") else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class _CallerConnection(ServiceConnection):
    max_body_bytes = MAX_REQUEST_BYTES
    server: InvokeApi

    def serve(self, path: str, body: RequestBody) -> None:
        if path != INVOKE_PATH:
            self.refuse(404, "ResourceNotFoundException", f"there is nothing at {path}; invoke at {INVOKE_PATH}")
        elif self.command != "POST":
            self.refuse(405, "MethodNotAllowedException", f"{self.command} does not invoke; use POST")
        else:
            self._invoke(body.data)

    def refuse(self, status: int, error_type: str, message: str) -> None:
        document = {"Type": "User" if status < 500 else "Service", "Message": message}
        self.answer(status, json.dumps(document).encode(), {"x-amzn-errortype": error_type})

    def refuse_large_body(self, path: str, size_bytes: int) -> None:
        message = f"Request must be smaller than {self.max_body_bytes} bytes for the InvokeFunction operation"
        self.refuse(413, "RequestTooLargeException", f"{message}; this one has {size_bytes}")

    def _invoke(self, payload: bytes) -> None:
        try:
            invocation = Invocation(
                request_id=str(uuid.uuid4()),
                # Lambda's own answer to a call without a payload.
                payload=payload or b"{}",
                client_context=_decode_client_context(self.headers.get("X-Amz-Client-Context")),
                trace_id=self.headers.get("X-Amzn-Trace-Id"),
                tenant_id=self.headers.get("X-Amz-Tenant-Id"),
            )
        except ValueError:
            message = "X-Amz-Client-Context must be JSON, encoded as base64"
            self.refuse(400, "InvalidRequestContentException", message)
            return
        try:
            outcome = self.server.invocations.submit(invocation).result()
        except StoppedError:
            self.refuse(503, "ServiceException", "the emulator is ending")
        else:
            self._deliver(invocation, outcome)

    def _deliver(self, invocation: Invocation, outcome: Outcome) -> None:
        headers = {
            "Content-Type": outcome.content_type,
            "X-Amzn-RequestId": invocation.request_id,
            "X-Amz-Executed-Version": "$LATEST",
        }
        if outcome.is_function_error:
            headers["X-Amz-Function-Error"] = "Unhandled"
        self.answer(200, outcome.body, headers)


def _decode_client_context(encoded: str | None) -> str | None:
    """Returns the client context as one line of ASCII JSON, fit for a header; ValueError if it is none."""
    if not encoded:
        return None
    return json.dumps(json.loads(base64.b64decode(encoded, validate=True)))
