"""A client without a Runtime API behind it: it takes what the runtime posts, and keeps it.

It can stand wherever ``ric.bootstrap.handle_event_request`` expects a client. What it keeps are the bytes that the real
client would have sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ric.api.client import LambdaRuntimeClient
from ric.api.marshal import LambdaMarshaller, encode_json
from ric.errors import StreamingError

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class PostedResult:
    """A posted result.

    Args:
        invoke_id: The request id.
        body: The encoded result.
        content_type: Its media type.
        chunks: The same, as it was streamed; None if it was sent as a whole.
    """

    invoke_id: str
    body: bytes
    content_type: str
    chunks: tuple[bytes, ...] | None = None


@dataclass(frozen=True)
class PostedError:
    """A posted error.

    Args:
        invoke_id: The request id.
        body: The error document, JSON.
        xray_cause: The X-Ray error cause, JSON.
        chunks: What was streamed before; None if nothing was, not even the beginning of a response.
    """

    invoke_id: str
    body: bytes
    xray_cause: str
    chunks: tuple[bytes, ...] | None = None


class RecordedUpload:
    """A streamed response, as ``ric.api.upload.ChunkedUpload`` takes it, kept.

    Attributes:
        chunks: What was sent.
        failure: None: nobody refuses it.
        is_finished: Whether the response has ended.
    """

    failure = None

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.is_finished = False

    def fileno(self) -> int:
        """Returns -1: there is no connection, and never a reason to wait for it."""
        return -1

    def put(self, *pieces: bytes | memoryview) -> None:
        """Keeps each piece as a chunk.

        Raises:
            StreamingError: The response has ended.
        """
        if self.is_finished:
            raise StreamingError("the response has ended, nothing can be written any more")
        self.chunks += [bytes(piece) for piece in pieces if len(piece)]

    write = put

    def flush(self) -> bool:
        """Returns that nothing is waiting."""
        return True

    def is_wanted(self) -> bool:
        """Returns that more is welcome."""
        return True

    def finish(self, trailers: Iterable[tuple[str, str]] = ()) -> None:
        """Notes the end of the response."""
        self.is_finished = True


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
        self._upload: RecordedUpload | None = None

    def start_response(self, invoke_id: str, content_type: str, invocation_id: str | None = None) -> RecordedUpload:
        """Starts a streamed result, which a post ends; the arguments are those of the real client."""
        self._upload = RecordedUpload()
        return self._upload

    def post_invocation_result(
        self,
        invoke_id: str,
        result_data: str | bytes,
        content_type: str = "application/json",
        invocation_id: str | None = None,
    ) -> None:
        """Keeps the result of an invocation; the arguments are those of the real client."""
        chunks = self._take_chunks()
        body = encode_json(result_data) if chunks is None else b"".join(chunks)
        self.posts.append(PostedResult(invoke_id, body, content_type, chunks))

    def post_invocation_error(
        self, invoke_id: str, error_response_data: str, xray_fault: str, invocation_id: str | None = None
    ) -> None:
        """Keeps the error of an invocation; the arguments are those of the real client."""
        self.posts.append(PostedError(invoke_id, encode_json(error_response_data), xray_fault, self._take_chunks()))

    def _take_chunks(self) -> tuple[bytes, ...] | None:
        upload, self._upload = self._upload, None
        if upload is None:
            return None
        upload.finish()
        return tuple(upload.chunks)
