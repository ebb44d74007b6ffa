"""What a test starts from, whatever the shell and the machine have set for all programs."""

from __future__ import annotations

import os
import signal


def start_plainly() -> None:
    """Undoes what would decide what is tested here, in this process and in those that it starts."""
    # A shell that starts a program in the background has it ignore these.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # When output is written, how a process ends that cannot write it, and whether a changed module is compiled anew.
    for variable in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"):
        os.environ.pop(variable, None)
