"""The parent of the workers: starts them, waits for what happens, and acts on it.

It runs no code of the function itself; what ``RIC_PRELOAD`` imports was imported before (see ``workers``).

It sleeps until the kernel has something to tell: a signal, a worker's message, or the end of a connection that a dead
worker left behind. Rules:

* A worker that dies is replaced (see ``crashes``). What it held is reported at once, so that no caller waits.
* If the handler cannot be loaded, the environment ends, with the exit status of the first worker that found out. Once
  any worker has asked for an invocation, another one that fails to start has crashed, and is replaced.
* The end of the Runtime API and a loop of crashes end the environment with status 1.
* SIGTERM and SIGINT go to all workers as SIGTERM. After the grace time what still runs is killed. None is left when the
  parent ends.
"""

from __future__ import annotations

import os
import signal
import sys
from select import POLLIN, poll
from time import monotonic

from ric import config
from ric.errors import EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_TERMINATED
from ric.process import shutdown
from ric.process.exits import describe_exit
from ric.process.pool import signal_pipe
from ric.process.pool.abandoned import AbandonedConnection
from ric.process.pool.channel import WANTS_EXTENSION, Channel
from ric.process.pool.place import Place
from ric.process.pool.reports import Reporter
from ric.process.pool.signal_pipe import SignalPipe
from ric.process.pool.slots import Slots
from ric.process.pool.worker import Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from ric.api.extension import InternalExtension

# Workers keep the grace time themselves, and may still say that it was too short.
_LAST_WORDS_S = 0.03


