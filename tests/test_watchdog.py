"""RIC_TIMEOUT_DUMP_MS: what is logged before an invocation times out, by real processes.

Rules: standard error goes to a file, which the handler or the test reads until the dump is there, so nothing depends on
how fast this machine is. A dump is due a moment after its event was sent; the deadline itself never comes.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ric import config
from tests.scripted_api import (
    ACCEPTED,
    INIT_ERROR,
    TIMEOUT_S,
    Function,
    Peer,
    ScriptedApi,
    Step,
    answer,
    answer_stream,
    error_path,
    event,
    function,
    read,
    response_path,
    run_to_its_end,
    run_until_complete,
    send,
)

BEFORE_MS = 60_000
# What a busy machine may take from the sending of an event to the arming of the watchdog.
DUE_AFTER_MS = 1_000
VARIABLE = "RIC_TIMEOUT_DUMP_MS"
DUMP = "dump.txt"
TO_FILE = ("/bin/sh", "-c", f'exec "$0" -m ric app.handler 2>{DUMP}', sys.executable)

WAIT_FOR = f"""
import asyncio, os, threading, time
end_s = time.monotonic() + {TIMEOUT_S}
def is_written(text, name={DUMP!r}):
    assert time.monotonic() < end_s, "nothing was dumped"
    with open(name) as file:
        return text in file.read()
def wait_for(text, name={DUMP!r}):
    while not is_written(text, name):
        time.sleep(0.01)
"""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def answer_due(request_id: str, due_after_ms: int = DUE_AFTER_MS) -> Step:
    """Reads a request and sends an event whose stacks are due so many ms later."""

    def step(peer: Peer) -> None:
        peer.read()
        peer.connection.sendall(event(request_id, deadline_ms=now_ms() + BEFORE_MS + due_after_ms))

    return step


@contextlib.contextmanager
def served(directory: Path, source: str, *connections: Sequence[Step], **variables: str) -> Iterator[Function]:
    """Starts a function whose standard error goes to DUMP, and waits for the end of its script."""
    variables = {VARIABLE: str(BEFORE_MS), **variables}
    source = WAIT_FOR + source
    with (
        ScriptedApi(*connections).listen() as api,
        function(api, directory, source, variables=variables, command=TO_FILE) as running,
    ):
        yield running
        running.stop_when_complete()


def dump_of(directory: Path, source: str, *connections: Sequence[Step], **variables: str) -> list[list[str]]:
    """Serves a function and returns the records on its standard error, each as its lines."""
    with served(directory, source, *connections, **variables):
        pass
    return records(directory)


def records(directory: Path) -> list[list[str]]:
    # Not read_text(), which takes a carriage return for the end of a line.
    text = (directory / DUMP).read_bytes().decode()
    return [record.split("\r") for record in text.split("\n")[:-1]]


def wait_for(directory: Path, text: str) -> None:
    """Waits until the text is on the function's standard error."""
    end_s = time.monotonic() + TIMEOUT_S
    while not (directory / DUMP).exists() or text not in (directory / DUMP).read_text():
        assert time.monotonic() < end_s, f"{text!r} was not dumped"
        time.sleep(0.01)


ONE_DUE = (answer_due("1"), answer(ACCEPTED), read())
UNTIL_DUMPED = """
def handler(event, context):
    wait_for("\\t" + context.aws_request_id + "\\tric:")
    return "served"
"""


