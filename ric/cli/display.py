"""What ``ric dev`` shows: each invocation with its log, its result and its duration, and what the runtime does.

One line for each thing that happens, in order, below what was there before: nothing is redrawn, so it can be scrolled,
copied and piped. Without a terminal, or with ``NO_COLOR``, it is plain text.
"""

from __future__ import annotations

import io
import os
import re
import sys
import time
from typing import TYPE_CHECKING, Any

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.text import Text

from ric.cli.log_text import format_duration, readable_lines, summarise_event, summarise_payload, without_prefix
from ric.local import Observer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ric.local import InvocationEnd, InvocationStart, LogLine, RuntimeExit, RuntimeReady, RuntimeStart

_SYMBOLS = {"start": "▶", "ok": "✔", "failed": "✘", "change": "↻", "log": "│", "ready": "●", "wait": "…"}
_PLAIN_SYMBOLS = {"start": ">", "ok": "+", "failed": "x", "change": "~", "log": "|", "ready": "*", "wait": ".."}
_SHORT_ID_LENGTH = 8
# The runtime's advice on failures that updates of the managed platform may have caused; here there are none.
_PLATFORM_NOTICE = "LAMBDA_WARNING: Unhandled exception."
_PLAIN_WIDTH = 160
_MIN_REST_WIDTH = 30
# Everything that a terminal obeys, but for colours (which end in "m").
_COMMANDS = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b\[[0-?]*[ -/]*[@-ln-~]|\x1b(?!\[)|[\x80-\x9f]")
# What functions write is not markup, and lines are left to the terminal to wrap.
_CONSOLE_OPTIONS: dict[str, Any] = {"highlight": False, "emoji": False, "markup": False, "soft_wrap": True}


class _PatientConsole(Console):
    """A console that nobody has to read: once its pipe is broken, it is silent."""

    def on_broken_pipe(self) -> None:
        """Goes on; the default would end the thread that had something to say."""
        self.quiet = True
        # What is still buffered would be tried again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def make_console() -> Console:
    """Returns a console on standard output: with colours on a terminal, unless ``NO_COLOR`` is set."""
    # As standard error does: what a function says may hold what no encoding, or not the terminal's, can carry.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    console = _PatientConsole(**_CONSOLE_OPTIONS)
    if console.no_color or not console.is_terminal:
        # Not even bold text, which rich would leave.
        return _PatientConsole(**_CONSOLE_OPTIONS, color_system=None)
    return console


class Display(Observer):
    """Shows what the emulator tells.

    Args:
        console: Where to.
        several_environments: Whether invocations overlap, so that each line has to say whose it is.
        debug_address: Where the function waits for a debugger each time it starts; None if it does not.
    """

    def __init__(
        self, console: Console, *, several_environments: bool = False, debug_address: str | None = None
    ) -> None:
        self._console = console
        self._debug_address = debug_address
        self._several = several_environments
        self._symbols = _PLAIN_SYMBOLS if console.options.ascii_only else _SYMBOLS
        self._ready_pids: set[int] = set()
        self._ansi = AnsiDecoder()

    # What the command itself has to say.

    def serving(self, handler: str, url: str, invoke_url: str) -> None:
        """Says where the function is to be found."""
        line = Text.assemble(("ric dev ", "bold"), (handler, "bold cyan"), " at ", (url, "underline"))
        self._console.print(line)
        self._hint(f"curl -d '{{}}' {invoke_url}")
        self._hint(f"ric invoke --url {url} --example apigw-v2")
        self._hint("Ctrl-C ends it; a changed file starts the function again")

    def changed(self, files: Sequence[Path]) -> None:
        """Says that the function starts again, and why."""
        names = ", ".join(str(file) for file in files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
        self._event("change", "yellow", Text(f"{names} changed", "yellow"), Text("· starting again", "dim"))

    def note(self, text: str) -> None:
        """Says something that is not about one invocation."""
        self._event("wait", "yellow", Text(text, "yellow"))

    # What the emulator says.

    def runtime_started(self, event: RuntimeStart) -> None:
        """Says that the function waits for a debugger, if it does."""
        if self._debug_address:
            self.note(f"waiting for a debugger at {self._debug_address}")

    def runtime_ready(self, event: RuntimeReady) -> None:
        """Says how long the start took."""
        self._ready_pids.add(event.pid)
        duration = format_duration(event.init_duration_ms)
        number = f"environment {event.environment} " if self._several else ""
        self._event("ready", "green", Text(f"{number}started in {duration}"), Text(f"· process {event.pid}", "dim"))

    def runtime_exited(self, event: RuntimeExit) -> None:
        """Says why the runtime ended, unless it was told to."""
        was_ready = event.pid in self._ready_pids
        if event.pid is not None:
            self._ready_pids.discard(event.pid)
        if event.was_asked_to:
            return
        what, next_step = (
            ("the runtime ended", "the next invocation starts it again")
            if was_ready
            else ("the function did not start", "it is tried again when a file changes or an event comes")
        )
        reason = Text(f"{what}: {event.error_type}: {_plain(event.message)}", "bold red")
        self._event("failed", "red", reason, Text(f"· {next_step}", "dim"))

    def log_line(self, event: LogLine) -> None:
        """Shows a record of the log, in as many lines as it had."""
        if _PLATFORM_NOTICE in event.text:
            return
        owner = f"{event.request_id[:_SHORT_ID_LENGTH]} " if self._several and event.request_id else ""
        for number, text in enumerate(readable_lines(without_prefix(event.text))):
            line = Text.assemble("         ", (self._symbols["log"], "dim"), " ", (owner, "dim"))
            content = self._decode(text)
            if number == 0 and text.startswith("[ERROR]"):
                content.stylize("red")
            elif number == 0 and text.startswith("[WARNING]"):
                content.stylize("yellow")
            self._console.print(line.append_text(content))

    def invocation_started(self, event: InvocationStart) -> None:
        """Shows what the event is about."""
        self._event("start", "cyan", self._id(event.request_id), rest=Text(summarise_event(event.payload)))

    def invocation_ended(self, event: InvocationEnd) -> None:
        """Shows how it went, how long it took, and the beginning of the result."""
        succeeded = event.status == "success"
        duration = format_duration(event.duration_ms)
        figures = f"{event.max_memory_mb} MB"
        if event.init_duration_ms is not None:
            figures += f", init {format_duration(event.init_duration_ms)}"
        if succeeded:
            outcome = Text(summarise_payload(event.payload) or "streamed", "dim")
        elif event.status == "timeout":
            outcome = Text(f"timed out after {duration}", "bold red")
        else:
            outcome = Text(_plain(": ".join(part for part in (event.error_type, event.error_message) if part)), "red")
        self._event(
            "ok" if succeeded else "failed",
            "green" if succeeded else "red",
            self._id(event.request_id),
            Text(duration, "bold"),
            Text(figures, "dim"),
            rest=outcome,
        )

    def _event(self, symbol: str, colour: str, *parts: Text, rest: Text | None = None) -> None:
        """Prints a line with the time in front; of the rest as much as there is room for."""
        clock = Text(time.strftime("%H:%M:%S"), "dim")
        line = Text(" ").join([clock, Text(self._symbols[symbol], colour), *parts])
        if rest is not None:
            width = self._console.width if self._console.is_terminal else _PLAIN_WIDTH
            rest.truncate(max(_MIN_REST_WIDTH, width - line.cell_len - 1), overflow="ellipsis")
            line = Text(" ").join([line, rest])
        self._console.print(line)

    def _hint(self, text: str) -> None:
        self._console.print(Text(f"  {text}", "dim"))

    def _id(self, request_id: str) -> Text:
        return Text(request_id[:_SHORT_ID_LENGTH], "bold")

    def _decode(self, text: str) -> Text:
        """Returns a line of the function's with its own colours, and without anything else a terminal would obey."""
        return self._ansi.decode_line(_COMMANDS.sub("", text))


def _plain(text: str) -> str:
    return " ".join("".join(character for character in text if character >= " " or character.isspace()).split())
