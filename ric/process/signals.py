"""SIGTERM where nobody handles it.

Anywhere else the kernel ends the process at once. But it does not deliver a signal that has no handler to process 1,
which the runtime is in a container of its own, so there it needs one.
"""

from __future__ import annotations

# Not `signal`, whose enumerations take longer to import than the whole loop.
import _signal
import sys
from _thread import start_new_thread
from os import _exit as end_at_once
from os import getpid
from time import sleep

from ric.errors import EXIT_FAILURE, EXIT_TERMINATED

_CONTAINER_INIT = 1


def end_on_sigterm() -> None:
    """Lets SIGTERM end process 1 as it ends any other; a handler that user code installs replaces this one."""
    if getpid() == _CONTAINER_INIT and _signal.getsignal(_signal.SIGTERM) == _signal.SIG_DFL:
        _signal.signal(_signal.SIGTERM, _exit)


def _exit(number: int, frame: object) -> None:
    sys.exit(EXIT_TERMINATED)


def end_within(grace_s: float, status: object) -> None:
    """Lets nothing keep this process, which is about to end, longer than so many seconds.

    At its end Python waits for threads of the function that are no daemons, and for what they wait for. Nobody would
    serve another event meanwhile, so after the grace time the process ends all the same.

    Args:
        grace_s: How long they have.
        status: What ``sys.exit`` will be called with.
    """

    def end() -> None:
        sleep(grace_s)
        end_at_once(status if isinstance(status, int) else 0 if status is None else EXIT_FAILURE)

    if _may_wait_for_threads():
        start_new_thread(end, ())


def _may_wait_for_threads() -> bool:
    threading = sys.modules.get("threading")
    if threading is None:
        return False
    try:
        return any(not thread.daemon and thread is not threading.main_thread() for thread in threading.enumerate())
    except Exception:  # noqa: BLE001 - user code patched it; then it is better to be sure
        return True


def is_own_handler(handler: object) -> bool:
    """Whether a signal handler is the one from here, and none of user code."""
    return handler is _exit
