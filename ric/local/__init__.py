"""The developer's side: a function served on this machine, without Lambda and without a container.

Nothing of the runtime imports this package; it is loaded when there is no Runtime API to talk to.
"""

from __future__ import annotations

from ric.local.command_line import main, serve, serve_handler
from ric.local.emulator import Emulator, FunctionStartError

__all__ = ["Emulator", "FunctionStartError", "main", "serve", "serve_handler"]
