"""From an exception to the documents that report it.

Two documents tell of a failure: the error document, which the caller gets (keys in upstream's order), and the X-Ray
error cause. Nothing in here may fail itself: exceptions whose ``str()`` raises, a deleted working directory and
traces longer than the platform takes are all in a day's work.
"""

from __future__ import annotations

import os

from ric.api.protocol import MAX_XRAY_CAUSE_BYTES, ascii_json
from ric.function.traces import class_name, format_frames, message_of, user_frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Any

    from ric.function.traces import Frame

_CROPPED_MESSAGE_CHARACTERS = 4096


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
    make: Callable[..., dict[str, Any]] = make_error,
) -> dict[str, Any]:
    """Returns the error document of an exception.

    Args:
        exc_info: The exception, as ``sys.exc_info()`` gives it.
        msg: Stands in for the exception's own message if not empty.
        invoke_id: The request id; None at initialisation.
        make: Makes the document of message, type, stack trace and request id.
    """
    etype, value, tb = exc_info
    frames = user_frames(tb)
    return make(msg or message_of(value), class_name(etype), format_frames(frames), invoke_id)


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
        "exceptions": [
            {
                "message": ex_msg,
                "type": ex_type,
                "stack": [{"label": label, "path": path, "line": line} for path, line, label, _ in tb_tuples],
            }
        ],
        "paths": list({path for path, _, _, _ in tb_tuples}),
    }


def shorten_xray_fault(fault: dict[str, Any], encode: Callable[[object], str]) -> dict[str, Any]:
    """Returns an X-Ray error cause that the platform takes whole, with frames from the middle left out if need be.

    Args:
        fault: The cause as made by make_xray_fault.
        encode: Turns it into JSON, to measure it.
    """
    exception = fault["exceptions"][0]
    stack = exception["stack"]
    message = exception["message"]
    kept = len(stack)
    while len(ascii_json(encode(fault))) > MAX_XRAY_CAUSE_BYTES and (kept > 1 or message):
        if len(message) > _CROPPED_MESSAGE_CHARACTERS:
            message = message[:_CROPPED_MESSAGE_CHARACTERS]
        elif kept > 1:
            kept //= 2
        else:
            message = message[: len(message) // 2]
        frames = [*stack[: kept // 2], *stack[len(stack) - (kept - kept // 2) :]]
        fault = {
            **fault,
            "exceptions": [{**exception, "message": message, "stack": frames}],
            "paths": list({frame["path"] for frame in frames}),
        }
    return fault


def working_directory() -> str:
    """Returns the working directory, ``""`` if it no longer exists."""
    try:
        return os.getcwd()
    except OSError:
        return ""
