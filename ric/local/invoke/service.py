"""What the Lambda service checks and decides before a function hears of a request; free of I/O.

Specification: the actions Invoke and InvokeWithResponseStream in the Lambda API reference. A function is found
under its name, with any qualifier, by its ARN, and always under ``function``, the name that AWS's own emulator
gives every function.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from ric.local.invocation import Answer, Invocation, Outcome, StoppedError, ThrottledError
from ric.local.invoke.results import ServiceError
from ric.local.names import NAME, REGION
from ric.local.reply import Reply
from ric.local.variables import FUNCTION_NAME

if TYPE_CHECKING:
    from ric.local.invocation_queue import InvocationQueue

MAX_EVENT_BYTES = 1024 * 1024
"""Lambda's quota for an asynchronous invocation."""

INVOCATION_TYPES = ("RequestResponse", "Event", "DryRun")
STREAM_INVOCATION_TYPES = ("RequestResponse", "DryRun")
LOG_TYPES = ("None", "Tail")

# arn:aws:lambda:region:account:function:name:qualifier, any shorter form without what is left of the name.
_FUNCTION_NAME = re.compile(
    rf"(?:(?:arn:aws[a-z-]*:lambda:{REGION}:)?\d{{12}}:function:|function:)?(?P<name>{NAME})(?::(?P<qualifier>[$\w-]+))?",
    re.ASCII,
)
# The pattern of the Invoke action's parameter, but for one version that has a dot in it.
_QUALIFIER = re.compile(r"[$\w-]+|\$LATEST\.PUBLISHED", re.ASCII)


@dataclass(frozen=True)
class InvokeRequest:
    """A call of Invoke or InvokeWithResponseStream.

    Args:
        function: The function's name or ARN.
        payload: The event; empty for ``{}``.
        qualifier: A version or an alias, None for none.
        invocation_type: One of ``INVOCATION_TYPES``; for a stream of ``STREAM_INVOCATION_TYPES``.
        log_type: One of ``LOG_TYPES``.
        client_context: JSON in base64, or None.
        cognito_identity_id: Identity of a caller whom Amazon Cognito knows, or None.
        cognito_identity_pool_id: Its pool.
        tenant_id: The tenant on whose behalf the caller acts, or None.
        trace_id: X-Ray trace header, or None.
    """

    function: str
    payload: bytes = b""
    qualifier: str | None = None
    invocation_type: str = "RequestResponse"
    log_type: str = "None"
    client_context: str | None = None
    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None
    tenant_id: str | None = None
    trace_id: str | None = None


@dataclass(frozen=True)
class Accepted:
    """What becomes of a request that Lambda does not refuse.

    Args:
        request_id: The invocation's id.
        status: 200 if the function runs for the caller, 202 if it will some time (``Event``), 204 if not (``DryRun``).
        reply: The promise of the answer, which is empty and there already unless the status is 200.
    """

    request_id: str
    status: int
    reply: Reply


