"""``ric.register_pre_fork`` and ``ric.register_after_fork``: what a preloaded function does around the forks.

With ``RIC_PRELOAD=1`` the handler module is imported once, in the parent of all workers, so that they share its memory.
What must not be shared, such as connections, threads and the state of random generators, is given up before and made
afterwards. The first name is that of upstream's preview runtimes, with the same meaning.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    C = TypeVar("C", bound=Callable[[], Any])

_pre_fork: list[Callable[[], Any]] = []
_after_fork: list[Callable[[], Any]] = []
_is_worker = False


def register_pre_fork(callback: C) -> C:
    """Runs a function once, in the parent, when the handler module was imported there and before workers are forked.

    May be used as a decorator. It has no effect unless the function is preloaded, which the log says then.

    Args:
        callback: Takes no arguments. The one registered first runs first; if one fails, the function cannot start.

    Returns:
        The callback.

    Raises:
        TypeError: It is not callable.
    """
    if _is_worker:
        warning = "register_pre_fork() has no effect, because the workers are forked already: set RIC_PRELOAD=1"
        sys.stdout.write(f"[WARNING] ric: {warning}\n")
    return _register(callback, _pre_fork, "register_pre_fork")


def register_after_fork(callback: C) -> C:
    """Runs a function in each worker that is forked from the parent in which it was registered, before the first event.

    May be used as a decorator. Where nothing is preloaded each worker imports the module itself, and nothing runs.

    Args:
        callback: As for ``register_pre_fork``; if one fails, the worker cannot start.

    Returns:
        The callback.

    Raises:
        TypeError: It is not callable.
    """
    return _register(callback, _after_fork, "register_after_fork")


def run_pre_fork() -> None:
    """Runs the callbacks of the parent, in order."""
    for callback in _pre_fork:
        callback()


def run_after_fork() -> None:
    """Runs the callbacks of a worker, in order."""
    for callback in _after_fork:
        callback()


def note_worker() -> None:
    """Notes that this is a worker into which nothing was preloaded."""
    global _is_worker
    _is_worker = True


def _register(callback: C, callbacks: list[Callable[[], Any]], name: str) -> C:
    if not callable(callback):
        raise TypeError(f"{name}() takes a function, not {callback!r}")
    callbacks.append(callback)
    return callback
