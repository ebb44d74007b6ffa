"""``ric invoke HANDLER``: one invocation through the whole chain, with a runtime process of its own."""

from __future__ import annotations

import json
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from ric.cli.exit_codes import FUNCTION_ERROR, NOT_INVOKED, SIGNAL_BASE
from ric.cli.failure import CommandError
from ric.cli.function_options import FunctionOptions, runtime_command
from ric.cli.log_output import LogOutput
from ric.cli.output import ResultOutput, say
from ric.local import Emulator, FunctionStartError, ServiceError
from ric.local.json_documents import parse_error
from ric.local.stop_signals import ended_by_signals
from ric.local.variables import InvalidSettingError

if TYPE_CHECKING:
    from ric.local import InvokeResult


def invoke_here(handler: str, event: bytes, client_context: str | None, options: FunctionOptions) -> int:
    """Runs the function once, and writes what it returns to standard output, its log to standard error.

    A handler may go on after the end of its stream. So the function is not ended before it waits for the next event, or
    the emulator has ended it because its time was up.

    Args:
        handler: ``module.function``.
        event: JSON.
        client_context: A JSON object, or None.
        options: How to run it.

    Returns:
        The exit code.

    Raises:
        CommandError: It could not be invoked.
    """
    log = LogOutput()
    command = runtime_command(handler)
    try:
        emulator = Emulator(
            command,
            handler=handler,
            timeout_s=options.timeout_s,
            memory_mb=options.memory_mb,
            env=options.env,
            observer=log,
        )
    except InvalidSettingError as error:
        raise CommandError(str(error)) from None
    output = ResultOutput()
    context: dict[str, Any] | None = json.loads(client_context) if client_context is not None else None
    with ended_by_signals(emulator.stop) as received:
        try:
            with emulator:
                result = _deliver(emulator, event, context, output)
                emulator.wait_until_idle()
        except FunctionStartError as error:
            output.write(error.failure.document)
            output.finish()
            raise CommandError(f"{handler} did not start: {error}", NOT_INVOKED) from None
        except ServiceError as error:
            if not received:
                raise CommandError(f"{handler} was not invoked: {error.message}", NOT_INVOKED) from None
        except CancelledError:
            # Ended while it started.
            if not received:
                raise
    if received:
        return SIGNAL_BASE + received[0]
    if result.function_error:
        say(f"{handler} failed: {describe_error(result.error_document)}")
        return FUNCTION_ERROR
    if log.was_overdue:
        say(f"{handler} was ended: it went on after its response until its time was up")
        return FUNCTION_ERROR
    if log.early_end:
        say(f"{handler} ended after its response: {log.early_end}")
        return FUNCTION_ERROR
    return 0


def describe_error(document: bytes) -> str:
    """Returns type and message of an error document, as far as it has them."""
    told = parse_error(document)
    if told is None:
        return document.decode(errors="replace")
    return ": ".join(part for part in told if part) or "it gave no reason"


def _deliver(
    emulator: Emulator, event: bytes, client_context: dict[str, Any] | None, output: ResultOutput
) -> InvokeResult:
    stream = emulator.invoke_stream(event, client_context=client_context)
    for chunk in stream:
        output.write(chunk)
    result = stream.result()
    if result.function_error and not result.chunks:
        output.write(result.payload)
    output.finish()
    return result
