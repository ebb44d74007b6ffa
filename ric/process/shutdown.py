"""The end of the process: ``ric.on_shutdown``, what a function wants done before, and a time limit for it.

Lambda tells a function of its end, by SIGTERM, only if an extension is registered. So the first callback makes the
runtime register an internal one; with no callback nothing of all this happens, and nothing of it is imported. Source:
"Lambda execution environment lifecycle", Lambda developer guide, section "Shutdown phase".
"""

from __future__ import annotations

import sys
from _thread import start_new_thread
from os import _exit as end_at_once
from time import sleep

from ric import config
from ric.errors import EXIT_FAILURE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from ric.process.termination import Termination

    C = TypeVar("C", bound=Callable[[], Any])

_callbacks: list[Callable[[], Any]] = []
_termination: Termination | None = None
# Client and log sink of the loop, once that is about to begin.
_loop: tuple[Any, Any] | None = None


def on_shutdown(callback: C) -> C:
    """Runs a function on SIGTERM, when no invocation is at work any more. May be used as a decorator.

    Call it while the handler module is imported, because Lambda registers extensions only until the first event is
    asked for; what is registered later runs where SIGTERM comes all the same, as from ``docker stop``.

    Args:
        callback: Takes no arguments; may be ``async def``. The one registered last runs first. If one fails, that is
            logged and the others run. All together have what is left of ``RIC_SHUTDOWN_GRACE_MS``.

    Returns:
        The callback.

    Raises:
        TypeError: It is not callable.
    """
    if not callable(callback):
        raise TypeError(f"on_shutdown() takes a function, not {callback!r}")
    _callbacks.append(callback)
    if _loop is not None and _termination is None:
        _prepare(*_loop)
    return callback


def begin(client: Any, log_sink: Any) -> None:
    """Makes ready for SIGTERM if there are callbacks, before the first event is asked for.

    Args:
        client: The loop's client.
        log_sink: Where failures of callbacks are logged.

    Raises:
        InvalidSettingError: ``RIC_SHUTDOWN_GRACE_MS`` is not a number of ms.
    """
    global _loop
    _loop = (client, log_sink)
    config.shutdown_grace_setting()
    if _callbacks:
        _prepare(client, log_sink)


def before_next_event() -> None:
    """Makes sure that SIGTERM is heard, which the handler may have changed.

    Raises:
        SystemExit: It came already: the loop should end.
    """
    if _termination is not None:
        _termination.listen()


def is_requested() -> bool:
    """Whether SIGTERM came, and callbacks are to run."""
    return _termination is not None and _termination.is_requested


def finish() -> None:
    """Runs the callbacks if SIGTERM came; does nothing otherwise.

    Raises:
        SystemExit: Always, if they were run.
    """
    if _termination is not None and _termination.is_requested:
        _termination.run_callbacks()


def force_exit_later(status: object) -> None:
    """Forces exit after the grace time, even if threads still run.

    At its end Python waits for threads of the function that are no daemons. Nobody would serve another event meanwhile.

    Args:
        status: What ``sys.exit`` will be called with.
    """
    if not _may_wait_for_threads():
        return
    seconds = grace_s()

    def end() -> None:
        sleep(seconds)
        end_at_once(status if isinstance(status, int) else 0 if status is None else EXIT_FAILURE)

    start_new_thread(end, ())


def grace_s() -> float:
    """Returns how long the end may take; the shortest that Lambda leaves where the setting is no number of ms."""
    try:
        return config.shutdown_grace_ms() / 1000
    except ValueError:  # which was reported, and is why the process ends
        return config.SHUTDOWN_GRACE_MS / 1000


def _may_wait_for_threads() -> bool:
    threading = sys.modules.get("threading")
    if threading is None:
        return False
    try:
        return any(not thread.daemon and thread is not threading.main_thread() for thread in threading.enumerate())
    except Exception:  # noqa: BLE001 - user code patched it; then it is better to be sure
        return True


def _prepare(client: Any, log_sink: Any) -> None:
    global _termination
    from ric.process.termination import Termination

    termination = Termination(_callbacks, log_sink)
    if termination.watch(client):
        _termination = termination
