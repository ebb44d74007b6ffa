"""Lambda's life cycle in the emulator, with real processes: first of ric, then of the official client, unchanged."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ric.local import (
    Emulator,
    FunctionStartError,
    InvocationEnd,
    InvocationStart,
    LogLine,
    RuntimeExit,
    RuntimeReady,
    RuntimeStart,
    ServiceError,
)
from tests.emulator_running import TIMEOUT_SECONDS, Recorder, emulated, make_emulator
from tests.fetch import official_python, official_unavailable_reason
from tests.rie import wait_for_end

FUNCTION = """
import os, signal, subprocess, sys, time

print("loading")

def handler(event, context):
    match event:
        case "fail":
            raise ValueError("no such thing")
        case "exit":
            os._exit(7)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "sleep":
            print("asleep")
            time.sleep(600)
        case "allocate":
            block = b"x" * 200_000_000
            return len(block)
        case "leave a child":
            return subprocess.Popen(["sleep", "600"]).pid
        case "write":
            print("to stdout")
            print("to stderr", file=sys.stderr)
            sys.stdout.write("without an end")
        case {"wait_s": seconds}:
            time.sleep(seconds)
    return {"event": event, "pid": os.getpid()}
"""


@pytest.fixture(params=["ric", "awslambdaric"])
def runtime(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[str, ...]:
    """The program that runs functions: ours, and the official client."""
    # A module is looked for in the working directory first, and in that of the tests is ric's own awslambdaric.
    monkeypatch.chdir(tmp_path)
    if request.param == "ric":
        return (sys.executable, "-m", "ric")
    if official_python() is None:
        pytest.skip(official_unavailable_reason())
    return (str(official_python()), "-m", "awslambdaric")


def lines_of(recorder: Recorder, request_id: str) -> list[str]:
    """Returns the log of one invocation, without the lines that Lambda adds."""
    return [line.text for line in recorder.of(LogLine) if line.request_id == request_id]


class TestWithEitherClient:
    """What both clients do alike on this emulator."""

    def test_it_is_the_client_that_it_should_be(self, tmp_path: Path, runtime: tuple[str, ...]) -> None:
        """The official client is really the official one: only that has a compiled part."""
        code = "import sys\ndef handler(event, context): return 'runtime_client' in sys.modules"
        with emulated(tmp_path, code, runtime=runtime) as (emulator, _):
            assert emulator.invoke().json() is ("ric" not in runtime)

    def test_the_log_of_an_invocation(self, tmp_path: Path, runtime: tuple[str, ...]) -> None:
        """START, all that was written meanwhile, END and REPORT with real figures; the start counts once."""
        with emulated(tmp_path, FUNCTION, runtime=runtime, memory_mb=256) as (emulator, recorder):
            first, second = emulator.invoke("write"), emulator.invoke({"wait_s": 0.2})
        assert sorted(lines_of(recorder, first.request_id)) == ["to stderr", "to stdout", "without an end"]
        assert {line.stream for line in recorder.of(LogLine) if line.text == "to stderr"} == {"stderr"}
        start, *middle, end, report = first.log_tail.splitlines()
        assert start == f"START RequestId: {first.request_id} Version: $LATEST"
        assert sorted(middle) == ["to stderr", "to stdout", "without an end"]
        assert end == f"END RequestId: {first.request_id}"
        fields = dict(field.split(": ") for field in report.removeprefix("REPORT ").split("\t"))
        assert list(fields) == [
            "RequestId",
            "Duration",
            "Billed Duration",
            "Memory Size",
            "Max Memory Used",
            "Init Duration",
        ]
        assert fields["Memory Size"] == "256 MB"
        assert 5 <= int(fields["Max Memory Used"].removesuffix(" MB")) < 200
        assert float(fields["Init Duration"].removesuffix(" ms")) > 1
        slept = recorder.of(InvocationEnd)[1]
        assert 200 <= slept.duration_ms < 2000
        assert slept.init_duration_ms is None
        assert "Init Duration" not in second.log_tail

    def test_what_is_written_at_the_start_belongs_to_nobody(self, tmp_path: Path, runtime: tuple[str, ...]) -> None:
        """The log of the start comes before the first START, and is no part of any invocation's."""
        with emulated(tmp_path, FUNCTION, runtime=runtime) as (emulator, recorder):
            result = emulator.invoke()
        assert recorder.wait_for_line("loading").request_id is None
        assert "loading" not in result.log_tail
        kinds = [type(event) for event in recorder.all()]
        assert kinds[:4] == [RuntimeStart, LogLine, RuntimeReady, InvocationStart]
        assert kinds[-2:] == [InvocationEnd, RuntimeExit]

    def test_peak_memory_is_that_of_the_runtime(self, tmp_path: Path, runtime: tuple[str, ...]) -> None:
        """What the function used at its worst shows up in the report, and stays there."""
        with emulated(tmp_path, FUNCTION, runtime=runtime) as (emulator, recorder):
            assert emulator.invoke("allocate").json() == 200_000_000
            emulator.invoke()
        assert all(200 <= end.max_memory_mb < 400 for end in recorder.of(InvocationEnd))

    def test_a_function_error_costs_nothing_but_itself(self, tmp_path: Path, runtime: tuple[str, ...]) -> None:
        """An exception is reported with its type, and the process goes on to serve."""
        with emulated(tmp_path, FUNCTION, runtime=runtime) as (emulator, recorder):
            pid = emulator.invoke().json()["pid"]
            failed = emulator.invoke("fail")
            assert (failed.function_error, failed.json()["errorType"]) == ("Unhandled", "ValueError")
            assert emulator.invoke().json()["pid"] == pid
        end = recorder.of(InvocationEnd)[1]
        assert (end.status, end.error_type, end.error_message) == ("error", "ValueError", "no such thing")

    def test_a_timeout_kills_and_restarts(self, tmp_path: Path, runtime: tuple[str, ...]) -> None:
        """When its time is up the process is killed, caller and log get Lambda's message, the next one is served."""
        with emulated(tmp_path, FUNCTION, runtime=runtime, timeout_s=0.5) as (emulator, recorder):
            pid = emulator.invoke().json()["pid"]
            began = time.monotonic()
            late = emulator.invoke("sleep")
            assert 0.5 <= time.monotonic() - began < 2
            assert wait_for_end(pid, TIMEOUT_SECONDS)
            assert emulator.invoke().json()["pid"] != pid
        message = late.json()["errorMessage"]
        assert message.endswith(f"Z {late.request_id} Task timed out after 0.50 seconds")
        assert lines_of(recorder, late.request_id) == ["asleep", message]
        assert late.log_tail.splitlines()[-1].endswith("\tStatus: timeout")
        end = recorder.of(InvocationEnd)[1]
        assert (end.status, end.request_id) == ("timeout", late.request_id)
        assert recorder.of(RuntimeExit)[0].was_asked_to

    @pytest.mark.parametrize(("event", "reason"), [("exit", "exit status 7"), ("kill", "signal: killed")])
    def test_a_crash_is_an_exit_error(self, tmp_path: Path, runtime: tuple[str, ...], event: str, reason: str) -> None:
        """A runtime that dies is Runtime.ExitError for its caller and in the report; the next one gets another."""
        with emulated(tmp_path, FUNCTION, runtime=runtime) as (emulator, recorder):
            crashed = emulator.invoke(event)
            assert crashed.json() == {
                "errorType": "Runtime.ExitError",
                "errorMessage": f"RequestId: {crashed.request_id} Error: Runtime exited with error: {reason}",
            }
            assert emulator.invoke().function_error is None
        assert crashed.log_tail.splitlines()[-1].endswith("\tStatus: error\tError Type: Runtime.ExitError")
        exit_event = recorder.of(RuntimeExit)[0]
        assert (exit_event.was_asked_to, exit_event.error_type) == (False, "Runtime.ExitError")

    def test_six_megabytes_both_ways(self, tmp_path: Path, runtime: tuple[str, ...]) -> None:
        """The largest event passes, the largest result too, and one byte more is a function error."""
        code = "def handler(event, context): return event if isinstance(event, str) else 'x' * event"
        with emulated(tmp_path, code, runtime=runtime) as (emulator, _):
            event = b'"' + b"x" * (6 * 1024 * 1024 - 2) + b'"'
            assert emulator.invoke(event).payload == event
            assert len(emulator.invoke(6_291_554).payload) == 6_291_556
            if "ric" in runtime:
                # The official client ends itself over the refusal, which is its own affair.
                assert emulator.invoke(6_291_555).json()["errorType"] == "Function.ResponseSizeTooLarge"

    def test_several_environments(self, tmp_path: Path, runtime: tuple[str, ...]) -> None:
        """Fifty callers on eight environments all get their own answer, from more than one process, never from nine."""
        with emulated(tmp_path, FUNCTION, runtime=runtime, concurrency=8) as (emulator, recorder):
            assert len(recorder.of(RuntimeStart)) == 1
            with ThreadPoolExecutor(50) as callers:
                events = [{"wait_s": 0.05, "number": number} for number in range(50)]
                answers = [result.json() for result in callers.map(emulator.invoke, events)]
        assert [answer["event"] for answer in answers] == events
        assert 1 < len({answer["pid"] for answer in answers}) <= 8
        assert len(recorder.of(RuntimeStart)) <= 8

    @pytest.mark.parametrize(
        "options",
        [
            {"max_concurrency": 4},
            {"env": {"AWS_LAMBDA_MAX_CONCURRENCY": "4"}},
            {"max_concurrency": 4, "env": {"AWS_LAMBDA_MAX_CONCURRENCY": ""}},
        ],
    )
    def test_several_invocations_in_one_environment(
        self, tmp_path: Path, runtime: tuple[str, ...], options: dict[str, Any]
    ) -> None:
        """With max_concurrency one environment serves several at once, as on Lambda Managed Instances."""
        events = [{"wait_s": 0.05, "number": number} for number in range(24)]
        with (
            emulated(tmp_path, FUNCTION, runtime=runtime, **options) as (emulator, recorder),
            ThreadPoolExecutor(24) as callers,
        ):
            answers = [result.json() for result in callers.map(emulator.invoke, events)]
        assert [answer["event"] for answer in answers] == events
        assert 1 < len({answer["pid"] for answer in answers}) <= 4
        assert len(recorder.of(RuntimeStart)) == 1

    @pytest.mark.parametrize(
        "options", [{"snap_start": True}, {"env": {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}}]
    )
    def test_snap_start(self, tmp_path: Path, runtime: tuple[str, ...], options: dict[str, Any]) -> None:
        """The hooks run around the snapshot, the second one when there is an invocation; the report tells the times."""
        code = """
import snapshot_restore_py
ran = []
snapshot_restore_py.register_before_snapshot(ran.append, "before")
snapshot_restore_py.register_after_restore(ran.append, "after")
def handler(event, context): return ran
"""
        with emulated(tmp_path, code, runtime=runtime, **options) as (emulator, recorder):
            result = emulator.invoke()
            assert result.json() == ["before", "after"]
        end = recorder.of(InvocationEnd)[0]
        assert end.init_duration_ms is None
        assert end.restore_duration_ms is not None
        assert "\tRestore Duration: " in result.log_tail

    def test_a_failing_restore_hook(self, tmp_path: Path, runtime: tuple[str, ...]) -> None:
        """The caller for whom the function was restored learns why that failed."""
        code = """
import snapshot_restore_py
def fail(): raise ValueError("stale")
snapshot_restore_py.register_after_restore(fail)
def handler(event, context): return 1
"""
        with emulated(tmp_path, code, runtime=runtime, snap_start=True) as (emulator, recorder):
            failed = emulator.invoke()
            assert failed.function_error == "Unhandled"
            assert failed.json()["errorMessage"] == "stale"
            exit_event = recorder.wait_for(RuntimeExit)
        assert exit_event.exit_status == 65

    def test_a_function_that_cannot_be_imported(self, tmp_path: Path, runtime: tuple[str, ...]) -> None:
        """Entering the emulator fails with the runtime's own words."""
        with (
            pytest.raises(FunctionStartError, match="no_such_module") as raised,
            emulated(tmp_path, "import no_such_module", runtime=runtime),
        ):
            pass
        assert raised.value.failure.error_type == "Runtime.ImportModuleError"
        assert raised.value.exit_status == 1


