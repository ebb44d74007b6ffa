"""SIGTERM for a function that has callbacks: the invocation at work ends first, then they run, all within a time limit.

The signal handler only records; the loop acts. While the loop waits for an event, it waits for the signal as well, by
a pipe, so that neither is missed. From the signal on there is a time limit, kept by a thread: at half of it whatever
still runs is interrupted, at its end the process ends, before Lambda kills it without a word.
"""

from __future__ import annotations

import _signal
import _thread
import os
import sys
from time import monotonic, sleep

from ric import config, forks
from ric.api.extension import InternalExtension
from ric.api.sockets import duplicate_above_standard, wait_for_input
from ric.errors import EXIT_FAILURE, EXIT_TERMINATED, RuntimeApiError
from ric.function.faults import build_fault_result
from ric.process.error_log import log_error
from ric.process.signals import is_own_handler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

_PIPE_BYTES = 512
_INTERRUPTED_AT = (0.5, 0.75)


class ShutdownInterrupt(SystemExit):
    """Ends a handler that is still at work when half of the time between SIGTERM and SIGKILL is over."""

    def __str__(self) -> str:
        return "the environment is shut down, and the handler did not end in time"


class Termination:
    """Waits for SIGTERM and ends the process in order.

    Args:
        callbacks: What to run; the last one first. It may still grow.
        log_sink: Where failures are logged.

    Attributes:
        is_requested: Whether SIGTERM came.

    Raises:
        InvalidSettingError: ``RIC_SHUTDOWN_GRACE_MS`` is not a number of ms.
    """

    def __init__(self, callbacks: list[Callable[[], Any]], log_sink: Any) -> None:
        self.is_requested = False
        self._callbacks = callbacks
        self._log_sink = log_sink
        self._grace_s = config.shutdown_grace_ms() / 1000
        self._is_finishing = False
        self._is_due = False
        self._is_done = False
        self._main_thread = _thread.get_ident()
        self._previous: Any = None
        self._open_pipe()

    def watch(self, client: Any) -> bool:
        """Handles SIGTERM from now on, and makes sure that Lambda sends it.

        Args:
            client: The loop's client, whose wait for events is made to end at the signal.

        Returns:
            False if that cannot be done from here, which was said in the log.
        """
        try:
            self._previous = _signal.signal(_signal.SIGTERM, self._on_sigterm)
        except ValueError:
            self._warn(
                "callbacks of on_shutdown() do not run yet, because the first was registered on a thread; "
                "register it while the handler module is imported"
            )
            return False
        self._hear_by_pipe()
        os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_disown)
        if hasattr(client, "wait_idle_with"):
            client.wait_idle_with(self._wait)
        self._register_extension(client)
        return True

    def listen(self) -> None:
        """Makes sure that the signal is heard before the next event is asked for.

        Raises:
            SystemExit: It came already.
        """
        is_main = _thread.get_ident() == self._main_thread
        if is_main:
            self._mend_pipe()  # first: a signal that had come before is seen below, a later one is in the pipe
        if self.is_requested:
            raise SystemExit(EXIT_TERMINATED)
        if not is_main:
            return  # one of several loops, none of which may set handlers
        if _signal.getsignal(_signal.SIGTERM) != self._on_sigterm:
            # The handler put one of its own there, or asyncio did for it. It gets the signal after the callbacks.
            self._previous = _signal.signal(_signal.SIGTERM, self._on_sigterm)

    def run_callbacks(self) -> NoReturn:
        """Runs the callbacks and ends the process.

        Raises:
            SystemExit: 143, or 1 if a callback failed, or what a callback asked for.
        """
        self._is_finishing = True
        status: Any = EXIT_TERMINATED
        while self._callbacks:
            try:
                self._run(self._callbacks.pop())
                if forks.is_forked_child():
                    forks.end_child(0)
            except SystemExit as request:
                status = request.code
            except BaseException:  # noqa: BLE001 - user code; the others still have to run
                log_error(build_fault_result(sys.exc_info(), None), self._log_sink)
                status = EXIT_FAILURE
        self._is_done = True
        if callable(self._previous) and not is_own_handler(self._previous):
            self._previous(_signal.SIGTERM, None)  # the function's own, which stood here before
        sys.exit(status)

    @staticmethod
    def _run(callback: Callable[[], Any]) -> None:
        result = callback()
        if hasattr(result, "__await__"):
            from ric.function import event_loop

            event_loop.run(result)

    def _wait(self, descriptor: int) -> None:
        """Waits for an event, or for the signal.

        Raises:
            SystemExit: The signal came first.
        """
        while descriptor not in wait_for_input(descriptor, self._pipe_out):
            try:
                os.read(self._pipe_out, _PIPE_BYTES)
            except OSError:
                self._mend_pipe()  # a thread of the function closed it meanwhile
            if self.is_requested:
                raise SystemExit(EXIT_TERMINATED)

    def _open_pipe(self) -> None:
        self._pipe_out, self._pipe_in = ends = _private_pipe()
        self._pipe_files = [_file_at(end) for end in ends]

    def _hear_by_pipe(self, former: int = -1) -> None:
        """Has the kernel write to the pipe, even if the signal arrives between a look at it and the wait."""
        others = _signal.set_wakeup_fd(self._pipe_in, warn_on_full_buffer=False)
        if others not in (-1, former):
            try:
                _signal.set_wakeup_fd(others, warn_on_full_buffer=False)
            except (OSError, ValueError):
                return  # it was closed as well

    def _mend_pipe(self) -> None:
        """Makes another pipe if the handler closed an end: its number is nobody's now, or that of another file."""
        ends = (self._pipe_out, self._pipe_in)
        own = [end for end, file in zip(ends, self._pipe_files, strict=True) if _file_at(end) == file]
        if len(own) < len(ends):
            self._open_pipe()
            self._hear_by_pipe(former=ends[1])
            for end in own:
                os.close(end)

    def _on_sigterm(self, number: int, frame: object) -> None:
        if not self.is_requested:
            self.is_requested = True
            if _file_at(self._pipe_in) == self._pipe_files[1]:
                os.write(self._pipe_in, b"\0")
            _thread.start_new_thread(self._keep_time, (monotonic() + self._grace_s,))
        elif self._is_due and not self._is_finishing:  # a signal that is merely repeated changes nothing
            raise ShutdownInterrupt(EXIT_TERMINATED)

    def _keep_time(self, end_s: float) -> None:
        """Interrupts what runs in the middle of the time, and ends the process when it is up."""
        for share in _INTERRUPTED_AT:
            sleep(max(0.0, end_s - self._grace_s * (1 - share) - monotonic()))
            self._is_due = True
            if not self._is_finishing:
                _signal.pthread_kill(self._main_thread, _signal.SIGTERM)
        sleep(max(0.0, end_s - monotonic()))
        late = "threads or child processes of the function did" if self._is_done else "callbacks of on_shutdown() did"
        if self._log_sink.has_room():  # else the warning would wait for a reader, and the end with it
            self._warn(f"{late} not end within the {self._grace_s * 1000:.0f} ms that there are for the shutdown")
        os._exit(EXIT_FAILURE)

    def _register_extension(self, client: Any) -> None:
        if hasattr(client, "await_extension"):
            client.await_extension()  # one among several processes: their parent registers it for all
            return
        address = getattr(client, "lambda_runtime_address", None)
        extension = register_extension(address, self._warn)
        if extension is not None:
            _thread.start_new_thread(_wait_for_ever, (extension,))

    def _warn(self, message: str) -> None:
        self._log_sink.log(f"[WARNING] ric: {message}\n")


