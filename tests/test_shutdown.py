"""``ric.on_shutdown``: when callbacks run, in which order, for how long, and how the process ends after them."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import ric
from tests.image import private_image, private_image_refusal
from tests.scripted_api import (
    ACCEPTED,
    INIT_ERROR,
    NEXT,
    TIMEOUT_S,
    Outcome,
    ScriptedApi,
    Step,
    answer,
    answer_stream,
    error_path,
    event,
    function,
    read,
    read_head,
    read_until,
    response_path,
    run_to_its_end,
    send,
    status,
    tell,
    wait_for,
    wait_for_close,
)

REGISTER = "/2020-01-01/extension/register"
NEXT_EVENT = "/2020-01-01/extension/event/next"
REGISTERED = status(200, b"{}", b"Lambda-Extension-Identifier: token")
TERMINATED = 143
# Long enough for a busy machine, unless a test is about the end of it.
PATIENT = {"RIC_SHUTDOWN_GRACE_MS": "20000"}
# A handler is interrupted at 3 s, and has 1.5 s until it is once more: on a busy machine half a second was not enough.
INTERRUPTING = {"RIC_SHUTDOWN_GRACE_MS": "6000"}

TELLING = """
import asyncio, os, pathlib, sys, time
import ric
@ric.on_shutdown
def first():
    print("first registered", flush=True)
@ric.on_shutdown
async def second():
    await asyncio.sleep(0)
    print("last registered", flush=True)
"""
PLAIN_HANDLER = "def handler(event, context): return event\n"
BOTH = "last registered\nfirst registered\n"


def extension(*further: Step) -> list[Step]:
    """Returns the script of the connection on which the extension registers and then waits."""
    return [answer(REGISTERED), *(further or (read(),)), wait_for_close()]


def terminated_while_waiting(
    directory: Path, source: str, *before: Step, signals: Sequence[int] = (signal.SIGTERM,), **variables: str
) -> tuple[Outcome, ScriptedApi]:
    """Sends SIGTERM to a function that waits for an event; returns its outcome and the server."""
    is_waiting = threading.Event()
    script = [*before, read(), tell(is_waiting), wait_for_close()]
    with (
        ScriptedApi(extension(), script).listen() as api,
        function(api, directory, source, variables={**PATIENT, **variables}) as running,
    ):
        assert is_waiting.wait(TIMEOUT_S)
        for number in signals:
            running.process.send_signal(number)
        return running.wait(), api


class TestRegistration:
    """Lambda sends SIGTERM only to environments with an extension."""

    def test_an_internal_extension_is_registered(self, tmp_path: Path) -> None:
        """It is made known before the first event is asked for, wants no events, and waits for one all the same."""
        is_waiting = threading.Event()
        scripts = [extension(read(), tell(is_waiting)), [wait_for(is_waiting), read(), wait_for_close()]]
        with (
            ScriptedApi(*scripts).listen() as api,
            function(api, tmp_path, TELLING + PLAIN_HANDLER, variables=PATIENT) as running,
        ):
            assert is_waiting.wait(TIMEOUT_S)
            running.process.terminate()
            assert running.wait().exit_code == TERMINATED
        register, others = api.requests[0], api.requests[1:]
        assert (register.method, register.path, register.body) == ("POST", REGISTER, b'{"events":[]}')
        assert register.headers["lambda-extension-name"] == "ric-shutdown"
        (waiting,) = (request for request in others if request.path == NEXT_EVENT)
        assert (waiting.method, waiting.headers["lambda-extension-identifier"]) == ("GET", "token")

    def test_nothing_without_callbacks(self, tmp_path: Path) -> None:
        """With no callback there is no extension call, no second connection, and SIGTERM ends the process at once."""
        is_waiting = threading.Event()
        with (
            ScriptedApi([read(), tell(is_waiting), wait_for_close()]).listen() as api,
            function(api, tmp_path, f"import ric\n{PLAIN_HANDLER}") as running,
        ):
            assert is_waiting.wait(TIMEOUT_S)
            running.process.terminate()
            assert running.wait()[:3] == (-signal.SIGTERM, "", "")
        assert api.paths == [NEXT]

    @pytest.mark.parametrize("refusal", [403, 404, 500])
    def test_refused(self, tmp_path: Path, refusal: int) -> None:
        """A server without extensions costs a warning; the function is served, and a signal is heard."""
        is_waiting = threading.Event()
        scripts = [[answer(status(refusal)), wait_for_close()], [read(), tell(is_waiting), wait_for_close()]]
        with (
            ScriptedApi(*scripts).listen() as api,
            function(api, tmp_path, TELLING + PLAIN_HANDLER, variables=PATIENT) as running,
        ):
            assert is_waiting.wait(TIMEOUT_S)
            running.process.terminate()
            outcome = running.wait()
        assert outcome.exit_code == TERMINATED
        assert "[WARNING] ric: Lambda will not send SIGTERM" in outcome.stdout
        assert f"'{refusal}'" in outcome.stdout
        assert outcome.stdout.endswith(BOTH)

    def test_too_late(self, tmp_path: Path) -> None:
        """A callback registered by the handler is told that Lambda will not call it; from elsewhere it is called."""
        source = """
