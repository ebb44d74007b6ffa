"""``ric dev HANDLER``: serves a function while it is being written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ric.cli.display import Display, make_console
from ric.cli.exit_codes import NOT_INVOKED, SIGNAL_BASE
from ric.cli.failure import CommandError
from ric.cli.function_options import DEBUG_ADDRESS, FunctionOptions, runtime_command
from ric.cli.reload import Watcher
from ric.local import Emulator
from ric.local.command_line import explain_bind_failure
from ric.local.stop_signals import ended_by_signals
from ric.local.variables import InvalidSettingError, default_port, max_concurrency_variable

if TYPE_CHECKING:
    from collections.abc import Sequence

# An interpreter takes a cached module for current if size and second of the last change agree, and an edit is quick.
_NO_STALE_MODULES = {"PYTHONDONTWRITEBYTECODE": "1"}


class Concurrency(NamedTuple):
    """How much runs at once.

    Attributes:
        environments: How many execution environments there may be.
        each: How many invocations each takes at a time; None for one, in the ordinary way.
    """

    environments: int
    each: int | None


def serve_with_reload(
    handler: str, options: FunctionOptions, *, host: str, port: int | None, concurrency: Concurrency, debug: bool
) -> int:
    """Serves a function until a signal ends it, and starts it again when a file in the working directory changes.

    Args:
        handler: ``module.function``.
        options: How to run it.
        host: The address for callers.
        port: The port for callers, 0 for a free one; None for ``RIC_PORT``, else 8080.
        concurrency: How much may run at once.
        debug: Whether the function waits for a debugger each time it starts.

    Returns:
        The exit code.

    Raises:
        CommandError: It cannot be served.
    """
    try:
        port = default_port() if port is None else port
        each = concurrency.each or max_concurrency_variable(options.env)
    except InvalidSettingError as error:
        raise CommandError(str(error)) from None
    if debug and each is not None:
        what = "--max-concurrency (AWS_LAMBDA_MAX_CONCURRENCY in an --env-file)"
        raise CommandError(f"--debug is for one process, which {what} multiplies; leave that out")
    command = runtime_command(handler, debug=debug)
    display = Display(
        make_console(),
        several_environments=concurrency.environments > 1 or each is not None,
        debug_address=DEBUG_ADDRESS if debug else None,
    )
    try:
        emulator = Emulator(
            command,
            handler=handler,
            host=host,
            port=port,
            timeout_s=options.timeout_s,
            memory_mb=options.memory_mb,
            concurrency=concurrency.environments,
            max_concurrency=each,
            env={**_NO_STALE_MODULES, **options.env},
            observer=display,
        )
    except InvalidSettingError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(explain_bind_failure(error, host, port), NOT_INVOKED) from None

    def reload(files: Sequence[Path]) -> None:
        display.changed(files)
        emulator.restart()

    def go_on_without(reason: str) -> None:
        display.note(f"changes are not seen here ({reason}); end this and start it again after each")

    with ended_by_signals(emulator.stop) as received:
        watcher = Watcher(Path.cwd(), reload, go_on_without)
        try:
            watcher.wait_until_watching()
            display.serving(handler, emulator.base_url, emulator.invoke_url)
            emulator.run(must_succeed=False)
        finally:
            watcher.close()
    return SIGNAL_BASE + received[0]