class Supervisor:
    """Keeps a fixed number of workers running.

    Args:
        threads: For each worker, how many invocations it takes at a time.
        api_address: The value of ``AWS_LAMBDA_RUNTIME_API``.
        log_sink: Where it logs what happens to workers.

    Raises:
        InvalidSettingError: ``RIC_SHUTDOWN_GRACE_MS`` is not a number of ms.
    """

    def __init__(self, threads: Sequence[int], api_address: str, log_sink: Any) -> None:
        config.shutdown_grace_setting()
        self._api_address = api_address
        self._reporter = Reporter(api_address, log_sink)
        self._slots = Slots(sum(threads))
        self._channel = Channel()
        ends = [sum(threads[: number + 1]) for number in range(len(threads))]
        self._workers = [Worker(self._slots, range(end - count, end)) for end, count in zip(ends, threads, strict=True)]
        self._abandoned: list[AbandonedConnection] = []
        self._extension: InternalExtension | None = None
        self._is_extension_known = False
        self._was_ready = False

    def run(self) -> list[Place]:
        """Returns in each worker that is forked, and never in the parent.

        So a worker is a program like any other from then on: it ends as Python programs do.

        Returns:
            The worker's places, one for each invocation that it takes at a time.

        Raises:
            SystemExit: In the parent, when all workers have ended.
        """
        # Signals come only while the parent sleeps, so none reaches a worker that is not yet ready for it.
        self._mask = signal_pipe.block()
        with SignalPipe() as self._signals:
            places = self._start_all() or self._supervise()
        signal_pipe.unblock(self._mask)
        return places

    def _start_all(self) -> list[Place]:
        for worker in self._workers:
            if places := self._start(worker):
                return places
        return []

    def _start(self, worker: Worker) -> list[Place]:
        """Forks a worker; returns its places in the worker, nothing in the parent."""
        try:
            lifeline = worker.fork()
        except OSError as error:
            self._wait_with(worker, error)
            return []
        if lifeline is None:
            return []
        lifeline.hang_on()
        inherited = worker.inherit()
        self._leave_to_worker()
        return [Place(number, self._slots[number], self._channel, inherited.get(number)) for number in worker.numbers]

    def _wait_with(self, worker: Worker, error: OSError) -> None:
        """Plans another attempt after a fork that failed; ends the environment after too many."""
        self._reporter.log(f"no worker can be started: {error.strerror}")
        worker.note_failed_start()
        if worker.crashes.is_loop:
            if not self._was_ready:
                self._reporter.report_init(f"no worker can be started: {error.strerror}")
            self._end(EXIT_FAILURE)

    def _leave_to_worker(self) -> None:
        """In a worker: closes everything that belongs to the parent."""
        self._channel.leave_to_worker()
        for sibling in self._workers:
            sibling.forget()
        for connection in self._abandoned:
            connection.close()
        if self._extension is not None:
            self._extension.close()

    def _supervise(self) -> list[Place]:
        """Waits and acts, until the environment ends; returns the places of a worker that is forked meanwhile."""
        while True:
            numbers = self._wait(self._seconds_until_next_start())
            if signal.SIGTERM in numbers or signal.SIGINT in numbers:
                self._end_as_asked(signal.SIGTERM if signal.SIGTERM in numbers else signal.SIGINT)
            dead = self._reap()
            self._was_ready = self._was_ready or not all(worker.is_starting for worker in self._workers)
            for worker, status in dead:
                if not worker.held and not worker.is_starting:
                    self._reporter.log(f"worker {worker.last_pid} ended while it was idle: {describe_exit(status)}")
                self._bury(worker, status, may_leave_questions=True)
            for worker, status in dead:
                self._end_if_pointless(worker, status)
            for worker in self._workers:
                if worker.due_s is not None and worker.due_s <= monotonic() and (places := self._start(worker)):
                    return places

    def _wait(self, timeout_s: float | None) -> set[int]:
        """Sleeps until something happens, reads messages and abandoned connections, and returns the signals."""
        readiness = poll()
        for descriptor in [self._signals.fileno(), self._channel.fileno(), *(one.fileno() for one in self._abandoned)]:
            readiness.register(descriptor, POLLIN)
        signal_pipe.unblock(self._mask)
        # Rounded up, lest it wakes too early and turns round for nothing.
        readiness.poll(None if timeout_s is None else int(timeout_s * 1000) + 1)
        signal_pipe.block()
        self._hear_workers()
        self._read_abandoned()
        return self._signals.take()

    def _read_abandoned(self) -> None:
        for connection in self._abandoned:
            if ids := connection.read():
                self._reporter.report_invocation(*ids, "Runtime exited before it had read the event")
        self._abandoned = [connection for connection in self._abandoned if not connection.is_over]

    def _hear_workers(self) -> None:
        while (message := self._channel.receive()) is not None:
            number, descriptor = message
            if number == WANTS_EXTENSION:
                self._register_extension()
            elif descriptor is not None:
                owner = next(worker for worker in self._workers if number in worker.numbers)
                before = owner.keep(number, descriptor)
                if before is not None:
                    self._abandoned.append(AbandonedConnection(before))

    def _register_extension(self) -> None:
        """Registers the extension for all workers, the first time that one wants it."""
        if not self._is_extension_known:
            self._is_extension_known = True
            from ric.process.termination import register_extension

            self._extension = register_extension(self._api_address, self._reporter.warn)
            if self._extension is not None:
                self._extension.ask()
        self._channel.open_gate()

    def _reap(self) -> list[tuple[Worker, int]]:
        """Returns the workers that died, with their exit statuses. As process 1 it is the parent of orphans, too."""
        dead = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            for worker in self._workers:
                if worker.pid == pid:
                    worker.pid = 0
                    dead.append((worker, os.waitstatus_to_exitcode(status)))
        # What they had said before they died; nothing can follow now.
        self._hear_workers()
        return dead

    def _bury(self, worker: Worker, status: int, *, may_leave_questions: bool = False) -> None:
        """Reports what a dead worker held, and takes over the connections that it does not leave to a successor."""
        held = worker.held
        worker.note_death()
        # Before anything is reported, since that needs a descriptor.
        self._abandon(worker, but_questions=may_leave_questions)
        for ids in held:
            self._reporter.report_invocation(*ids, describe_exit(status))

    def _abandon(self, worker: Worker, *, but_questions: bool = False) -> None:
        copies = worker.abandon_connections(but_questions=but_questions)
        self._abandoned += [AbandonedConnection(copy) for copy in copies]
        self._read_abandoned()

    def _end_if_pointless(self, worker: Worker, status: int) -> None:
        """Ends the environment if the next worker would die of the same cause."""
        if not self._was_ready:
            if not worker.has_reported:
                self._reporter.report_init(describe_exit(status))
            self._end(status if status > 0 else EXIT_FAILURE)
        if worker.is_hopeless or self._reporter.is_refused_for_good:
            self._end(EXIT_FAILURE)
        if worker.crashes.is_loop:
            self._reporter.log(
                f"{worker.crashes.count} workers in a row have ended before they had served an invocation, "
                f"the environment ends; the last one: {describe_exit(status)}"
            )
            self._end(EXIT_FAILURE)

    def _end_as_asked(self, number: signal.Signals) -> NoReturn:
        """Stops all workers and exits as the signal demands, or with the status of a worker that failed to stop."""
        statuses = self._stop_workers()
        if number == signal.SIGINT:
            sys.exit(EXIT_INTERRUPTED)
        if any(status not in (-signal.SIGTERM, EXIT_TERMINATED) for status in statuses):
            sys.exit(max(EXIT_FAILURE if status < 0 else status for status in statuses))
        if EXIT_TERMINATED in statuses or os.getpid() == 1:
            sys.exit(EXIT_TERMINATED)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
        sys.exit(EXIT_TERMINATED)

    def _end(self, status: int) -> NoReturn:
        self._stop_workers()
        sys.exit(status)

    def _stop_workers(self) -> list[int]:
        """Asks all workers to end, waits, kills what still runs; returns their exit statuses."""
        end_s = monotonic() + shutdown.grace_s() + _LAST_WORDS_S
        self._channel.open_gate()
        for worker in self._workers:
            worker.send(signal.SIGTERM)
            if not worker.pid:
                self._abandon(worker)
        statuses: list[int] = []
        while self._is_any_alive:
            left_s = end_s - monotonic()
            if left_s <= 0:
                for worker in self._workers:
                    worker.send(signal.SIGKILL)
            for worker, status in self._reap():
                statuses.append(status)
                self._bury(worker, status)
            if self._is_any_alive:
                self._wait(left_s if left_s > 0 else None)
        return statuses

    @property
    def _is_any_alive(self) -> bool:
        return any(worker.pid for worker in self._workers)

    def _seconds_until_next_start(self) -> float | None:
        moments = [worker.due_s for worker in self._workers if worker.due_s is not None]
        return max(0.0, min(moments) - monotonic()) if moments else None
