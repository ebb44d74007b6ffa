"""Invocations from a program, without HTTP: the same checks, the same answers as values."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ric.local.invocation import StoppedError
from ric.local.invoke.results import InvokeResult
from ric.local.invoke.service import FunctionService, InvokeRequest, raise_stopped

if TYPE_CHECKING:
    from ric.local.invoke.service import Accepted


class InvokeStream:
    """A streamed response: iterate over it for the chunks, then ask for the result.

    Args:
        accepted: What became of the request.
    """

    def __init__(self, accepted: Accepted) -> None:
        self._accepted = accepted
        self._reply = accepted.reply
        self._chunks: list[bytes] = []

    @property
    def request_id(self) -> str:
        """The invocation's id."""
        return self._accepted.request_id

    @property
    def content_type(self) -> str:
        """The media type of the payload; waits for the beginning of the answer.

        Raises:
            ServiceError: The emulator ended before.
        """
        try:
            return self._reply.content_type() or self._reply.answer().outcome.content_type
        except StoppedError:
            raise_stopped()

    def __iter__(self) -> Iterator[bytes]:
        """Yields the chunks as the function produces them; a whole answer is one chunk, an error none.

        Raises:
            ServiceError: The emulator ended before.
        """
        try:
            for chunk in self._reply.chunks():
                self._chunks.append(chunk)
                yield chunk
            outcome = self._reply.answer().outcome
        except StoppedError:
            raise_stopped()
        if self._reply.content_type() is None and outcome.body and not outcome.is_function_error:
            yield outcome.body

    def result(self) -> InvokeResult:
        """Reads the rest of the chunks, and returns how the invocation ended.

        Raises:
            ServiceError: The emulator ended before.
        """
        for _ in self:
            pass
        answer = self._reply.answer()
        outcome = answer.outcome
        content_type = self._reply.content_type()
        return InvokeResult(
            self.request_id,
            self._accepted.status,
            payload=outcome.body if content_type is None else b"".join(self._chunks),
            content_type=content_type or outcome.content_type,
            function_error="Unhandled" if outcome.is_function_error else None,
            log_tail=answer.log_tail.decode("utf-8", "replace"),
            duration_ms=answer.duration_ms,
            chunks=tuple(self._chunks),
            error_document=outcome.body if outcome.is_function_error else b"",
        )

    def close(self) -> None:
        """Lets the function go on without a listener; what it still streams is thrown away."""
        self._reply.abandon()


def invoke(service: FunctionService, request: InvokeRequest) -> InvokeResult:
    """Runs the function and waits for the result.

    Args:
        service: The function.
        request: What to run it with.

    Raises:
        ServiceError: Lambda would refuse the request, or the emulator ends.
    """
    return InvokeStream(service.invoke(request)).result()


def invoke_stream(service: FunctionService, request: InvokeRequest) -> InvokeStream:
    """Runs the function; the arguments and errors are those of :func:`invoke`."""
    return InvokeStream(service.invoke(request, streams=True))


def make_request(
    function: str,
    payload: object,
    *,
    invocation_type: str = "RequestResponse",
    client_context: Mapping[str, Any] | None = None,
    cognito_identity_id: str | None = None,
    cognito_identity_pool_id: str | None = None,
    tenant_id: str | None = None,
    trace_id: str | None = None,
) -> InvokeRequest:
    """Returns a request from values: bytes are the payload as it is, everything else becomes JSON."""
    context = base64.b64encode(json.dumps(client_context).encode()).decode() if client_context is not None else None
    return InvokeRequest(
        function,
        payload if isinstance(payload, bytes) else json.dumps(payload).encode(),
        invocation_type=invocation_type,
        client_context=context,
        cognito_identity_id=cognito_identity_id,
        cognito_identity_pool_id=cognito_identity_pool_id,
        tenant_id=tenant_id,
        trace_id=trace_id,
    )