class TestDump:
    """What is in the log."""

    def test_threads(self, tmp_path: Path) -> None:
        """Each thread is one record with level, time, request id and its stack from the handler on."""
        source = """
def linger():
    released.wait()
def handler(event, context):
    global released
    released = threading.Event()
    threading.Thread(target=linger, name="helper").start()
    wait_for("thread helper")
    released.set()
"""
        dumped = dump_of(tmp_path, source, ONE_DUE)
        assert len(dumped) == 2
        for record, name, frame in zip(dumped, ("MainThread", "helper"), ("handler", "linger"), strict=True):
            level, moment, request_id, message = record[0].split("\t")
            assert (level, request_id) == ("[WARNING]", "1")
            time.strptime(moment[:19] + moment[23:], "%Y-%m-%dT%H:%M:%SZ")
            assert message.startswith("ric: ") and f" ms before the deadline: thread {name} (" in message
            assert any(line.endswith(f", in {frame}") for line in record)
        assert dumped[0][1].startswith(f'\u00a0\u00a0File "{tmp_path}/app.py", line ')
        assert dumped[0][2].startswith("\u00a0\u00a0\u00a0\u00a0wait_for(")

    def test_tasks(self, tmp_path: Path) -> None:
        """Each asyncio task is one record with the request id: all that it awaits, down to where it waits."""
        source = """
async def inner():
    while not is_written("task second"):
        await asyncio.sleep(0.01)
async def outer():
    await inner()
async def main():
    await asyncio.gather(asyncio.create_task(outer(), name="first"), asyncio.create_task(outer(), name="second"))
def handler(event, context):
    asyncio.run(main())
"""
        dumped = dump_of(tmp_path, source, ONE_DUE)
        tasks = {record[0].rpartition("task ")[2]: record for record in dumped if "deadline: task" in record[0]}
        assert sorted(tasks) == ["Task-1", "first", "second"]
        assert "\t1\tric: " in tasks["first"][0]
        functions = [line.rpartition(", in ")[2] for line in tasks["first"] if ", in " in line]
        assert functions[:2] == ["outer", "inner"]

    @pytest.mark.parametrize(
        ("rest", "reading"),
        [("", answer), ("    yield b'piece'\n", answer_stream)],
        ids=["coroutine", "generator"],
    )
    def test_task_of_the_handler(self, tmp_path: Path, rest: str, reading: Callable[[bytes], Step]) -> None:
        """The stack of its task begins with the function, as that of its thread does."""
        source = f"""
async def inner():
    while not is_written("task "):
        await asyncio.sleep(0.01)
async def handler(event, context):
    await inner()
{rest}"""
        script = (answer_due("1"), reading(ACCEPTED), read())
        (task,) = [record for record in dump_of(tmp_path, source, script) if "deadline: task" in record[0]]
        functions = [line.rpartition(", in ")[2] for line in task if ", in " in line]
        assert functions[:2] == ["handler", "inner"]

    def test_json(self, tmp_path: Path) -> None:
        """In JSON format a record is one object with the keys of other log records."""
        source = UNTIL_DUMPED.replace('"\\t" + context.aws_request_id + "\\tric:"', "'MainThread'")
        ((text,),) = dump_of(tmp_path, source, ONE_DUE, AWS_LAMBDA_LOG_FORMAT="JSON")
        record = json.loads(text)
        assert list(record) == ["timestamp", "level", "message", "requestId", "stackTrace"]
        assert (record["level"], record["requestId"]) == ("WARNING", "1")
        assert record["stackTrace"][0].endswith(", in handler")

    @pytest.mark.parametrize("before", ["", "if not os.fork(): os._exit(0)"], ids=["", "after a fork"])
    def test_interpreter_held_up_in_c(self, tmp_path: Path, before: str) -> None:
        """A call into C that never gives the interpreter lock back shows where it was made."""
        os.mkfifo(tmp_path / "release")
        release = os.open(tmp_path / "release", os.O_RDWR)
        source = f"""
import ctypes
def handler(event, context):
    {before}
    hold(os.open("release", os.O_RDONLY))
def hold(descriptor):
    ctypes.PyDLL(None).read(descriptor, ctypes.create_string_buffer(1), 1)
"""
        with served(tmp_path, source, ONE_DUE):
            wait_for(tmp_path, " in handler")
            os.write(release, b"1")
        os.close(release)
        dumped = (tmp_path / DUMP).read_text()
        assert dumped.startswith("Timeout (0:00:0")
        assert dumped.index(" in hold") < dumped.index(" in handler")

    def test_post_that_hangs(self, tmp_path: Path) -> None:
        """An invocation is over when its result is posted: a Runtime API that does not answer shows, too."""
        source = "def handler(event, context):\n    return 'served'\n"

        def wait_for_dump(peer: Peer) -> None:
            wait_for(tmp_path, "post_invocation_result")

        ((head, *frames),) = dump_of(tmp_path, source, [answer_due("1"), read(), wait_for_dump, send(ACCEPTED), read()])
        assert "\t1\tric: " in head
        assert any(line.endswith("in post_invocation_result") for line in frames)