REGISTERING = """
import http.client, json, os, signal, sys, threading, time

api = os.environ["AWS_LAMBDA_RUNTIME_API"]

def register(name, events):
    connection = http.client.HTTPConnection(api)
    connection.request("POST", "/2020-01-01/extension/register", json.dumps({"events": events}),
                       {"Lambda-Extension-Name": name})
    answer = connection.getresponse()
    answer.read()
    return connection, answer.headers["Lambda-Extension-Identifier"]

def next_event(connection, identifier):
    connection.request("GET", "/2020-01-01/extension/event/next", headers={"Lambda-Extension-Identifier": identifier})
    return json.loads(connection.getresponse().read())

def listen(connection, identifier):
    try:
        next_event(connection, identifier)
    except (http.client.HTTPException, OSError, ValueError):
        pass

def note(signum, frame):
    print("SIGTERM arrived", flush=True)
    time.sleep(float(os.environ["REACTION_S"]))
    print("cleaned up", flush=True)
    os._exit(0)

signal.signal(signal.SIGTERM, note)

def handler(event, context):
    return os.getpid()
"""
INTERNAL = (
    REGISTERING
    + """
threading.Thread(target=listen, args=register("internal", []), daemon=True).start()
"""
)
EXTERNAL = (
    REGISTERING
    + """
reading_end, writing_end = os.pipe()
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    extension = register("external", ["INVOKE", "SHUTDOWN"])
    os.write(writing_end, b"registered")
    while True:
        event = next_event(*extension)
        print(json.dumps(event), flush=True)
        if event["eventType"] == "SHUTDOWN":
            os._exit(0)
os.read(reading_end, 100)
"""
)


