"""What a single exception says of itself: its class, message, notes and frames, and the exceptions right behind it.

Exceptions are the user's objects, and reading them may run the user's code. So what Python keeps for itself (traceback,
cause, context, the members of a group, the name of a class) is read where Python keeps it, past any property that a
subclass puts in front; what only user code can give is asked for with a guard around it. Nothing in here raises.
"""

from __future__ import annotations

import importlib
import os

from ric.errors import FaultException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import Any, TypeGuard

    Frame = tuple[str, int | None, str, str | None]

MAX_NOTES = 50
"""More notes than these are only counted."""

_OWN_DIRECTORY = os.path.dirname(os.path.dirname(__file__)) + os.sep
_WAYS_TO_THE_HANDLER = os.path.dirname(__file__) + os.sep
_ADAPTERS = _WAYS_TO_THE_HANDLER + "adapters.py"
_IMPORT_MACHINERY = (os.path.dirname(importlib.__file__) + os.sep, "<frozen importlib", "<frozen zipimport")

_name = type.__dict__["__name__"].__get__
_mro = type.__dict__["__mro__"].__get__
_traceback = BaseException.__dict__["__traceback__"].__get__
_cause = BaseException.__dict__["__cause__"].__get__
_context = BaseException.__dict__["__context__"].__get__
_suppress_context = BaseException.__dict__["__suppress_context__"].__get__


def class_name(error_class: type) -> str:
    """Returns the name of a class, whatever its metaclass says."""
    name: str = _name(error_class)
    return name


def traceback_of(error: BaseException) -> TracebackType | None:
    """Returns the traceback, None if it was never raised."""
    tb: TracebackType | None = _traceback(error)
    return tb


def message_of(value: object) -> str:
    """Returns ``str(value)``, or a stand-in when the user's ``__str__`` itself fails."""
    try:
        # A subclass of str may have methods of its own, which would run wherever the message is measured or cut.
        return str.__str__(str(value))
    except BaseException as error:  # noqa: BLE001 - user code, which may raise anything
        return f"<{class_name(type(value))}, whose str() raised {class_name(type(error))}>"


def notes_of(error: BaseException) -> list[str]:
    """Returns the notes (``add_note``, PEP 678) as text, whatever was put in their place."""
    try:
        notes = error.__notes__
        if notes is None:
            return []
        if not isinstance(notes, (list, tuple)):
            return [message_of(notes)]
        # Through the built-in type: a subclass may never come to an end.
        kind = list if isinstance(notes, list) else tuple
        shown = [message_of(note) for note in kind.__getitem__(notes, slice(MAX_NOTES))]
        left_out = kind.__len__(notes) - len(shown)
    except BaseException:  # noqa: BLE001 - mostly an AttributeError: it has none
        return []
    return [*shown, f"... ({left_out} more notes)"] if left_out > 0 else shown


def is_fault(error: BaseException) -> TypeGuard[FaultException]:
    """Whether an error is a FaultException with all its fields, which a subclass of the user's may lack."""
    fault: Any = error
    try:
        # isinstance would ask the error for its __class__, which may be a property of the user's.
        return issubclass(type(error), FaultException) and bool((fault.exception_type, fault.msg, fault.trace))
    except Exception:  # noqa: BLE001 - a subclass which never called FaultException.__init__
        return False


def members_of(error: BaseException) -> tuple[BaseException, ...] | None:
    """Returns the members of an exception group, None for any other exception.

    Besides the built-in groups (Python 3.11) these are the ones of the package ``exceptiongroup``, which older Pythons
    use in their place.
    """
    try:
        for base in _mro(type(error)):
            if _name(base) == "BaseExceptionGroup":
                found = base.exceptions.__get__(error)
                return tuple(member for member in found if issubclass(type(member), BaseException))
    except BaseException:  # noqa: BLE001 - a class of the user's that only has the name
        return None
    return None


def reason_of(error: BaseException) -> BaseException | None:
    """Returns what it was raised from, or else while handling what it was raised, unless that was suppressed."""
    reason: BaseException | None = _cause(error)
    if reason is None and not _suppress_context(error):
        reason = _context(error)
    return reason


def extract_traceback(tb: TracebackType | None) -> list[Frame]:
    """Returns file, line, function and source of each frame, outermost first."""
    try:
        import traceback

        return [(frame.filename, frame.lineno, frame.name, frame.line) for frame in traceback.extract_tb(tb)]
    except Exception:  # noqa: BLE001 - out of descriptors no file can be opened; user code may have patched anything
        return list(_frames_without_source(tb))


def user_frames(tb: TracebackType | None) -> list[Frame]:
    """Returns the frames of a traceback without the runtime's own ones that lead to the user's code.

    They stand before the first frame of the user's, and where a tracker has wrapped the handler, between that and the
    handler. What the user's code called of the runtime, such as the log's handler, stays. An exception that never
    reached user code, such as a handler with the wrong number of arguments, keeps its frames, but for the adapter's,
    which stands between loop and handler whatever the handler is.
    """
    first = tb
    while first is not None and first.tb_frame.f_code.co_filename.startswith(_OWN_DIRECTORY):
        first = first.tb_next  # before the frames are extracted, which takes long
    frames = extract_traceback(tb if first is None else first)
    last = max((index for index, frame in enumerate(frames) if not frame[0].startswith(_OWN_DIRECTORY)), default=0)
    return [
        frame
        for index, frame in enumerate(frames)
        if frame[0] != _ADAPTERS and not (index < last and frame[0].startswith(_WAYS_TO_THE_HANDLER))
    ]


def user_trace(tb: TracebackType | None) -> list[str]:
    """Returns the formatted frames of a traceback from the user's first one on; none if it did not get that far."""
    frames = user_frames(tb)
    return [] if frames and frames[0][0].startswith(_OWN_DIRECTORY) else format_frames(frames)


def frames_between_imports(tb: TracebackType | None) -> list[Frame]:
    """Returns the frames of a traceback as ``user_frames`` does, and without those of the import machinery."""
    return [frame for frame in user_frames(tb) if not frame[0].startswith(_IMPORT_MACHINERY)]


def format_frames(frames: Sequence[Frame]) -> list[str]:
    """Returns the frames in the form of a printed traceback, one text with its line ends for each."""
    try:
        import traceback

        # Tuples rather than frame summaries: these are formatted without the carets that newer Pythons draw.
        return traceback.format_list(frames)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - as above
        return [f'  File "{path}", line {line}, in {function}\n' for path, line, function, _ in frames]


def xray_exception(type_name: str, message: str, frames: Sequence[Frame]) -> dict[str, Any]:
    """Returns an exception as X-Ray causes have it."""
    return {
        "message": message,
        "type": type_name,
        "stack": [{"label": label, "path": path, "line": line} for path, line, label, _ in frames],
    }


def _frames_without_source(tb: TracebackType | None) -> Iterator[Frame]:
    while tb is not None:
        code = tb.tb_frame.f_code
        yield code.co_filename, tb.tb_lineno, code.co_name, None
        tb = tb.tb_next
