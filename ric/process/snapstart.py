"""SnapStart: the function's hooks around the snapshot of this process.

Source: "Implement code before or after Lambda function snapshots" in the Lambda developer guide. Hooks are registered
through the package ``snapshot_restore_py``: those for before run last registered first, those for after in order.
"""

from __future__ import annotations

import sys

from snapshot_restore_py import get_after_restore, get_before_snapshot

from ric.api.error_fitting import fit_error_document
from ric.api.marshal import to_json
from ric.errors import EXIT_AFTER_RESTORE, EXIT_BEFORE_SNAPSHOT, FaultException, RicError
from ric.function.faults import build_fault_result
from ric.process.error_log import log_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ric.api.client import BaseLambdaRuntimeClient


def run_before_snapshot() -> None:
    """Runs the before-snapshot hooks, last registered first, and takes each off the list."""
    hooks = get_before_snapshot()
    while hooks:
        function, args, kwargs = hooks.pop()
        function(*args, **kwargs)


def run_after_restore() -> None:
    """Runs the after-restore hooks in the order of their registration."""
    for function, args, kwargs in get_after_restore():
        function(*args, **kwargs)


def on_init_complete(lambda_runtime_client: BaseLambdaRuntimeClient, log_sink: Any) -> None:
    """Runs the hooks around the snapshot; returns in the restored process.

    Raises:
        SystemExit: A hook failed, which was reported: 64 before the snapshot, 65 after.
    """
    try:
        run_before_snapshot()
        lambda_runtime_client.restore_next()
    except BaseException:  # noqa: BLE001 - whatever a hook raises ends the process with the documented code
        document = build_fault_result(sys.exc_info(), None)
        log_error(document, log_sink)
        posted = fit_error_document(document, to_json)
        _report(lambda: lambda_runtime_client.post_init_error(posted, FaultException.BEFORE_SNAPSHOT_ERROR), log_sink)
        sys.exit(EXIT_BEFORE_SNAPSHOT)
    try:
        run_after_restore()
    except BaseException:  # noqa: BLE001 - as above
        document = build_fault_result(sys.exc_info(), None)
        log_error(document, log_sink)
        posted = fit_error_document(document, to_json)
        _report(lambda: lambda_runtime_client.report_restore_error(posted), log_sink)
        sys.exit(EXIT_AFTER_RESTORE)


def _report(post: Callable[[], None], log_sink: Any) -> None:
    """Posts the error; if that fails it is logged, and the exit code stays the hook's."""
    try:
        post()
    except RicError as error:
        log_error({"errorType": type(error).__name__, "errorMessage": str(error)}, log_sink)
    except Exception:  # noqa: BLE001 - somebody replaced the client's method, and it broke
        log_error(build_fault_result(sys.exc_info(), None), log_sink)
