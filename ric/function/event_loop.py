"""The process's event loop, on which async handlers run.

It is made once and lives as long as the process, so what an invocation leaves on it works in the next one: clients,
their connections, caches. It runs on the thread that serves the invocation, and stands still between invocations, as
the whole environment does in Lambda.

Where several invocations share the process, each thread has a loop of its own. In the mode ``asyncio`` there is one on
a thread of its own, to which the threads that serve invocations hand their coroutines, and which never stands still.

Tasks that a handler leaves behind are kept: they go on in the next invocation, with the request id of the one that
made them. At the end of the process they are cancelled, so that their ``finally`` blocks run.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

from ric import config, forks, identity
from ric.errors import EXIT_FAILURE
from ric.function import reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future
    from types import TracebackType
    from typing import Any

    from ric.function.reply import Reply

_LAST_TASKS_PATIENCE_S = 0.25
_MANY_LEFT_OVER = 100

_loop: asyncio.AbstractEventLoop | None = None
# Runs the loop where invocations share it.
_thread: threading.Thread | None = None
_is_shared = False
_is_closing = False
_starting = threading.Lock()
_of_thread = threading.local()
# Those that have not ended, and whose invocation made them. asyncio itself holds tasks only weakly: one that waits for
# something which nobody else holds would vanish.
_tasks: dict[asyncio.Future[Any], Reply | None] = {}
_warn_from = _MANY_LEFT_OVER


def prepare() -> asyncio.AbstractEventLoop:
    """Returns the loop, made now if there is none yet.

    Raises:
        InvalidSettingError: ``RIC_EVENT_LOOP`` asks for one that does not exist or is not installed.
    """
    global _loop
    if _is_shared:
        return _prepare_shared()
    if identity.is_shared():
        return _prepare_for_thread()
    if _loop is None:
        _loop = _make_loop()
        atexit.register(_close)
    return _loop


def share() -> None:
    """Runs the loop on a thread of its own from now on, for all threads that call ``run``."""
    global _is_shared
    _is_shared = True


def close_for_thread() -> None:
    """Closes the calling thread's own loop, if it has one."""
    loop = vars(_of_thread).pop("loop", None)
    if loop is not None:
        _clean_up(loop)


def _prepare_shared() -> asyncio.AbstractEventLoop:
    global _loop, _thread
    with _starting:
        if _loop is None:
            _loop = _make_loop()
            _thread = threading.Thread(target=_run_for_ever, args=(_loop,), name="ric-event-loop", daemon=True)
            _thread.start()
            atexit.register(_close)
        return _loop


def _prepare_for_thread() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop | None = getattr(_of_thread, "loop", None)
    if loop is None:
        loop = _of_thread.loop = _make_loop()
    return loop


def _make_loop() -> asyncio.AbstractEventLoop:
    loop = _new_loop()
    loop.set_default_executor(_ContextExecutor(thread_name_prefix="asyncio"))
    loop.set_exception_handler(_log_in_context)
    loop.set_task_factory(_new_task)
    return loop


def _run_for_ever(loop: asyncio.AbstractEventLoop) -> None:
    while True:
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt) as error:
            # A task that nobody awaits asked for the end; it is not the only one here.
            loop.call_exception_handler({"message": f"a task raised {type(error).__name__}", "exception": error})
        if _is_closing:
            return


def discard() -> None:
    """Closes the loop of a process that is about to fork: its selector would be shared. Each child makes its own."""
    global _loop
    if _loop is not None:
        _close()
        atexit.unregister(_close)
        _loop = None


def run(awaitable: Awaitable[Any]) -> Any:
    """Runs an awaitable to its end on the calling thread and returns its result.

    Raises:
        concurrent.futures.CancelledError: It was cancelled by itself or one of its tasks; to others that is a failure
            like any.
        BaseException: What it raises.
    """
    loop = prepare()
    if _thread is not None and threading.current_thread() is not _thread:
        return _run_on_shared(loop, awaitable)
    if loop.is_running():
        if asyncio.iscoroutine(awaitable):
            awaitable.close()
        raise RuntimeError("the event loop is running an async handler already; await what it should run")
    task = loop.create_task(_await(awaitable))
    try:
        return loop.run_until_complete(task)
    except asyncio.CancelledError as error:
        raise CancelledError(*error.args).with_traceback(_inner_part(error.__traceback__)) from None
    except BaseException as error:  # noqa: BLE001 - it goes on its way, less what nobody wants to read
        _unwind(loop, task)
        raise error.with_traceback(_inner_part(error.__traceback__))  # noqa: B904 - the same exception
    finally:
        _warn_of_a_leak()


