"""The values that travel through the emulator: an invocation, its outcome, and why something failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ric.local.json_documents import JSON_TYPE, ErrorFields, error_document, parse_error

TIMED_OUT = "Sandbox.Timedout"
"""The error type under which the log reports a timeout; the caller's document has none, as in Lambda."""


@dataclass(frozen=True)
class Invocation:
    """One event for the function, with what the caller sent along.

    Args:
        request_id: Identifies the invocation on both sides.
        payload: The event, JSON.
        client_context: JSON text, or None.
        cognito_identity: JSON text, or None.
        trace_id: X-Ray trace header, or None.
        tenant_id: The tenant on whose behalf the caller acts, or None.
        function_arn: The function as the caller named it, in full.
    """

    request_id: str
    payload: bytes
    client_context: str | None = None
    cognito_identity: str | None = None
    trace_id: str | None = None
    tenant_id: str | None = None
    function_arn: str = ""


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended.

    Args:
        body: What the function returned, or an error document; empty after a successful stream.
        content_type: Its media type, in the runtime's words.
        is_function_error: Whether the body is an error document.
        error_type: ``errorType`` of the error, where it is known better than the body tells.
        status: For the report.
    """

    body: bytes
    content_type: str = JSON_TYPE
    is_function_error: bool = False
    error_type: str | None = None
    status: Literal["success", "error", "timeout"] | None = None

    def error(self) -> tuple[str, str]:
        """Returns type and message of the error, as far as the document tells them."""
        told = parse_error(self.body) or ErrorFields()
        return self.error_type or told.error_type or "Unknown", told.message or ""


@dataclass(frozen=True)
class Answer:
    """What the caller gets.

    Args:
        outcome: How the invocation ended.
        log_tail: The end of its log, at most 4 KB.
        duration_ms: How long it ran.
    """

    outcome: Outcome
    log_tail: bytes = b""
    duration_ms: float = 0.0


@dataclass(frozen=True)
class Failure:
    """Why a runtime did not start, or ended.

    Args:
        error_type: For example ``Runtime.ImportModuleError``.
        message: One sentence for people.
        document: The error document as the runtime posted it; empty when it posted none.
    """

    error_type: str
    message: str
    document: bytes = b""

    @classmethod
    def reported(cls, document: bytes) -> Failure:
        """Returns the failure that a runtime reported."""
        told = parse_error(document)
        if told is None or told.error_type is None or told.message is None:
            return cls("Runtime.Unknown", "the runtime reported an error that is not an error document", document)
        return cls(told.error_type, told.message, document)

    def outcome(self, request_id: str) -> Outcome:
        """Returns what a caller is told whose invocation failed for this reason."""
        message = f"RequestId: {request_id} Error: {self.message}"
        return Outcome(self.document or error_document(self.error_type, message), is_function_error=True)


class StoppedError(Exception):
    """The emulator ends; the invocation was not, and will not be, handed to the function."""


class ThrottledError(Exception):
    """More invocations wait than the emulator keeps."""
