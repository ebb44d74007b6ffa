"""One execution environment with all that belongs to it: sandbox, Runtime API, log, and its runtime process.

Only its own thread starts and ends the process, so there is never more than one and none is forgotten.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ric.local.invocation import TIMED_OUT, Failure
from ric.local.runtime.extensions import Extensions
from ric.local.runtime.journal import Journal, Narrator
from ric.local.runtime.lifecycle import Lifecycle, Step
from ric.local.runtime.runtime_listener import RuntimeListener
from ric.local.runtime.runtime_process import RuntimeProcess
from ric.local.runtime.sandbox import Sandbox
from ric.local.runtime.shutdown import shut_down
from ric.local.variables import FunctionSettings, runtime_environment
from ric.process.exits import describe_exit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ric.local.invocation_queue import InvocationQueue

# A runtime that reported an init error is about to exit by itself, and then its status is the truthful one.
_EXIT_AFTER_INIT_ERROR_SECONDS = 2.0


class ExecutionEnvironment:
    """Keeps one environment in order.

    Args:
        number: Which environment this is, from 0. The first one is started at once, others when needed.
        command: The program that runs the function, with its arguments.
        settings: What the function is told about itself.
        queue: Where invocations come from.
        narrator: Where events go.
        on_ready: Called when a runtime has started.
        on_exit: Called when a runtime ended by itself or did not start: why it ended, why it did not start
            (None if it had started), and its exit status (None without a process).
    """

    def __init__(
        self,
        number: int,
        command: Sequence[str],
        settings: FunctionSettings,
        queue: InvocationQueue,
        narrator: Narrator,
        on_ready: Callable[[], None],
        on_exit: Callable[[Failure, Failure | None, int | None], None],
    ) -> None:
        self._command = list(command)
        self._settings = settings
        self._on_exit = on_exit
        self._sandbox = Sandbox(queue, settings.slots, settings.timeout_s, settings.has_snapshot)
        self._lifecycle = Lifecycle(self._sandbox, starts_at_once=number == 0)
        self._journal = Journal(narrator, number, settings.memory_mb, on_ready)
        self._extensions = Extensions()
        described = {"functionName": settings.name, "functionVersion": "$LATEST", "handler": settings.handler}
        self._api = RuntimeListener(self._sandbox, self._journal, self._extensions, described)
        self._process: RuntimeProcess | None = None
        self._thread = threading.Thread(target=self._run, name=f"ric-environment-{number}", daemon=True)

    def start(self) -> None:
        """Begins to serve, in the background."""
        self._api.start("ric-runtime-api")
        self._thread.start()

    def restart(self, grace_s: float) -> None:
        """Replaces the runtime, after at most this many seconds for what it runs."""
        self._lifecycle.request_restart(grace_s)

    def join(self) -> None:
        """Waits for the end, once the queue was closed, and closes the listener."""
        if self._thread.ident is not None:
            self._thread.join()
        self._api.close()

    def _run(self) -> None:
        while True:
            task = self._lifecycle.next_task()
            self._journal.conclude(task.settled)
            if task.overrun:
                self._journal.note_overrun(task.overrun)
            match task.step:
                case Step.START:
                    self._start_runtime()
                case Step.END_OVERDUE:
                    self._end("timeout", Failure(TIMED_OUT, "the runtime was ended since its time was up"))
                case Step.END_FAILED:
                    # Its end is a task of its own, unless it does not come.
                    if self._process and not self._process.wait(_EXIT_AFTER_INIT_ERROR_SECONDS):
                        self._process.kill()
                case Step.RESTART:
                    reason = Failure("Runtime.ExitError", "the runtime was restarted")
                    self._end("spindown", reason, was_restarted=True)
                case Step.REAP:
                    self._reap()
                case Step.CLOSE:
                    self._end("spindown", Failure("Runtime.ExitError", "the emulator ended"))
                    return

    def _start_runtime(self) -> None:
        self._extensions.open()
        try:
            self._process = self._journal.start_runtime(self._create_process)
        except (OSError, ValueError) as error:  # the latter for null characters
            explanation = error.strerror if isinstance(error, OSError) else error
            reason = Failure("Runtime.InvalidEntrypoint", f"cannot run {self._command[0]}: {explanation}")
            self._settle_exit(reason, None)

    def _create_process(self) -> RuntimeProcess:
        variables = runtime_environment(self._api.address, self._settings)
        return RuntimeProcess(self._command, variables, self._journal.write, self._lifecycle.note_exit)

    def _end(self, why: str, reason: Failure, *, was_restarted: bool = False) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.note_peak_memory()  # for the reports of what it has not answered
        shut_down(process, self._extensions, why)
        self._extensions.forget_all()
        ended = self._lifecycle.runtime_ended(reason, was_restarted=was_restarted)
        self._journal.conclude(ended.settled)
        self._journal.runtime_exited(
            process.exit_status, was_asked_to=True, error_type=reason.error_type, message=reason.message
        )
        if ended.init_failure and why == "timeout":
            self._on_exit(reason, ended.init_failure, process.exit_status)

    def _reap(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        shut_down(process, self._extensions, "failure")
        self._settle_exit(Failure("Runtime.ExitError", describe_exit(process.exit_status)), process.exit_status)

    def _settle_exit(self, reason: Failure, exit_status: int | None) -> None:
        self._extensions.forget_all()
        ended = self._lifecycle.runtime_ended(reason)
        self._journal.conclude(ended.settled)
        told = ended.init_failure or reason
        self._journal.runtime_exited(exit_status, was_asked_to=False, error_type=told.error_type, message=told.message)
        self._on_exit(reason, ended.init_failure, exit_status)
