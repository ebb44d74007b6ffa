"""Fits error documents and X-Ray causes to the sizes that the platform takes.

The beginning of a message, both ends of a stack and the first of several exceptions say most; what lies between or
behind them goes first. Functions here take documents that third parties made, so they expect anything in them and do
not raise.
"""

from __future__ import annotations

from ric.api.marshal import encode_json, to_json
from ric.api.protocol import MAX_RESPONSE_BYTES, MAX_XRAY_CAUSE_BYTES, ascii_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CROPPED_MESSAGE_CHARACTERS = 4096
"""How much of a long message is kept in an X-Ray cause."""

_CROPPED_TYPE_CHARACTERS = 1000
# Stacks of causes, once there is not room for everything.
_CROPPED_STACK_FRAMES = 16


def json_size(value: object, encode: Callable[[object], str]) -> int:
    """Returns how many bytes a value has on the wire.

    Args:
        value: A document or a part of one.
        encode: Turns it into JSON.

    Raises:
        Exception: Whatever ``encode`` raises.
    """
    return len(encode_json(encode(value)))


class Room:
    """How much of a document may still be filled.

    No single text takes more than half of what is left, so that something remains for those behind it.

    Args:
        left_bytes: How many bytes of JSON.
    """

    SMALLEST_BYTES = 2000
    """With less than this left, nothing more is worth telling."""

    def __init__(self, left_bytes: int) -> None:
        self._left_bytes = left_bytes

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another exception."""
        return self._left_bytes < self.SMALLEST_BYTES

    def shrink(self, count_bytes: int) -> None:
        """Takes room for keys and punctuation."""
        self._left_bytes -= count_bytes

    def take(self, text: str) -> str:
        """Returns the text, or as much of it as there is room for."""
        length = len(text)
        half = max(0, self._left_bytes // 2)
        while (size := json_size(text[:length], to_json)) > half and length:
            length = length * half // size  # in proportion, since a character may take twelve bytes
        self.shrink(size)
        return cropped(text, length)

    def take_stack(self, lines: list[str]) -> list[str]:
        """Returns the texts of the frames, without the outermost ones for which there is no room."""
        half = max(0, self._left_bytes // 2)
        first = len(lines)
        while first and (size := json_size(lines[first - 1], to_json)) <= half:
            half -= size
            self.shrink(size)
            first -= 1
        return [f"  [{first} frames left out]\n", *lines[first:]] if first else lines


def cropped(text: str, length: int) -> str:
    """Returns the first characters of a text that is longer than ``length``, and how many there were more."""
    return text if len(text) <= length else f"{text[:length]}... ({len(text) - length} more characters)"


def bare(document: object) -> dict[str, Any]:
    """Returns an error document with nothing but upstream's fields, as text, and the count of what is missing.

    Args:
        document: The document; anything that is none becomes the message.
    """
    if not isinstance(document, dict):
        return {"errorMessage": _text(document), "errorType": "", "requestId": "", "stackTrace": []}
    field = dict(document).get
    stack_trace = field("stackTrace")
    fields: dict[str, Any] = {
        "errorMessage": _text(field("errorMessage")),
        "errorType": cropped(_text(field("errorType")), _CROPPED_TYPE_CHARACTERS),
        "requestId": _text(field("requestId")),
        "stackTrace": [_text(entry) for entry in stack_trace] if isinstance(stack_trace, list) else [],
    }
    left_out = field("causesLeftOut")
    return {**fields, "causesLeftOut": left_out} if type(left_out) is int else fields


def fit_error_document(
    document: dict[str, Any], encode: Callable[[object], str], limit_bytes: int = MAX_RESPONSE_BYTES
) -> dict[str, Any]:
    """Returns an error document that Lambda takes, and that can be encoded.

    Args:
        document: The document; one that fits is returned as it is.
        encode: Turns it into JSON.
        limit_bytes: How many bytes of JSON it may take.
    """
    try:
        if json_size(document, encode) <= limit_bytes:
            return document
    except Exception:  # noqa: BLE001, S110 - it cannot be encoded; the texts in it can
        pass
    fitting = bare(document)
    try:
        _fit_stack(fitting, encode, limit_bytes)
        _fit_message(fitting, encode, limit_bytes)
    except Exception:  # noqa: BLE001, S110 - somebody else's encoder; what it makes of the document is theirs
        pass
    return fitting


def encode_error_document(document: dict[str, Any], encode: Callable[[object], str]) -> str:
    """Returns an error document as JSON that Lambda takes.

    Args:
        document: The document.
        encode: Turns it into JSON; if that fails ric's own encoder does.
    """
    try:
        text = encode(document)
        if len(encode_json(text)) <= MAX_RESPONSE_BYTES:  # as nearly all do, so that one encoding is enough
            return text
        text = encode(fit_error_document(document, encode))
        if isinstance(text, (str, bytes)):
            return text
    except Exception:  # noqa: BLE001, S110 - somebody replaced it, or the document cannot be encoded
        pass
    return to_json(fit_error_document(document, to_json))


def shorten_xray_fault(fault: dict[str, Any], encode: Callable[[object], str]) -> dict[str, Any]:
    """Returns an X-Ray error cause that the platform takes whole.

    If need be it leaves out, in this order: long messages and the middle of the stacks of all exceptions but the first,
    then these exceptions, the last ones first, then the middle of the first one's stack and the end of its message.

    Args:
        fault: The cause as made by make_xray_fault, perhaps with further exceptions; it is not changed.
        encode: Turns it into JSON, to measure it.
    """
    first, *others = fault["exceptions"]
    if others and _is_long(fault, encode):
        others = [_with_limits(other, CROPPED_MESSAGE_CHARACTERS // 4, _CROPPED_STACK_FRAMES) for other in others]
        fault = _with_exceptions(fault, [first, *others])
    while others and _is_long(fault, encode):
        others = others[: len(others) // 2]
        fault = _with_exceptions(fault, [first, *others])
    characters, frames = len(first["message"]), len(first["stack"])
    while (frames > 1 or characters) and _is_long(fault, encode):
        if characters > CROPPED_MESSAGE_CHARACTERS:
            characters = CROPPED_MESSAGE_CHARACTERS
        elif frames > 1:
            frames //= 2
        else:
            characters //= 2
        fault = _with_exceptions(fault, [_with_limits(first, characters, frames)])
    return fault


def encode_xray_fault(fault: dict[str, Any], encode: Callable[[object], str]) -> str:
    """Returns an X-Ray error cause as JSON, shortened if need be.

    Args:
        fault: The cause, as somebody made it; one in a form of their own is left as it is.
        encode: Turns it into JSON.

    Returns:
        ``""`` if it cannot be encoded: the error document counts more.
    """
    try:
        text = encode(fault)
        if _is_short(text):  # as nearly all are, so that one encoding is enough
            return text
        try:
            return encode(shorten_xray_fault(fault, encode))
        except (LookupError, TypeError, ValueError):
            return text
    except Exception:  # noqa: BLE001 - as documented
        return ""


def _is_short(text: str) -> bool:
    return len(ascii_json(text)) <= MAX_XRAY_CAUSE_BYTES


def _is_long(fault: dict[str, Any], encode: Callable[[object], str]) -> bool:
    return not _is_short(encode(fault))


def _with_limits(exception: dict[str, Any], characters: int, frames: int) -> dict[str, Any]:
    lengths = {"message": characters, "type": _CROPPED_TYPE_CHARACTERS}
    texts = {name: exception[name][:length] for name, length in lengths.items() if name in exception}
    return {**exception, **texts, "stack": _without_middle(exception["stack"], frames)}


def _with_exceptions(fault: dict[str, Any], exceptions: list[dict[str, Any]]) -> dict[str, Any]:
    paths = {frame["path"] for exception in exceptions for frame in exception["stack"]}
    return {**fault, "exceptions": exceptions, "paths": list(paths)}


def _without_middle(items: list[Any], kept: int) -> list[Any]:
    if len(items) <= kept:
        return items
    return [*items[: kept // 2], *items[len(items) - (kept - kept // 2) :]]


def _text(value: object) -> str:
    if type(value) is str:
        return value
    try:
        return "" if value is None else repr(value)
    except Exception:  # noqa: BLE001 - the user's
        return f"<{type(value).__name__}>"


def _fit_stack(document: dict[str, Any], encode: Callable[[object], str], limit_bytes: int) -> None:
    """Leaves out the middle of a stack that takes more than half of the room."""
    kept = len(document["stackTrace"])
    while kept and json_size(document["stackTrace"], encode) > limit_bytes // 2:
        kept //= 2
        document["stackTrace"] = _without_middle(document["stackTrace"], kept)


def _fit_message(document: dict[str, Any], encode: Callable[[object], str], limit_bytes: int) -> None:
    message = document["errorMessage"]
    length = len(message)
    while length and (size := json_size(document, encode)) > limit_bytes:
        # In proportion, since a character may take twelve bytes; the constant is room for the note about the rest.
        length = max(0, length * limit_bytes // size - 64)
        document["errorMessage"] = cropped(message, length)