class TestEnding:
    """SIGTERM, SIGKILL and how long they are apart."""

    def test_without_an_extension_there_is_no_sigterm(self, tmp_path: Path) -> None:
        """Lambda kills an environment without extensions at once, so a SIGTERM handler never runs."""
        with emulated(tmp_path, REGISTERING, env={"REACTION_S": "0"}) as (emulator, recorder):
            emulator.invoke()
        assert recorder.of(RuntimeExit)[0].exit_status == -signal.SIGKILL
        assert not [line for line in recorder.of(LogLine) if "SIGTERM" in line.text]

    def test_an_internal_extension_brings_sigterm(self, tmp_path: Path) -> None:
        """With one the runtime can clean up after SIGTERM, and its log of that is complete."""
        with emulated(tmp_path, INTERNAL, env={"REACTION_S": "0.1"}) as (emulator, recorder):
            emulator.invoke()
        assert [line.text for line in recorder.of(LogLine)] == ["SIGTERM arrived", "cleaned up"]
        assert recorder.of(RuntimeExit)[0].exit_status == 0

    def test_the_grace_time_has_an_end(self, tmp_path: Path) -> None:
        """A runtime that takes longer than half a second to clean up is killed."""
        with emulated(tmp_path, INTERNAL, env={"REACTION_S": "60"}) as (emulator, recorder):
            emulator.invoke()
            began = time.monotonic()
        assert 0.5 <= time.monotonic() - began < 1.5
        assert [line.text for line in recorder.of(LogLine)] == ["SIGTERM arrived"]
        assert recorder.of(RuntimeExit)[0].exit_status == -signal.SIGKILL

    def test_an_external_extension_hears_of_everything(self, tmp_path: Path) -> None:
        """It gets INVOKE for each invocation and SHUTDOWN after the runtime has ended, with time to react."""
        with emulated(tmp_path, EXTERNAL, env={"REACTION_S": "0"}) as (emulator, recorder):
            request_id = emulator.invoke().request_id
            recorder.wait_for_line("INVOKE")
            began_ms = time.time() * 1000
        invoke, *cleaning, shutdown = [line.text for line in recorder.of(LogLine)]
        assert json.loads(invoke)["requestId"] == request_id
        assert cleaning == ["SIGTERM arrived", "cleaned up"]
        assert json.loads(shutdown)["shutdownReason"] == "spindown"
        assert 1000 < json.loads(shutdown)["deadlineMs"] - began_ms <= 2100

    def test_an_external_extension_hears_of_a_timeout(self, tmp_path: Path) -> None:
        """After a timeout the runtime is killed at once, without SIGTERM; the extension is told the reason."""
        code = EXTERNAL + "def handler(event, context): time.sleep(600)\n"
        with emulated(tmp_path, code, env={"REACTION_S": "0"}, timeout_s=0.3) as (emulator, recorder):
            emulator.invoke()
            assert json.loads(recorder.wait_for_line("SHUTDOWN").text)["shutdownReason"] == "timeout"
            recorder.wait_for(RuntimeExit)
            assert not [line for line in recorder.of(LogLine) if "SIGTERM" in line.text]

    @pytest.mark.parametrize(
        ("call", "options"), [("invocation/next", {}), ("restore/next", {"snap_start": True})], ids=["next", "restore"]
    )
    def test_who_waits_is_not_hung_up_on(self, tmp_path: Path, call: str, options: dict[str, Any]) -> None:
        """A runtime that waits for an event, or its restoration, at the end does so until it is killed."""
        code = f"""{INTERNAL}
signal.signal(signal.SIGTERM, signal.SIG_IGN)
waiting = http.client.HTTPConnection(api)
waiting.request("GET", "/2018-06-01/runtime/{call}")
try:
    waiting.getresponse()
finally:
    print("hung up on", flush=True)
"""
        with emulated(tmp_path, code, env={"REACTION_S": "0"}, **options) as (_, recorder):
            pass
        assert recorder.of(LogLine) == []
        assert recorder.of(RuntimeExit)[0].exit_status == -signal.SIGKILL

    def test_nothing_is_left_running(self, tmp_path: Path) -> None:
        """Processes that the function started end with it: at the end, and when it is replaced."""
        with emulated(tmp_path, FUNCTION, timeout_s=0.3) as (emulator, _):
            first = emulator.invoke("leave a child").json()
            emulator.invoke("sleep")
            assert wait_for_end(first, TIMEOUT_SECONDS)
            second = emulator.invoke("leave a child").json()
        assert wait_for_end(second, TIMEOUT_SECONDS)


