"""The function's runtime as an operating-system process: started, watched, ended with all it started itself.

It gets a session of its own. Ctrl-C in a terminal then reaches the emulator alone, which ends the runtime in
order, and whatever the function left running can be ended with it, as Lambda does when it resets an
environment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# What Lambda itself leaves a runtime between SIGTERM and SIGKILL.
TERMINATION_GRACE_SECONDS = 2.0


class RuntimeProcess:
    """One run of the runtime.

    Args:
        command: Program and arguments.
        environment: All of its variables.
        on_exit: Called once, from a thread, when the process has ended.

    Raises:
        OSError: The program cannot be run.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], on_exit: Callable[[], None]) -> None:
        self._on_exit = on_exit
        self._exited = threading.Event()
        self._process = subprocess.Popen(command, env=environment, start_new_session=True)
        threading.Thread(target=self._watch, name="ric-runtime-exit", daemon=True).start()

    @property
    def exit_status(self) -> int:
        """Exit status of the ended process, negative for a signal, as ``subprocess`` has it."""
        self._exited.wait()
        return int(self._process.returncode)

    def wait(self, timeout_s: float) -> bool:
        """Waits until the process has ended, at most this many seconds; returns whether it has."""
        return self._exited.wait(timeout_s)

    def stop(self) -> None:
        """Ends the process and its children: asks, waits for two seconds, then insists."""
        if not self._exited.is_set():
            self._signal(signal.SIGTERM)
            if not self.wait(TERMINATION_GRACE_SECONDS):
                self._signal(signal.SIGKILL)
                self._exited.wait()

    def _watch(self) -> None:
        self._process.wait()
        self._signal(signal.SIGKILL)
        self._exited.set()
        self._on_exit()

    def _signal(self, number: signal.Signals) -> None:
        # The session's process group has the number of its first process. macOS refuses signals to a group of
        # zombies.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def describe_exit(status: int) -> str:
    """Returns how a runtime ended, in Lambda's words.

    Args:
        status: Exit status, negative for a signal.
    """
    if status == 0:
        return "Runtime exited without providing a reason"
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    name = signal.strsignal(-status) or f"{-status}"
    return f"Runtime exited with error: signal: {name.lower()}"
