"""One invocation in the test's own process, by the code that serves it in Lambda.

What the process has only one of (streams, environment, root handlers) is lent to the invocation and put back. So
invocations from several threads wait for each other; for a function that serves many at once there is the emulator.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from ric import bootstrap, identity
from ric.api.marshal import JSON, encode_json, to_json
from ric.function import reply
from ric.function.adapters import adapt
from ric.function.loader import load_handler
from ric.testing.capture import captured_output
from ric.testing.client import PostedResult, RecordingClient
from ric.testing.context import make_context
from ric.testing.environment import function_environment
from ric.testing.results import ErrorDocument, InvocationResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from ric.function.context import LambdaContext
    from ric.testing.client import PostedError

    Handler = Callable[[Any, Any], Any]

# Reentrant, for a handler that invokes another one.
_one_at_a_time = threading.RLock()


def invoke(
    handler: str | Handler, event: object, *, context: LambdaContext | None = None, trace_id: str | None = None
) -> InvocationResult:
    """Runs a handler once, as Lambda would, and returns what came of it.

    The event is encoded and decoded, the result encoded, and an exception reported by the code that does so in Lambda,
    in the log format and on the log level that the environment asks for. Afterwards standard output and error, the
    environment, the handlers and level at the root of ``logging`` and all context variables are as before.

    Args:
        handler: The function, or its name: ``module.function``.
        event: Bytes are the event's JSON as it arrives; anything else is encoded as JSON.
        context: What the handler gets; a new one unless given.
        trace_id: X-Ray trace id, for ``_X_AMZN_TRACE_ID`` and ``ric.trace_id()``; none unless given.

    Returns:
        The result, also of a function that failed or called ``sys.exit()``.

    Raises:
        FaultException: There is no such handler.
        TypeError: The event cannot be expressed in JSON.
        BaseException: Whatever the handler's module raises while it is imported, and whatever the handler raises that
            is neither an ``Exception`` nor ``SystemExit``: Ctrl-C, or ``pytest.fail()`` in something it calls.
    """
    function = _load(handler) if isinstance(handler, str) else adapt(handler)
    body = event if isinstance(event, bytes) else encode_json(to_json(event))
    run = partial(_run, function, body, context or make_context(), trace_id)
    variables = copy_context()
    if reply.current() is not None or not _is_in_event_loop():  # a handler that invokes another one stays here
        return variables.run(run)
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(variables.run, run).result()


def _is_in_event_loop() -> bool:
    """Whether an async test calls: an async handler has a loop of its own, and a thread runs one loop at a time."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Invoker:
    """:func:`invoke`, telling somebody of each log.

    Args:
        show_log: Called after each invocation that wrote something, with what it wrote.
    """

    def __init__(self, show_log: Callable[[str], None]) -> None:
        self._show_log = show_log

    def __call__(
        self,
        handler: str | Handler,
        event: object,
        *,
        context: LambdaContext | None = None,
        trace_id: str | None = None,
    ) -> InvocationResult:
        """Runs a handler once; arguments, result and errors are those of :func:`invoke`."""
        result = invoke(handler, event, context=context, trace_id=trace_id)
        if result.logs:
            self._show_log(result.logs)
        return result


def _load(handler: str) -> Handler:
    try:
        return load_handler(handler)
    finally:
        # It ends with hiding all objects from the collector, which suits a runtime. In a test run they come and go.
        gc.unfreeze()


def _run(function: Handler, body: bytes, context: LambdaContext, trace_id: str | None) -> InvocationResult:
    with _one_at_a_time:
        return _run_alone(function, body, context, trace_id)


def _run_alone(function: Handler, body: bytes, context: LambdaContext, trace_id: str | None) -> InvocationResult:
    client = RecordingClient()
    raised: BaseException | None = None
    end_of_process: SystemExit | None = None

    def handler(event: Any, _: Any) -> Any:
        nonlocal raised
        try:
            return function(event, context)
        except BaseException as error:
            raised = error
            raise

    before = (*identity.current(), identity.trace_id())
    with function_environment(context), captured_output() as log:
        identity.enter(context.aws_request_id, context.tenant_id, trace_id)
        bootstrap.update_xray_env_variable(trace_id)
        started = time.perf_counter()
        try:
            _handle(client, handler, body, context, log.sink)
        except SystemExit as error:
            end_of_process = error
        finally:
            duration_ms = (time.perf_counter() - started) * 1000
            identity.enter(*before)
    # The runtime has reported it and would end now. Only sys.exit() was meant for it; the rest is for the test run.
    if end_of_process is not None and not isinstance(raised, SystemExit):
        raise raised or end_of_process
    return _result(client.posts[-1], log.text(), duration_ms, raised)


def _handle(client: RecordingClient, handler: Handler, body: bytes, context: LambdaContext, log_sink: Any) -> None:
    # By the module, where error trackers replace the function.
    bootstrap.handle_event_request(
        client,
        handler,
        context.aws_request_id,
        body,
        JSON,
        None,
        None,
        context.invoked_function_arn or "",
        context._epoch_deadline_time_in_ms,
        context.tenant_id,
        log_sink,
    )


def _result(
    post: PostedResult | PostedError, logs: str, duration_ms: float, raised: BaseException | None
) -> InvocationResult:
    if isinstance(post, PostedResult):
        return InvocationResult(post.body, post.content_type, logs, duration_ms, streamed=post.chunks)
    document = ErrorDocument.from_json(post.body)
    return InvocationResult(post.body, JSON, logs, duration_ms, document, raised, post.chunks)
