"""A client without a Runtime API behind it: it takes what the runtime posts, and keeps it.

It can stand wherever ``ric.bootstrap.handle_event_request`` expects a client. What it keeps are the bytes that the real
client would have sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ric.api.client import LambdaRuntimeClient
from ric.api.marshal import LambdaMarshaller
from ric.api.runtime_api import encode_json


@dataclass(frozen=True)
class PostedResult:
    """A posted result.

    Args:
        invoke_id: The request id.
        body: The encoded result.
        content_type: Its media type.
    """

    invoke_id: str
    body: bytes
    content_type: str


@dataclass(frozen=True)
class PostedError:
    """A posted error.

    Args:
        invoke_id: The request id.
        body: The error document, JSON.
        xray_cause: The X-Ray error cause, JSON.
    """

    invoke_id: str
    body: bytes
    xray_cause: str


class RecordingClient:
    """Keeps what is posted.

    Attributes:
        marshaller: Decodes events and encodes results: the one assigned to ``LambdaRuntimeClient.marshaller``, if any.
        posts: What was posted, in that order.
    """

    def __init__(self) -> None:
        assigned = LambdaRuntimeClient.marshaller
        # Ours keeps the encoder that suited the environment at its first use; the next test may have another one.
        self.marshaller: Any = LambdaMarshaller() if type(assigned) is LambdaMarshaller else assigned
        self.posts: list[PostedResult | PostedError] = []

    def post_invocation_result(
        self,
        invoke_id: str,
        result_data: str | bytes,
        content_type: str = "application/json",
        invocation_id: str | None = None,
    ) -> None:
        """Keeps the result of an invocation; the arguments are those of the real client."""
        self.posts.append(PostedResult(invoke_id, encode_json(result_data), content_type))

    def post_invocation_error(
        self, invoke_id: str, error_response_data: str, xray_fault: str, invocation_id: str | None = None
    ) -> None:
        """Keeps the error of an invocation; the arguments are those of the real client."""
        self.posts.append(PostedError(invoke_id, encode_json(error_response_data), xray_fault))