def _run_on_shared(loop: asyncio.AbstractEventLoop, awaitable: Awaitable[Any]) -> Any:
    """Runs an awaitable on the loop's own thread, in this thread's context."""
    try:
        result, error = asyncio.run_coroutine_threadsafe(_carry(awaitable), loop).result()
    except BaseException as raised:  # noqa: BLE001 - as in run
        raise raised.with_traceback(_inner_part(raised.__traceback__))  # noqa: B904 - the same exception
    finally:
        _warn_of_a_leak()
    if isinstance(error, asyncio.CancelledError):
        raise CancelledError(*error.args).with_traceback(_inner_part(error.__traceback__))
    if error is not None:
        raise error.with_traceback(_inner_part(error.__traceback__))
    return result


async def _carry(awaitable: Awaitable[Any]) -> tuple[Any, BaseException | None]:
    """Returns the result, or an exception that must not leave the task: it would end the loop or lose its traceback."""
    result: Any = None
    failure: BaseException | None = None
    try:
        result = await _await(awaitable)
    except (SystemExit, KeyboardInterrupt, asyncio.CancelledError) as raised:
        failure = raised
    finally:
        if forks.is_forked_child():
            # It has a copy of the loop, on the same descriptors as its parent's; there is nothing for it to go back to.
            forks.end_child(failure.code if isinstance(failure, SystemExit) else EXIT_FAILURE)
    return result, failure


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _inner_part(traceback: TracebackType | None) -> TracebackType | None:
    """Returns the traceback without the frames of asyncio that lead to the task: they explain nothing."""
    part = traceback
    while part is not None:
        if part.tb_frame.f_code is _await.__code__:
            return part
        part = part.tb_next
    return traceback


def _unwind(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    """Cancels a task that an exception from outside, such as a signal handler's, interrupted, and waits for its end."""
    if not task.done():
        task.cancel()
        loop.run_until_complete(asyncio.wait((task,), timeout=_LAST_TASKS_PATIENCE_S))
    if task.done() and not task.cancelled():
        task.exception()  # it is on its way already, and need not be logged as lost


class _Task(asyncio.Task):  # type: ignore[type-arg]
    """A task that keeps the name it gave itself: with a task factory, Python 3.13.0 sets None in its place."""

    def set_name(self, value: object) -> None:
        if value is not None:
            super().set_name(value)


def _new_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Future[Any]:
    task = _Task(coroutine, loop=loop, **options)
    _tasks[task] = reply.current()
    task.add_done_callback(_let_go)
    return task


def _let_go(task: asyncio.Future[Any]) -> None:
    _tasks.pop(task, None)


def _warn_of_a_leak() -> None:
    """Tells of tasks whose invocations are over, or that belong to none; others may be at work in this process."""
    global _warn_from
    if len(_tasks) < _warn_from:
        return
    # A copy, which is made in one step: other threads add tasks and let them go.
    left = [task for task, owner in _tasks.copy().items() if owner is None or owner.is_over]
    if len(left) >= _warn_from:
        _warn_from = 2 * len(left)
        import logging

        logging.getLogger("ric").warning(
            "%d tasks that earlier invocations left behind have not ended; one of them is %r", len(left), left[0]
        )


def _new_loop() -> asyncio.AbstractEventLoop:
    if config.event_loop() == config.UVLOOP:
        try:
            import uvloop  # type: ignore[import-not-found, unused-ignore]
        except ImportError as error:
            raise config.InvalidSettingError(
                config.EVENT_LOOP_VARIABLE, config.UVLOOP, "uvloop cannot be imported: pip install uvloop"
            ) from error
        return uvloop.new_event_loop()  # type: ignore[no-any-return, unused-ignore]
    return asyncio.new_event_loop()


class _ContextExecutor(ThreadPoolExecutor):
    """Runs what ``run_in_executor`` is given in the caller's context, so that it logs with the right request id."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(contextvars.copy_context().run, fn, *args, **kwargs)


def _log_in_context(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Logs what asyncio has to say of a task in that task's context, which has its request id."""
    get_context = getattr(context.get("task") or context.get("future"), "get_context", None)  # from Python 3.12 on
    if get_context is None:
        loop.default_exception_handler(context)
    else:
        # A copy, because from Python 3.12 on the context itself is entered already when this is called.
        get_context().copy().run(loop.default_exception_handler, context)


def _close() -> None:
    """Ends what is left on the loop: tasks are cancelled, generators closed, each with a moment to clean up."""
    global _is_closing
    if _loop is None:
        return
    if _thread is not None:
        _is_closing = True
        _loop.call_soon_threadsafe(_loop.stop)
        _thread.join(_LAST_TASKS_PATIENCE_S)
    if not _loop.is_running() and not _loop.is_closed():
        _clean_up(_loop)


def _clean_up(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=_LAST_TASKS_PATIENCE_S))
    loop.run_until_complete(asyncio.wait_for(loop.shutdown_asyncgens(), _LAST_TASKS_PATIENCE_S))
    loop.close()
