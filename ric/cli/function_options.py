"""How a function is run here, whatever the command."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ric.cli.failure import CommandError
from ric.local.handler_lookup import UnusableHandlerError, check_handler

if TYPE_CHECKING:
    from collections.abc import Mapping

DEBUG_ADDRESS = "127.0.0.1:5678"
"""Where the debugger waits: the port that editors try first."""


@dataclass(frozen=True)
class FunctionOptions:
    """What can be set about a function.

    Args:
        timeout_s: When an invocation is ended; None for never.
        memory_mb: The memory that the function is told it has.
        env: Variables for it, over those of this process.
    """

    timeout_s: float | None
    memory_mb: int
    env: Mapping[str, str]


def runtime_command(handler: str, *, debug: bool = False) -> list[str]:
    """Returns the command that runs a function with this interpreter.

    Args:
        handler: ``module.function``.
        debug: Whether it waits for a debugger first.

    Raises:
        CommandError: The handler names nothing, or there is no debugger.
    """
    try:
        check_handler(handler)
    except UnusableHandlerError as error:
        raise CommandError(str(error)) from None
    runtime = ["-m", "ric", handler]
    if not debug:
        return [sys.executable, *runtime]
    if importlib.util.find_spec("debugpy") is None:
        raise CommandError("--debug needs debugpy, which is not installed here; run: pip install debugpy")
    # Without the option debugpy warns at each start that breakpoints in the standard library may be missed.
    return [
        sys.executable,
        "-Xfrozen_modules=off",
        "-m",
        "debugpy",
        "--listen",
        DEBUG_ADDRESS,
        "--wait-for-client",
        *runtime,
    ]
