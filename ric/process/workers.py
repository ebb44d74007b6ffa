"""Several invocations at once, as Lambda Managed Instances want it (``AWS_LAMBDA_MAX_CONCURRENCY``).

This module is what the command line starts, under upstream's names; who keeps the workers running is in
``ric.process.pool``. Each worker runs the loop, with one connection and one log of its own
(``_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET``).
"""

from __future__ import annotations

import gc
import os
import sys

from ric import bootstrap, config
from ric.api.client import LambdaRuntimeClient
from ric.config import InvalidSettingError
from ric.errors import (
    EXIT_FAILURE,
    FaultException,
    InvalidAddressError,
    LambdaRuntimeClientError,
    RuntimeApiUnavailableError,
)
from ric.process import fork_hooks, log_setup
from ric.process.pool.slots import HOPELESS, REPORTED
from ric.process.pool.supervisor import Supervisor
from ric.process.sinks import StandardLogSink, create_log_sink, unbuffer_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from ric.api.client import InvocationRequest
    from ric.process.pool.place import Place

WORKER_POOL_INITIALIZING_EVENT = "runtime_worker_pool_initializing"
_FORBIDDEN = 403
_LEVELS_OF_THE_EVENT = ("DEBUG", "NOTSET")


class LambdaMultiConcurrentRuntimeClient(LambdaRuntimeClient):
    """The client of one worker among several; in a pool it keeps the parent informed."""

    _place: Place | None = None

    def join(self, place: Place) -> None:
        """Takes a place in the pool."""
        self._place = place
        if place.connection is not None:
            self._own_api.resume(place.connection)
        self.follow_connections(place.follow)
        super().wait_idle_with(place.wait)

    def wait_idle_with(self, idle_wait: Callable[[int], None]) -> None:
        """Sets how the wait for the next invocation is made; the parent is kept informed all the same."""
        if self._place is None:
            super().wait_idle_with(idle_wait)
        else:
            self._place.wait_first = idle_wait

    def await_extension(self) -> None:
        """Returns when the extension is registered that makes Lambda send SIGTERM, which the parent does for all."""
        if self._place is not None:
            self._place.await_extension()

    def wait_next_invocation(self) -> InvocationRequest:
        """Waits for the next invocation; the one before is done with.

        Raises:
            RuntimeApiUnavailableError: The Runtime API has not answered properly for 15 s.
        """
        self._release()
        try:
            return super().wait_next_invocation()
        except RuntimeApiUnavailableError:
            if self._place is not None:
                self._place.slot.enter(HOPELESS)
            raise

    def post_invocation_result(self, *args: Any, **kwargs: Any) -> None:
        """Posts the result of an invocation, which is then no longer the parent's concern."""
        super().post_invocation_result(*args, **kwargs)
        self._release()

    def post_invocation_error(self, *args: Any, **kwargs: Any) -> None:
        """Posts that an invocation failed, which is then no longer the parent's concern."""
        super().post_invocation_error(*args, **kwargs)
        self._release()

    def post_init_error(self, error_response_data: dict[str, Any], error_type_override: str | None = None) -> None:
        """Posts that the function could not be initialised.

        Raises:
            RuntimeApiError: The call failed or was refused.
        """
        super().post_init_error(error_response_data, error_type_override)
        if self._place is not None:
            self._place.slot.enter(REPORTED)

    def _release(self) -> None:
        if self._place is not None:
            self._place.slot.release()

    def handle_init_error(self, exc: Exception) -> None:  # type: ignore[override]
        """Raises the error, unless the platform refused it because another worker reported first."""
        if isinstance(exc, LambdaRuntimeClientError) and exc.response_code == _FORBIDDEN:
            return
        raise exc


