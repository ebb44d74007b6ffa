"""Async handlers in a real process: one event loop for all invocations, and what is left on it in between."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.scripted_api import (
    ACCEPTED,
    INIT_ERROR,
    NEXT,
    TIMEOUT_S,
    Outcome,
    ScriptedApi,
    Step,
    answer,
    error_path,
    event,
    function,
    read,
    response_path,
    run_to_its_end,
    run_until_complete,
    send,
    tell,
)

NEEDS_312 = pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks tell their context from Python 3.12 on")


def invocations(count: int) -> list[Step]:
    """Returns the script of so many invocations, all of which are answered, on one connection."""
    served = [step for number in range(1, count + 1) for step in (answer(event(str(number))), answer(ACCEPTED))]
    return [*served, read()]


def serve(directory: Path, source: str, count: int = 1, **variables: str) -> tuple[Outcome, list[Any]]:
    """Runs a function through so many invocations; returns its outcome and what was posted for each."""
    source = f"import asyncio, logging, os, sys, threading\n{source}"
    outcome, api = run_until_complete(directory, [invocations(count)], source, variables=variables)
    return outcome, [json.loads(request.body) for request in api.requests if request.method == "POST"]


class TestOneLoop:
    """The loop is made once and lives on."""

    def test_it_is_the_same_and_on_the_main_thread(self, tmp_path: Path) -> None:
        """Every invocation runs on one loop, on the thread that signal handlers need."""
        source = """
loops = []
async def handler(event, context):
    loops.append(asyncio.get_running_loop())
    return [loops[0] is loops[-1], threading.current_thread() is threading.main_thread()]
"""
        assert serve(tmp_path, source, 3)[1] == [[True, True]] * 3

    def test_a_connection_works_in_the_next_invocation(self, tmp_path: Path) -> None:
        """A client that was made in one invocation is used in the next, as connection pools are."""

        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                writer.write(line.upper())
            writer.close()

        source = """
stream = None
async def handler(event, context):
    global stream
    if stream is None:
        stream = await asyncio.open_connection("127.0.0.1", int(os.environ["ECHO_PORT"]))
    reader, writer = stream
    writer.write(f"request {context.aws_request_id}\\n".encode())
    return (await reader.readline()).decode()
"""
        loop = asyncio.new_event_loop()
        server = loop.run_until_complete(asyncio.start_server(echo, "127.0.0.1", 0))
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            port = server.sockets[0].getsockname()[1]
            assert serve(tmp_path, source, 3, ECHO_PORT=str(port))[1] == [f"REQUEST {n}\n" for n in (1, 2, 3)]
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            server.close()
            loop.run_until_complete(loop.shutdown_asyncgens())
            for task in asyncio.all_tasks(loop):
                task.cancel()
                loop.run_until_complete(asyncio.wait((task,)))
            loop.close()

    def test_sync_handlers_do_not_know_of_it(self, tmp_path: Path) -> None:
        """A plain handler may use asyncio.run as ever, and asyncio is not imported for it."""
        source = """
def handler(event, context):
    if context.aws_request_id == "1":
        return "ric.function.event_loop" in sys.modules
    async def main():
        return "ran"
    return asyncio.run(main())
