"""Several invocations at once, as Lambda Managed Instances want it (``AWS_LAMBDA_MAX_CONCURRENCY``).

This module is what the command line starts, under upstream's names; who keeps the workers running is in
``ric.process.pool``. Each worker runs the loop, with one connection and one log of its own
(``_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET``).
"""

from __future__ import annotations

import gc
import os
import sys

from ric import bootstrap, config, identity
from ric.api.client import LambdaRuntimeClient
from ric.config import InvalidSettingError
from ric.errors import (
    EXIT_FAILURE,
    FaultException,
    InvalidAddressError,
)
from ric.process import fork_hooks, log_setup
from ric.process.pool.client import LambdaMultiConcurrentRuntimeClient
from ric.process.pool.layout import invocations_per_process
from ric.process.pool.supervisor import Supervisor
from ric.process.signals import end_on_sigterm
from ric.process.sinks import StandardLogSink, create_log_sink, unbuffer_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from ric.bootstrap import Serve
    from ric.process.pool.place import Place

WORKER_POOL_INITIALIZING_EVENT = "runtime_worker_pool_initializing"
_LEVELS_OF_THE_EVENT = ("DEBUG", "NOTSET")
_MOST_DIGITS = 5


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
            max_concurrency: How many invocations they take at a time, together.

        Raises:
            SystemExit: In the parent, when all of them have ended; in a worker, when it ends.
        """
        unbuffer_output()
        end_on_sigterm()
        with create_log_sink() as log_sink:
            log_setup.install(log_sink)
            try:
                is_preloading = config.is_preloading()
                mode = config.concurrency_mode()
                layout = invocations_per_process(mode, max_concurrency)
                is_watched_in_vain = mode != "process" and config.timeout_dump_ms() is not None
                supervisor = Supervisor(layout, api_addr, log_sink)
            except (InvalidSettingError, InvalidAddressError) as error:
                sys.stderr.write(f"ric: {error}\n")
                sys.exit(EXIT_FAILURE)
            if is_watched_in_vain:
                cls._warn_of_no_watchdog(mode)
            if is_preloading:
                cls._preload(handler, LambdaMultiConcurrentRuntimeClient(api_addr), log_sink)
            cls._emit_worker_pool_event(max_concurrency, len(layout))
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
            try:
                cls._redirect_output(socket_path)
            except OSError as error:
                variable = config.LambdaConfigProvider.SOCKET_PATH_ENV
                sys.stderr.write(f"ric: {variable} is {socket_path!r}, which takes no log: {error.strerror}\n")
                sys.exit(EXIT_FAILURE)
        client = LambdaMultiConcurrentRuntimeClient(api_addr, use_thread)
        serve = None
        if places and config.concurrency_mode() == "process":
            client.join(places[0])
        elif places:
            serve = cls._share_process(client, places)
        if places:
            log_setup.pass_on()
        if config.is_preloading():
            cls._begin_after_fork(client)
        else:
            fork_hooks.note_worker()
        bootstrap.run(handler, client, serve)

    @staticmethod
    def _share_process(client: LambdaMultiConcurrentRuntimeClient, places: list[Place]) -> Serve:
        """Makes ready for several invocations in this process; returns what serves them."""
        from ric.process.pool.threads import Threads

        identity.share()
        config.set_trace_id(None)
        if config.concurrency_mode() == "asyncio":
            from ric.function import event_loop

            event_loop.share()
        client.represent(places[0])
        clients = [LambdaMultiConcurrentRuntimeClient(client.lambda_runtime_address) for _ in places]
        for own_client, place in zip(clients, places, strict=True):
            own_client.join(place)
        return Threads(clients, places, bootstrap.serve_invocations).serve

    @staticmethod
    def _preload(handler: str, client: LambdaRuntimeClient, log_sink: Any) -> None:
        """Imports the handler module in the parent, for all workers."""
        try:
            bootstrap._get_handler(handler)  # type: ignore[attr-defined] # the name that others replace
        except BaseException as error:  # noqa: BLE001 - the boundary to user code: reported, then the process ends
            bootstrap.report_init_failure(error, client, log_sink)
            bootstrap.exit_for(error)
        try:
            fork_hooks.run_pre_fork()
        except BaseException as error:  # noqa: BLE001 - as above
            bootstrap.report_init_failure(error, client, log_sink, FaultException.PRE_FORK_ERROR)
            bootstrap.exit_for(error)
        event_loop = sys.modules.get("ric.function.event_loop")
        if event_loop is not None:
            event_loop.discard()

    @staticmethod
    def _begin_after_fork(client: LambdaRuntimeClient) -> None:
        """Makes of a copy of the parent a worker of its own."""
        try:
            fork_hooks.run_after_fork()
        except BaseException as error:  # noqa: BLE001 - as above
            bootstrap.report_init_failure(error, client, StandardLogSink())
            bootstrap.exit_for(error)

    @staticmethod
    def _warn_of_no_watchdog(mode: str) -> None:
        import logging

        logging.getLogger("ric").warning(
            "%s does nothing with %s=%s: a process has one timer, for one invocation at a time; "
            "choose the mode process, or leave it unset",
            config.TIMEOUT_DUMP_VARIABLE,
            config.CONCURRENCY_MODE_VARIABLE,
            mode,
        )

    @staticmethod
    def _emit_worker_pool_event(max_concurrency: int, worker_count: int | None = None) -> None:
        if config.log_level() not in _LEVELS_OF_THE_EVENT:
            return
        import logging

        logging.getLogger().debug(
            {
                "event": WORKER_POOL_INITIALIZING_EVENT,
                "workerCount": worker_count or max_concurrency,
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
        ValueError: It is not a whole number above 0, or far more than Lambda ever asks for.
    """
    if not (value.isascii() and value.isdigit() and int(value[:_MOST_DIGITS]) > 0):
        raise ValueError(f"AWS_LAMBDA_MAX_CONCURRENCY must be a whole number above 0, not {value!r}")
    if len(value) > _MOST_DIGITS:
        raise ValueError(f"AWS_LAMBDA_MAX_CONCURRENCY must be a whole number below 100000, not {value[:20]}")
    return int(value)


def _import_for_all() -> None:
    """Imports once, before forking, what every worker will need: for the first answer, and for the first error."""
    import tokenize  # noqa: F401
    import traceback  # noqa: F401

    import ric.api.json_codec  # noqa: F401