class FunctionService:
    """The front of one function.

    Args:
        queue: Where invocations go.
        name: The function's name.
        arn: Its ARN.
    """

    def __init__(self, queue: InvocationQueue, name: str, arn: str) -> None:
        self._queue = queue
        self._name = name
        self._arn = arn

    def invoke(self, request: InvokeRequest, *, streams: bool = False) -> Accepted:
        """Does what a request asks for.

        Args:
            request: The request.
            streams: Whether the caller takes a streamed response in chunks, as of InvokeWithResponseStream.

        Raises:
            ServiceError: Lambda would refuse it, too many wait already, or the emulator ends.
        """
        _check_choice(
            "invocationType", request.invocation_type, STREAM_INVOCATION_TYPES if streams else INVOCATION_TYPES
        )
        invocation = self._prepare(request)
        match request.invocation_type:
            case "DryRun":
                return Accepted(invocation.request_id, 204, _nothing())
            case "Event":
                self._submit(invocation, is_awaited=False)
                return Accepted(invocation.request_id, 202, _nothing())
        return Accepted(invocation.request_id, 200, self._submit(invocation, streams=streams))

    def invoke_url(self, payload: bytes, trace_id: str | None, request_id: str) -> Reply:
        """Runs the function for a request to the function URL.

        Args:
            payload: The event.
            trace_id: X-Ray trace header, or None.
            request_id: The invocation's id, which is in the event.

        Raises:
            ServiceError: The trace id cannot be passed on, too many wait already, or the emulator ends.
        """
        _check_header("X-Amzn-Trace-Id", trace_id)
        invocation = Invocation(request_id, payload, trace_id=trace_id, function_arn=self._arn)
        return self._submit(invocation, streams=True)

    def _prepare(self, request: InvokeRequest) -> Invocation:
        """Returns the invocation that a request asks for; raises ServiceError if Lambda would refuse it."""
        qualifier = self._find_function(request)
        _check_choice("logType", request.log_type, LOG_TYPES)
        if request.invocation_type == "Event" and len(request.payload) > MAX_EVENT_BYTES:
            message = too_large_message(len(request.payload), MAX_EVENT_BYTES)
            raise ServiceError(413, "RequestTooLargeException", message)
        _check_json(request.payload)
        _check_header("X-Amzn-Trace-Id", request.trace_id)
        _check_header("X-Amz-Tenant-Id", request.tenant_id)
        return Invocation(
            request_id=str(uuid.uuid4()),
            # Lambda's own answer to a call without a payload.
            payload=request.payload or b"{}",
            client_context=_decode_client_context(request.client_context),
            cognito_identity=_cognito_identity(request),
            trace_id=request.trace_id or None,
            tenant_id=request.tenant_id or None,
            function_arn=f"{self._arn}:{qualifier}" if qualifier else self._arn,
        )

    def _submit(self, invocation: Invocation, *, streams: bool = False, is_awaited: bool = True) -> Reply:
        try:
            return self._queue.submit(invocation, streams=streams, is_awaited=is_awaited)
        except ThrottledError:
            raise ServiceError(429, "TooManyRequestsException", "Rate Exceeded.") from None
        except StoppedError:
            raise_stopped()

    def _find_function(self, request: InvokeRequest) -> str | None:
        """Returns the qualifier; raises ServiceError if it is another function's name."""
        match = _FUNCTION_NAME.fullmatch(request.function)
        if not match or match["name"] not in (self._name, FUNCTION_NAME):
            # The path is for people who ended up here by hand.
            path = invoke_path(self._name)
            message = f"Function not found: {request.function}; this one is {self._name}, invoke it at {path}"
            raise ServiceError(404, "ResourceNotFoundException", message)
        qualifier = match["qualifier"] or request.qualifier or None
        if qualifier is not None and not _QUALIFIER.fullmatch(qualifier):
            raise ServiceError(400, "ValidationException", f"Value {qualifier!r} at 'qualifier' is not one")
        return qualifier


def invoke_path(function: str) -> str:
    """Returns the path of Lambda's action Invoke."""
    return f"/2015-03-31/functions/{function}/invocations"


def raise_stopped() -> NoReturn:
    """Raises what a caller is told when the emulator ends."""
    raise ServiceError(503, "ServiceException", "the emulator is ending") from None


def too_large_message(size_bytes: int, limit_bytes: int) -> str:
    """Returns the message for a request above a limit."""
    return f"Request must be smaller than {limit_bytes} bytes for the InvokeFunction operation; this has {size_bytes}"


def _nothing() -> Reply:
    reply = Reply()
    reply.finish(Answer(Outcome(b"")))
    return reply


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        message = f"Value {value!r} at {name!r} must be one of {', '.join(choices)}"
        raise ServiceError(400, "InvalidParameterValueException", message)


def _check_header(name: str, value: str | None) -> None:
    """Refuses what would not reach the runtime as one header field with the same value."""
    if value is not None and not (value.isascii() and value.isprintable()):
        message = f"{name} {value!r} holds characters that cannot be passed on in a header"
        raise ServiceError(400, "InvalidParameterValueException", message)


def _check_json(payload: bytes) -> None:
    if not payload:
        return
    try:
        json.loads(payload.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        message = f"Could not parse request body into json: {error}"
        raise ServiceError(400, "InvalidRequestContentException", message) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _decode_client_context(encoded: str | None) -> str | None:
    """Returns the client context as one line of ASCII JSON, fit for a header."""
    if not encoded:
        return None
    try:
        return json.dumps(json.loads(base64.b64decode(encoded, validate=True)))
    except (ValueError, RecursionError) as error:
        message = "X-Amz-Client-Context must be JSON, encoded as base64"
        raise ServiceError(400, "InvalidRequestContentException", message) from error


def _cognito_identity(request: InvokeRequest) -> str | None:
    if not request.cognito_identity_id and not request.cognito_identity_pool_id:
        return None
    return json.dumps(
        {
            "cognitoIdentityId": request.cognito_identity_id or "",
            "cognitoIdentityPoolId": request.cognito_identity_pool_id or "",
        }
    )
