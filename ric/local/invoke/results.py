"""What an invocation from a program, without HTTP, returns."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ric.local.json_documents import JSON_TYPE


@dataclass(frozen=True)
class InvokeResult:
    """How an invocation ended.

    Args:
        request_id: The invocation's id, as the function and the log have it.
        status: As over HTTP: 200 after an invocation, 202 for ``Event``, 204 for ``DryRun``.
        payload: What the function returned, or an error document; all chunks together if it was streamed, of which
            ``invoke`` takes no more than of any result, 6 MB, and ``invoke_stream`` 200 MB.
        content_type: The media type of the payload, in the runtime's words.
        function_error: ``Unhandled`` if the function failed, else None.
        log_tail: The end of the log, from ``START`` to ``REPORT``, at most 4 KB.
        duration_ms: From handing it to the runtime to the end of its answer.
        chunks: The payload as the function streamed it to ``invoke_stream``; otherwise empty.
        error_document: The error document of a function that failed; with ``invoke_stream`` the payload is what came
            before the failure, if anything did.
    """

    request_id: str
    status: int
    payload: bytes = b""
    content_type: str = JSON_TYPE
    function_error: str | None = None
    log_tail: str = ""
    duration_ms: float = 0.0
    chunks: tuple[bytes, ...] = ()
    error_document: bytes = b""

    def json(self) -> Any:
        """Returns the payload, decoded.

        Raises:
            ValueError: It is not JSON.
        """
        return json.loads(self.payload)


class ServiceError(Exception):
    """The service refused a request, before the function heard of it.

    Args:
        status: HTTP status.
        error_type: For example ``ResourceNotFoundException``; ``x-amzn-errortype`` over HTTP.
        message: One sentence for the caller.
    """

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(status, error_type, message)
        self.status = status
        self.error_type = error_type
        self.message = message

    def __str__(self) -> str:
        return f"{self.error_type}: {self.message}"