import ric
def handler(event, context):
    ric.on_shutdown(lambda: print("called"))
"""
        is_waiting = threading.Event()
        first = [answer(event("1")), answer(ACCEPTED), read(), tell(is_waiting), wait_for_close()]
        late = [answer(status(403, b'{"errorType": "Extension.InvalidExtensionState"}')), wait_for_close()]
        with (
            ScriptedApi(first, late).listen() as api,
            function(api, tmp_path, source, variables=PATIENT) as running,
        ):
            assert is_waiting.wait(TIMEOUT_S)
            running.process.terminate()
            outcome = running.wait()
        assert "must be registered while the handler module is imported" in outcome.stdout
        assert outcome.stdout.endswith("called\n")
        assert outcome.exit_code == TERMINATED

    @pytest.mark.parametrize("value", ["0", "-1", "soon", "1.5"])
    def test_a_grace_time_that_is_none(self, tmp_path: Path, value: str) -> None:
        """A setting that is no number of milliseconds is an init error that says so."""
        outcome, api = run_to_its_end(
            tmp_path, [[answer(ACCEPTED)]], TELLING + PLAIN_HANDLER, variables={"RIC_SHUTDOWN_GRACE_MS": value}
        )
        assert api.paths == [INIT_ERROR]
        assert f"RIC_SHUTDOWN_GRACE_MS is '{value}': set it to a whole number" in outcome.stdout

    def test_what_is_no_function(self) -> None:
        """The mistake is told where it is made."""
        with pytest.raises(TypeError, match=r"on_shutdown\(\) takes a function, not 5"):
            ric.on_shutdown(5)  # type: ignore[type-var]


class TestWhileIdle:
    """SIGTERM while the function waits for an event."""

    @pytest.mark.parametrize("served", [0, 1, 2, 5])
    def test_callbacks_run(self, tmp_path: Path, served: int) -> None:
        """Sync and async callbacks run, the last registered first, however many events came before."""
        before = [step for number in range(served) for step in (answer(event(str(number))), answer(ACCEPTED))]
        outcome, _ = terminated_while_waiting(tmp_path, TELLING + PLAIN_HANDLER, *before)
        assert outcome[:3] == (TERMINATED, BOTH, "")

    def test_async_handlers(self, tmp_path: Path) -> None:
        """Callbacks use what an async handler made, on the same loop, before left-over tasks are cancelled."""
        source = """
import asyncio, ric
async def handler(event, context):
    global queue, task
    queue = asyncio.Queue()
    task = asyncio.create_task(drain(queue))
async def drain(queue):
    try:
        while item := await queue.get():
            print("drained", item)
    finally:
        print("task ended")
@ric.on_shutdown
async def flush():
    queue.put_nowait("last item")
    queue.put_nowait(None)
    await task