class TestInvocations:
    """Which invocations are dumped."""

    def test_only_the_current_one(self, tmp_path: Path) -> None:
        """An invocation that ended in time is not dumped, however late the next one is."""
        source = "def handler(event, context):\n    if event == 1: wait_for('\\t2\\tric:')\n"

        def send_late(peer: Peer) -> None:
            # Not to wait for the function: the moment of the dump has to pass, and that of the timer of C behind it.
            time.sleep((DUE_AFTER_MS + 500) / 1000)
            peer.connection.sendall(event("2", b"1", deadline_ms=now_ms() + BEFORE_MS + DUE_AFTER_MS))

        script = [answer_due("1"), answer(ACCEPTED), read(), send_late, answer(ACCEPTED), read()]
        (record,) = dump_of(tmp_path, source, script)
        assert "\t2\tric: " in record[0]

    def test_one_after_the_other(self, tmp_path: Path) -> None:
        """Each invocation that comes near its deadline is dumped under its own request id, whichever is due first."""
        script = [
            *(answer_due("1", 3 * DUE_AFTER_MS), answer(ACCEPTED)),
            *(answer_due("2"), answer(ACCEPTED)),
            *(answer_due("3"), answer(ACCEPTED), read()),
        ]
        source = UNTIL_DUMPED.replace("    wait_for", "    if context.aws_request_id != '1': wait_for")
        dumped = dump_of(tmp_path, source, script)
        assert [record[0].split("\t")[2] for record in dumped] == ["2", "3"]

    def test_invocation_shorter_than_that(self, tmp_path: Path) -> None:
        """With less time than N ms in all nothing is dumped; one line in the life of the process says why."""
        script = [
            step
            for number in range(3)
            for step in (answer(event(str(number), deadline_ms=now_ms() + BEFORE_MS)), answer(ACCEPTED))
        ]
        source = "def handler(event, context):\n    return 'served'\n"
        ((line,),) = dump_of(tmp_path, source, [*script, read()])
        assert "\t0\tric: RIC_TIMEOUT_DUMP_MS is 60000, but this invocation ends in " in line
        assert line.endswith("so no stacks will be logged; choose a smaller number or a longer time-out")

    @pytest.mark.parametrize("deadline_ms", [None, 0, 1, "soon", -5, 1.5, 4102444800000, "9" * 19, "9" * 5000])
    def test_odd_deadlines(self, tmp_path: Path, deadline_ms: object) -> None:
        """Without a deadline that makes sense nothing is dumped, and the runtime serves on."""
        source = "def handler(event, context):\n    return 'served'\n"
        script = [answer(event(deadline_ms=deadline_ms)), answer(ACCEPTED), answer(event("2")), answer(ACCEPTED)]
        with served(tmp_path, source, [*script, read()]) as running:
            pass
        assert running.api.paths[1] in (response_path("1"), error_path("1"))
        assert running.api.paths[3] == response_path("2")
        assert records(tmp_path) == []

    def test_workers(self, tmp_path: Path) -> None:
        """Each of several workers dumps its own invocation."""
        scripts = [(answer_due(request_id), answer(ACCEPTED), read()) for request_id in ("a", "b")]
        variables = {VARIABLE: str(BEFORE_MS), "AWS_LAMBDA_MAX_CONCURRENCY": "2"}
        with (
            ScriptedApi(*scripts).listen() as api,
            function(api, tmp_path, WAIT_FOR + UNTIL_DUMPED, variables=variables, command=TO_FILE) as running,
        ):
            running.stop_when_complete()
        assert sorted(record[0].split("\t")[2] for record in records(tmp_path)) == ["a", "b"]

    @pytest.mark.parametrize("log_format", ["TEXT", "JSON"])
    @pytest.mark.parametrize("mode", ["thread", "hybrid", "asyncio"])
    def test_where_invocations_share_a_process(self, tmp_path: Path, mode: str, log_format: str) -> None:
        """It is not there, costs nothing, and one record for the whole environment says so."""
        source = """
        import sys
        def handler(event, context):
            return [name for name in sys.modules if name == "faulthandler" or name.endswith("watchdog")]
        """
        variables = {
            VARIABLE: "500",
            "AWS_LAMBDA_MAX_CONCURRENCY": "2",
            "AWS_LAMBDA_CONCURRENCY_MODE": mode,
            "AWS_LAMBDA_LOG_FORMAT": log_format,
        }
        scripts = [[answer(event()), answer(ACCEPTED), read()], [read()]]
        outcome, api = run_until_complete(tmp_path, scripts, source, variables=variables)
        assert [request.body for request in api.requests if request.method == "POST"] == [b"[]"]
        (line,) = outcome.stdout.splitlines()
        if log_format == "JSON":
            record = json.loads(line)
            level, message = record["level"], record["message"]
        else:
            level, _, _, message = line.split("\t")
        assert level.strip("[]") == "WARNING"
        assert message.startswith(f"RIC_TIMEOUT_DUMP_MS does nothing with AWS_LAMBDA_CONCURRENCY_MODE={mode}: ")
        assert outcome.stderr == ""


