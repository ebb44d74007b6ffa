"""Logs what every thread and asyncio task is doing shortly before an invocation times out (``RIC_TIMEOUT_DUMP_MS``).

Two watch at the same time. A thread of Python writes one record for each stack, with the request id; it needs the
interpreter lock. ``faulthandler``'s timer, a thread of C, does not, so that an interpreter which is held up in C shows
too; it cannot see request ids and tasks, and is called off when the records are written.

Rules: both write to a descriptor of their own, so that nothing user code does to streams, descriptors or logging keeps
the dump from the log. Nothing in here fails an invocation.
"""

from __future__ import annotations

import contextlib
import os
import time
from _thread import RLock, allocate_lock, get_ident, start_new_thread
from faulthandler import cancel_dump_traceback_later, dump_traceback_later

from ric import config
from ric.api.marshal import to_json
from ric.process import stacks
from ric.process.error_log import ERROR_LOG_IDENT, replace_line_indentation
from ric.process.own_stderr import OwnStderr
from ric.process.sinks import ERROR_LOG_LINE_TERMINATE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# How long the thread of C lets that of Python try first, at most. Python takes a few ms to hand over its lock.
_MOST_GRACE_MS = 250
# No invocation runs this long; a deadline that far away is none, and too far for the timers.
_LONGEST_MS = 24 * 60 * 60 * 1000
_FOREVER_S = -1.0  # as locks have it
_NEVER_MS = float("inf")

# Taken now: handlers replace functions of modules, for tests or by mistake.
_now_ns = time.time_ns
_gmtime = time.gmtime
_strftime = time.strftime


class _Watched:
    """One invocation under watch; times in ms since the epoch."""

    __slots__ = ("deadline_ms", "due_ms", "is_dumped", "request_id", "thread_id")

    def __init__(self, request_id: str, deadline_ms: int, due_ms: int) -> None:
        self.request_id = request_id
        self.deadline_ms = deadline_ms
        self.due_ms = due_ms
        self.thread_id = get_ident()
        self.is_dumped = False