"""
        outcome, _ = terminated_while_waiting(tmp_path, source, answer(event("1")), answer(ACCEPTED))
        assert outcome[:3] == (TERMINATED, "drained last item\ntask ended\n", "")

    def test_one_that_fails(self, tmp_path: Path) -> None:
        """The failure is logged, the others run, and the exit code says that something went wrong."""
        source = f"{TELLING}\n@ric.on_shutdown\ndef fails():\n    raise ValueError('no')\n{PLAIN_HANDLER}"
        outcome, _ = terminated_while_waiting(tmp_path, source)
        assert outcome.exit_code == 1
        assert outcome.stdout.startswith("[ERROR] ValueError: no\n")
        assert outcome.stdout.count("Traceback") == 1, "what ended the loop is no part of its story"
        assert outcome.stdout.endswith(BOTH)

    def test_one_that_exits(self, tmp_path: Path) -> None:
        """sys.exit in a callback chooses the exit code; the others run all the same."""
        source = f"{TELLING}\n@ric.on_shutdown\ndef leaves():\n    sys.exit(5)\n{PLAIN_HANDLER}"
        outcome, _ = terminated_while_waiting(tmp_path, source)
        assert (outcome.exit_code, outcome.stdout) == (5, BOTH)

    def test_one_that_takes_too_long(self, tmp_path: Path) -> None:
        """When the time is up the process ends, says why, and does not pretend that all went well."""
        source = f"{TELLING}\n@ric.on_shutdown\ndef hangs():\n    time.sleep(600)\n{PLAIN_HANDLER}"
        began_s = time.monotonic()
        outcome, _ = terminated_while_waiting(tmp_path, source, RIC_SHUTDOWN_GRACE_MS="200")
        assert time.monotonic() - began_s < TIMEOUT_S
        assert outcome.exit_code == 1
        assert "callbacks of on_shutdown() did not end within the 200 ms" in outcome.stdout

    def test_the_functions_own_signal_handler(self, tmp_path: Path) -> None:
        """A handler that the module had installed itself still gets the signal, after the callbacks."""
        source = f"""
import signal
signal.signal(signal.SIGTERM, lambda number, frame: (print("own", number, flush=True), sys.exit(9)))
{PLAIN_HANDLER}"""
        outcome, _ = terminated_while_waiting(tmp_path, TELLING + source)
        assert (outcome.exit_code, outcome.stdout) == (9, f"{BOTH}own 15\n")

    def test_atexit_runs_after_them(self, tmp_path: Path) -> None:
        """The process ends in the ordinary way, so what was registered with atexit runs too."""
        source = f"{TELLING}\nimport atexit\natexit.register(print, 'at exit')\n{PLAIN_HANDLER}"
        outcome, _ = terminated_while_waiting(tmp_path, source)
        assert outcome.stdout == f"{BOTH}at exit\n"

    def test_threads_do_not_keep_the_process(self, tmp_path: Path) -> None:
        """A thread that is no daemon and never ends holds the process no longer than the grace time."""
        source = (
            f"{TELLING}\nimport threading\nthreading.Thread(target=threading.Event().wait).start()\n{PLAIN_HANDLER}"
        )
        outcome, _ = terminated_while_waiting(tmp_path, source, RIC_SHUTDOWN_GRACE_MS="300")
        assert outcome.stdout.startswith(BOTH)
        assert "threads or child processes of the function did not end within the 300 ms" in outcome.stdout
        assert outcome.exit_code == 1

    def test_one_that_forks(self, tmp_path: Path) -> None:
        """A child that a callback forks and lets return runs none of the other callbacks."""
        source = f"""{TELLING}
@ric.on_shutdown
def forks():
    pid = os.fork()
    if pid:
        print("child", os.waitpid(pid, 0)[1], flush=True)
{PLAIN_HANDLER}"""
        outcome, _ = terminated_while_waiting(tmp_path, source)
        assert (outcome.exit_code, outcome.stdout) == (TERMINATED, f"child 0\n{BOTH}")

    @pytest.mark.parametrize("removed", [False, True])
    def test_signal_handlers_of_asyncio(self, tmp_path: Path, removed: bool) -> None:
        """An async handler that had asyncio handle SIGTERM does not keep the callbacks from running."""
        source = f"""{TELLING}
import signal
async def handler(event, context):
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, print, "own")
    if {removed}:
        loop.remove_signal_handler(signal.SIGTERM)
"""
        outcome, _ = terminated_while_waiting(tmp_path, source, answer(event("1")), answer(ACCEPTED))
        lines = outcome.stdout.splitlines()
        # asyncio's own handler hears of the signal when an async callback runs its loop again.
        assert [line for line in lines if line != "own"] == BOTH.splitlines()
        assert (outcome.exit_code, "own" in lines) == (TERMINATED, not removed)

    @pytest.mark.parametrize("taken", [False, True])
    def test_descriptors_that_the_handler_closed(self, tmp_path: Path, taken: bool) -> None:
        """All events are served and the signal is heard, and nothing gets into files that have the numbers now."""
        source = f"""{TELLING}
ends = []
def handler(event, context):
    os.closerange(3, 256)
    ends[:] = [os.pipe() for _ in range(10 * {taken})]
@ric.on_shutdown
def look():
    for out, inward in ends:
        os.write(inward, b"own")
        assert os.read(out, 100) == b"own"