"""
        assert serve(tmp_path, source, 2)[1] == [False, "ran"]

    @pytest.mark.parametrize(("value", "module"), [("", "asyncio"), ("asyncio", "asyncio"), ("uvloop", "uvloop")])
    def test_which_loop(self, tmp_path: Path, value: str, module: str) -> None:
        """RIC_EVENT_LOOP chooses between asyncio's own and uvloop."""
        if module == "uvloop":
            pytest.importorskip("uvloop")
        source = "async def handler(event, context): return type(asyncio.get_running_loop()).__module__\n"
        (found,) = serve(tmp_path, source, RIC_EVENT_LOOP=value)[1]
        assert found.partition(".")[0] == module

    def test_streams_on_uvloop(self, tmp_path: Path) -> None:
        """An async generator streams on uvloop as on asyncio's own loop, back-pressure included."""
        pytest.importorskip("uvloop")
        from tests.scripted_api import read_head, skim_stream

        source = "async def handler(event, context):\n    for _ in range(100):\n        yield b'x' * 100_000\n"
        sizes: list[int] = []
        script = [answer(event("1")), read_head(), skim_stream(sizes), send(ACCEPTED), read()]
        run_until_complete(tmp_path, [script], source, variables={"RIC_EVENT_LOOP": "uvloop"})
        assert sizes[0] > 10_000_000

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ("trio", "RIC_EVENT_LOOP is 'trio': set it to asyncio or uvloop, or leave it unset"),
            ("uvloop", "RIC_EVENT_LOOP is 'uvloop': uvloop cannot be imported: pip install uvloop"),
        ],
    )
    def test_a_loop_that_cannot_be_had(self, tmp_path: Path, value: str, message: str) -> None:
        """The function does not start, and the reason says what to change."""
        (tmp_path / "uvloop.py").write_text("raise ImportError('not here')\n")
        source = "async def handler(event, context): return 1\n"
        outcome, api = run_to_its_end(tmp_path, [[answer(ACCEPTED)]], source, variables={"RIC_EVENT_LOOP": value})
        assert api.paths == [INIT_ERROR]
        assert json.loads(api.requests[0].body)["errorMessage"] == message
        assert (outcome.exit_code, message in outcome.stdout) == (1, True)


class TestLeftOvers:
    """Tasks that a handler leaves behind."""

    def test_they_go_on_in_the_next_invocation(self, tmp_path: Path) -> None:
        """A task stands still between invocations, goes on in the next, and keeps its request id."""
        source = """
logging.getLogger().setLevel("INFO")
async def later(step):
    logging.info("before")
    await step.wait()
    logging.info("after")
async def handler(event, context):
    global step, task
    if context.aws_request_id == "1":
        step = asyncio.Event()
        task = asyncio.create_task(later(step))
        await asyncio.sleep(0)
        return task.done()
    step.set()
    await asyncio.sleep(0)
    logging.info("second")
    await task
    return task.done()
"""
        outcome, results = serve(tmp_path, source, 2)
        assert results == [False, True]
        lines = [line.split("\t")[2:] for line in outcome.stdout.splitlines()]
        assert lines == [["1", "before"], ["1", "after"], ["2", "second"]] or lines == [
            ["1", "before"],
            ["2", "second"],
            ["1", "after"],
        ]

    def test_they_are_not_lost(self, tmp_path: Path) -> None:
        """A task that nothing else holds, waiting for something that only it holds, is not collected as garbage."""
        source = """
import gc, weakref
async def wait_for_ever():
    await asyncio.get_running_loop().create_future()
async def handler(event, context):
    global reference
    if context.aws_request_id == "1":
        reference = weakref.ref(asyncio.create_task(wait_for_ever()))
        await asyncio.sleep(0)
    gc.collect()
    return reference() is not None
"""
        assert serve(tmp_path, source, 3)[1] == [True] * 3

    def test_they_are_let_go_when_they_end(self, tmp_path: Path) -> None:
        """A task that has ended is kept no longer: there is no leak."""
        source = """
import gc, weakref
references = []
async def handler(event, context):
    references.append(weakref.ref(asyncio.create_task(asyncio.sleep(0))))
    gc.collect()
    return sum(reference() is not None for reference in references)
"""
        assert max(serve(tmp_path, source, 12)[1]) <= 3

    def test_they_are_cancelled_at_the_end(self, tmp_path: Path) -> None:
        """When the process ends, what waits is cancelled: its finally runs, and so does that of async generators."""
        source = """
kept = []
async def wait():
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        print("task cleaned up")
async def numbers():
    try:
        yield 1
        yield 2
    finally:
        print("generator cleaned up")
async def handler(event, context):
    if context.aws_request_id == "2":
        sys.exit(3)
    asyncio.create_task(wait())
    kept.append(numbers())
    return await anext(kept[0])
"""
        script = [answer(event("1")), answer(ACCEPTED), answer(event("2")), answer(ACCEPTED)]
        outcome, _ = run_to_its_end(tmp_path, [script], f"import asyncio, sys\n{source}")
        assert outcome.exit_code == 3
        assert "task cleaned up" in outcome.stdout
        assert "generator cleaned up" in outcome.stdout
        assert outcome.stderr == ""

    def test_one_that_will_not_end_does_not_keep_the_process(self, tmp_path: Path) -> None:
        """A task that ignores its cancellation holds up the end of the process for a moment only."""
        source = """
import asyncio, sys
async def stubborn():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass
async def handler(event, context):
    asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    sys.exit(3)
"""
        outcome, _ = run_to_its_end(tmp_path, [[answer(event("1")), answer(ACCEPTED)]], source)
        assert outcome.exit_code == 3

    @NEEDS_312
    def test_their_failures_are_logged_with_their_own_id(self, tmp_path: Path) -> None:
        """asyncio's report of a task that failed bears the id of the invocation that made the task."""
        source = """
import gc
async def fail(step):
    await step.wait()
    raise ValueError("of the first")
async def handler(event, context):
    global step
    if context.aws_request_id == "1":
        step = asyncio.Event()
        asyncio.create_task(fail(step))
        await asyncio.sleep(0)
    else:
        step.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.collect()
"""
        outcome, _ = serve(tmp_path, source, 3)
        (line,) = (line for line in outcome.stdout.splitlines() if "exception was never retrieved" in line)
        assert line.split("\t")[2] == "1"
        assert "ValueError: of the first" in outcome.stdout

    def test_a_leak_is_told(self, tmp_path: Path) -> None:
        """A hundred tasks that nobody ended are worth a warning: once, and again at twice as many."""
        source = """
async def handler(event, context):
    for _ in range(60):
        asyncio.create_task(asyncio.Event().wait())
    await asyncio.sleep(0)
"""
        outcome, _ = serve(tmp_path, source, 5)
        warnings = [line for line in outcome.stdout.splitlines() if "earlier invocations left behind" in line]
        assert [line.split("\t")[3].split()[0] for line in warnings] == ["120", "240"]


