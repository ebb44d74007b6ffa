"""``python -m ric.local``, and what ``python -m ric`` does outside of Lambda: the emulator in a terminal.

The function's own output passes through untouched. Ours is one line on standard error at a time, each
beginning with ``ric:``.
"""

from __future__ import annotations

import argparse
import errno
import sys
from typing import TYPE_CHECKING, NoReturn

from ric.errors import EXIT_FAILURE
from ric.local.emulator import Emulator
from ric.local.handler_lookup import UnusableHandlerError, check_handler, missing_in_new_interpreter
from ric.local.runtime_watch import FunctionStartError
from ric.local.stop_signals import ended_by_signals
from ric.local.variables import (
    PORT_VARIABLE,
    InvalidSettingError,
    default_port,
    export_search_path,
    handler_variable,
    parse_port,
    settings_from_variables,
)
from ric.process.sinks import drop_unwritable_output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ric.local.invocation import Failure

_USAGE_ERROR = 2
_SIGNAL_EXIT_BASE = 128


def main(argv: Sequence[str]) -> int:
    """Serves the function which a command runs.

    Args:
        argv: The arguments, without the program: ``[--host HOST] [--port PORT] COMMAND [ARG...]``.

    Returns:
        The exit code.
    """
    parser = _OneLineParser(prog="python -m ric.local", description="Serve a function on this machine.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", help=f"port to listen on, 0 for a free one (default: {PORT_VARIABLE}, else 8080)")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND [ARG...]", help="runs the function")
    options = parser.parse_args(argv)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("no command given")
    try:
        port = None if options.port is None else parse_port(options.port, "--port")
    except InvalidSettingError as error:
        parser.error(str(error))
    handler = command[-1] if len(command) > 1 else handler_variable() or command[0]
    return serve(command, handler, host=options.host, port=port)


def serve_handler(handler: str) -> int:
    """Serves a function with this interpreter and ``python -m ric``, if there is such a module.

    It is what ``python -m ric`` does where there is no Runtime API. Callers are served at 127.0.0.1, port ``RIC_PORT``,
    else 8080; :func:`serve` is for other addresses.

    Args:
        handler: ``module.function``, to be found from the working directory or on ``sys.path``.

    Returns:
        The exit code.
    """
    try:
        check_handler(handler)
    except UnusableHandlerError as error:
        _say(str(error))
        return EXIT_FAILURE
    export_search_path(missing_in_new_interpreter())
    return serve([sys.executable, "-m", "ric", handler], handler)


def serve(command: Sequence[str], handler: str, *, host: str = "127.0.0.1", port: int | None = None) -> int:
    """Serves a function until SIGINT or SIGTERM ends it, or until it proves unable to start.

    Args:
        command: The program that runs the function, with its arguments.
        handler: What the function is called, for people and for the variable ``_HANDLER``.
        host: The address for callers; ``0.0.0.0`` for all, as a container needs.
        port: The port for callers, 0 for a free one; None for ``RIC_PORT``, else 8080.

    Returns:
        The exit code: the function's own when it did not start, 128 and the signal's number when a signal
        ended it.
    """
    try:
        port = default_port() if port is None else port
        settings = settings_from_variables(handler)
    except InvalidSettingError as error:
        _say(str(error))
        return _USAGE_ERROR
    try:
        emulator = Emulator(
            command,
            handler=handler,
            host=host,
            port=port,
            timeout_s=settings.timeout_s,
            memory_mb=settings.memory_mb,
            max_concurrency=settings.max_concurrency,
            snap_start=settings.snap_start,
            function_name=settings.name,
        )
    except OSError as error:
        _say(explain_bind_failure(error, host, port))
        return EXIT_FAILURE

    def announce() -> None:
        url = emulator.invoke_url
        _say(f"serving {handler} at {emulator.base_url}; try: curl -d '{{}}' {url}")

    def mourn(reason: Failure) -> None:
        _say(f"{reason.error_type}: {reason.message}; the next invocation starts the function again")

    with ended_by_signals(emulator.stop) as received:
        try:
            emulator.run(on_ready=announce, on_exit=mourn)
        except FunctionStartError as error:
            _say(f"{handler} did not start: {error}")
            return error.exit_status if error.exit_status and error.exit_status > 0 else EXIT_FAILURE
        finally:
            drop_unwritable_output()
    return _SIGNAL_EXIT_BASE + received[0]


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(_USAGE_ERROR, f"ric: {message}; usage: {self.prog} [--host HOST] [--port PORT] COMMAND [ARG...]\n")


def explain_bind_failure(error: OSError, host: str, port: int) -> str:
    """Returns why nothing can listen on an address, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; choose another with --port or {PORT_VARIABLE} (0: any)"
    return f"cannot listen on {host} port {port}: {error.strerror or error}; choose another address"


def _say(line: str) -> None:
    sys.stderr.write(f"ric: {' '.join(line.splitlines())}\n")
    sys.stderr.flush()