"""
        is_registered, is_waiting = threading.Event(), threading.Event()
        first, second = [wait_for(is_registered), answer(event("1"))], [answer(ACCEPTED), answer(event("2"))]
        third = [answer(ACCEPTED), read(), tell(is_waiting), wait_for_close()]
        with (
            ScriptedApi(extension(read(), tell(is_registered)), first, second, third).listen() as api,
            function(api, tmp_path, source, variables=PATIENT) as running,
        ):
            assert is_waiting.wait(TIMEOUT_S)
            running.process.terminate()
            assert running.wait()[:3] == (TERMINATED, BOTH, "")
        posts = [request.path for request in api.requests if request.method == "POST"]
        assert posts == [REGISTER, response_path("1"), response_path("2")]

    def test_interrupt(self, tmp_path: Path) -> None:
        """Ctrl-C ends the function as ever, without callbacks."""
        # While the first two events are awaited modules are imported, and an interrupt there has warnings of its own.
        served = [answer(event("1")), answer(ACCEPTED), answer(event("2")), answer(ACCEPTED)]
        outcome, _ = terminated_while_waiting(tmp_path, TELLING + PLAIN_HANDLER, *served, signals=[signal.SIGINT])
        assert outcome[:3] == (130, "", "")

    def test_the_event_that_comes_together_with_the_signal(self, tmp_path: Path) -> None:
        """An event that is there already is served before the function ends: nothing is lost."""
        go, is_waiting = threading.Event(), threading.Event()
        script = [
            *(read(), tell(is_waiting), wait_for(go), send(event("1")), answer(ACCEPTED), wait_for_close()),
        ]
        with (
            ScriptedApi(extension(), script).listen() as api,
            function(api, tmp_path, TELLING + PLAIN_HANDLER, variables=PATIENT) as running,
        ):
            assert is_waiting.wait(TIMEOUT_S)
            # Stopped, it finds both when it goes on.
            running.process.send_signal(signal.SIGSTOP)
            go.set()
            running.process.send_signal(signal.SIGTERM)
            running.process.send_signal(signal.SIGCONT)
            outcome = running.wait()
        assert outcome.exit_code == TERMINATED
        assert response_path("1") in api.paths or api.paths.count(NEXT) == 1
        assert outcome.stdout == BOTH


SLOW = {
    "generator": "def handler(event, context):\n    while True:\n        yield b'x' * 1_000_000\n",
    "async generator": "async def handler(event, context):\n    while True:\n        yield b'x' * 1_000_000\n",
    "response_stream": "def handler(event, context):\n    with ric.response_stream(context) as stream:\n"
    "        while True:\n            stream.write(b'x' * 1_000_000)\n",
    "thread": "import threading\ndef handler(event, context):\n    stream = ric.response_stream(context)\n"
    "    thread = threading.Thread(target=stream.write, args=(b'x' * 50_000_000,), daemon=True)\n"
    "    thread.start()\n    thread.join()\n",
    "clean-up": "async def handler(event, context):\n    pathlib.Path('at-work').touch()\n    yield 'x'\n"
    "    try:\n        await asyncio.sleep(600)\n    finally:\n        await asyncio.sleep(600)\n",
}


class TestDuringAnInvocation:
    """SIGTERM while the handler is at work."""

    WAITING = """
def handler(event, context):
    pathlib.Path("at-work").write_text("yes")
    {statement}
    return "finished"
"""

    def terminated_at_work(
        self, directory: Path, statement: str, last: Step, source: str = TELLING, **variables: str
    ) -> tuple[Outcome, ScriptedApi]:
        """Sends SIGTERM when the handler has begun; returns the outcome and the server."""
        os.mkfifo(directory / "at-work")
        os.mkfifo(directory / "go")
        script = [answer(event("1")), last, wait_for_close()]
        source += self.WAITING.format(statement=statement)
        with (
            ScriptedApi(extension(), script).listen() as api,
            function(api, directory, source, variables={**PATIENT, **variables}) as running,
        ):
            assert (directory / "at-work").read_text() == "yes"
            running.process.terminate()
            if "go" in statement:
                (directory / "go").write_text("on")
            return running.wait(), api

    def test_it_may_finish(self, tmp_path: Path) -> None:
        """The handler finishes, its result is posted, then callbacks run; no further event is asked for."""
        outcome, api = self.terminated_at_work(tmp_path, 'pathlib.Path("go").read_text()', answer(ACCEPTED))
        assert outcome[:3] == (TERMINATED, BOTH, "")
        assert [path for path in api.paths if "extension" not in path] == [NEXT, response_path("1")]
        assert [json.loads(request.body) for request in api.requests if request.path == response_path("1")] == [
            "finished"
        ]

    @pytest.mark.parametrize(
        "statement",
        [
            "time.sleep(600)",
            "while True: pass",
            "asyncio.run(asyncio.sleep(600))",
            "__import__('select').select([], [], [])",
        ],
    )
    def test_it_is_interrupted_at_half_of_the_time(self, tmp_path: Path, statement: str) -> None:
        """A handler that does not finish is interrupted, its caller is told, and callbacks run in the other half."""
        outcome, api = self.terminated_at_work(tmp_path, statement, answer(ACCEPTED), **INTERRUPTING)
        assert outcome.exit_code == TERMINATED
        assert outcome.stdout.endswith(BOTH)
        (report,) = (request for request in api.requests if request.path == error_path("1"))
        document = json.loads(report.body)
        assert document["errorType"] == "ShutdownInterrupt"
        assert "the environment is shut down" in document["errorMessage"]

    def test_descriptors_that_it_closed(self, tmp_path: Path) -> None:
        """The signal is no error of a handler that has just closed all descriptors."""
        source = f"""{TELLING}