class TestIdentity:
    """The request id in log lines, from wherever they come."""

    def test_tasks_and_threads(self, tmp_path: Path) -> None:
        """Tasks, asyncio.to_thread and run_in_executor log with the id of the invocation that they belong to."""
        source = """
logging.getLogger().setLevel("INFO")
release = threading.Event()
def in_thread(name, gate):
    gate.wait()
    logging.info(name)
async def handler(event, context):
    global left
    loop = asyncio.get_running_loop()
    if context.aws_request_id == "1":
        left = [
            asyncio.create_task(asyncio.to_thread(in_thread, "to_thread", release)),
            loop.run_in_executor(None, in_thread, "executor", release),
        ]
        await asyncio.sleep(0)
        return
    async def task():
        logging.info("task")
    await asyncio.gather(task(), asyncio.create_task(task()))
    release.set()
    await asyncio.gather(*left)
"""
        outcome, _ = serve(tmp_path, source, 2)
        assert sorted(line.split("\t")[2:] for line in outcome.stdout.splitlines()) == [
            ["1", "executor"],
            ["1", "to_thread"],
            ["2", "task"],
            ["2", "task"],
        ]


class TestFailures:
    """Whatever an async handler raises is reported as from a plain one."""

    @pytest.mark.parametrize("kind", ["async def", "async generator"])
    def test_the_stack_is_the_users(self, tmp_path: Path, kind: str) -> None:
        """The stack trace begins in the user's code: neither asyncio's frames nor the runtime's are in it."""
        source = f"""
async def inner():
    raise ValueError("here")
async def handler(event, context):
    await inner()
    {"yield" if kind == "async generator" else ""}
"""
        _, (document,) = serve(tmp_path, source)
        assert [line.split("\n")[0].rpartition("in ")[2] for line in document["stackTrace"]] == ["handler", "inner"]

    def test_cancelled(self, tmp_path: Path) -> None:
        """A handler that is cancelled by its own code has failed like any other; the process goes on."""
        source = """
async def handler(event, context):
    if context.aws_request_id == "2":
        return "served"
    asyncio.current_task().cancel()
    await asyncio.sleep(0)
"""
        _, (document, second) = serve(tmp_path, source, 2)
        assert (document["errorType"], second) == ("CancelledError", "served")

    @pytest.mark.parametrize(
        ("statement", "exit_code"), [("sys.exit(7)", 7), ("raise KeyboardInterrupt", 130), ("raise SystemExit", 0)]
    )
    @pytest.mark.parametrize("where", ["handler", "task"])
    def test_exits(self, tmp_path: Path, statement: str, exit_code: int, where: str) -> None:
        """An exit, from the handler or a task of it, is reported and ends the process with its code."""
        source = f"""
import asyncio, sys
async def leave():
    {statement}
async def handler(event, context):
    {"await leave()" if where == "handler" else "await asyncio.create_task(leave())"}
"""
        outcome, api = run_to_its_end(tmp_path, [[answer(event("1")), answer(ACCEPTED)]], source)
        assert api.paths == [NEXT, error_path("1")]
        assert (outcome.exit_code, outcome.stderr) == (exit_code, "")

    def test_a_signal_handler_that_exits(self, tmp_path: Path) -> None:
        """What waits is cancelled, so its finally runs, before the exit is reported and the process ends."""
        source = """
import asyncio, os, signal, sys
signal.signal(signal.SIGUSR1, lambda number, frame: sys.exit(4))
async def handler(event, context):
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGUSR1)
    try:
        await asyncio.Event().wait()
    finally:
        print("cleaned up")
"""
        outcome, api = run_to_its_end(tmp_path, [[answer(event("1")), answer(ACCEPTED)]], source)
        assert api.paths == [NEXT, error_path("1")]
        assert outcome.stdout.startswith("cleaned up\n[ERROR] SystemExit: 4\n")
        assert (outcome.exit_code, outcome.stderr) == (4, "")

    def test_an_exit_past_a_handler_that_will_not_end(self, tmp_path: Path) -> None:
        """A handler that ignores its cancellation holds an exit of its own tasks up for a moment only."""
        source = """
import asyncio, sys
async def leave():
    sys.exit(4)
async def handler(event, context):
    task = asyncio.create_task(leave())
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass
"""
        outcome, api = run_to_its_end(tmp_path, [[answer(event("1")), answer(ACCEPTED)]], source)
        assert api.paths == [NEXT, error_path("1")]
        assert outcome.exit_code == 4

    def test_signals_are_handled_while_it_waits(self, tmp_path: Path) -> None:
        """A signal handler of asyncio runs while the handler awaits."""
        waiting = threading.Event()
        source = """
import asyncio, os, pathlib, signal
async def handler(event, context):
    got = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, got.set)
    pathlib.Path("ready").write_text("")
    await got.wait()
    return "signalled"
"""
        import os

        os.mkfifo(tmp_path / "ready")
        script: Sequence[Step] = [
            *(answer(event("1")), lambda peer: (tmp_path / "ready").read_text() and None, tell(waiting)),
            *(answer(ACCEPTED), read()),
        ]
        with ScriptedApi(script).listen() as api, function(api, tmp_path, source) as running:
            assert waiting.wait(TIMEOUT_S)
            running.process.send_signal(signal.SIGUSR1)
            running.stop_when_complete()
        assert api.paths == [NEXT, response_path("1"), NEXT]
        assert json.loads(api.requests[1].body) == "signalled"
