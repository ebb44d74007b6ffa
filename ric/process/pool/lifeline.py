"""Ends a worker, idle or busy, when its parent is gone.

The parent alone holds the write end of a pipe. When it dies the kernel closes that, and sends whoever reads the pipe a
signal (``F_SETSIG`` in fcntl(2)). The worker chooses SIGKILL: nobody is left who could use its answer or start it
again. That costs an invocation nothing, neither a system call nor a thread. Where the kernel has no such signal, as on
macOS, a thread waits for the end of the pipe.
"""

from __future__ import annotations

import _thread
import fcntl
import os
import signal
from select import POLLHUP, poll

from ric.errors import EXIT_FAILURE


class Lifeline:
    """One pipe, made before the worker is forked."""

    def __init__(self) -> None:
        self._workers_end, self._parents_end = os.pipe()

    def hold(self) -> None:
        """In the parent: keeps the worker alive until ``cut``, or its own end."""
        os.close(self._workers_end)

    def cut(self) -> None:
        """In the parent, when the worker is dead; and in its siblings, who must not keep it alive."""
        os.close(self._parents_end)

    def discard(self) -> None:
        """In the parent: closes the pipe after a fork that failed."""
        os.close(self._workers_end)
        os.close(self._parents_end)

    def hang_on(self) -> None:
        """In the worker: ends it when the parent ends, at once if it has ended already."""
        os.close(self._parents_end)
        if hasattr(fcntl, "F_SETSIG"):
            fcntl.fcntl(self._workers_end, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(self._workers_end, fcntl.F_SETSIG, signal.SIGKILL)
            fcntl.fcntl(self._workers_end, fcntl.F_SETFL, os.O_ASYNC)
        else:
            _thread.start_new_thread(self._wait_for_the_end, ())
        readiness = poll()
        readiness.register(self._workers_end, 0)
        if any(events & POLLHUP for _, events in readiness.poll(0)):
            os._exit(EXIT_FAILURE)

    def _wait_for_the_end(self) -> None:
        os.read(self._workers_end, 1)
        os.kill(os.getpid(), signal.SIGKILL)
