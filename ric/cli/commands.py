"""The commands and their options. Each command's work is in a module that is imported when it runs."""

from __future__ import annotations

import math
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ric import __version__, events
from ric.cli.exit_codes import SIGNAL_BASE, USAGE_ERROR
from ric.cli.failure import CommandError
from ric.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ric.cli.function_options import FunctionOptions

    Command = TypeVar("Command", bound=Callable[..., Any])

_MAX_TIMEOUT_SECONDS = 86_400  # as ric.local.variables has it, which is not imported for --help
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def run(arguments: Sequence[str]) -> int:
    """Runs a command.

    Args:
        arguments: The command line without the program.

    Returns:
        The exit code.
    """
    try:
        return int(ric.main(list(arguments), prog_name="ric", standalone_mode=False) or 0)
    except CommandError as error:
        say(error.message)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE_ERROR
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "ric"
        say(f"{error.format_message().rstrip('.')}; see {path} --help")
        return USAGE_ERROR
    except (click.Abort, KeyboardInterrupt):
        return SIGNAL_BASE + signal.SIGINT
    except BrokenPipeError:
        # Nobody reads the result any more, as after `| head`. The interpreter would try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SIGNAL_BASE + signal.SIGPIPE


def _refuse_nan(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):  # which is in every range, as it compares with nothing
        raise click.BadParameter("nan is not a number of seconds")
    return value


def _function_options(command: Command) -> Command:
    """Adds the options that say how a function is run."""
    for option in (
        click.option("--env-file", type=click.Path(path_type=Path), help="File of NAME=value lines for the function."),
        click.option(
            "--memory",
            type=click.IntRange(128, 10240),
            help="Memory that the function is told it has, in MB.  [default: 128]",
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(0, _MAX_TIMEOUT_SECONDS, min_open=True),
            callback=_refuse_nan,
            help="End an invocation after this many seconds.  [default: never]",
        ),
    ):
        command = option(command)
    return command


def _read_function_options(timeout: float | None, memory: int | None, env_file: Path | None) -> FunctionOptions:
    from ric.cli.env_file import read_env_file
    from ric.cli.function_options import FunctionOptions

    return FunctionOptions(timeout, 128 if memory is None else memory, read_env_file(env_file) if env_file else {})


@click.group(
    context_settings=_SETTINGS,
    epilog="""\b
Examples:
  ric dev app.handler
  ric invoke app.handler --example apigw-v2 | jq .
  ric invoke --url http://127.0.0.1:8080 --event event.json""",
)
@click.version_option(__version__, prog_name="ric", message="%(prog)s %(version)s")
def ric() -> None:
    """Run and test a Lambda function on this machine, without Docker."""


@ric.command(
    context_settings=_SETTINGS,
    short_help="Invoke a function once and show its result.",
    epilog="""\b
Examples:
  ric invoke app.handler --event event.json
  ric invoke app.handler --event-text '{"key": 1}' --timeout 3
  ric invoke app.handler --example sqs 2>/dev/null | jq .
  ric invoke --url http://127.0.0.1:8080 --example apigw-v2
  jq .Records[0] batch.json | ric invoke app.handler --event -
\b
The result goes to standard output and the log to standard error. Exit codes:
  0 done, 1 the function failed, 2 wrong usage, 3 it did not start or nothing answers.""",
)
@click.argument("handler", required=False)
@click.option("--event", metavar="FILE", help="File with the event, JSON; - for standard input.")
@click.option("--event-text", metavar="JSON", help="The event itself.")
@click.option("--example", metavar="NAME", help="An example event; `ric events` lists them.")
@click.option("--url", help="Invoke what is served there instead: ric, RIE, SAM or a function URL.")
@click.option("--client-context", metavar="JSON", help="Client context, as mobile SDKs send it.")
@_function_options
def invoke(
    handler: str | None,
    event: str | None,
    event_text: str | None,
    example: str | None,
    url: str | None,
    client_context: str | None,
    timeout: float | None,
    memory: int | None,
    env_file: Path | None,
) -> int:
    """Invoke HANDLER once (module.function, found from here), and show what it returns.

    Without an event it gets {}.
    """
    from ric.cli.event_source import check_client_context, read_event

    if (handler is None) == (url is None):
        wanted = "name either a HANDLER to run, for example app.handler, or an endpoint with --url"
        raise CommandError(wanted if url is None else "--url says what to invoke; leave HANDLER out")
    if client_context is not None:
        check_client_context(client_context)
    if handler is not None:
        options = _read_function_options(timeout, memory, env_file)
        payload = read_event(event, event_text, example)
        from ric.cli.invoke import invoke_here

        return invoke_here(handler, payload, client_context, options)
    if memory is not None or env_file is not None:
        raise CommandError("--memory and --env-file are for a function that is run here; leave them out with --url")
    payload = read_event(event, event_text, example)
    from ric.cli.remote import invoke_there

    return invoke_there(str(url), payload, client_context, timeout)


@ric.command(
    context_settings=_SETTINGS,
    short_help="Serve a function and reload it on change.",
    epilog="""\b
Examples:
  ric dev app.handler
  ric dev app.handler --port 9000 --timeout 3 --env-file .env
  ric dev app.handler --concurrency 4
  AWS_LAMBDA_CONCURRENCY_MODE=thread ric dev app.handler --max-concurrency 8
  ric dev app.handler --debug
\b
Any path is the function URL; the Invoke API of the SDKs works too, for example
  aws lambda invoke --endpoint-url http://127.0.0.1:8080 --function-name function out.json""",
)
@click.argument("handler")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port, 0 for a free one.  [default: RIC_PORT, else 8080]")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Processes that may serve at once.",
)
@click.option(
    "--max-concurrency",
    type=click.IntRange(1, 1000),
    help="Invocations at once in each process, as on Lambda Managed Instances.  [default: one]",
)
@click.option("--debug", is_flag=True, help="Wait for a debugger (debugpy, 127.0.0.1:5678) at each start.")
@_function_options
def dev(
    handler: str,
    host: str,
    port: int | None,
    concurrency: int,
    max_concurrency: int | None,
    debug: bool,
    timeout: float | None,
    memory: int | None,
    env_file: Path | None,
) -> int:
    """Serve HANDLER (module.function, found from here) and start it again when a file changes.

    Each invocation is shown with its log and duration. Ctrl-C ends it.
    """
    if debug and concurrency > 1:
        raise CommandError("--debug is for one process, since one debugger is attached; leave --concurrency out")
    if debug and timeout is not None:
        raise CommandError("--debug stops the function for as long as you look at it; leave --timeout out")
    options = _read_function_options(timeout, memory, env_file)
    from ric.cli.dev import Concurrency, serve_with_reload

    numbers = Concurrency(concurrency, max_concurrency)
    return serve_with_reload(handler, options, host=host, port=port, concurrency=numbers, debug=debug)


@ric.command(
    "events",
    context_settings=_SETTINGS,
    short_help="List or print example events.",
    epilog="\b\nExample:\n  ric events sqs > event.json",
)
@click.argument("name", required=False)
def show_events(name: str | None) -> None:
    """List the example events, or print the one called NAME."""
    if name is None:
        width = max(map(len, events.DESCRIPTIONS))
        for known, description in events.DESCRIPTIONS.items():
            click.echo(f"{known:<{width}}  {description}")
        return
    try:
        sys.stdout.write(events.text(name))
    except events.UnknownExampleError as error:
        raise CommandError(str(error)) from None
