"""From an exception to the documents that report it.

Two documents tell of a failure: the error document, which the caller gets (keys in upstream's order), and the X-Ray
error cause. The functions with upstream's signatures make what upstream makes; ``chains`` adds the exceptions behind
the error, ``error_fitting`` keeps both within what the platform takes. Third parties replace the makers of documents in
``ric.bootstrap``, which therefore hands in those that stand there; where one fails, ric's own makes the document.
Nothing in here may fail itself: exceptions whose ``str()`` raises, a deleted working directory and replaced functions
that break are all in a day's work.
"""

from __future__ import annotations

import os

from ric.errors import StreamingError
from ric.function.chains import add_causes, add_causes_to_xray
from ric.function.traces import (
    class_name,
    format_frames,
    is_fault,
    message_of,
    traceback_of,
    user_frames,
    user_trace,
    xray_exception,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Any

    from ric.function.traces import Frame

    Maker = Callable[..., dict[str, Any]]


def make_error(
    error_message: str | None,
    error_type: str | None,
    stack_trace: list[str] | None,
    invoke_id: str | None = None,
) -> dict[str, Any]:
    """Returns an error document.

    Args:
        error_message: What happened.
        error_type: A ``Runtime.*`` type or the name of the exception's class.
        stack_trace: Formatted frames, outermost first.
        invoke_id: The request id; None at initialisation.
    """
    return {
        "errorMessage": error_message or "",
        "errorType": error_type or "",
        "requestId": "" if invoke_id is None else invoke_id,
        "stackTrace": stack_trace or [],
    }


def build_fault_result(
    exc_info: tuple[Any, Any, TracebackType | None],
    msg: str | None,
    invoke_id: str | None = None,
    make: Maker = make_error,
) -> dict[str, Any]:
    """Returns the error document of an exception, with its notes and the exceptions behind it.

    Args:
        exc_info: The exception, as ``sys.exc_info()`` gives it.
        msg: Stands in for the exception's own message if not empty.
        invoke_id: The request id; None at initialisation.
        make: Makes the document of message, type, stack trace and request id.
    """
    etype, value, tb = exc_info
    stack_trace = format_frames(user_frames(tb))
    document = _made_by(make, make_error, msg or message_of(value), class_name(etype), stack_trace, invoke_id)
    return add_causes(document, value)


def make_xray_fault(ex_type: str, ex_msg: str, working_dir: str, tb_tuples: Sequence[Frame]) -> dict[str, Any]:
    """Returns the X-Ray error cause of an exception.

    Args:
        ex_type: Name of its class.
        ex_msg: Its message.
        working_dir: The function's working directory.
        tb_tuples: File, line, function and source of each frame, outermost first.
    """
    return {
        "working_directory": working_dir,
        "exceptions": [xray_exception(ex_type, ex_msg, tb_tuples)],
        "paths": list({path for path, _, _, _ in tb_tuples}),
    }


def error_document_of(error: BaseException, make: Maker, build: Maker, *invoke_id: str) -> dict[str, Any]:
    """Returns the error document of what was raised.

    Args:
        error: What was raised.
        make: Makes the document of a failure that the runtime found, as ``make_error`` does.
        build: Makes the document of any other exception, as ``build_fault_result`` does.
        invoke_id: The request id; left out at initialisation.
    """
    if is_fault(error):
        trace = user_trace(traceback_of(error)) if isinstance(error, StreamingError) else error.trace
        return add_causes(_made_by(make, make_error, error.msg, error.exception_type, trace, *invoke_id), error)
    exc_info = (type(error), error, traceback_of(error))
    return _made_by(build, build_fault_result, exc_info, None, *invoke_id)


def xray_fault_of(error: BaseException, make: Maker) -> dict[str, Any]:
    """Returns the X-Ray error cause of what was raised.

    Args:
        error: What was raised.
        make: Makes the cause of type, message, working directory and frames, as ``make_xray_fault`` does.
    """
    summary: tuple[str, str, str, list[Any]]
    if is_fault(error):
        summary = ("LambdaValidationError", error.msg, _working_directory(), [])
    else:
        frames = user_frames(traceback_of(error))
        summary = (class_name(type(error)), message_of(error), _working_directory(), frames)
    return add_causes_to_xray(_made_by(make, make_xray_fault, *summary), error)


def _made_by(make: Maker, own: Maker, *args: Any) -> dict[str, Any]:
    """Makes a document with a function that third parties may have replaced.

    Args:
        make: The function as it is now.
        own: The one that ric put there, called when that one fails or makes no document at all.
        args: What it is called with.
    """
    try:
        document = make(*args)
    except Exception:  # noqa: BLE001 - somebody else's; the error that is being reported counts more
        return own(*args)
    return document if isinstance(document, dict) else own(*args)


def _working_directory() -> str:
    """Returns the working directory, ``""`` if it no longer exists."""
    try:
        return os.getcwd()
    except OSError:
        return ""
