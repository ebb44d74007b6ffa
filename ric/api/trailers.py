"""How a response that broke off tells why: fields behind the last chunk, the error document among them in base64.

The platform's server, which is written in Go, reads such fields through a buffer of 4,096 bytes and takes longer ones
for an attack: the whole response fails then. So the document is shortened until it fits; the log has all of it.
"""

from __future__ import annotations

from binascii import b2a_base64

from ric.api import protocol
from ric.api.error_fitting import fit_error_document
from ric.api.json_codec import decode, to_json
from ric.api.marshal import encode_json


def error_trailers(document: bytes, error_type: str) -> list[tuple[str, str]]:
    """Returns the fields that tell of a failure.

    Args:
        document: The error document, as JSON.
        error_type: ``Function.*`` or ``Runtime.*``.
    """
    furniture_bytes = len(protocol.ERROR_TYPE) + len(error_type) + len(protocol.ERROR_BODY) + len(": \r\n") * 2
    room = protocol.MAX_TRAILER_BYTES - furniture_bytes
    return [
        (protocol.ERROR_TYPE, error_type),
        (protocol.ERROR_BODY, b2a_base64(_shortened(document, room // 4 * 3), newline=False).decode()),
    ]


def _shortened(document: bytes, limit_bytes: int) -> bytes:
    if len(document) <= limit_bytes:
        return document
    try:
        fields = decode(document)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return b""  # somebody posts a document of another form; half of it is none
    return encode_json(to_json(fit_error_document(fields, to_json, limit_bytes)))
