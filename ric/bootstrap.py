"""The loop: ask for an invocation, run the handler, post what came of it, for ever.

``run`` is the whole life of the process and ``handle_event_request`` one invocation of it. Everything that the latter
calls by a global name is looked up in this module at each call, because error trackers, tracers and tests replace
these names at run time; so is ``handle_event_request`` itself. docs/compatibility.md lists them and who relies on them.
"""

from __future__ import annotations

import sys

from ric import config, forks, identity
from ric.api.client import LambdaRuntimeClient
from ric.api.error_fitting import encode_error_document, encode_xray_fault, fit_error_document
from ric.api.marshal import check_marshalled, to_json
from ric.errors import (
    EXIT_FAILURE,
    EXIT_INTERRUPTED,
    ForkedProcessError,
    LambdaRuntimeClientError,
    RicError,
    RuntimeApiUnavailableError,
)
from ric.function import faults, reply
from ric.function.context import LambdaContext, create_lambda_context, remember_function
from ric.function.faults import make_error, make_xray_fault
from ric.function.loader import load_handler as _get_handler
from ric.function.traces import class_name
from ric.process import error_log, log_setup, shutdown
from ric.process.error_log import log_error
from ric.process.signals import end_on_sigterm
from ric.process.sinks import create_log_sink, unbuffer_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from ric.api.client import BaseLambdaRuntimeClient, InvocationRequest
    from ric.process.watchdog import Watchdog

    Handler = Callable[[Any, Any], Any]
    Serve = Callable[[Handler, Any, Any], NoReturn]

__all__ = ["LambdaContext", "LambdaRuntimeClient", "handle_event_request", "run", "to_json"]

# "Container error, non-recoverable, runtime should exit promptly" (Runtime API reference).
_CONTAINER_ERROR = 500


def run(handler: str, lambda_runtime_client: BaseLambdaRuntimeClient, serve: Serve | None = None) -> NoReturn:
    """Loads the handler and serves invocations until the process ends.

    Args:
        handler: ``module.function``.
        lambda_runtime_client: Gives invocations and takes results.
        serve: Serves them in the place of ``serve_invocations``, several at once: there is no watchdog then.

    Raises:
        SystemExit: The handler cannot be loaded, the Runtime API is gone or demands it, or user code asked for it.
    """
    unbuffer_output()
    end_on_sigterm()
    forks.claim_loop()
    with create_log_sink() as log_sink:
        log_setup.install(log_sink)
        try:
            watchdog = None if serve else _create_watchdog(lambda_runtime_client, log_sink)
            request_handler = _initialise(handler, lambda_runtime_client, log_sink)
            remember_function()
            if serve:
                serve(request_handler, lambda_runtime_client, log_sink)
            serve_invocations(request_handler, lambda_runtime_client, log_sink, watchdog)
        except KeyboardInterrupt:
            status: Any = EXIT_INTERRUPTED
        except SystemExit as end:
            status = end.code
        # Outside of the handlers above, so that what goes wrong in there has its own story and not the loop's.
        shutdown.finish()
        shutdown.force_exit_later(status)
        sys.exit(status)


def serve_invocations(
    request_handler: Handler, client: BaseLambdaRuntimeClient, log_sink: Any, watchdog: Watchdog | None = None
) -> NoReturn:
    """Serves one invocation after the other, for ever.

    Args:
        request_handler: The user's function.
        client: Gives invocations and takes results.
        log_sink: Where errors are logged.
        watchdog: Logs the stacks of one that takes too long.

    Raises:
        SystemExit: The Runtime API is gone or demands it, or user code asked for it.
    """
    while True:
        invocation = _next_invocation(client, log_sink)
        identity.enter(invocation.invoke_id, invocation.tenant_id, invocation.x_amzn_trace_id)
        update_xray_env_variable(invocation.x_amzn_trace_id)
        if watchdog is not None:
            watchdog.arm(invocation.invoke_id, invocation.deadline_time_in_ms)
        _serve_one(invocation, request_handler, client, log_sink)
        if watchdog is not None:
            watchdog.disarm()


def _initialise(handler: str, client: BaseLambdaRuntimeClient, log_sink: Any) -> Handler:
    """Imports the handler, reports if that fails, and goes through a snapshot where one is taken."""
    try:
        _log_preview_runtime_warning()
        request_handler = _get_handler(handler)
        shutdown.begin(client, log_sink)
    except BaseException as error:  # noqa: BLE001 - the boundary to user code: reported, then the process ends
        report_init_failure(error, client, log_sink)
        exit_for(error)
    if config.is_snap_start():
        from ric.process.snapstart import on_init_complete

        on_init_complete(client, log_sink)
    return request_handler


