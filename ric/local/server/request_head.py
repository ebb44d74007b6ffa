"""Reading the head of an HTTP request, and the fields behind a chunked body (RFC 9112 sections 2, 3, 5 and 7.1.2).

Rules: what is incomplete or could be read in two ways is no request. ``http.server`` leaves heads to the parser of
e-mails, which makes something of everything: it takes a bare CR for the end of a line, a line without a colon for the
beginning of the text, and the end of the connection for the end of the head. So the next server or the next line might
see another request than the one that is served, and half a request be served as a whole one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING

from ric.api.http11 import MAX_HEAD_BYTES, TOKEN_BYTES, is_token

if TYPE_CHECKING:
    from io import BufferedIOBase

# A target is ASCII by the specification; people type others, and clients send them as they are.
_REQUEST_LINE = re.compile(rb"([%b]+) ([^\x00-\x20\x7f]+) HTTP/(\d\.\d)\r?\n" % re.escape(TOKEN_BYTES))
_CONTROLS = bytes({*range(32), 127} - {ord("\t")})
_LINE_ENDS = (b"\r\n", b"\n")
_MAX_FIELDS = 100


class TruncatedHeadError(Exception):
    """The connection ended before the fields did."""


class MalformedHeadError(Exception):
    """The bytes are no request.

    Args:
        message: Which rule they break.
        status: The HTTP status that says so.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class RequestHead:
    """A request line and its fields.

    Args:
        method: The method.
        target: Path and query as sent.
        version: ``HTTP/1.1`` or ``HTTP/1.0``.
        fields: The header fields, in order.
    """

    method: str
    target: str
    version: str
    fields: Message

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection may carry another request (RFC 9112 section 9.3)."""
        values = ",".join(self.fields.get_all("Connection", []))
        options = {option.strip().lower() for option in values.split(",")}
        return "close" not in options and (self.version == "HTTP/1.1" or "keep-alive" in options)

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits to be told that its body is wanted (RFC 9110 section 10.1.1)."""
        return self.version == "HTTP/1.1" and self.fields.get("Expect", "").lower() == "100-continue"


def read_head(first_line: bytes, stream: BufferedIOBase) -> RequestHead:
    """Returns the head of a request.

    Args:
        first_line: Its first line, read before, with its end.
        stream: Where the rest follows.

    Raises:
        MalformedHeadError: It is not one that can be read in one way only.
        TruncatedHeadError: The client went away.
    """
    if not first_line.endswith(b"\n"):
        raise TruncatedHeadError
    match = _REQUEST_LINE.fullmatch(first_line)
    if match is None:
        raise MalformedHeadError(f"{first_line[:100]!r} is not a request line")
    method, target, version = (part.decode("latin-1") for part in match.groups())
    if not version.startswith("1."):
        raise MalformedHeadError(f"HTTP/{version} is not spoken here", 505)
    fields = read_fields(stream)
    if len(fields.get_all("Host", [])) > 1:
        raise MalformedHeadError("there is more than one Host")
    # A higher minor version is no more than the one that is known (RFC 9110 section 2.5).
    head = RequestHead(method, target, "HTTP/1.0" if version == "1.0" else "HTTP/1.1", fields)
    if head.version == "HTTP/1.0" and "Transfer-Encoding" in fields:
        raise MalformedHeadError("HTTP/1.0 has no Transfer-Encoding")
    return head


def read_fields(stream: BufferedIOBase) -> Message:
    """Returns fields up to the blank line behind them.

    Raises:
        MalformedHeadError: A line is no field, or they do not end.
        TruncatedHeadError: The client went away.
    """
    fields = Message()
    room_bytes = MAX_HEAD_BYTES
    while (line := stream.readline(room_bytes + 1)) not in _LINE_ENDS:
        room_bytes -= len(line)
        if room_bytes < 0:
            raise MalformedHeadError(f"the fields take more than {MAX_HEAD_BYTES} bytes", 431)
        if not line.endswith(b"\n"):
            raise TruncatedHeadError
        if len(fields) == _MAX_FIELDS:
            raise MalformedHeadError(f"there are more than {_MAX_FIELDS} fields", 431)
        name, value = _parse_field(line)
        fields[name] = value
    return fields


def _parse_field(line: bytes) -> tuple[str, str]:
    # Step by step, as an expression for all of it takes the square of the time for a value full of blanks.
    name, colon, value = line.removesuffix(b"\n").removesuffix(b"\r").partition(b":")
    value = value.strip(b" \t")
    if not is_token(name) or not colon or len(value.translate(None, _CONTROLS)) < len(value):
        raise MalformedHeadError(f"{line[:100]!r} is not a field")
    return name.decode("ascii"), value.decode("latin-1")