def handler(event, context):
    os.closerange(3, 256)
    pathlib.Path("at-work").write_text("yes")
    return open("go").read(1)
"""
        os.mkfifo(tmp_path / "at-work")
        os.mkfifo(tmp_path / "go")
        is_registered = threading.Event()
        first, second = [wait_for(is_registered), answer(event("1"))], [answer(ACCEPTED), wait_for_close()]
        with (
            ScriptedApi(extension(read(), tell(is_registered)), first, second).listen() as api,
            function(api, tmp_path, source, variables=PATIENT) as running,
            (tmp_path / "go").open("r+b", buffering=0) as go,
        ):
            assert (tmp_path / "at-work").read_text() == "yes"
            running.process.terminate()
            go.write(b"y")
            assert running.wait()[:2] == (TERMINATED, BOTH)
        assert (api.paths[-1], json.loads(api.requests[-1].body)) == (response_path("1"), "y")

    def test_a_stream_is_ended(self, tmp_path: Path) -> None:
        """A generator that is still streaming then is closed, and the stream ends with an error."""
        source = (
            TELLING
            + """
def stream():
    try:
        yield "half"
        pathlib.Path("at-work").write_text("yes")
        time.sleep(600)
    finally:
        print("cleaned up", flush=True)
def handler(event, context):
    yield from stream()
