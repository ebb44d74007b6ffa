"""Between the bytes of an invocation and the values that the handler takes and returns.

``LambdaRuntimeClient.marshaller`` holds the marshaller in use; assigning another object with the same two methods is
the documented way to change how events are decoded and results encoded.
"""

from __future__ import annotations

from ric.errors import FaultException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

JSON = "application/json"
BINARY = "application/unknown"

_codec: ModuleType | None = None


def codec() -> ModuleType:
    """Returns ``json_codec``, which is imported by the first call, before the first event, and held from then on.

    A handler that clears ``sys.modules`` or replaces ``__import__`` would otherwise keep every later answer from being
    encoded.
    """
    global _codec
    if _codec is None:
        from ric.api import json_codec

        _codec = json_codec
    return _codec


class LambdaMarshaller:
    """The default marshaller: JSON in and out, bytes pass through."""

    _encoder: Any = None  # comes with the first result: what it needs takes long to import

    def unmarshal_request(self, request: bytes | str, content_type: str | None = JSON) -> Any:
        """Returns the event for the handler.

        Args:
            request: The body of the ``/next`` answer.
            content_type: Its media type. Parameters and case do not count; none at all means JSON.

        Returns:
            The decoded JSON value, or the body unchanged for any other media type.

        Raises:
            FaultException: ``Runtime.UnmarshalError``: the body is not JSON.
        """
        if not is_json(content_type):
            return request
        try:
            return self._decode(request)
        except Exception as error:
            raise FaultException(FaultException.UNMARSHAL_ERROR, f"Unable to unmarshal input: {error}") from error

    def marshal_response(self, response: object) -> tuple[str | bytes, str]:
        """Returns the handler's result as it goes over the wire, and its media type.

        Args:
            response: What the handler returned; bytes are sent as they are.

        Raises:
            FaultException: ``Runtime.MarshalError``: the value cannot be expressed in JSON.
        """
        if isinstance(response, bytes):
            return response, BINARY
        try:
            return self._encode(response), JSON
        except Exception as error:
            raise FaultException(FaultException.MARSHAL_ERROR, f"Unable to marshal response: {error}") from error

    def _decode(self, request: bytes | str) -> Any:
        return codec().decode(request)

    def _encode(self, response: object) -> str | bytes:
        if self._encoder is None:
            self._encoder = codec().Encoder()
        text: str = self._encoder.encode(response)
        return text


def check_marshalled(result: object, content_type: object) -> None:
    """Holds marshallers of others to their protocol, while the failure can still be reported.

    Raises:
        FaultException: ``Runtime.MarshalError``: they are not what ``marshal_response`` returns.
    """
    if not isinstance(result, (str, bytes)):
        raise FaultException(
            FaultException.MARSHAL_ERROR, f"The marshaller returned {type(result).__name__}, not str or bytes"
        )
    if not (isinstance(content_type, str) and content_type.isascii() and content_type.isprintable()):
        raise FaultException(FaultException.MARSHAL_ERROR, f"The marshaller returned the media type {content_type!r}")


def is_json(content_type: str | None) -> bool:
    """Whether a ``Content-Type`` value means JSON."""
    if content_type is None or content_type == JSON:
        return True
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in ("", JSON)


def to_json(obj: object) -> str:
    """Returns the value as JSON text, as results are encoded.

    Raises:
        TypeError: It holds something that JSON cannot express.
        ValueError: It refers to itself.
    """
    text: str = codec().to_json(obj)
    return text


def encode_json(document: str | bytes) -> bytes:
    """Returns the document as UTF-8.

    A lone surrogate, which UTF-8 cannot carry, becomes the JSON escape that stands for it.
    """
    return document if isinstance(document, bytes) else document.encode("utf-8", "backslashreplace")
