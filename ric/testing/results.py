"""What comes of an invocation in process: the answer as its caller gets it, the log, and the failure if any."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ric.api.marshal import is_json
from ric.errors import RicError


@dataclass(frozen=True)
class ErrorDocument:
    """What the caller is told of a failure.

    Args:
        type: ``errorType``: the name of the exception's class, or a ``Runtime.*`` type.
        message: ``errorMessage``.
        stack_trace: ``stackTrace``: formatted frames, outermost first.
        request_id: ``requestId``.
    """

    type: str
    message: str
    stack_trace: tuple[str, ...]
    request_id: str

    @classmethod
    def from_json(cls, document: bytes) -> ErrorDocument:
        """Returns the document that the runtime posted."""
        fields = json.loads(document)
        return cls(fields["errorType"], fields["errorMessage"], tuple(fields["stackTrace"]), fields["requestId"])


class FunctionError(RicError):
    """The function failed; its own exception, if it raised one, is the ``__cause__``.

    Args:
        document: What the caller is told.
    """

    def __init__(self, document: ErrorDocument) -> None:
        super().__init__(document)
        self.document = document

    def __str__(self) -> str:
        return f"the function failed with {self.document.type}: {self.document.message}"


@dataclass(frozen=True)
class InvocationResult:
    """How an invocation ended.

    Args:
        raw: The body of the answer: the encoded result, or an error document.
        content_type: Its media type.
        logs: What the function and the runtime wrote to standard output, standard error and ``logging``, as Lambda
            gets it. ``\\r`` in it stands for the line breaks within one record.
        duration_ms: How long it took, in ms, decoding and encoding included.
        error: The error document; None after a success.
        exception: What the handler raised, if it did.
        streamed: The chunks that were sent while the function ran; None if it did not stream.
    """

    raw: bytes
    content_type: str
    logs: str
    duration_ms: float
    error: ErrorDocument | None = None
    exception: BaseException | None = field(default=None, repr=False, compare=False)
    streamed: tuple[bytes, ...] | None = None

    @cached_property
    def payload(self) -> Any:
        """The body, decoded as its caller would: a JSON value, or bytes for any other media type."""
        return json.loads(self.raw) if is_json(self.content_type) else self.raw

    @property
    def chunks(self) -> tuple[bytes, ...]:
        """The body in the pieces in which it was sent: those of a stream, or the whole."""
        return (self.raw,) if self.streamed is None else self.streamed

    def raise_for_error(self) -> InvocationResult:
        """Returns this result if it is a success.

        Raises:
            FunctionError: The function failed.
        """
        if self.error is not None:
            raise FunctionError(self.error) from self.exception
        return self
