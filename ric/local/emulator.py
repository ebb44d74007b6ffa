"""The emulator: both listeners, the state between them, and one runtime process that is kept available.

Everything that happens reaches one loop as an :class:`~ric.local.invocations.Event` through one queue. Only
that loop starts and ends runtimes, so there is never more than one and none is forgotten. A runtime that
ended is started again when there is something to do, not before: a function that dies while idle must not
spin.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from ric.local.environment import runtime_environment
from ric.local.invocations import Event, Failure, Invocations
from ric.local.invoke_api import INVOKE_PATH, InvokeApi
from ric.local.runtime_api import RuntimeApi
from ric.local.runtime_process import RuntimeProcess, describe_exit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ric.local.http_service import HttpService

# A runtime that reported an init error is about to exit by itself, and then its status is the truthful one.
_EXIT_AFTER_INIT_ERROR_SECONDS = 2.0


class FunctionStartError(Exception):
    """The function did not start.

    Args:
        failure: Why.
        exit_status: How its process ended, negative for a signal; None if there was no process.
    """

    def __init__(self, failure: Failure, exit_status: int | None) -> None:
        super().__init__(failure, exit_status)
        self.failure = failure
        self.exit_status = exit_status

    def __str__(self) -> str:
        return f"{self.failure.error_type}: {self.failure.message}"


class Emulator:
    """Serves one function on this machine.

    Use it as a context manager: it is entered when the function waits for its first event, and left when
    everything has ended. A program that is nothing but the emulator calls :meth:`run` instead.

    Args:
        command: The program that runs the function, with its arguments.
        handler: The function's handler, for the runtime's variable ``_HANDLER``.
        host: The address for callers.
        port: The port for callers; 0 picks a free one.

    Raises:
        OSError: The address cannot be bound.
    """

    def __init__(self, command: Sequence[str], *, handler: str, host: str = "127.0.0.1", port: int = 0) -> None:
        self._command = list(command)
        self._handler = handler
        # SimpleQueue.put may interrupt itself, so a signal handler can use it where a lock would not do.
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._invocations = Invocations(self._events.put)
        self._invoke_api = InvokeApi(self._invocations, host, port)
        self._runtime_api = RuntimeApi(self._invocations)
        self._process: RuntimeProcess | None = None
        self._thread: threading.Thread | None = None
        self._was_ready = False

    @property
    def base_url(self) -> str:
        """Where callers reach it, for example ``http://127.0.0.1:8080``."""
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
        started: Future[None] = Future()

        def serve() -> None:
            try:
                self.run(on_ready=lambda: started.set_result(None))
            except FunctionStartError as error:
                started.set_exception(error)
            finally:
                # Without effect once there is a result; otherwise whoever waits for one would wait for ever.
                started.cancel()

        self._thread = threading.Thread(target=serve, name="ric-emulator", daemon=True)
        self._thread.start()
        started.result()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Ends the function and the emulator, and returns when both have ended."""
        self.stop()
        if self._thread:
            self._thread.join()

    def stop(self) -> None:
        """Asks the emulator to end. May be called from any thread and from a signal handler."""
        self._events.put(Event.STOP_REQUESTED)

    def run(
        self, *, on_ready: Callable[[], None] | None = None, on_exit: Callable[[Failure], None] | None = None
    ) -> None:
        """Serves until :meth:`stop` is called.

        Args:
            on_ready: Called when the function waits for its first event.
            on_exit: Called with the reason each time the runtime ended by itself, once it had started before.

        Raises:
            FunctionStartError: The function did not start.
        """
        try:
            self._listen(self._runtime_api)
            self._listen(self._invoke_api)
            self._start_runtime(on_exit)
            while (event := self._events.get()) is not Event.STOP_REQUESTED:
                if event is Event.RUNTIME_READY and not self._was_ready:
                    self._was_ready = True
                    if on_ready:
                        on_ready()
                elif event is Event.RUNTIME_EXITED:
                    self._handle_exit(on_exit)
                elif event is Event.INIT_FAILED and self._process:
                    if not self._process.wait(_EXIT_AFTER_INIT_ERROR_SECONDS):
                        self._process.stop()
                elif event is Event.INVOCATION_QUEUED and not self._process and self._invocations.is_waiting:
                    self._start_runtime(on_exit)
        finally:
            self._close()

    def _listen(self, service: HttpService) -> None:
        threading.Thread(target=service.serve_forever, name=type(service).__name__, daemon=True).start()

    def _start_runtime(self, on_exit: Callable[[Failure], None] | None) -> None:
        self._invocations.runtime_starts()
        environment = runtime_environment(self._runtime_api.address, self._handler)
        try:
            self._process = RuntimeProcess(
                self._command, environment, on_exit=lambda: self._events.put(Event.RUNTIME_EXITED)
            )
        except OSError as error:
            reason = Failure("Runtime.InvalidEntrypoint", f"cannot run {self._command[0]}: {error.strerror}")
            self._settle_exit(reason, None, on_exit)

    def _handle_exit(self, on_exit: Callable[[Failure], None] | None) -> None:
        if not self._process:
            return
        status = self._process.exit_status
        self._process = None
        self._settle_exit(Failure("Runtime.ExitError", describe_exit(status)), status, on_exit)

    def _settle_exit(self, reason: Failure, exit_status: int | None, on_exit: Callable[[Failure], None] | None) -> None:
        """Tells whoever waited; raises FunctionStartError if no runtime has ever started."""
        init_failure = self._invocations.runtime_exited(reason)
        if init_failure and not self._was_ready:
            raise FunctionStartError(init_failure, exit_status)
        if on_exit:
            on_exit(init_failure or reason)
        if self._invocations.is_waiting:
            self._events.put(Event.INVOCATION_QUEUED)

    def _close(self) -> None:
        if self._process:
            self._process.stop()
            self._invocations.runtime_exited(Failure("Runtime.ExitError", describe_exit(self._process.exit_status)))
            self._process = None
        self._invocations.close()
        for service in (self._invoke_api, self._runtime_api):
            service.shutdown()
            service.server_close()