class TestHostileHandlers:
    """What handlers do to what the watchdog stands on."""

    @pytest.mark.parametrize(
        "statements",
        [
            "os.close(2)",
            "os.dup2(os.open('/dev/null', os.O_WRONLY), 2)",
            "import sys; sys.stderr = sys.stdout = None",
            "import time as t; wait = t.sleep; t.time = t.time_ns = t.strftime = None",
            "import traceback; traceback.StackSummary = None",
            "import faulthandler; faulthandler.dump_traceback_later = faulthandler.cancel_dump_traceback_later = None",
            "import logging; logging.disable()",
            "import sys; sys.setrecursionlimit(100)",
            "threading.current_thread().name = 5; threading.settrace(None)",
        ],
    )
    @pytest.mark.parametrize("when", ["import", "handler"])
    def test_dumped_all_the_same(self, tmp_path: Path, statements: str, when: str) -> None:
        """Neither streams nor descriptors nor modules that user code spoils keep the dump from the log."""
        source = f"{statements}\n{UNTIL_DUMPED}"
        if when == "handler":
            source = UNTIL_DUMPED.replace("    wait_for", f"    {statements}\n    wait_for")
        (record,) = dump_of(tmp_path, source, ONE_DUE)
        assert "\t1\tric: " in record[0]
        assert any(line.endswith("in wait_for") for line in record)

    def test_every_descriptor_closed(self, tmp_path: Path) -> None:
        """After a handler closed all descriptors the next invocation is dumped, if standard error is left."""
        source = """
def handler(event, context):
    if context.aws_request_id == "1":
        os.closerange(3, 1000)
    else:
        wait_for("\\t2\\tric:")
"""
        scripts = [[answer_due("1", 0)], [answer(ACCEPTED), answer_due("2"), answer(ACCEPTED), read()]]
        dumped = dump_of(tmp_path, source, *scripts)
        assert "\t2\tric: " in dumped[-1][0]

    @pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to see descriptors")
    def test_descriptor_is_its_own(self, tmp_path: Path) -> None:
        """It is none of the standard three, and programs that the handler starts do not have it."""
        source = f"""
import subprocess
def handler(event, context):
    links = {{n: f"/proc/self/fd/{{n}}" for n in range(1000)}}
    own = [n for n, link in links.items() if os.path.exists(link) and os.path.samefile(link, {DUMP!r})]
    program = subprocess.Popen(["ls", "-l", "/proc/self/fd"], stdout=subprocess.PIPE, text=True, close_fds=False)
    return [own, program.communicate()[0].count({DUMP!r})]
"""
        with served(tmp_path, source, [answer_due("1"), answer(ACCEPTED), read()]) as running:
            pass
        assert json.loads(running.api.requests[1].body) == [[2, 200], 1]

    def test_own_use_of_the_timer(self, tmp_path: Path) -> None:
        """A handler's own dump_traceback_later works in its invocation; the records come all the same, and so they do
        in the next one."""
        source = """
import faulthandler
def handler(event, context):
    if context.aws_request_id == "1":
        with open("own.txt", "w") as own:
            faulthandler.dump_traceback_later(0.01, file=own)
            wait_for(" in handler", "own.txt")
    wait_for("\\t" + context.aws_request_id + "\\tric:")
"""
        script = [answer_due("1"), answer(ACCEPTED), answer_due("2"), answer(ACCEPTED), read()]
        dumped = dump_of(tmp_path, source, script)
        assert [record[0].split("\t")[2] for record in dumped] == ["1", "2"]

    def test_forked_child_that_uses_the_timer(self, tmp_path: Path) -> None:
        """A child that a handler forks inherits no timer; cancelling one would wait for a thread that it lacks."""
        source = """
import faulthandler
def handler(event, context):
    pid = os.fork()
    if not pid:
        faulthandler.cancel_dump_traceback_later()
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""
        with served(tmp_path, source, ONE_DUE) as running:
            pass
        assert running.api.requests[1].body == b"7"


class TestVariable:
    """RIC_TIMEOUT_DUMP_MS itself."""

    @pytest.mark.parametrize("value", ["0", "-5", "1.5", "soon"])
    def test_no_number_above_zero(self, tmp_path: Path, value: str) -> None:
        """Any other value is reported as an init error which says what to change; the handler is not imported."""
        source = "print('imported')\ndef handler(event, context):\n    pass\n"
        outcome, api = run_to_its_end(tmp_path, [[answer(ACCEPTED)]], source, variables={VARIABLE: value})
        assert api.paths == [INIT_ERROR]
        message = json.loads(api.requests[0].body)["errorMessage"]
        assert message == (
            f"RIC_TIMEOUT_DUMP_MS is {value!r}: set it to a whole number of milliseconds above 0, for example 500, "
            "or leave it unset"
        )
        assert outcome.exit_code == 1
        assert message in outcome.stdout
        assert "imported" not in outcome.stdout

    @pytest.mark.parametrize("value", ["00", "+5", " 5", "5 ", "1e3", "0x10", "1_000", "\u0665", "\u00b2", "9" * 5000])
    def test_other_notations(self, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        """Only plain decimal digits are a number of milliseconds."""
        monkeypatch.setenv(VARIABLE, value)
        with pytest.raises(ValueError, match="set it to a whole number of milliseconds above 0"):
            config.timeout_dump_ms()

    @pytest.mark.parametrize(("value", "expected"), [("1", 1), ("0500", 500), ("999999999", 999_999_999), ("", None)])
    def test_numbers(self, monkeypatch: pytest.MonkeyPatch, value: str, expected: int | None) -> None:
        """A whole number is taken; an empty value means as little as none."""
        monkeypatch.setenv(VARIABLE, value)
        assert config.timeout_dump_ms() == expected

    def test_unset(self, tmp_path: Path) -> None:
        """Without it neither the watchdog nor what it stands on is imported."""
        source = """
        import sys
        def handler(event, context):
            return [name for name in sys.modules if name in ("faulthandler", "fcntl") or name.endswith("watchdog")]
        """
        _, api = run_until_complete(tmp_path, [[answer(event()), answer(ACCEPTED), read()]], source)
        assert api.requests[1].body == b"[]"
