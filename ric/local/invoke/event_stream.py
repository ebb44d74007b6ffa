"""The framing of AWS's event streams, ``application/vnd.amazon.eventstream``: bytes of messages, no I/O.

A message is the total length, the length of its headers and the CRC-32 of these two, then headers and payload,
then the CRC-32 of all before. A header is the length of its name, the name, the type of its value (7: string),
the value's length and the value. Specification: "Event stream encoding" in the Amazon Transcribe developer
guide, and in the Smithy documentation.
"""

from __future__ import annotations

import json
import struct
import zlib

from ric.local.json_documents import JSON_TYPE

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_PRELUDE = struct.Struct(">II")
_CRC = struct.Struct(">I")
_STRING_HEADER = struct.Struct(">BH")
_STRING_TYPE = 7


def payload_chunk(data: bytes) -> bytes:
    """Returns the message with a piece of the function's response."""
    return _message("PayloadChunk", "application/octet-stream", data)


def invoke_complete(error_code: str | None = None, error_details: str | None = None, log: str | None = None) -> bytes:
    """Returns the message that ends the stream.

    Args:
        error_code: ``Unhandled`` if the function failed.
        error_details: Then its error document.
        log: The end of the log in base64, if the caller asked for it.
    """
    fields = {"ErrorCode": error_code, "ErrorDetails": error_details, "LogResult": log}
    document = {name: value for name, value in fields.items() if value is not None}
    return _message("InvokeComplete", JSON_TYPE, json.dumps(document).encode())


def _message(event_type: str, content_type: str, payload: bytes) -> bytes:
    headers = b"".join(
        _header(name, value)
        for name, value in (
            (":message-type", "event"),
            (":event-type", event_type),
            (":content-type", content_type),
        )
    )
    total_bytes = _PRELUDE.size + _CRC.size + len(headers) + len(payload) + _CRC.size
    prelude = _PRELUDE.pack(total_bytes, len(headers))
    message = prelude + _CRC.pack(zlib.crc32(prelude)) + headers + payload
    return message + _CRC.pack(zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    encoded = value.encode()
    return bytes([len(name)]) + name.encode() + _STRING_HEADER.pack(_STRING_TYPE, len(encoded)) + encoded
