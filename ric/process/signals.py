"""SIGTERM where nobody handles it.

Anywhere else the kernel ends the process at once. But it does not deliver a signal that has no handler to process 1,
which the runtime is in a container of its own, so there it needs one.
"""

from __future__ import annotations

# Not `signal`, whose enumerations take longer to import than the whole loop.
import _signal
import sys
from os import getpid

from ric.errors import EXIT_TERMINATED

_CONTAINER_INIT = 1


def end_on_sigterm() -> None:
    """Lets SIGTERM end process 1 as it ends any other; a handler that user code installs replaces this one."""
    if getpid() == _CONTAINER_INIT and _signal.getsignal(_signal.SIGTERM) == _signal.SIG_DFL:
        _signal.signal(_signal.SIGTERM, _exit)


def _exit(number: int, frame: object) -> None:
    sys.exit(EXIT_TERMINATED)


def is_own_handler(handler: object) -> bool:
    """Whether a signal handler is the one that ``end_on_sigterm`` installs."""
    return handler is _exit
