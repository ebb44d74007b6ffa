"""What can come of reading bytes, the same for ric and for h11, so that the two can be compared."""

from __future__ import annotations

from typing import NamedTuple


class Message(NamedTuple):
    """A complete message.

    Attributes:
        start: The status; of a request, method and target.
        headers: Values by lower-case name, repeated ones joined with a comma, without those that only frame the body.
        body: The decoded content.
        trailers: As the headers; None where the reader does not look at them.
        is_reusable: Whether the connection may carry another message.
    """

    start: tuple[int | bytes, ...]
    headers: dict[bytes, bytes]
    body: bytes
    trailers: dict[bytes, bytes] | None
    is_reusable: bool


class Refused(NamedTuple):
    """The bytes are not a message, or not a whole one.

    Attributes:
        why: For people; two readers word it differently.
    """

    why: str


class Incomplete(NamedTuple):
    """The connection is open, and more is waited for."""


Reading = Message | Refused | Incomplete

# Each parser normalises these in its own way; that both mean the same length shows in the body.
FRAMING_FIELDS = (b"content-length", b"transfer-encoding")


def joined(fields: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Returns fields as readings hold them."""
    values: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        values.setdefault(name.lower(), []).append(value)
    return {name: b", ".join(of_one) for name, of_one in values.items() if name not in FRAMING_FIELDS}
