"""Responses that a runtime streams: passed on chunk by chunk, and what the fields after the last chunk mean.

A failure after the first byte is told in trailers: ``Lambda-Runtime-Function-Error-Type`` and, base64-encoded,
``Lambda-Runtime-Function-Error-Body``. Specification: "Building a custom runtime", section "Response streaming",
in the Lambda developer guide.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from ric.api import protocol
from ric.local.invocation import Outcome
from ric.local.json_documents import error_document
from ric.local.reply import ReplyOverError
from ric.local.server.request_body import MalformedBodyError, TruncatedBodyError, iterate_body

if TYPE_CHECKING:
    from email.message import Message
    from io import BufferedIOBase

    from ric.local.runtime.running import Running

_ACCEPTED = 202


class ResponseReader:
    """What the head of a response says about its body.

    Args:
        headers: The request's headers.
        stream: Where the body follows.
    """

    def __init__(self, headers: Message, stream: BufferedIOBase) -> None:
        self._headers = headers
        self._stream = stream
        self._mode = headers.get(protocol.RESPONSE_MODE, "").strip().lower()

    @property
    def is_streaming(self) -> bool:
        """Whether the runtime streams."""
        return self._mode == "streaming"

    @property
    def objection(self) -> str | None:
        """Why the response cannot be taken, None if it can."""
        return f"{protocol.RESPONSE_MODE} must be streaming or absent, not {self._mode}" if self._mode else None

    def pass_on(self, running: Running) -> tuple[int, Outcome]:
        """Reads the body, and passes it on chunk by chunk if the caller takes chunks.

        Returns:
            The status for the runtime, and how the invocation ended.
        """
        content_type = self._headers.get("Content-Type") or "application/octet-stream"
        limit_bytes = protocol.MAX_STREAMED_BYTES if running.reply.streams else protocol.MAX_RESPONSE_BYTES
        if running.reply.streams:
            running.reply.begin(content_type)
        collected: list[bytes] = []
        size_bytes = 0
        body = iterate_body(self._headers, self._stream)
        try:
            while True:
                try:
                    block = next(body)
                except StopIteration as end:
                    failure = self.outcome_of_trailers(end.value)
                    return _ACCEPTED, failure or Outcome(b"".join(collected), content_type)
                size_bytes += len(block)
                if size_bytes > limit_bytes:
                    return 413, too_large(size_bytes, limit_bytes)
                if running.reply.streams:
                    running.reply.write(block)
                else:
                    collected.append(block)
        except ReplyOverError:
            return 410, _error("ResourceGone", "the invocation has ended meanwhile")
        except MalformedBodyError as error:
            return 400, _error("Runtime.TruncatedResponse", str(error))
        except (TruncatedBodyError, ConnectionError):
            return 400, _error("Runtime.TruncatedResponse", "the response ended before its last chunk")

    def outcome_of_trailers(self, trailers: Message) -> Outcome | None:
        """Returns the error that the trailers report, None if they report none."""
        error_type = trailers.get(protocol.ERROR_TYPE)
        if error_type is None:
            return None
        try:
            document = base64.b64decode(trailers.get(protocol.ERROR_BODY, ""), validate=True)
        except ValueError:  # no base64, or not even ASCII
            document = b""
        return Outcome(document or error_document(error_type, ""), is_function_error=True)


def too_large(size_bytes: int, limit_bytes: int) -> Outcome:
    """Returns how an invocation ends whose response is too large."""
    message = f"Response payload size ({size_bytes} bytes) exceeded maximum allowed payload size ({limit_bytes} bytes)."
    return _error("Function.ResponseSizeTooLarge", message)


def _error(error_type: str, message: str) -> Outcome:
    return Outcome(error_document(error_type, message), is_function_error=True)
