"""Several invocations at once: as many processes as Lambda Managed Instances allow invocations.

Each worker is a fork that imports the handler and runs the loop, with one connection and one log of its own
(``AWS_LAMBDA_MAX_CONCURRENCY``, ``_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET``).
"""

from __future__ import annotations

import logging
import os
import sys

from ric import bootstrap, config
from ric.api.client import LambdaRuntimeClient
from ric.errors import EXIT_FAILURE, LambdaRuntimeClientError
from ric.process.logs import set_up
from ric.process.sinks import create_log_sink, unbuffer_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

WORKER_POOL_INITIALIZING_EVENT = "runtime_worker_pool_initializing"
_FORBIDDEN = 403


class LambdaMultiConcurrentRuntimeClient(LambdaRuntimeClient):
    """The client of one worker among several."""

    def handle_init_error(self, exc: Exception) -> None:  # type: ignore[override]
        """Raises the error, unless the platform refused it because another worker reported first."""
        if isinstance(exc, LambdaRuntimeClientError) and exc.response_code == _FORBIDDEN:
            return
        raise exc


class MultiConcurrentRunner:
    """Starts the workers and waits for them."""

    @classmethod
    def run_concurrent(
        cls, handler: str, api_addr: str, use_thread: bool, socket_path: str | None, max_concurrency: int
    ) -> None:
        """Runs the workers until all have ended.

        Args:
            handler: ``module.function``.
            api_addr: The value of ``AWS_LAMBDA_RUNTIME_API``.
            use_thread: Accepted for upstream's sake.
            socket_path: Unix socket that hands each worker its standard output and error, or None.
            max_concurrency: How many workers.

        Raises:
            SystemExit: One of them failed.
        """
        cls._emit_worker_pool_event(max_concurrency)
        pids = [cls._fork_worker(handler, api_addr, use_thread, socket_path) for _ in range(max_concurrency)]
        statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        if any(statuses):
            sys.exit(EXIT_FAILURE)

    @classmethod
    def run_single(cls, handler: str, api_addr: str, use_thread: bool, socket_path: str | None) -> NoReturn:
        """Runs the loop of one worker, in the calling process."""
        if socket_path:
            cls._redirect_output(socket_path)
        bootstrap.run(handler, LambdaMultiConcurrentRuntimeClient(api_addr, use_thread))

    @classmethod
    def _fork_worker(cls, handler: str, api_addr: str, use_thread: bool, socket_path: str | None) -> int:
        pid = os.fork()
        if pid:
            return pid
        status: Any = EXIT_FAILURE
        try:
            cls.run_single(handler, api_addr, use_thread, socket_path)
        except SystemExit as exit_request:
            status = exit_request.code
        except BaseException:  # noqa: BLE001 - a worker's last word, before its process ends
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status if isinstance(status, int) else EXIT_FAILURE if status else 0)

    @staticmethod
    def _emit_worker_pool_event(max_concurrency: int) -> None:
        unbuffer_output()
        with create_log_sink() as log_sink:
            set_up(config.log_format(), config.log_level(), log_sink)
            logging.getLogger().debug(
                {
                    "event": WORKER_POOL_INITIALIZING_EVENT,
                    "workerCount": max_concurrency,
                    "executionEnvironmentMaxConcurrency": max_concurrency,
                }
            )
            logging.getLogger().handlers.clear()

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
