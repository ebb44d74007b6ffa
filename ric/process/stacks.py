"""What the threads and asyncio tasks of this process are doing, frame by frame.

Rules: only what the function itself imported is asked, so ``threading`` and ``asyncio`` are looked for in
``sys.modules``. No lock is waited for that the code under inspection might hold. What comes back is bounded, because a
log record is.
"""

from __future__ import annotations

import gc
import sys
import tokenize  # noqa: F401 - linecache, which reads the source lines, imports it late on some Pythons
import traceback
from os.path import dirname, join

from ric.function.traces import message_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

    Stack = tuple[str, list[str]]
    """Whose stack it is, and its lines, outermost frame first."""

_OWN_DIRECTORY = join(dirname(dirname(__file__)), "")
_LOOP = join(_OWN_DIRECTORY, "bootstrap.py")

# A record of so many frames stays below the 256 KB that CloudWatch takes for one event.
_MOST_FRAMES = 200
_MOST_TASKS = 100

# Where a suspended coroutine, generator or asynchronous generator keeps its frame, and what it waits for.
_STEPS_OF_GENERATORS = ("async_generator_asend", "async_generator_athrow")
_SUSPENDED_KINDS = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))


def thread_stacks(first: int, but: int) -> Iterator[Stack]:
    """Yields the stack of each thread.

    Args:
        first: Identifier of the thread to begin with.
        but: Identifier of the thread to leave out.
    """
    # Not threading.enumerate(), which takes a lock; gevent even makes that a greenlet's.
    named = dict(getattr(sys.modules.get("threading"), "_active", ()))
    frames = sys._current_frames()
    for thread_id in sorted(frames, key=lambda thread_id: (thread_id != first, thread_id)):
        if thread_id != but:
            name = message_of(getattr(named.get(thread_id), "name", "without a name"))
            frames_of_thread = [*traceback.walk_stack(frames[thread_id])][::-1]
            yield f"thread {name} ({thread_id})", _format(_without_the_way_to_the_handler(frames_of_thread))


def task_stacks() -> Iterator[Stack]:
    """Yields the stack of each asyncio task that is not done: where it waits, through all that it awaits."""
    tasks = _pending_tasks()
    for task in tasks[:_MOST_TASKS]:
        yield f"task {message_of(task.get_name())}", _format(_from_the_function_on(list(_awaits(task.get_coro()))))
    if len(tasks) > _MOST_TASKS:
        yield f"tasks: {len(tasks) - _MOST_TASKS} more are not shown", []


def _pending_tasks() -> list[Any]:
    asyncio = sys.modules.get("asyncio.tasks")
    task_class = getattr(asyncio, "Task", None)
    all_tasks = getattr(asyncio, "all_tasks", None)
    if task_class is None or all_tasks is None:  # it is not imported, or just being
        return []
    # all_tasks() wants a loop, and nothing lists the loops, but every task knows its own. The tasks found here are not
    # all: gc.freeze(), after the import, hides those of then. Not isinstance(), which runs user code (__class__).
    found = [candidate for candidate in gc.get_objects() if issubclass(type(candidate), task_class)]
    loops = {id(loop): loop for loop in (task.get_loop() for task in found if not task.done())}
    return [task for loop in loops.values() for task in all_tasks(loop)]


def _awaits(awaitable: Any) -> Iterator[tuple[FrameType, int]]:
    """Yields the frames of a suspended coroutine and of all that it awaits, outermost first."""
    while awaitable is not None:
        for frame_name, next_name in _SUSPENDED_KINDS:
            frame = getattr(awaitable, frame_name, None)
            if frame is not None:
                yield frame, frame.f_lineno
                awaitable = getattr(awaitable, next_name)
                break
        else:
            # An asynchronous generator hides behind what its `asend` returned. Else it is a future, or written in C.
            hidden = (item for item in gc.get_referents(awaitable) if hasattr(item, "ag_frame"))
            awaitable = next(hidden, None) if type(awaitable).__name__ in _STEPS_OF_GENERATORS else None


def _without_the_way_to_the_handler(frames: list[tuple[FrameType, int]]) -> list[tuple[FrameType, int]]:
    """Leaves out the frames up to the loop's last, and the adapter's; all stay where it is the runtime that waits."""
    files = [frame.f_code.co_filename for frame, _ in frames]
    if _LOOP not in files:
        return frames
    return _from_the_function_on(frames, len(files) - files[::-1].index(_LOOP))


def _from_the_function_on(frames: list[tuple[FrameType, int]], first: int = 0) -> list[tuple[FrameType, int]]:
    """Leaves out the frames up to `first` and those of the runtime that follow; all stay where there are no others."""
    while first < len(frames) and frames[first][0].f_code.co_filename.startswith(_OWN_DIRECTORY):
        first += 1
    return frames[first:] or frames


def _format(frames: list[tuple[FrameType, int]]) -> list[str]:
    """Returns the lines of a stack, given outermost frame first."""
    shown = frames[-_MOST_FRAMES:]
    left_out = [f"  {len(frames) - len(shown)} outer frames are not shown"] if len(shown) < len(frames) else []
    try:
        text = "".join(traceback.StackSummary.extract(iter(shown)).format())
    except Exception:  # noqa: BLE001 - out of descriptors no file can be opened; user code may have patched anything
        lines = [f'  File "{f.f_code.co_filename}", line {line}, in {f.f_code.co_name}' for f, line in shown]
    else:
        lines = text.splitlines()
    return left_out + lines