def _hold() -> None:
    """Holds the signal back while a process forks: a child would lose it, and its parent wait for the child's end."""
    _signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGTERM})


def _release() -> None:
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {_signal.SIGTERM})


def _disown() -> None:
    """Lets the signal end a forked child as it ends any process: the callbacks are its parent's."""
    _signal.set_wakeup_fd(-1)
    _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
    _release()


def register_extension(address: str | None, warn: Callable[[str], None]) -> InternalExtension | None:
    """Registers the internal extension; returns None where that failed, after a warning.

    Args:
        address: The value of ``AWS_LAMBDA_RUNTIME_API``; None for that of this process.
        warn: Takes the warning.
    """
    try:
        extension = InternalExtension(address or config.runtime_api_address())
        extension.register()
    except (RuntimeApiError, ValueError, KeyError) as error:
        warn(
            "Lambda will not send SIGTERM, so callbacks of on_shutdown() may not run; "
            f"they must be registered while the handler module is imported: {error}"
        )
        return None
    return extension


def _wait_for_ever(extension: InternalExtension) -> None:
    """Asks for the extension's next event, which tells Lambda that it is ready; no event ever comes."""
    _signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGTERM, _signal.SIGINT})
    try:
        extension.wait()
    except RuntimeApiError:
        return  # the Runtime API is gone, which the loop finds out and says


def _file_at(descriptor: int) -> tuple[int, int] | None:
    """Tells one open file from another; None where there is none."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _private_pipe() -> tuple[int, int]:
    """Makes a pipe that never blocks and never takes the place of a standard stream that the handler closed."""
    ends = []
    for end in os.pipe():
        moved = duplicate_above_standard(end)
        os.close(end)
        os.set_blocking(moved, False)
        ends.append(moved)
    return ends[0], ends[1]
