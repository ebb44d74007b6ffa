"""How a response that broke off tells why: fields behind the last chunk, the error document among them in base64.

The platform's server, which is written in Go, reads such fields through a buffer of 4,096 bytes and takes longer ones
for an attack: the whole response fails then. So the document is shortened until it fits; the log has all of it.
"""

from __future__ import annotations

from binascii import b2a_base64

from ric.api import protocol
from ric.api.json_codec import decode, to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_TRAILER_BYTES = 4000
_TYPE_CHARACTERS = 256
_CROPPED = " ..."


def error_trailers(document: bytes, error_type: str) -> list[tuple[str, str]]:
    """Returns the fields that tell of a failure.

    Args:
        document: The error document, as JSON.
        error_type: ``Function.*`` or ``Runtime.*``.
    """
    error_type = error_type[:_TYPE_CHARACTERS]
    room = MAX_TRAILER_BYTES - len(protocol.ERROR_TYPE) - len(error_type) - len(protocol.ERROR_BODY) - len(": \r\n") * 2
    return [
        (protocol.ERROR_TYPE, error_type),
        (protocol.ERROR_BODY, b2a_base64(_shortened(document, room // 4 * 3), newline=False).decode()),
    ]


def _shortened(document: bytes, limit_bytes: int) -> bytes:
    """Returns the document, less what is too much: the causes, the middle of the stack, the end of the message."""
    if len(document) <= limit_bytes:
        return document
    try:
        fields = decode(document)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return b""  # somebody posts a document of another form; half of it is none
    kept: dict[str, Any] = {name: fields.get(name) for name in ("errorMessage", "errorType", "requestId", "stackTrace")}
    kept["errorType"] = str(kept["errorType"])[:_TYPE_CHARACTERS]
    message, stack = str(kept["errorMessage"] or ""), list(kept["stackTrace"] or ())
    frames, characters = len(stack), len(message)
    while len(encoded := _encode(kept)) > limit_bytes and (frames or characters):
        # The message gets half of the room, or more if the frames leave it.
        if not frames or len(_encode(kept["errorMessage"])) > limit_bytes // 2:
            characters = min(characters // 2, limit_bytes)
        else:
            frames //= 2
        kept["errorMessage"] = message if characters == len(message) else message[:characters] + _CROPPED
        kept["stackTrace"] = stack[: frames // 2] + stack[len(stack) - (frames - frames // 2) :]
    return encoded


def _encode(value: object) -> bytes:
    return to_json(value).encode("utf-8", "backslashreplace")
