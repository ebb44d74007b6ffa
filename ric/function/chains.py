"""The exceptions behind an exception: what it was raised from, while handling what, and the members of a group.

They are told in the key ``cause`` of the error document and as further exceptions of the X-Ray cause, those nearest to
the error first, each once. How many there are and how much they say is bounded: at most 50, in at most 1 MiB and in
what the error itself leaves of the room in the document; ``causesLeftOut`` counts the rest. docs/runtime.md shows the
result. Walks are loops and not recursions, since a chain may be longer than the stack is deep.
"""

from __future__ import annotations

import sys

from ric.api.error_fitting import CROPPED_MESSAGE_CHARACTERS, Room, cropped, json_size
from ric.api.marshal import to_json
from ric.api.protocol import MAX_RESPONSE_BYTES
from ric.errors import FaultException
from ric.function.traces import (
    class_name,
    format_frames,
    frames_between_imports,
    is_fault,
    members_of,
    message_of,
    notes_of,
    reason_of,
    traceback_of,
    xray_exception,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ric.function.traces import Frame

MAX_TOLD = 50
"""How many exceptions are reported besides the error itself."""

MAX_TOLD_BYTES = 1024 * 1024
"""How much of the error document they may fill, with all notes."""

_MAX_COUNTED = 100_000  # A longer chain is not walked to its end, only to say how long it is.
_MAX_NESTING = 60  # Common JSON readers give up at 64.
_FURNITURE_BYTES = 100  # keys and punctuation of one exception

# What is kept free for the runtime's own calls below a low recursion limit, and what coding a level of JSON may take.
_KEPT_CALLS = 40
_CALLS_PER_LEVEL = 4


class Told:
    """An exception to report besides the error.

    Args:
        error: The exception.
        parent: The one that it stands behind; None for the error that is reported.

    Attributes:
        is_group: Whether those behind it form a list.
        nesting: How deep in the document it stands.
    """

    __slots__ = ("error", "is_group", "nesting", "parent")

    def __init__(self, error: BaseException, parent: Told | None = None) -> None:
        self.error = error
        self.parent = parent
        self.is_group = members_of(error) is not None
        self.nesting: int = 0 if parent is None else parent.nesting + (2 if parent.is_group else 1)

    def frames(self) -> list[Frame]:
        """Returns the frames of the user's files."""
        return frames_between_imports(traceback_of(self.error))


def follow(error: BaseException) -> tuple[list[Told], int]:
    """Selects which underlying exceptions to report.

    Returns:
        The exceptions, nearest first, and how many are left out.
    """
    nearest = _behind_reported(error)
    if not nearest:
        return [], 0
    told = [Told(error)]
    left_out = 0
    seen = {id(error)}
    max_nesting = _max_nesting()
    for node in told:
        for behind in _behind(node.error) if node.parent else nearest:
            if id(behind) in seen:
                continue
            seen.add(id(behind))
            child = Told(behind, node)
            if len(told) <= MAX_TOLD and child.nesting <= max_nesting:
                told.append(child)
            else:
                left_out += 1 + _count_behind(behind, seen)
    return told[1:], left_out


def add_causes(document: dict[str, Any], error: BaseException) -> dict[str, Any]:
    """Returns the error document with the notes of the error and the exceptions behind it.

    Args:
        document: The document so far; it is returned as it is when there is nothing more to tell.
        error: The error that it is about.
    """
    try:
        told, left_out = follow(error)
        # What ric says itself is complete; notes on it would be ric's, too.
        notes = [] if is_fault(error) else notes_of(error)
        if not (told or left_out or notes):
            return document
        room = Room(min(MAX_TOLD_BYTES, MAX_RESPONSE_BYTES - json_size(document, to_json) - Room.SMALLEST_BYTES))
        return {**document, **_describe(notes, told, left_out, room)}
    except Exception:  # noqa: BLE001 - out of memory, or a document that somebody made in another form
        return document


def add_causes_to_xray(fault: dict[str, Any], error: BaseException) -> dict[str, Any]:
    """Returns the X-Ray error cause with the exceptions behind the error.

    Args:
        fault: The cause so far; it is returned as it is when there is nothing more to tell.
        error: The error that it is about.
    """
    try:
        told, _ = follow(error)
        if not told:
            return fault
        exceptions = [_xray_exception(node) for node in told]
        paths = {frame["path"] for exception in exceptions for frame in exception["stack"]}
        return {**fault, "exceptions": [*fault["exceptions"], *exceptions], "paths": list(paths.union(fault["paths"]))}
    except Exception:  # noqa: BLE001 - as above
        return fault


def _behind(error: BaseException) -> list[BaseException]:
    """Returns the exceptions right behind one: the members of a group, then what it was raised from."""
    reason = reason_of(error)
    return [*(members_of(error) or ()), *([] if reason is None else [reason])]


def _behind_reported(error: BaseException) -> list[BaseException]:
    """Returns the exceptions right behind the error that is reported.

    A fault of ric's own says all there is to say, unless an import failed inside of the user's files. A handler module
    that is missing is no such case: no file of the user's had a part in that, and nothing is left of the traceback once
    the frames of the import machinery are out of it.
    """
    if not is_fault(error):
        return _behind(error)
    reason = reason_of(error)
    is_failed_import = (
        reason is not None
        and error.exception_type == FaultException.IMPORT_MODULE_ERROR
        and issubclass(type(reason), ImportError)
        and bool(frames_between_imports(traceback_of(reason)))
    )
    return [reason] if reason is not None and is_failed_import else []


def _count_behind(error: BaseException, seen: set[int]) -> int:
    """Returns how many exceptions stand behind one, without those seen before."""
    pending = [error]
    count = 0
    while pending and count < _MAX_COUNTED:
        for behind in _behind(pending.pop()):
            if id(behind) not in seen:
                seen.add(id(behind))
                pending.append(behind)
                count += 1
    return count


def _max_nesting() -> int:
    """Returns how deep a document may nest: a low recursion limit of the user's must not keep it from being encoded."""
    depth = 0
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        depth += 1
    spare_calls = sys.getrecursionlimit() - depth - _KEPT_CALLS
    return max(0, min(_MAX_NESTING, spare_calls // _CALLS_PER_LEVEL))


def _describe(notes: list[str], told: list[Told], left_out: int, room: Room) -> dict[str, Any]:
    """Returns the additional keys of the error document."""
    additions: dict[str, Any] = {}
    if notes and not room.is_full:
        additions["notes"] = [room.take(note) for note in notes]
    documents: dict[Told, dict[str, Any]] = {}
    for number, node in enumerate(told):
        if room.is_full:
            left_out += len(told) - number
            break
        documents[node] = _document_of(node, room)
        parent = node.parent
        _attach(documents[node], documents.get(parent, additions) if parent else additions, node)
    if left_out:
        additions["causesLeftOut"] = left_out
    return additions


def _attach(document: dict[str, Any], parent_document: dict[str, Any], node: Told) -> None:
    if node.parent is not None and node.parent.is_group:
        parent_document.setdefault("cause", []).append(document)
    else:
        parent_document["cause"] = document


def _document_of(node: Told, room: Room) -> dict[str, Any]:
    room.shrink(_FURNITURE_BYTES)
    document: dict[str, Any] = {
        "errorType": room.take(class_name(type(node.error))),
        "errorMessage": room.take(message_of(node.error)),
        "stackTrace": room.take_stack(format_frames(node.frames())),
    }
    notes = [room.take(note) for note in notes_of(node.error)]
    return {**document, "notes": notes} if notes else document


def _xray_exception(node: Told) -> dict[str, Any]:
    message = cropped(message_of(node.error), CROPPED_MESSAGE_CHARACTERS)
    return xray_exception(class_name(type(node.error)), message, node.frames())