class MultiConcurrentRunner:
    """Starts the workers and keeps them running."""

    @classmethod
    def run_concurrent(
        cls, handler: str, api_addr: str, use_thread: bool, socket_path: str | None, max_concurrency: int
    ) -> NoReturn:
        """Runs the workers, until the environment ends.

        Args:
            handler: ``module.function``.
            api_addr: The value of ``AWS_LAMBDA_RUNTIME_API``.
            use_thread: Accepted for upstream's sake.
            socket_path: Unix socket that hands each worker its standard output and error, or None.
            max_concurrency: How many workers.

        Raises:
            SystemExit: In the parent, when all of them have ended; in a worker, when it ends.
        """
        unbuffer_output()
        with create_log_sink() as log_sink:
            log_setup.install(log_sink)
            try:
                is_preloading = config.is_preloading()
                supervisor = Supervisor([1] * max_concurrency, api_addr, log_sink)
            except (InvalidSettingError, InvalidAddressError) as error:
                sys.stderr.write(f"ric: {error}\n")
                sys.exit(EXIT_FAILURE)
            if is_preloading:
                cls._preload(handler, LambdaMultiConcurrentRuntimeClient(api_addr), log_sink)
            cls._emit_worker_pool_event(max_concurrency)
            _import_for_all()
            gc.freeze()
            places = supervisor.run()
        cls.run_single(handler, api_addr, use_thread, socket_path, places)

    @classmethod
    def run_single(
        cls,
        handler: str,
        api_addr: str,
        use_thread: bool,
        socket_path: str | None,
        places: list[Place] | None = None,
    ) -> NoReturn:
        """Runs the loop of one worker, in the calling process."""
        if socket_path:
            cls._redirect_output(socket_path)
        client = LambdaMultiConcurrentRuntimeClient(api_addr, use_thread)
        for place in places or ():
            client.join(place)
        if places:
            log_setup.pass_on()
        if config.is_preloading():
            cls._begin_after_fork(client)
        else:
            fork_hooks.note_worker()
        bootstrap.run(handler, client)

    @staticmethod
    def _preload(handler: str, client: LambdaRuntimeClient, log_sink: Any) -> None:
        """Imports the handler module in the parent, for all workers."""
        try:
            bootstrap._get_handler(handler)  # type: ignore[attr-defined] # the name that others replace
        except BaseException as error:  # noqa: BLE001 - the boundary to user code: reported, then the process ends
            bootstrap._report_init_failure(error, client, log_sink)
            bootstrap._exit_for(error)
        try:
            fork_hooks.run_pre_fork()
        except BaseException as error:  # noqa: BLE001 - as above
            bootstrap._report_init_failure(error, client, log_sink, FaultException.PRE_FORK_ERROR)
            bootstrap._exit_for(error)
        event_loop = sys.modules.get("ric.function.event_loop")
        if event_loop is not None:
            event_loop.discard()

    @staticmethod
    def _begin_after_fork(client: LambdaRuntimeClient) -> None:
        """Makes of a copy of the parent a worker of its own."""
        try:
            fork_hooks.run_after_fork()
        except BaseException as error:  # noqa: BLE001 - as above
            bootstrap._report_init_failure(error, client, StandardLogSink())
            bootstrap._exit_for(error)

    @staticmethod
    def _emit_worker_pool_event(max_concurrency: int) -> None:
        if config.log_level() not in _LEVELS_OF_THE_EVENT:
            return
        import logging

        logging.getLogger().debug(
            {
                "event": WORKER_POOL_INITIALIZING_EVENT,
                "workerCount": max_concurrency,
                "executionEnvironmentMaxConcurrency": max_concurrency,
            }
        )

    @classmethod
    def _redirect_output(cls, socket_path: str) -> None:
        for stream in (sys.stdout, sys.stderr):
            cls._redirect_stream_to_fd(stream.fileno(), socket_path)

    @staticmethod
    def _redirect_stream_to_fd(stream_fd: int, socket_path: str) -> None:
        import socket

        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as provider:
            provider.connect(socket_path)
            os.dup2(provider.fileno(), stream_fd)


def parse_count(value: str) -> int:
    """Returns ``AWS_LAMBDA_MAX_CONCURRENCY`` as a number.

    Raises:
        ValueError: It is not a whole number above 0.
    """
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise ValueError(f"AWS_LAMBDA_MAX_CONCURRENCY must be a whole number above 0, not {value!r}")
    return int(value)


def _import_for_all() -> None:
    """Imports once, before forking, what every worker will need: for the first answer, and for the first error."""
    import tokenize  # noqa: F401
    import traceback  # noqa: F401

    import ric.api.json_codec  # noqa: F401
