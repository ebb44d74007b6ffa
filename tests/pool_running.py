"""Worker pools under test: a real parent with real workers in the emulator, and what to ask them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ric.local import Emulator, InvokeResult, RuntimeStart
from tests.emulator_running import TIMEOUT_SECONDS, Recorder, emulated

PROMPT_S = 5.0
"""Far more than a report takes, and far less than any time-out."""

APP = """
import os, signal, sys, time

def gate(event):
    # Tells the test that the handler runs, and waits for its word.
    if "gate" in event:
        with open(event["gate"] + ".in", "w") as ready:
            ready.write(f"{os.getpid()}\\n")
        with open(event["gate"] + ".out") as go_on:
            go_on.read()

def die_when_idle(number, frame):
    # In the middle of the wait for an invocation; a moment earlier it may have been asked for or not.
    if "_look_at_head" in (frame.f_code.co_name, frame.f_back and frame.f_back.f_code.co_name):
        os.kill(os.getpid(), signal.SIGKILL)
    signal.setitimer(signal.ITIMER_REAL, 0.001)

for number in (signal.SIGUSR1, signal.SIGALRM):
    signal.signal(number, die_when_idle)

def handler(event, context):
    gate(event)
    if "kill" in event:
        os.kill(os.getpid(), event["kill"])
    if "exit" in event:
        os._exit(event["exit"])
    if "sys_exit" in event:
        sys.exit(event["sys_exit"])
    time.sleep(event.get("wait_s", 0))
    return {"pid": os.getpid(), "parent": os.getppid(), "request_id": context.aws_request_id}
"""


class Gate:
    """Meets a handler: knows when it runs, and lets it go on.

    Args:
        directory: Where it keeps its named pipes.
        name: Its own among others.
    """

    def __init__(self, directory: Path, name: str = "gate") -> None:
        self.event = {"gate": str(directory / name)}
        self._pipes = [directory / f"{name}.in", directory / f"{name}.out"]
        for pipe in self._pipes:
            os.mkfifo(pipe)

    def wait(self) -> int:
        """Returns the process in which the handler has arrived, waiting for it."""
        return int(self._pipes[0].read_text())

    def open(self) -> None:
        """Lets the handler go on."""
        self._pipes[1].write_text("")


class Pool:
    """A running pool.

    Args:
        emulator: Serves it.
        recorder: Hears of it.
        size: How many invocations it takes at a time.
    """

    def __init__(self, emulator: Emulator, recorder: Recorder, size: int) -> None:
        self.emulator = emulator
        self.recorder = recorder
        self.size = size
        self.callers = ThreadPoolExecutor(2 * size)

    @property
    def parent(self) -> int:
        """The process that keeps the workers."""
        pid = self.recorder.of(RuntimeStart)[-1].pid
        assert pid is not None
        return pid

    def workers(self) -> list[int]:
        """The processes that the parent has at the moment."""
        return children(self.parent)

    def call(self, **event: Any) -> Future[InvokeResult]:
        """Begins to invoke the function."""
        return self.callers.submit(self.emulator.invoke, event)

    def call_all(self, events: Sequence[object]) -> list[InvokeResult]:
        """Invokes the function with all events at once, and returns the results in their order."""
        return list(self.callers.map(self.emulator.invoke, events, timeout=TIMEOUT_SECONDS))

    def meet_all(self, directory: Path) -> list[int]:
        """Has all places serve an invocation of APP at the same time, and returns their processes."""
        gates = [Gate(directory, f"meeting{number}") for number in range(self.size)]
        calls = [self.call(**gate.event) for gate in gates]
        pids = [gate.wait() for gate in gates]
        for gate in gates:
            gate.open()
        answers = [call.result().json() for call in calls]
        assert {answer["parent"] for answer in answers} == {self.parent}
        assert sorted(answer["pid"] for answer in answers) == sorted(pids)
        return pids

    def describe(self) -> None:
        """Prints what a failed test needs to be understood."""
        for pid in [self.parent, *self.workers()]:
            with contextlib.suppress(OSError):
                print(pid, Path(f"/proc/{pid}/wchan").read_text(), Path(f"/proc/{pid}/syscall").read_text())  # noqa: T201
        for event in self.recorder.all():
            print(str(event)[:500])  # noqa: T201

    def close(self) -> None:
        """Waits for all callers."""
        self.callers.shutdown()


@contextlib.contextmanager
def pool(directory: Path, size: int = 4, code: str = APP, **options: Any) -> Iterator[Pool]:
    """Runs a function with so many invocations at a time; the options are those of ``emulated``."""
    with (
        contextlib.ExitStack() as after_the_emulator,
        emulated(directory, code, max_concurrency=size, **options) as (emulator, recorder),
    ):
        running = Pool(emulator, recorder, size)
        after_the_emulator.callback(running.close)  # its end is the end of all waiting
        try:
            yield running
        except BaseException:
            running.describe()
            raise


def children(pid: int) -> list[int]:
    """Returns the processes that a process has started and not yet reaped."""
    if not Path(f"/proc/{pid}").exists():
        return []
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill_and_wait(pids: Sequence[int], number: int = signal.SIGKILL) -> None:
    """Sends processes a signal, and returns when all have ended; SIGUSR1 kills workers of APP once they are idle.

    It is sent again to who lives on: Python runs no handler for a signal that comes just before it begins to wait.
    """
    descriptors = [os.pidfd_open(pid) for pid in pids]
    end_s = time.monotonic() + TIMEOUT_SECONDS
    left = descriptors
    while left and time.monotonic() < end_s:
        for descriptor in left:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
        left = [descriptor for descriptor in left if not select.select([descriptor], [], [], 0.1)[0]]
    wait_for_ends(descriptors, 0.0)


def wait_for_ends(descriptors: Sequence[int], timeout_s: float = TIMEOUT_SECONDS) -> None:
    """Waits until processes have ended, given by descriptors that are closed then."""
    end_s = time.monotonic() + timeout_s
    for descriptor in descriptors:
        try:
            assert select.select([descriptor], [], [], max(0.0, end_s - time.monotonic()))[0], "a process lingers"
        finally:
            os.close(descriptor)
