"""The emulator: the callers' listener, the queue, and as many execution environments as may run at once."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from ric.local.invocation_queue import InvocationQueue
from ric.local.invoke import programmatic
from ric.local.invoke.invoke_listener import INVOKE_PATH, InvokeListener
from ric.local.invoke.service import FunctionService
from ric.local.runtime.execution_environment import ExecutionEnvironment
from ric.local.runtime.journal import Narrator
from ric.local.runtime_watch import RuntimeWatch
from ric.local.terminal import TerminalObserver
from ric.local.variables import FUNCTION_NAME, FunctionSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ric.local.invocation import Failure
    from ric.local.invoke.programmatic import InvokeStream
    from ric.local.invoke.results import InvokeResult
    from ric.local.observer import Observer

DEFAULT_GRACE_SECONDS = 5.0
"""How long invocations in progress may take to come to their end when the runtime is to end."""


class Emulator:
    """Serves one function on this machine.

    Use it as a context manager: it is entered when the function waits for its first event, and left when
    everything has ended, see :meth:`close`. A program that is nothing but the emulator calls :meth:`run` instead.

    Args:
        command: The program that runs the function, with its arguments.
        handler: The function's handler, for the runtime's variable ``_HANDLER``.
        host: The address for callers.
        port: The port for callers; 0 picks a free one.
        timeout_s: How long an invocation may take, in seconds; then its caller is told so and the runtime is
            replaced. It lasts until the runtime asks for the next one, or with ``max_concurrency`` until its answer: a
            handler that goes on for too long is ended, of which its caller, who has the answer, is told nothing, but
            the log is. None for as long as it takes.
        memory_mb: The memory that the function is said to have, in MB; nothing enforces it.
        concurrency: How many execution environments, each with a process, there may be. The first one is started at
            once, others when invocations wait.
        max_concurrency: How many invocations each runtime may have at once, as on Lambda Managed Instances; None
            for one, in the ordinary way.
        snap_start: Whether the runtime is to run its SnapStart hooks, as if restored from a snapshot.
        env: Variables for the function, over those of this process. AWS_LAMBDA_MAX_CONCURRENCY among them is as
            ``max_concurrency``, ``snap-start`` as AWS_LAMBDA_INITIALIZATION_TYPE as ``snap_start``.
        function_name: The function's name, for callers and for itself, unless ``env`` has AWS_LAMBDA_FUNCTION_NAME.
        observer: Hears of everything that happens; None to write the log to the terminal.

    Raises:
        OSError: The address cannot be bound.
        ValueError: The time-out is not above 0 and at most a day, there can be no function or region of that name, no
            process can be given these variables, there is to be no environment, or ``max_concurrency`` is given twice
            and differs; the message says which it is.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        handler: str,
        host: str = "127.0.0.1",
        port: int = 0,
        timeout_s: float | None = None,
        memory_mb: int = 128,
        concurrency: int = 1,
        max_concurrency: int | None = None,
        snap_start: bool = False,
        env: Mapping[str, str] | None = None,
        function_name: str = FUNCTION_NAME,
        observer: Observer | None = None,
    ) -> None:
        if concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, not {concurrency}")
        settings = FunctionSettings(
            handler, function_name, memory_mb, timeout_s, max_concurrency, snap_start, dict(env or {})
        )
        self._watch = RuntimeWatch()
        self._queue = InvocationQueue()
        self._handler = handler
        self._name = settings.name
        self._service = FunctionService(self._queue, settings.name, settings.arn)
        self._invoke_api = InvokeListener(self._service, host, port)
        narrator = Narrator(observer or TerminalObserver())
        self._environments = [
            ExecutionEnvironment(
                number, command, settings, self._queue, narrator, self._watch.note_ready, self._watch.note_exit
            )
            for number in range(concurrency)
        ]
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """Where callers reach it, for example ``http://127.0.0.1:8080``; the function URL is any path below."""
        return self._invoke_api.base_url

    @property
    def invoke_url(self) -> str:
        """Where an event is posted to."""
        return self.base_url + INVOKE_PATH

    def __enter__(self) -> Emulator:
        """Starts the function in the background.

        Raises:
            FunctionStartError: It did not start.
        """
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Ends the function and the emulator as :meth:`close` does; after an exception, such as Ctrl-C, at once."""
        was_left_by_exception = any(part is not None for part in exc_info)
        self._end(0.0 if was_left_by_exception else DEFAULT_GRACE_SECONDS)

    def start(self) -> None:
        """Starts the function in the background, and returns when it waits for its first event.

        Raises:
            FunctionStartError: It did not start.
            concurrent.futures.CancelledError: :meth:`stop` was called before.
        """
        started: Future[None] = Future()

        def serve() -> None:
            try:
                self.run(on_ready=lambda: started.set_result(None))
            except Exception as error:
                if started.done():
                    raise
                started.set_exception(error)
            finally:
                # Without effect once there is a result; otherwise whoever waits for one would wait for ever.
                started.cancel()

        self._thread = threading.Thread(target=serve, name="ric-emulator", daemon=True)
        self._thread.start()
        started.result()

    def close(self, *, grace_s: float = DEFAULT_GRACE_SECONDS) -> None:
        """Ends the function and the emulator, and returns when both have ended.

        What nobody else can wait for is not cut off: a handler that goes on after its answer, and asynchronous
        invocations that were accepted. They may come to their end or their time-out within the time given here; then
        they are ended, and a RuntimeWarning says so. Invocations without an answer end at once, since whoever wants the
        answer waits for it: a caller who still does is told that the emulator ends. New ones are refused.

        Args:
            grace_s: How long to wait at most, in seconds; 0 for not at all.
        """
        self._end(grace_s)

    def stop(self) -> None:
        """Asks the emulator to end at once. May be called from any thread and from a signal handler."""
        self._watch.stop()

    def restart(self, *, grace_s: float = DEFAULT_GRACE_SECONDS) -> None:
        """Replaces the runtimes by new ones, which load the code afresh, and returns at once.

        Invocations in progress may finish; what waits in the queue, and what comes meanwhile, is for the new
        runtimes. Whether the function starts again an observer hears.

        Args:
            grace_s: How long invocations in progress may take before they end with an error.
        """
        for environment in self._environments:
            environment.restart(grace_s)

    def invoke(self, payload: object = None, **options: Any) -> InvokeResult:
        """Invokes the function without HTTP, and waits for the result.

        Args:
            payload: The event: bytes as they are, anything else as JSON.
            **options: ``invocation_type`` (``RequestResponse``, ``Event`` or ``DryRun``), ``client_context`` (a
                mapping), ``cognito_identity_id``, ``cognito_identity_pool_id``, ``tenant_id``, ``trace_id``.

        Raises:
            ServiceError: Lambda would refuse the request, or the emulator ends.
        """
        return programmatic.invoke(self._service, programmatic.make_request(self._name, payload, **options))

    def invoke_stream(self, payload: object = None, **options: Any) -> InvokeStream:
        """Invokes the function without HTTP, and returns at once; the result's chunks can be iterated over.

        Args and errors are those of :meth:`invoke`, but that a stream cannot be had from ``Event``.
        """
        return programmatic.invoke_stream(self._service, programmatic.make_request(self._name, payload, **options))

    def wait_until_idle(self, timeout_s: float | None = None) -> bool:
        """Waits until every invocation is over and the runtimes wait for more: a handler may go on after its response.

        Args:
            timeout_s: How long to wait at most, in seconds; None for as long as it takes.

        Returns:
            Whether that is so; a runtime that has ended does nothing any more either. Also True when the emulator ends.
            With ``max_concurrency`` a runtime asks for more while it works, so only responses are waited for.
        """
        return self._queue.wait_until_idle(timeout_s)

    def run(
        self,
        *,
        on_ready: Callable[[], None] | None = None,
        on_exit: Callable[[Failure], None] | None = None,
        must_succeed: bool = True,
    ) -> None:
        """Serves until :meth:`stop` is called.

        Args:
            on_ready: Called when the function waits for its first event.
            on_exit: Called with the reason each time a runtime ended by itself, once the function had started
                before or if it need not.
            must_succeed: Whether to end if the function does not start at the first attempt. Otherwise each invocation
                tries again, and so does :meth:`restart`.

        Raises:
            FunctionStartError: The function did not start, and must.
        """
        try:
            self._invoke_api.start("ric-invoke-api")
            for environment in self._environments:
                environment.start()
            self._watch.follow(on_ready, on_exit, must_succeed=must_succeed)
        finally:
            self._close()

    def _end(self, grace_s: float) -> None:
        has_finished = True
        try:
            if grace_s > 0:
                has_finished = self._queue.drain(grace_s)
        finally:
            self.stop()
            if self._thread:
                self._thread.join()
        if not has_finished:
            message = f"{self._handler} was not done {grace_s:g} s after its emulator was to end, and was ended"
            warnings.warn(message, RuntimeWarning, stacklevel=3)

    def _close(self) -> None:
        self._queue.close()
        for environment in self._environments:
            environment.join()
        self._invoke_api.close()