# Goes on after its answer, for as long as nobody writes into the pipe.
GOING_ON = """
import os
from ric import response_stream

def handler(event, context):
    with response_stream(context) as stream:
        stream.write(str(os.getpid()))
    if event == "go on":
        print("at work", flush=True)
        with open(os.environ["GATE"]) as gate:
            print("worked", gate.readline().strip())
"""
# A runtime of its own, which answers its first invocation and then never asks for another one.
SILENT_RUNTIME = """
import http.client, os, time
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
api.request("GET", "/2018-06-01/runtime/invocation/next")
answer = api.getresponse()
answer.read()
request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
api.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/response", str(os.getpid()))
api.getresponse().read()
time.sleep(600)
"""


class TestAfterTheAnswer:
    """A handler, or its runtime, that does not come to an end with the answer."""

    @pytest.fixture
    def gate(self, tmp_path: Path) -> Iterator[int]:
        """What the function reads from; open for both, so that neither opening nor writing waits for the function."""
        os.mkfifo(tmp_path / "gate")
        descriptor = os.open(tmp_path / "gate", os.O_RDWR)
        yield descriptor
        os.close(descriptor)

    @pytest.mark.usefixtures("gate")
    def test_the_time_of_the_function_runs_on(self, tmp_path: Path) -> None:
        """The caller has its answer; then the process is killed, the log says why, and the next one is served."""
        env = {"GATE": str(tmp_path / "gate")}
        with emulated(tmp_path, GOING_ON, env=env, timeout_s=1) as (emulator, recorder):
            result = emulator.invoke("go on")
            waiting = emulator.invoke("answer")
        pid = int(result.payload)
        assert (result.function_error, waiting.function_error) == (None, None)
        assert wait_for_end(pid, TIMEOUT_SECONDS)
        assert int(waiting.payload) != pid
        lines = [line.text for line in recorder.of(LogLine)]
        assert lines[0] == "at work"
        assert lines[1].endswith(f"Z {result.request_id} Task timed out after 1.00 seconds")
        assert len(lines) == 2
        assert recorder.of(LogLine)[1].request_id == result.request_id
        assert [end.status for end in recorder.of(InvocationEnd)] == ["success", "success"]
        first_exit = recorder.of(RuntimeExit)[0]
        assert (first_exit.pid, first_exit.was_asked_to, first_exit.error_type) == (pid, True, "Sandbox.Timedout")

    def test_what_ends_in_time_costs_nothing(self, tmp_path: Path, gate: int) -> None:
        """A handler that is done before its time is up keeps its process, and what it wrote is in the log."""
        env = {"GATE": str(tmp_path / "gate")}
        with emulated(tmp_path, GOING_ON, env=env, timeout_s=TIMEOUT_SECONDS) as (emulator, recorder):
            first = emulator.invoke("go on")
            recorder.wait_for_line("at work")
            os.write(gate, b"for it\n")
            assert emulator.invoke("answer").payload == first.payload
        assert [line.text for line in recorder.of(LogLine)] == ["at work", "worked for it"]

    def test_another_environment_serves_meanwhile(self, tmp_path: Path, gate: int) -> None:
        """Where there may be two, the next one is not kept waiting."""
        env = {"GATE": str(tmp_path / "gate")}
        with emulated(tmp_path, GOING_ON, env=env, concurrency=2) as (emulator, _), ThreadPoolExecutor(1) as callers:
            first = emulator.invoke("go on")
            try:
                second = callers.submit(emulator.invoke, "answer").result(TIMEOUT_SECONDS)
            finally:
                os.write(gate, b"for it\n")
        assert second.payload != first.payload

    def test_a_runtime_that_does_not_ask_again(self, tmp_path: Path) -> None:
        """It is the same with a response that was not streamed."""
        with emulated(tmp_path, SILENT_RUNTIME, timeout_s=1) as (emulator, recorder):
            results = [emulator.invoke() for _ in range(2)]
            for result in results:
                recorder.wait_for_line(f"{result.request_id} Task timed out after 1.00 seconds")
        assert len({result.json() for result in results}) == 2


