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
    if frame.f_code.co_name == "_look_at_head":
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
        self._callers = ThreadPoolExecutor(2 * size)

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
        return self._callers.submit(self.emulator.invoke, event)

    def call_all(self, events: Sequence[object]) -> list[InvokeResult]:
        """Invokes the function with all events at once, and returns the results in their order."""
        return list(self._callers.map(self.emulator.invoke, events, timeout=TIMEOUT_SECONDS))

    def close(self) -> None:
        """Waits for all callers."""
        self._callers.shutdown()


@contextlib.contextmanager
def pool(directory: Path, size: int = 4, code: str = APP, **options: Any) -> Iterator[Pool]:
    """Runs a function with so many invocations at a time; the options are those of ``emulated``."""
    with (
        contextlib.ExitStack() as after_the_emulator,
        emulated(directory, code, max_concurrency=size, **options) as (emulator, recorder),
    ):
        running = Pool(emulator, recorder, size)
        after_the_emulator.callback(running.close)  # its end is the end of all waiting
        yield running


def children(pid: int) -> list[int]:
    """Returns the processes that a process has started and not yet reaped."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill_and_wait(pids: Sequence[int], number: int = signal.SIGKILL) -> None:
    """Sends processes a signal, and returns when all have ended; SIGUSR1 kills workers of APP once they are idle."""
    descriptors = [os.pidfd_open(pid) for pid in pids]
    for descriptor in descriptors:
        signal.pidfd_send_signal(descriptor, number)
    wait_for_ends(descriptors)


def wait_for_ends(descriptors: Sequence[int], timeout_s: float = TIMEOUT_SECONDS) -> None:
    """Waits until processes have ended, given by descriptors that are closed then."""
    end_s = time.monotonic() + timeout_s
    for descriptor in descriptors:
        try:
            assert select.select([descriptor], [], [], max(0.0, end_s - time.monotonic()))[0], "a process lingers"
        finally:
            os.close(descriptor)
