"""Stacks of threads and tasks, in this process."""

from __future__ import annotations

import asyncio
import gc
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from threading import get_ident

import pytest

from ric.process import stacks


def named(found: list[stacks.Stack]) -> dict[str, list[str]]:
    """Returns the lines by thread or task, without thread identifiers."""
    return {title.partition(" (")[0]: lines for title, lines in found}


def functions(lines: list[str]) -> list[str]:
    return [line.rpartition(", in ")[2] for line in lines if line.startswith("  File ")]


def while_running(function: Callable[[Callable[[], object]], object]) -> dict[str, list[str]]:
    """Runs a function in a thread, and returns all stacks once it called what it was given."""
    is_there, release = threading.Event(), threading.Event()

    def arrive() -> None:
        is_there.set()
        release.wait()

    thread = threading.Thread(target=function, args=(arrive,), name="observed")
    thread.start()
    is_there.wait()
    try:
        return named(list(stacks.thread_stacks(get_ident(), but=0)))
    finally:
        release.set()
        thread.join()


def test_order_and_omission() -> None:
    """The invocation's thread comes first, and the observer is left out."""

    def observe(arrive: Callable[[], object]) -> None:
        arrive()

    found = while_running(observe)
    assert next(iter(found)) == "thread MainThread"
    assert "observe" in functions(found["thread observed"])
    assert "thread MainThread" not in named(list(stacks.thread_stacks(0, but=get_ident())))


def test_deep_stack_is_bounded() -> None:
    """Of a deep recursion the innermost 200 frames are shown, and how many are not."""

    def down(arrive: Callable[[], object], depth: int = 200) -> None:
        across(arrive, depth - 1) if depth else arrive()

    def across(arrive: Callable[[], object], depth: int) -> None:
        down(arrive, depth)

    lines = while_running(down)["thread observed"]
    assert len(functions(lines)) == 200
    assert lines[0].endswith("outer frames are not shown")
    assert "arrive" in functions(lines)


def test_without_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where source lines cannot be had, file, line and function are shown."""
    with monkeypatch.context() as patch:
        patch.setattr(traceback.StackSummary, "extract", None)
        found = named(list(stacks.thread_stacks(get_ident(), but=0)))
    assert "test_without_source" in functions(found["thread MainThread"])


def test_tasks_of_all_loops() -> None:
    """Tasks of every loop in the process are found, also those that gc.freeze() hides from the collector."""
    other = asyncio.new_event_loop()

    async def main() -> dict[str, list[str]]:
        waiting = asyncio.Event()
        hidden = asyncio.create_task(waiting.wait(), name="hidden")
        await asyncio.sleep(0)
        gc.freeze()
        try:
            seen = asyncio.create_task(waiting.wait(), name="seen")
            elsewhere = other.create_task(waiting.wait(), name="elsewhere")
            await asyncio.sleep(0)
            found = named(list(stacks.task_stacks()))
        finally:
            gc.unfreeze()
        waiting.set()
        await asyncio.gather(hidden, seen)
        elsewhere.cancel()
        return found

    found = asyncio.run(main())
    other.run_until_complete(asyncio.sleep(0))
    other.close()
    assert {"task hidden", "task seen", "task elsewhere"} <= set(found)
    assert functions(found["task hidden"]) == ["wait"]


def test_generators_on_the_way() -> None:
    """The way down leads through generators and asynchronous generators as far as Python can see."""

    async def numbers() -> AsyncIterator[int]:
        await asyncio.sleep(60)
        yield 1

    async def consume() -> None:
        async for _ in numbers():
            pass

    async def main() -> dict[str, list[str]]:
        task = asyncio.create_task(consume(), name="consumer")
        await asyncio.sleep(0)
        try:
            return named(list(stacks.task_stacks()))
        finally:
            task.cancel()

    assert functions(asyncio.run(main())["task consumer"])[0] == "consume"


def test_many_tasks_are_bounded() -> None:
    """With thousands of tasks a hundred are shown, and how many are not."""

    async def main() -> list[stacks.Stack]:
        tasks = [asyncio.create_task(asyncio.sleep(60)) for _ in range(250)]
        await asyncio.sleep(0)
        try:
            return list(stacks.task_stacks())
        finally:
            for task in tasks:
                task.cancel()

    found = asyncio.run(main())
    assert len(found) == 101
    assert found[-1] == ("tasks: 151 more are not shown", [])


def test_asynchronous_generators_on_the_way() -> None:
    """A task that waits for the next item of an asynchronous generator shows where that one waits."""

    async def inner(arrived: asyncio.Event) -> AsyncIterator[str]:
        yield "first"
        arrived.set()
        await asyncio.Event().wait()

    async def outer(arrived: asyncio.Event) -> AsyncIterator[str]:
        async for item in inner(arrived):
            yield item

    async def consume(arrived: asyncio.Event) -> None:
        async for _ in outer(arrived):
            pass

    async def main() -> dict[str, list[str]]:
        arrived = asyncio.Event()
        task = asyncio.create_task(consume(arrived), name="consumer")
        await arrived.wait()
        await asyncio.sleep(0)
        found = named(list(stacks.task_stacks()))
        task.cancel()
        await asyncio.wait((task,))
        return found

    shown = functions(asyncio.run(main())["task consumer"])
    assert [name for name in shown if name in ("consume", "outer", "inner")] == ["consume", "outer", "inner"]