class TestRestart:
    """New code without a new emulator."""

    CODE = "import time\ndef handler(event, context):\n    time.sleep(event)\n    return {}"

    def test_new_code_is_served_and_nothing_lost(self, tmp_path: Path) -> None:
        """What runs finishes with the old code; what waits is served by the new."""
        with (
            emulated(tmp_path, self.CODE.format(1)) as (emulator, recorder),
            ThreadPoolExecutor(4) as callers,
        ):
            running = callers.submit(emulator.invoke, 0.3)
            recorder.wait_for(InvocationStart)
            waiting = [callers.submit(emulator.invoke, 0) for _ in range(3)]
            (tmp_path / "app.py").write_text(self.CODE.format(2))
            emulator.restart()
            assert running.result(TIMEOUT_SECONDS).json() == 1
            assert [call.result(TIMEOUT_SECONDS).json() for call in waiting] == [2, 2, 2]

    def test_what_does_not_finish_is_ended(self, tmp_path: Path) -> None:
        """After the grace time the invocation in progress ends with an error, and the new code is served."""
        with (
            emulated(tmp_path, self.CODE.format(1)) as (emulator, recorder),
            ThreadPoolExecutor(1) as callers,
        ):
            stuck = callers.submit(emulator.invoke, 600)
            recorder.wait_for(InvocationStart)
            (tmp_path / "app.py").write_text(self.CODE.format(2))
            emulator.restart(grace_s=0.1)
            assert "restarted" in stuck.result(TIMEOUT_SECONDS).json()["errorMessage"]
            assert emulator.invoke(0).json() == 2

    def test_broken_code_is_tried_again(self, tmp_path: Path) -> None:
        """A function that does not start leaves the emulator serving; mended code is found at the next restart."""
        emulator, recorder = make_emulator(tmp_path, "import no_such_module")
        with ThreadPoolExecutor(1) as server, contextlib.ExitStack() as stack:
            stack.callback(emulator.stop)
            serving = server.submit(emulator.run, must_succeed=False)
            assert recorder.wait_for(RuntimeExit).error_type == "Runtime.ImportModuleError"
            assert emulator.invoke(0).json()["errorType"] == "Runtime.ImportModuleError"
            (tmp_path / "app.py").write_text(self.CODE.format(1))
            emulator.restart()
            recorder.wait_for(RuntimeReady)
            assert emulator.invoke(0).json() == 1
        assert serving.result() is None

    def test_every_environment_is_replaced(self, tmp_path: Path) -> None:
        """No process with the old code is left, in no environment."""
        with (
            emulated(tmp_path, FUNCTION, concurrency=2) as (emulator, recorder),
            ThreadPoolExecutor(2) as callers,
        ):
            old = {result.json()["pid"] for result in callers.map(emulator.invoke, [{"wait_s": 0.5}] * 2)}
            assert len(old) == 2
            emulator.restart()
            recorder.wait_for(RuntimeExit, count=2)
            new = {result.json()["pid"] for result in callers.map(emulator.invoke, [{"wait_s": 0.1}] * 8)}
        assert not old & new