class Watchdog:
    """Watches over one invocation after the other.

    Args:
        before_deadline_ms: How long before its deadline an invocation's stacks are logged.
        log_format: ``"TEXT"`` or ``"JSON"``.
    """

    def __init__(self, before_deadline_ms: int, log_format: str) -> None:
        self._before_ms = before_deadline_ms
        self._grace_ms = min(before_deadline_ms // 2, _MOST_GRACE_MS)
        self._log_format = log_format
        self._stderr = OwnStderr()
        self._has_explained = False
        self._is_running = False
        # Reentrant, because a signal handler may fork in the middle of arm().
        self._lock = RLock()
        self._watched: _Watched | None = None
        self._wake = allocate_lock()
        self._wake.acquire()
        self._wakes_at_ms = _NEVER_MS

    def arm(self, request_id: str, deadline_ms: object) -> None:
        """Begins to watch over an invocation.

        Args:
            request_id: Its request id.
            deadline_ms: When it times out, in ms since the epoch; anything but a number, or a time that is past or
                days away, is no deadline, and nothing is watched.
        """
        if not isinstance(deadline_ms, int):
            return
        remaining_ms = deadline_ms - _now_ms()
        if not 0 < remaining_ms < _LONGEST_MS:
            return
        if remaining_ms <= self._before_ms:
            self._explain_once(request_id, remaining_ms)
            return
        self._stderr.renew()
        with self._lock:
            watched = self._watched = _Watched(request_id, deadline_ms, deadline_ms - self._before_ms)
            self._start_timer(watched)
            self._start_thread()
            # The thread is left asleep if it wakes up early enough by itself: waking it costs each invocation more
            # than the rest of this.
            if watched.due_ms < self._wakes_at_ms:
                self._wakes_at_ms = watched.due_ms
                if self._wake.locked():
                    self._wake.release()

    def disarm(self) -> None:
        """Ends the watch: the invocation is over."""
        with self._lock:
            if self._watched is not None:
                self._watched = None
                cancel_dump_traceback_later()

    def _start_timer(self, watched: _Watched) -> None:
        """Sets the timer of ``faulthandler``. A process has only one, so this replaces one that user code set."""
        delay_ms = max(1, watched.due_ms + self._grace_ms - _now_ms())
        # It fails where no thread can be started or there is no descriptor; the function is worth more than its dump.
        with contextlib.suppress(RuntimeError, ValueError):
            dump_traceback_later(delay_ms / 1000, file=self._stderr.number)

    def _start_thread(self) -> None:
        if self._is_running:
            return
        try:
            start_new_thread(self._watch, ())
        except RuntimeError:
            return  # as above; the next invocation tries again
        self._is_running = True
        # A child would inherit the timer without its thread, and wait for that one for ever when it cancels it or ends.
        os.register_at_fork(
            before=self._before_fork, after_in_parent=self._after_fork, after_in_child=self._lock.release
        )

    def _before_fork(self) -> None:
        self._lock.acquire()
        if self._watched is not None:
            cancel_dump_traceback_later()

    def _after_fork(self) -> None:
        if self._watched is not None and not self._watched.is_dumped:
            self._start_timer(self._watched)
        self._lock.release()

    def _watch(self) -> None:
        """The watching thread: sleeps until an invocation is due, then logs the stacks."""
        while True:
            watched, delay_s = self._next()
            if watched is None or delay_s > 0:
                self._wake.acquire(True, delay_s)
            else:
                self._dump(watched)

    def _next(self) -> tuple[_Watched | None, float]:
        """Returns the invocation whose stacks are to be written next, and in how many seconds."""
        with self._lock:
            watched = self._watched
            if watched is None or watched.is_dumped:
                self._wakes_at_ms = _NEVER_MS
                return None, _FOREVER_S
            self._wakes_at_ms = watched.due_ms
            return watched, max(0.0, (watched.due_ms - _now_ms()) / 1000)

    def _dump(self, watched: _Watched) -> None:
        is_complete = False
        try:
            for stacks_of_a_kind in (stacks.thread_stacks(watched.thread_id, get_ident()), stacks.task_stacks()):
                for title, lines in stacks_of_a_kind:
                    left_ms = max(0, watched.deadline_ms - _now_ms())
                    self._write(watched.request_id, f"ric: {left_ms} ms before the deadline: {title}", lines)
            is_complete = True
        except Exception:  # noqa: BLE001, S110 - objects of user code are asked; the timer of C is still on
            pass
        with self._lock:
            watched.is_dumped = True
            if is_complete and self._watched is watched:
                cancel_dump_traceback_later()

    def _explain_once(self, request_id: str, remaining_ms: int) -> None:
        if not self._has_explained:
            self._has_explained = True
            message = (
                f"ric: {config.TIMEOUT_DUMP_VARIABLE} is {self._before_ms}, but this invocation ends in "
                f"{remaining_ms} ms, so no stacks will be logged; choose a smaller number or a longer time-out"
            )
            self._write(request_id, message)

    def _write(self, request_id: str, message: str, lines: Iterable[str] = ()) -> None:
        timestamp = _strftime("%Y-%m-%dT%H:%M:%S", _gmtime())
        if self._log_format == "JSON":
            fields = {"timestamp": f"{timestamp}Z", "level": "WARNING", "message": message, "requestId": request_id}
            text = to_json({**fields, "stackTrace": list(lines)} if lines else fields)
        else:
            head = f"[WARNING]\t{timestamp}.{_now_ms() % 1000:03d}Z\t{request_id}\t{message}"
            indented = (replace_line_indentation(line, " ", ERROR_LOG_IDENT) for line in lines)
            text = ERROR_LOG_LINE_TERMINATE.join((head, *indented))
        self._stderr.write(f"{text}\n")


def _now_ms() -> int:
    return _now_ns() // 1_000_000