"""
        )
        os.mkfifo(tmp_path / "at-work")
        script = [answer(event("1")), answer_stream(ACCEPTED), wait_for_close()]
        with (
            ScriptedApi(extension(), script).listen() as api,
            function(api, tmp_path, source, variables=INTERRUPTING) as running,
        ):
            assert (tmp_path / "at-work").read_text() == "yes"
            running.process.terminate()
            outcome = running.wait()
        assert outcome.exit_code == TERMINATED
        assert "cleaned up" in outcome.stdout
        assert outcome.stdout.endswith(BOTH)
        (request,) = (request for request in api.requests if request.path == response_path("1"))
        assert b"Lambda-Runtime-Function-Error-Type: Function.ShutdownInterrupt" in request.body

    @pytest.mark.parametrize("kind", SLOW)
    def test_callbacks_run_although_nobody_reads(self, tmp_path: Path, kind: str) -> None:
        """A reader that does not read, or a handler that does not end, has no share of the callbacks' time."""
        is_streaming, is_over = threading.Event(), threading.Event()
        script = [answer(event("1")), read_head(), read_until(b"x"), tell(is_streaming), wait_for(is_over)]
        with (
            ScriptedApi(extension(), script).listen() as api,
            function(api, tmp_path, TELLING + SLOW[kind], variables={"RIC_SHUTDOWN_GRACE_MS": "2000"}) as running,
        ):
            assert is_streaming.wait(TIMEOUT_S)
            outcome = running.terminate_at_work()
            is_over.set()
        assert outcome.stdout.endswith(BOTH)
        assert outcome.exit_code == TERMINATED

    def test_an_output_that_nobody_reads(self, tmp_path: Path) -> None:
        """A thread that waits for room in a full pipe keeps the callbacks not waiting, and the end for a second or two.

        Python, which wants what is written to be read, waits so long for the thread, and then ends with SIGABRT.
        """
        source = """
import os, ric, select, sys, threading
unread, full = os.pipe()
os.dup2(full, 1)
ric.on_shutdown(lambda: os.mkdir("called"))

def write_for_ever():
    while True:
        sys.stdout.write("x" * 5000)

def handler(event, context):
    threading.Thread(target=write_for_ever, daemon=True).start()
    room = select.poll()
    room.register(1, select.POLLOUT)
    while room.poll(0):
        pass
"""
        is_waiting = threading.Event()
        script = [answer(event("1")), answer(ACCEPTED), read(), tell(is_waiting), wait_for_close()]
        with (
            ScriptedApi(extension(), script).listen() as api,
            function(api, tmp_path, source, variables={"RIC_SHUTDOWN_GRACE_MS": "500"}) as running,
        ):
            assert is_waiting.wait(TIMEOUT_S)
            running.process.terminate()
            outcome = running.wait()
        assert (tmp_path / "called").is_dir()
        assert outcome.exit_code in (1, -signal.SIGABRT), outcome

    def test_a_forked_child_dies_of_it(self, tmp_path: Path) -> None:
        """A process that the handler forked ends at SIGTERM as it would without callbacks, and runs none of them."""
        source = (
            TELLING
            + """
def handler(event, context):
    import signal
    pid = os.fork()
    if not pid:
        signal.pause()
        os._exit(0)
    os.kill(pid, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""
        )
        is_waiting = threading.Event()
        script = [answer(event("1")), answer(ACCEPTED), read(), tell(is_waiting), wait_for_close()]
        with (
            ScriptedApi(extension(), script).listen() as api,
            function(api, tmp_path, source, variables=PATIENT) as running,
        ):
            assert is_waiting.wait(TIMEOUT_S)
            running.process.terminate()
            outcome = running.wait()
        (result,) = (json.loads(request.body) for request in api.requests if request.path == response_path("1"))
        assert result == -signal.SIGTERM
        assert outcome.stdout == BOTH


class TestUnreadableExtensions:
    """``/opt/extensions``, which tells how much time there is, cannot be read."""

    LOOKING = """
import os
try:
    os.listdir("/opt/extensions")
except PermissionError:
    os.write(1, b"unreadable\\n")  # at once, for workers write to the same descriptor
"""

    @pytest.fixture
    def command(self, tmp_path: Path) -> list[str | Path]:
        """Runs the function where nobody may read that directory, root included."""
        if refusal := private_image_refusal(tmp_path):
            pytest.skip(refusal)
        without = "-dac_override,-dac_read_search"
        serve = f"exec setpriv --inh-caps {without} --bounding-set {without} {sys.executable} -m ric app.handler"
        return private_image(tmp_path, ["bash", "-c", f"mkdir -m 0 /opt/extensions && {serve}"])

    def terminated(
        self, directory: Path, command: list[str | Path], source: str, *scripts: Sequence[Step], **variables: str
    ) -> Outcome:
        """Sends SIGTERM to the function when its scripts are followed."""
        with (
            ScriptedApi(*scripts).listen() as api,
            function(api, directory / "var/task", self.LOOKING + source, command=command, variables=variables) as run,
        ):
            return run.stop_when_complete()

    def test_without_callbacks(self, tmp_path: Path, command: list[str | Path]) -> None:
        """Nobody needs the time: the function is served."""
        outcome = self.terminated(tmp_path, command, PLAIN_HANDLER, [answer(event("1")), answer(ACCEPTED), read()])
        assert outcome[:3] == (-signal.SIGTERM, "unreadable\n", "")

    def test_with_callbacks(self, tmp_path: Path, command: list[str | Path]) -> None:
        """They have as much time as with an external extension: they lose none of what Lambda may give."""
        source = f"import ric, time\nric.on_shutdown(lambda: time.sleep(600))\n{PLAIN_HANDLER}"
        outcome = self.terminated(tmp_path, command, source, [answer(REGISTERED), read()], [read()])
        assert outcome.exit_code == 1
        assert outcome.stdout.startswith("unreadable\n[WARNING] ric: callbacks of on_shutdown()")
        assert "within the 1900 ms" in outcome.stdout

    def test_with_workers(self, tmp_path: Path, command: list[str | Path]) -> None:
        """Their parent serves on, and ends as ever."""
        scripts = [[read()], [read()]]
        outcome = self.terminated(tmp_path, command, PLAIN_HANDLER, *scripts, AWS_LAMBDA_MAX_CONCURRENCY="2")
        assert outcome[:3] == (-signal.SIGTERM, 2 * "unreadable\n", "")