def _create_watchdog(client: BaseLambdaRuntimeClient, log_sink: Any) -> Watchdog | None:
    """Returns what logs the stacks before a deadline, if that is asked for; a value that is no number ends the init."""
    try:
        before_deadline_ms = config.timeout_dump_ms()
    except ValueError as error:
        report_init_failure(error, client, log_sink)
        exit_for(error)
    if before_deadline_ms is None:
        return None
    from ric.process.watchdog import Watchdog

    return Watchdog(before_deadline_ms, config.log_format())


def _next_invocation(client: BaseLambdaRuntimeClient, log_sink: Any) -> InvocationRequest:
    shutdown.before_next_event()
    try:
        return client.wait_next_invocation()
    except RuntimeApiUnavailableError as error:
        _log_runtime_error(error, log_sink)
        sys.exit(EXIT_FAILURE)
    except ForkedProcessError as error:
        _log_runtime_error(error, log_sink)
        forks.end_child(EXIT_FAILURE)


def _serve_one(invocation: InvocationRequest, handler: Handler, client: BaseLambdaRuntimeClient, log_sink: Any) -> None:
    """Serves one invocation; a post that failed for good is logged and costs only that invocation."""
    try:
        handle_event_request(
            client,
            handler,
            invocation.invoke_id,
            invocation.event_body,
            invocation.content_type,
            invocation.client_context,
            invocation.cognito_identity,
            invocation.invoked_function_arn,
            invocation.deadline_time_in_ms,
            invocation.tenant_id,
            log_sink,
            invocation.invocation_id,
        )
    except ForkedProcessError as error:
        _log_runtime_error(error, log_sink, invocation.invoke_id)
        forks.end_child(EXIT_FAILURE)
    except RicError as error:
        _log_runtime_error(error, log_sink, invocation.invoke_id)
        if isinstance(error, LambdaRuntimeClientError) and error.response_code == _CONTAINER_ERROR:
            sys.exit(EXIT_FAILURE)
    except Exception as error:  # noqa: BLE001 - a third party replaced a part of the way out, and it broke
        log_error(build_fault_result((type(error), error, error.__traceback__), None, invocation.invoke_id), log_sink)


def handle_event_request(
    lambda_runtime_client: Any,
    request_handler: Handler,
    invoke_id: str,
    event_body: Any,
    content_type: str | None,
    client_context_json: str | None,
    cognito_identity_json: str | None,
    invoked_function_arn: str,
    epoch_deadline_time_in_ms: int | str,
    tenant_id: str | None,
    log_sink: Any,
    invocation_id: str | None = None,
) -> None:
    """Runs the handler on one event and posts the result, or the error.

    The signature is upstream's: third parties replace this function and pass everything on.

    Args:
        lambda_runtime_client: Takes the result; its ``marshaller`` decodes and encodes.
        request_handler: The user's function.
        invoke_id: The request id.
        event_body: The event as received.
        content_type: Its media type.
        client_context_json: JSON, or None.
        cognito_identity_json: JSON, or None.
        invoked_function_arn: The ARN that the caller used.
        epoch_deadline_time_in_ms: When the invocation times out, in ms since the epoch.
        tenant_id: Tenant of a tenant-isolated function, or None.
        log_sink: Where errors are logged.
        invocation_id: Echoed with the answer if there is one.

    Raises:
        RuntimeApiError: The post failed or was refused.
        SystemExit: The handler raised something that ends the process; it was reported.
    """
    # Patches of the two post methods from before upstream 4.1 take no invocation id, so it is passed only when set.
    echo = (invocation_id,) if invocation_id else ()
    answer = reply.Reply(lambda_runtime_client, invoke_id, echo)
    reply.enter(answer)
    try:
        lambda_context = create_lambda_context(
            client_context_json,
            cognito_identity_json,
            epoch_deadline_time_in_ms,
            invoke_id,
            invoked_function_arn,
            tenant_id,
        )
        marshaller = lambda_runtime_client.marshaller
        event = marshaller.unmarshal_request(event_body, content_type)
        try:
            response = request_handler(event, lambda_context)
        finally:
            answer.end()
        if answer.upload is None:
            result, result_content_type = marshaller.marshal_response(response)
            check_marshalled(result, result_content_type)
        else:
            answer.raise_failure()
            # The stream carried the result. The call below only ends it, so the bytes given there are not used.
            result, result_content_type = b"", answer.content_type
    except Exception as error:  # the boundary to user code: whatever it raises is reported
        if answer.is_broken_by(error):
            raise
        _report_failure(error, lambda_runtime_client, invoke_id, echo, log_sink)
        return
    except BaseException as error:  # noqa: BLE001 - as above, and then the process ends as asked
        if forks.is_forked_child():
            forks.end_child(error.code if isinstance(error, SystemExit) else EXIT_FAILURE)
        try:
            _report_failure(error, lambda_runtime_client, invoke_id, echo, log_sink)
        except RicError as refusal:
            _log_runtime_error(refusal, log_sink, invoke_id)
        if identity.is_shared():
            return  # others run in this process, which is not this one's to end
        exit_for(error)
    lambda_runtime_client.post_invocation_result(invoke_id, result, result_content_type, *echo)