class TestObserver:
    """Who listens."""

    @pytest.mark.parametrize("fault", [ZeroDivisionError, SystemExit, pytest.fail.Exception])
    def test_a_faulty_observer_costs_nobody_an_answer(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]
    ) -> None:
        """What an observer raises is shown as an uncaught error of a thread; the caller still gets its answer."""
        shown: list[type[BaseException]] = []
        monkeypatch.setattr(threading, "excepthook", lambda details: shown.append(details.exc_type))

        class Faulty(Recorder):
            def invocation_ended(self, event: InvocationEnd) -> None:
                raise fault

        with emulated(tmp_path, FUNCTION, observer=Faulty()) as (emulator, _):
            assert emulator.invoke().function_error is None
        assert shown == [fault]

    def test_lines_of_several_invocations_are_told_apart_where_they_can_be(self, tmp_path: Path) -> None:
        """With several at once a line belongs to the invocation that it names, else to nobody."""
        code = """
import time
def handler(event, context):
    time.sleep(0.3)
    print("bare\\nmine is " + context.aws_request_id + "\\n", end="")  # one write, which nothing comes in between
"""
        with (
            emulated(tmp_path, code, max_concurrency=2) as (emulator, recorder),
            ThreadPoolExecutor(2) as callers,
        ):
            results = list(callers.map(emulator.invoke, range(2)))
        for result in results:
            assert f"mine is {result.request_id}" in lines_of(recorder, result.request_id)
            assert f"mine is {result.request_id}" in result.log_tail

    def test_lines_after_the_answer(self, tmp_path: Path) -> None:
        """What a handler writes after its answer is its own; what comes once the runtime waits is nobody's."""
        code = """
import threading
from ric import response_stream

def write_later():
    with open("go-on") as gate:
        print(gate.read(), "nobody", flush=True)

def handler(event, context):
    with response_stream(context) as stream:
        stream.write("whole")
    with open("go-on") as gate:
        print(gate.read(), "handler", flush=True)
    threading.Thread(target=write_later).start()
"""
        gate = tmp_path / "go-on"
        os.mkfifo(gate)
        with emulated(tmp_path, f"import os\nos.chdir({str(tmp_path)!r})\n{code}") as (emulator, recorder):
            result = emulator.invoke()
            gate.write_text("written by the")
            assert recorder.wait_for_line("by the handler").request_id == result.request_id
            assert emulator.wait_until_idle(TIMEOUT_SECONDS)
            gate.write_text("written by")
            assert recorder.wait_for_line("by nobody").request_id is None
        assert "written" not in result.log_tail

    def test_a_program_that_is_not_there(self, tmp_path: Path) -> None:
        """A command that cannot be run is Runtime.InvalidEntrypoint for an observer and for whoever starts it."""
        emulator = Emulator([str(tmp_path / "missing")], handler="app.handler", observer=(recorder := Recorder()))
        with pytest.raises(FunctionStartError, match="No such file"):
            emulator.start()
        exit_event = recorder.of(RuntimeExit)[0]
        assert (exit_event.pid, exit_event.error_type) == (None, "Runtime.InvalidEntrypoint")
        with pytest.raises(ServiceError):
            emulator.invoke()
