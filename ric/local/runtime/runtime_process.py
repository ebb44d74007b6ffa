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
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ric.local.runtime.log_pump import LogPump, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class RuntimeProcess:
    """One run of the runtime.

    Args:
        command: Program and arguments.
        environment: All of its variables.
        on_line: Called for each line that it writes.
        on_exit: Called once, from a thread, when the process has ended.

    Raises:
        OSError: The program cannot be run.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        on_line: Callable[[Stream, str], None],
        on_exit: Callable[[], None],
    ) -> None:
        self._on_exit = on_exit
        self._exited = threading.Event()
        self._peak_memory_mb = 0
        with contextlib.ExitStack() as child_ends:
            reading_ends = []
            for _ in range(2):
                reading_end, writing_end = os.pipe()
                child_ends.callback(os.close, writing_end)
                reading_ends.append((reading_end, writing_end))
            (stdout, child_stdout), (stderr, child_stderr) = reading_ends
            try:
                self._process = subprocess.Popen(
                    command, env=environment, stdout=child_stdout, stderr=child_stderr, start_new_session=True
                )
            except BaseException:
                os.close(stdout)
                os.close(stderr)
                raise
        self.log = LogPump(stdout, stderr, on_line)
        threading.Thread(target=self._watch, name="ric-runtime-exit", daemon=True).start()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def exit_status(self) -> int:
        """Exit status of the ended process, negative for a signal, as ``subprocess`` has it."""
        self._exited.wait()
        return int(self._process.returncode)

    def wait(self, timeout_s: float) -> bool:
        """Waits until the process has ended, at most this many seconds; returns whether it has."""
        return self._exited.wait(timeout_s)

    def terminate(self) -> None:
        """Sends SIGTERM to the process alone, which has to end its own children."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the process with SIGKILL, and waits for its end."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._exited.wait()

    def kill_group(self) -> None:
        """Ends with SIGKILL whatever is left of the process and of what it started; waits for the process."""
        # The session's process group has the number of its first process. macOS refuses signals to a group of
        # zombies.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._exited.wait()

    def peak_memory_mb(self) -> int:
        """Returns the most memory that the process has used so far, in MB; after its end the last known figure."""
        self.note_peak_memory()
        return self._peak_memory_mb

    def note_peak_memory(self) -> None:
        """Looks how much memory the process has used, which cannot be known any more once it has ended."""
        peak = _peak_memory_bytes(self._process.pid)
        if peak is not None:
            self._peak_memory_mb = max(self._peak_memory_mb, round(peak / 2**20))

    def _watch(self) -> None:
        self._process.wait()
        # First told, then waited for: whoever waits may start a successor, which this news must not be taken for.
        self._on_exit()
        self._exited.set()


def _peak_memory_bytes(pid: int) -> int | None:
    if sys.platform == "linux":
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return None
        # A zombie has no memory any more, and no such line.
        peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(peaks[0]) * 1024 if peaks else None
    # Not the peak, but all that other systems tell of a process that runs.
    listing = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)],  # noqa: S607 - from the developer's own path
        stdout=subprocess.PIPE,
        check=False,
        text=True,
    )
    return int(listing.stdout) * 1024 if listing.stdout.strip() else None