def update_xray_env_variable(xray_trace_id: str | None) -> None:
    """Puts the trace id where the X-Ray SDK looks for it; None removes the one of the invocation before.

    Where several invocations share the process none of them can have its variables (see ``identity.trace_id``).
    """
    if not identity.is_shared():
        config.set_trace_id(xray_trace_id)


def build_fault_result(exc_info: Any, msg: str | None, invoke_id: str | None = None) -> dict[str, Any]:
    """Returns the error document of an exception, made by this module's ``make_error``; see ric.function.faults."""
    return faults.build_fault_result(exc_info, msg, invoke_id, make_error)


def _report_failure(error: BaseException, client: Any, invoke_id: str, echo: tuple[str, ...], log_sink: Any) -> None:
    """Logs a failed invocation and posts its error document and X-Ray cause."""
    xray_fault = faults.xray_fault_of(error, make_xray_fault)
    document = _error_document(error, invoke_id)
    _log_failure(document, log_sink)
    client.post_invocation_error(
        invoke_id, encode_error_document(document, to_json), encode_xray_fault(xray_fault, to_json), *echo
    )


def report_init_failure(error: BaseException, client: BaseLambdaRuntimeClient, log_sink: Any, *override: str) -> None:
    """Logs and posts why the handler could not be loaded; runs inside the ``except`` block, as trackers need it.

    Args:
        error: Why.
        client: Where it is posted to.
        log_sink: Where it is logged.
        override: The error type to be posted, if it is another one than the error's own.
    """
    document = _error_document(error)
    try:
        import logging

        from ric.process.notices import lambda_unhandled_exception_warning_message

        logging.warning(lambda_unhandled_exception_warning_message)
    except Exception:  # noqa: BLE001, S110 - a hint, which a function that broke logging does without
        pass
    _log_failure(document, log_sink)
    document = fit_error_document(document, to_json)
    if not isinstance(document.get("errorType"), str):  # a replaced make_error left it out, and the client needs it
        document = {**document, "errorType": class_name(type(error))}
    try:
        client.post_init_error(document, *override)
    except RicError as refusal:
        _log_runtime_error(refusal, log_sink)
    except Exception as broken:  # noqa: BLE001 - a replaced post_init_error; the exit code stays that of the error
        _log_failure(_error_document(broken), log_sink)


def _error_document(error: BaseException, *invoke_id: str) -> dict[str, Any]:
    return faults.error_document_of(error, make_error, build_fault_result, *invoke_id)


def _log_failure(document: dict[str, Any], log_sink: Any) -> None:
    try:
        log_error(document, log_sink)
    except Exception:  # noqa: BLE001 - somebody replaced it; the caller has to get the error all the same
        error_log.log_error(document, log_sink)


def exit_for(error: BaseException) -> NoReturn:
    """Ends the process as the exception asks: with its own code, or as Python and the shell would put it.

    Raises:
        SystemExit: Always.
    """
    if isinstance(error, SystemExit):
        raise error
    sys.exit(EXIT_INTERRUPTED if isinstance(error, KeyboardInterrupt) else EXIT_FAILURE)


def _log_runtime_error(error: RicError, log_sink: Any, invoke_id: str = "") -> None:
    log_error({"errorType": type(error).__name__, "errorMessage": str(error), "requestId": invoke_id}, log_sink)


def _log_preview_runtime_warning() -> None:
    if config.is_preview_runtime():
        import logging

        from ric.process.notices import get_lambda_preview_runtime_warning_message

        logging.warning(get_lambda_preview_runtime_warning_message())
