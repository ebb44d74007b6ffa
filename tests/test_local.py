"""``python -m ric.local`` as its user sees it: real processes, a real function, real signals."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from ric.local import Emulator, FunctionStartError
from tests.local_server import (
    REPOSITORY,
    TIMEOUT_SECONDS,
    Served,
    emulating,
    run_to_end,
    runtime_command,
    served,
    start,
)
from tests.rie import wait_for_end

LIMIT_BYTES = 6_291_556
IMPORTABLE = {"PYTHONPATH": str(REPOSITORY)}
ANY_PORT = {"RIC_PORT": "0"}

FUNCTION = """
import os, signal, subprocess, sys, time

if os.path.exists("poison"):
    raise RuntimeError("poisoned")

def echo(event, context):
    return event

def fail(event, context):
    raise ValueError("no such thing: " + event)

def environment(event, context):
    return {**os.environ}

def about(event, context):
    custom = context.client_context.custom if context.client_context else None
    return {"id": context.aws_request_id, "tenant": context.tenant_id, "custom": custom,
            "trace": os.environ.get("_X_AMZN_TRACE_ID"), "arn": context.invoked_function_arn,
            "remaining_ms": context.get_remaining_time_in_millis()}

def act(event, context):
    if event == "exit": os._exit(7)
    if event == "exit 0": os._exit(0)
    if event == "kill": os.kill(os.getpid(), signal.SIGKILL)
    if event == "grow": return "x" * 6_300_000
    if event == "leave a child": return subprocess.Popen(["sleep", "600"]).pid
    if event == "sleep":
        print("asleep", flush=True)
        time.sleep(600)
    if event == "refuse to end":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("asleep", flush=True)
        time.sleep(600)
    return os.getpid()
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with the function above in ``app.py``."""
    (tmp_path / "app.py").write_text(FUNCTION)
    return tmp_path


@pytest.fixture
def echo(directory: Path) -> Iterator[Served]:
    """The emulator around a function that returns its event."""
    with served(runtime_command("app.echo"), directory) as emulator:
        yield emulator


@pytest.fixture
def actor(directory: Path) -> Iterator[Served]:
    """The emulator around a function that misbehaves on demand, and else returns its process id."""
    with served(runtime_command("app.act"), directory) as emulator:
        yield emulator


def free_port() -> int:
    """Returns a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class TestServing:
    """A function that works."""

    def test_the_ready_line_can_be_pasted(self, echo: Served) -> None:
        """Whoever pastes the command of the ready line invokes the function."""
        line = echo.err.wait_for("ric: ")
        url = line.split()[-1]
        base = url.removesuffix("/2015-03-31/functions/function/invocations")
        assert line == f"ric: serving app.echo at {base}; try: curl -d '{{}}' {url}"
        assert urlsplit(url).hostname == "127.0.0.1"
        # What curl sends for -d '{}'.
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert echo.http.post(url, "{}", headers=form, timeout=TIMEOUT_SECONDS).json() == {}

    def test_the_answer_is_lambdas(self, echo: Served) -> None:
        """The result comes back as it is, with the headers that Lambda's Invoke answers with."""
        answer = echo.invoke({"name": "Zoë"})
        assert (answer.status_code, answer.json()) == (200, {"name": "Zoë"})
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Amz-Executed-Version"] == "$LATEST"
        assert len(answer.headers["X-Amzn-RequestId"]) == 36
        assert "X-Amz-Function-Error" not in answer.headers

    def test_no_payload_is_an_empty_object(self, echo: Served) -> None:
        """A call without a payload reaches the function as {}, as in Lambda."""
        assert echo.http.post(echo.invoke_url, timeout=TIMEOUT_SECONDS).json() == {}

    def test_a_function_error_is_marked(self, directory: Path) -> None:
        """An exception comes back as status 200 with its error document and the header that tells it from a result."""
        with served(runtime_command("app.fail"), directory) as emulator:
            answer = emulator.invoke("x")
            assert answer.status_code == 200
            assert answer.headers["X-Amz-Function-Error"] == "Unhandled"
            assert answer.json()["errorType"] == "ValueError"
            assert answer.json()["errorMessage"] == "no such thing: x"

    def test_what_the_caller_sends_along_arrives(self, directory: Path) -> None:
        """Client context, trace id and tenant id reach the function; both sides see the same request id."""
        custom = {"custom": {"k": "é\n"}}
        headers = {
            "X-Amz-Client-Context": base64.b64encode(json.dumps(custom).encode()).decode(),
            "X-Amzn-Trace-Id": "Root=1-2-3",
            "X-Amz-Tenant-Id": "blue",
        }
        with served(runtime_command("app.about"), directory) as emulator:
            answer = emulator.invoke(headers=headers)
            seen = answer.json()
            assert seen["custom"] == {"k": "é\n"}
            assert (seen["trace"], seen["tenant"]) == ("Root=1-2-3", "blue")
            assert seen["id"] == answer.headers["X-Amzn-RequestId"]
            assert seen["arn"] == "arn:aws:lambda:us-east-1:012345678912:function:function"
            assert 200_000 < seen["remaining_ms"] <= 300_000
            bare = emulator.invoke().json()
            assert (bare["custom"], bare["trace"], bare["tenant"]) == (None, None, None)

    def test_the_usual_variables_are_set(self, directory: Path) -> None:
        """Code that relies on Lambda's variables finds them, and those set by the user stay."""
        own = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "AWS_REGION": "eu-west-1"}
        with served(runtime_command("app.environment"), directory, environment=own) as emulator:
            seen = emulator.invoke().json()
            host, port = seen["AWS_LAMBDA_RUNTIME_API"].split(":")
            assert host == "127.0.0.1"
            assert int(port) != urlsplit(emulator.invoke_url).port
        assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "function"
        assert seen["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
        assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
        assert seen["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/function"
        assert seen["AWS_LAMBDA_LOG_STREAM_NAME"] == "$LATEST"
        assert seen["AWS_REGION"] == "eu-west-1"
        assert seen["_HANDLER"] == "app.environment"

    def test_further_callers_queue(self, echo: Served) -> None:
        """Callers that come while an invocation runs are served in turn, each with its own result."""
        echo.err.wait_for("ric: serving")
        with ThreadPoolExecutor(16) as callers:
            answers = callers.map(lambda number: (number, echo.invoke(number).json()), range(64))
            assert all(sent == received for sent, received in answers)

    def test_ric_port_is_the_default_and_port_overrides_it(self, directory: Path) -> None:
        """RIC_PORT moves the emulator; an explicit --port wins over it."""
        port, other = free_port(), free_port()
        variable = {"RIC_PORT": str(port)}
        with served(runtime_command("app.echo"), directory, options=(), environment=variable) as emulator:
            assert urlsplit(emulator.invoke_url).port == port
        options = ("--port", str(other))
        with served(runtime_command("app.echo"), directory, options=options, environment=variable) as emulator:
            assert urlsplit(emulator.invoke_url).port == other

    def test_importing_ric_leaves_the_emulator_alone(self, directory: Path) -> None:
        """The runtime never pays for the developer's side."""
        program = "import ric, sys; sys.exit('ric.local' in sys.modules)"
        assert run_to_end([sys.executable, "-c", program], directory) == (0, [])


class TestLog:
    """What the terminal shows."""

    def test_lambdas_lines_frame_the_functions_own(self, directory: Path) -> None:
        """START, what the function wrote, END and REPORT, on standard output; its standard error stays apart."""
        code = "import sys\ndef handler(event, context):\n    print('out')\n    print('err', file=sys.stderr)\n"
        (directory / "chatty.py").write_text(code)
        with served(runtime_command("chatty.handler"), directory) as emulator:
            request_id = emulator.invoke().headers["X-Amzn-RequestId"]
            emulator.process.terminate()
            start, written, end, report = emulator.out.wait_for_end()
            errors = emulator.err.wait_for_end()
        assert (start, written) == (f"START RequestId: {request_id} Version: $LATEST", "out")
        assert end == f"END RequestId: {request_id}"
        assert report.startswith(f"REPORT RequestId: {request_id}\tDuration: ")
        assert "\tMemory Size: 3008 MB\t" in report
        assert errors[1:] == ["err"]

    def test_a_reader_who_left_does_not_stop_the_function(self, directory: Path) -> None:
        """With nobody at the other end of standard output, as after `| head`, callers are served on."""
        program = (
            "import os, sys\n"
            "reading_end, writing_end = os.pipe()\n"
            "os.close(reading_end)\n"
            "os.dup2(writing_end, 1)\n"
            "from ric.local import main\n"
            "sys.exit(main(sys.argv[1:]))\n"
        )
        command = [sys.executable, "-c", program, "--port", "0", *runtime_command("app.echo")]
        with emulating(command, directory) as emulator:
            assert [emulator.invoke(number).json() for number in range(3)] == [0, 1, 2]
            emulator.process.terminate()
            assert emulator.wait() == 143
            assert len(emulator.err.wait_for_end()) == 1


class TestVariables:
    """Variables that AWS's own emulator knows."""

    def test_the_time_limit(self, directory: Path) -> None:
        """AWS_LAMBDA_FUNCTION_TIMEOUT limits invocations, in seconds."""
        variable = {"AWS_LAMBDA_FUNCTION_TIMEOUT": "1"}
        with served(runtime_command("app.act"), directory, environment=variable) as emulator:
            assert emulator.invoke("sleep").json()["errorMessage"].endswith(" Task timed out after 1.00 seconds")
            assert isinstance(emulator.invoke().json(), int)

    def test_several_at_once(self, directory: Path) -> None:
        """AWS_LAMBDA_MAX_CONCURRENCY lets one environment serve several invocations at once."""
        code = "import os, time\ndef handler(event, context):\n    time.sleep(0.2)\n    return os.getpid()\n"
        (directory / "slow.py").write_text(code)
        variable = {"AWS_LAMBDA_MAX_CONCURRENCY": "4"}
        with (
            served(runtime_command("slow.handler"), directory, environment=variable) as emulator,
            ThreadPoolExecutor(8) as callers,
        ):
            url = emulator.invoke_url
            pids = {call.json() for call in callers.map(lambda _: emulator.http.post(url, timeout=30), range(8))}
        assert 1 < len(pids) <= 4

    @pytest.mark.parametrize(
        "name", ["AWS_LAMBDA_FUNCTION_TIMEOUT", "AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
    )
    def test_nonsense_is_one_line(self, directory: Path, name: str) -> None:
        """A variable that holds no number is one line which names it."""
        command = [sys.executable, "-m", "ric.local", "--port", "0", "true"]
        code, lines = run_to_end(command, directory, {name: "-3"})
        maximum = 86_400 if name == "AWS_LAMBDA_FUNCTION_TIMEOUT" else 999_999_999
        assert (code, lines) == (2, [f"ric: {name} must be a whole number from 1 to {maximum}, not '-3'"])


class TestLimits:
    """Payloads around 6 MB."""

    def test_the_largest_payload_passes_both_ways(self, echo: Served) -> None:
        """Exactly 6,291,556 bytes are accepted as an event and as a result."""
        payload = b'"' + b"x" * (LIMIT_BYTES - 2) + b'"'
        answer = echo.http.post(echo.invoke_url, payload, timeout=TIMEOUT_SECONDS)
        assert (answer.status_code, answer.content) == (200, payload)

    def test_a_larger_event_is_refused(self, echo: Served) -> None:
        """One byte more is answered 413 in the service's form, and the connection goes on to serve."""
        answer = echo.http.post(echo.invoke_url, b" " * (LIMIT_BYTES + 1), timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 413
        assert answer.headers["x-amzn-errortype"] == "RequestTooLargeException"
        assert answer.json()["Type"] == "User"
        assert str(LIMIT_BYTES) in answer.json()["Message"]
        assert echo.invoke(1).json() == 1

    def test_a_larger_result_is_a_function_error(self, actor: Served) -> None:
        """A result above the limit reaches the caller as Function.ResponseSizeTooLarge; the next call is served."""
        answer = actor.invoke("grow")
        assert answer.headers["X-Amz-Function-Error"] == "Unhandled"
        assert answer.json()["errorType"] == "Function.ResponseSizeTooLarge"
        assert str(LIMIT_BYTES) in answer.json()["errorMessage"]
        assert isinstance(actor.invoke().json(), int)


class TestCallersThatAreRefused:
    """Requests which are no invocation, or come from elsewhere."""

    def test_an_unknown_path_is_404(self, echo: Served) -> None:
        """A wrong path is told, with the right one, in the service's JSON."""
        url = echo.invoke_url.replace("/function/", "/other/")
        answer = echo.http.post(url, "{}", timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 404
        assert answer.headers["x-amzn-errortype"] == "ResourceNotFoundException"
        assert answer.json()["Type"] == "User"
        assert "/2015-03-31/functions/function/invocations" in answer.json()["Message"]

    def test_another_method_is_405(self, echo: Served) -> None:
        """Opening the URL in a browser says what to do instead of invoking the function."""
        answer = echo.http.get(echo.invoke_url, timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 405
        assert "POST" in answer.json()["Message"]

    @pytest.mark.parametrize("context", ["not base64!", base64.b64encode(b"not JSON").decode()])
    def test_an_unreadable_client_context_is_400(self, echo: Served, context: str) -> None:
        """A client context that is not JSON in base64 is refused before the function sees it."""
        answer = echo.invoke(headers={"X-Amz-Client-Context": context})
        assert answer.status_code == 400
        assert answer.headers["x-amzn-errortype"] == "InvalidRequestContentException"

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "http://localhost:3000"},
            {"Origin": "null"},
            {"Host": "evil.example"},
            {"Host": "evil.example:8080", "Origin": "http://evil.example:8080"},
            {"Host": "[bad"},
        ],
    )
    def test_web_pages_cannot_invoke(self, echo: Served, headers: dict[str, str]) -> None:
        """A page from elsewhere, also one whose host name points here, is answered 403."""
        assert echo.invoke(headers=headers).status_code == 403

    @pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080"])
    def test_every_name_of_this_machine_is_served(self, echo: Served, host: str) -> None:
        """Any loopback name in Host is accepted, and so is a page that the same address served."""
        headers = {"Host": host, "Origin": f"http://{host}"}
        assert echo.invoke(1, headers=headers).status_code == 200

    def test_a_container_accepts_its_names(self, directory: Path) -> None:
        """A container does not know by which name it is reached: any without a dot will do, as Docker gives them."""
        options = ("--host", "0.0.0.0", "--port", "0")
        with served(runtime_command("app.echo"), directory, options=options) as emulator:
            port = urlsplit(emulator.invoke_url).port
            assert emulator.invoke_url.startswith(f"http://localhost:{port}/")
            line = emulator.err.wait_for("ric: serving")
            assert f" at http://localhost:{port};" in line
            assert emulator.invoke(1, headers={"Host": "service:9"}).json() == 1
            assert emulator.invoke(headers={"Origin": "https://evil.example"}).status_code == 403


class TestFunctionsThatDoNotStart:
    """Everything that can be wrong before the first event."""

    def run(self, directory: Path, *arguments: str, **environment: str) -> tuple[int, list[str]]:
        """Runs the emulator, which should end by itself."""
        return run_to_end([sys.executable, "-m", "ric.local", *arguments], directory, environment)

    def test_a_busy_port_is_one_line(self, directory: Path) -> None:
        """A port in use is named, with both ways to choose another, and nothing is started."""
        with socket.socket() as owner:
            owner.bind(("127.0.0.1", 0))
            owner.listen()
            port = owner.getsockname()[1]
            code, lines = self.run(directory, "--port", str(port), "touch", "started")
        assert code != 0
        assert len(lines) == 1
        assert lines[0].startswith(f"ric: port {port} on 127.0.0.1 is in use")
        assert "RIC_PORT" in lines[0]
        assert "--port" in lines[0]
        assert not (directory / "started").exists()

    def test_a_missing_command_is_one_line(self, directory: Path) -> None:
        """Without a command there is one line that shows how to give it."""
        code, lines = self.run(directory, "--port", "0")
        assert (code, len(lines)) == (2, 1)
        assert lines[0].startswith("ric: no command given; usage: python -m ric.local ")

    @pytest.mark.parametrize("port", ["http", "-1", "65536", ""])
    def test_a_port_that_is_none_is_one_line(self, directory: Path, port: str) -> None:
        """An unusable --port is one line which names the option."""
        code, lines = self.run(directory, f"--port={port}", "true")
        assert (code, len(lines)) == (2, 1)
        assert lines[0].startswith("ric: --port must be a port")

    def test_ric_port_is_checked(self, directory: Path) -> None:
        """An unusable RIC_PORT is one line which names the variable."""
        code, lines = self.run(directory, "true", RIC_PORT="eighty")
        assert (code, len(lines)) == (2, 1)
        assert lines[0].startswith("ric: RIC_PORT must be a port")

    def test_a_host_that_is_none_is_one_line(self, directory: Path) -> None:
        """An address of another machine cannot be bound, and the line says which one it was."""
        code, lines = self.run(directory, "--host", "192.0.2.1", "--port", "0", "true")
        assert (code, len(lines)) == (1, 1)
        assert lines[0].startswith("ric: cannot listen on 192.0.2.1 port 0: ")

    def test_a_program_that_is_not_there_is_one_line(self, directory: Path) -> None:
        """A command that cannot be run is named with the system's reason."""
        code, lines = self.run(directory, "--port", "0", "./missing", "app.echo")
        assert (code, len(lines)) == (1, 1)
        assert lines[0].startswith("ric: app.echo did not start: ")
        assert lines[0].endswith("cannot run ./missing: No such file or directory")

    def test_an_import_error_is_reported_after_the_functions_own_log(self, directory: Path) -> None:
        """What the module printed passes through; the last line has type and message; the exit code is not 0."""
        (directory / "broken.py").write_text("print('got this far')\nimport no_such_module\n")
        with served(runtime_command("broken.handler"), directory) as emulator:
            assert emulator.wait() == 1
            assert "got this far" in emulator.out.wait_for_end()
            last = emulator.err.wait_for_end()[-1]
        assert last.startswith("ric: broken.handler did not start: Runtime.ImportModuleError: ")
        assert "No module named 'no_such_module'" in last

    def test_exit_before_the_first_event_is_reported(self, directory: Path) -> None:
        """A runtime that ends without a word is named with its status, which becomes the emulator's."""
        (directory / "leaving.py").write_text("import os\nos._exit(3)\n")
        with served(runtime_command("leaving.handler"), directory) as emulator:
            assert emulator.wait() == 3
            lines = emulator.err.wait_for_end()
        assert lines == [
            "ric: leaving.handler did not start: Runtime.ExitError: Runtime exited with error: exit status 3"
        ]


class TestServingAHandler:
    """``python -m ric app.handler`` without a Runtime API, and the same from a program."""

    PROGRAM = "import sys; {}from ric.local import serve_handler; sys.exit(serve_handler({!r}))"

    def test_it_is_the_emulator_around_ric(self, directory: Path) -> None:
        """Outside of Lambda the function is served, at RIC_PORT."""
        port = free_port()
        with emulating([sys.executable, "-m", "ric", "app.echo"], directory, {"RIC_PORT": str(port)}) as emulator:
            assert urlsplit(emulator.invoke_url).port == port
            assert emulator.invoke([1]).json() == [1]
            emulator.process.send_signal(signal.SIGINT)
            assert emulator.wait() == 130
            assert len(emulator.err.wait_for_end()) == 1

    @pytest.mark.parametrize("handler", ["pkg/inner.handler", "pkg.inner.handler"])
    def test_modules_in_packages_are_found(self, directory: Path, handler: str) -> None:
        """Both ways to write a module in a package pass the check, with and without __init__.py on the way."""
        (directory / "pkg").mkdir()
        (directory / "pkg" / "inner.py").write_text("def handler(event, context): return __name__\n")
        command = [sys.executable, "-c", self.PROGRAM.format("", handler)]
        with emulating(command, directory, ANY_PORT) as emulator:
            assert emulator.invoke().status_code == 200

    def test_the_programs_own_search_path_counts(self, directory: Path) -> None:
        """A module which only the calling program can import is found by the runtime too, before what was there."""
        (directory / "vendor").mkdir()
        (directory / "vendor" / "extra.py").write_text("def handler(event, context): return 'vendored'\n")
        program = self.PROGRAM.format("sys.path.append('vendor'); ", "extra.handler")
        with emulating([sys.executable, "-c", program], directory, ANY_PORT) as emulator:
            assert emulator.invoke().json() == "vendored"

    @pytest.mark.parametrize(
        ("handler", "complaint"),
        [
            ("", "no handler given; name it as module.function"),
            ("app", "'app' is not a handler; write it as module.function"),
            ("app.", "'app.' is not a handler; write it as module.function"),
            (".handler", "'.handler' is not a handler; write it as module.function"),
            ("nothing.handler", "cannot find the module 'nothing' of the handler 'nothing.handler' in "),
            ("pkg/nothing.handler", "cannot find the module 'pkg.nothing' of the handler 'pkg/nothing.handler' in "),
            ("app.inner.handler", "cannot find the module 'app.inner' of the handler 'app.inner.handler' in "),
        ],
    )
    def test_a_handler_that_cannot_be_is_one_line(self, directory: Path, handler: str, complaint: str) -> None:
        """A handler string that names nothing is one line that says what to change, and no user code runs for it."""
        (directory / "pkg").mkdir()
        for module in ("app.py", "pkg/__init__.py"):
            (directory / module).write_text("raise SystemExit('user code was run')\n")
        code, lines = run_to_end([sys.executable, "-c", self.PROGRAM.format("", handler)], directory)
        assert (code, len(lines)) == (1, 1)
        assert lines[0].startswith(f"ric: {complaint}")


class TestEmulatorAsALibrary:
    """``with Emulator(...)`` in a program of one's own."""

    def test_it_is_entered_ready_and_left_ended(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Inside the block the function answers; after it neither the port nor the runtime is there any more."""
        monkeypatch.chdir(directory)
        with requests.Session() as http:
            http.trust_env = False
            with Emulator(runtime_command("app.act"), handler="app.act", env=IMPORTABLE) as emulator:
                runtime = http.post(emulator.invoke_url, timeout=TIMEOUT_SECONDS).json()
            with pytest.raises(ProcessLookupError):
                os.kill(runtime, 0)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", urlsplit(emulator.invoke_url).port or 0), TIMEOUT_SECONDS)

    def test_a_function_that_does_not_start_is_an_exception(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Entering the block raises what the function reported, with the exit status of its process."""
        monkeypatch.chdir(directory)
        (directory / "poison").touch()
        with pytest.raises(FunctionStartError, match="poisoned") as raised:
            Emulator(runtime_command("app.echo"), handler="app.echo", env=IMPORTABLE).__enter__()
        assert raised.value.failure.error_type == "RuntimeError"
        assert raised.value.exit_status == 1


class TestExample:
    """What ``make run`` shows."""

    def test_the_example_runs_through_the_whole_chain(self, tmp_path: Path) -> None:
        """Emulator, bootstrap and loop serve the example's event; log, event and response are shown; it all ends."""
        process = start([sys.executable, str(REPOSITORY / "examples" / "run.py")], tmp_path)
        output, errors = process.communicate(timeout=TIMEOUT_SECONDS)
        assert (process.returncode, errors) == (0, "")
        lines = output.splitlines()
        assert any(line.startswith("     log | ric: serving app.handler at http://127.0.0.1:") for line in lines)
        assert any(line.startswith("     log | [INFO]\t") and "greeting Zoë" in line for line in lines)
        assert any(line.startswith("   event | apigw-v2 of ric.events, ") for line in lines)
        assert 'response |   "statusCode": 200,' in lines
        assert lines[-1] == "  result | the function answered as expected"


class TestRuntimesThatDie:
    """What happens after the function has started once."""

    @pytest.mark.parametrize(
        ("end", "reason"),
        [
            ("exit", "Runtime exited with error: exit status 7"),
            ("exit 0", "Runtime exited without providing a reason"),
            ("kill", "Runtime exited with error: signal: killed"),
        ],
    )
    def test_the_caller_is_told_and_the_next_one_served(self, actor: Served, end: str, reason: str) -> None:
        """A runtime that dies at work is a function error with Lambda's words; the next call gets a new process."""
        first = actor.invoke().json()
        answer = actor.invoke(end)
        assert answer.status_code == 200
        assert answer.headers["X-Amz-Function-Error"] == "Unhandled"
        request_id = answer.headers["X-Amzn-RequestId"]
        assert answer.json() == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {request_id} Error: {reason}",
        }
        second = actor.invoke().json()
        assert isinstance(second, int)
        assert second != first

    def test_a_runtime_that_dies_while_idle_is_replaced(self, actor: Served) -> None:
        """A runtime killed between invocations is mentioned in one line, and nobody's invocation is lost."""
        first = actor.invoke().json()
        os.kill(first, signal.SIGKILL)
        line = actor.err.wait_for("ric: Runtime.ExitError")
        assert line.endswith("signal: killed; the next invocation starts the function again")
        assert actor.invoke().json() not in (None, first)

    def test_a_restart_that_fails_does_not_end_the_emulator(self, directory: Path, actor: Served) -> None:
        """While the function cannot start again each caller gets its init error; once it can, it is served."""
        actor.invoke("exit")
        poison = directory / "poison"
        poison.touch()
        for _ in range(2):
            answer = actor.invoke()
            assert answer.headers["X-Amz-Function-Error"] == "Unhandled"
            assert (answer.json()["errorType"], answer.json()["errorMessage"]) == ("RuntimeError", "poisoned")
        poison.unlink()
        assert isinstance(actor.invoke().json(), int)

    def test_those_in_the_queue_survive(self, actor: Served) -> None:
        """When a runtime dies under the first of several callers, the others are served by new ones."""
        actor.err.wait_for("ric: serving")
        with ThreadPoolExecutor(8) as callers:
            events = ["exit", None] * 8
            answers = list(callers.map(lambda event: actor.invoke(event).json(), events))
        for event, answer in zip(events, answers, strict=True):
            assert isinstance(answer, dict if event else int)


class TestEnding:
    """Nothing outlives the emulator."""

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
    def test_a_signal_ends_both_at_once(self, actor: Served, number: signal.Signals, code: int) -> None:
        """Ctrl-C, SIGTERM and a closed terminal end emulator and idle runtime quickly and without a traceback."""
        runtime = actor.invoke().json()
        began = time.monotonic()
        actor.process.send_signal(number)
        assert actor.wait() == code
        assert wait_for_end(runtime, TIMEOUT_SECONDS)
        actor.out.wait_for_end()
        lines = actor.err.wait_for_end()
        assert time.monotonic() - began < 1.5
        assert [line for line in lines if not line.startswith("ric: serving")] == []

    @pytest.mark.parametrize("event", ["sleep", "refuse to end"])
    def test_a_busy_runtime_is_ended_too(self, actor: Served, event: str) -> None:
        """A handler at work, even one that ignores SIGTERM, is gone within the grace of two seconds and a little."""
        url = actor.invoke_url
        runtime = actor.invoke().json()
        with ThreadPoolExecutor(1) as caller:
            pending = caller.submit(requests.Session().post, url, json=event, timeout=TIMEOUT_SECONDS)
            actor.out.wait_for("asleep")
            began = time.monotonic()
            actor.process.terminate()
            assert actor.wait() == 143
            assert wait_for_end(runtime, TIMEOUT_SECONDS)
            assert time.monotonic() - began < 5
            # The caller gets the error document if the answer still got out, and a closed connection
            # otherwise.
            pending.exception(TIMEOUT_SECONDS)
        assert not [line for line in actor.err.wait_for_end() if "Traceback" in line]

    def test_what_the_function_left_running_ends_too(self, actor: Served) -> None:
        """Processes that the function started do not survive the emulator."""
        child = actor.invoke("leave a child").json()
        actor.process.terminate()
        actor.wait()
        assert wait_for_end(child, TIMEOUT_SECONDS)

    def test_the_runtime_ends_by_itself_when_the_emulator_is_killed(self, actor: Served) -> None:
        """Even if the emulator gets no chance to clean up, the runtime notices that it is gone, and ends."""
        runtime = actor.invoke().json()
        actor.process.kill()
        actor.wait()
        assert wait_for_end(runtime, TIMEOUT_SECONDS)
