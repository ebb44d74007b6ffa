"""``ric invoke HANDLER``: what reaches standard output, standard error and the exit code, through real processes."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import click
import pytest

from ric import __version__, events
from ric.cli import commands
from ric.local.variables import MAX_TIMEOUT_SECONDS
from tests.cli_run import RIC, run, running

FUNCTION = """
import os, sys, time

def echo(event, context):
    print("a line of the log")
    return event

def about(event, context):
    custom = context.client_context.custom if context.client_context else None
    return {"memory": context.memory_limit_in_mb, "custom": custom, "colour": os.environ.get("COLOUR")}

def fail(event, context):
    raise ValueError("no such thing")

def sleep(event, context):
    print(f"asleep in {os.getpid()}", flush=True)
    time.sleep(600)
"""

# Until a handler streams by itself, this is a runtime that does: it speaks the protocol when it is imported.
STREAMING_RUNTIME = """
import http.client, os, pathlib
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
api.request("GET", "/2018-06-01/runtime/invocation/next")
answer = api.getresponse()
answer.read()
api.putrequest("POST", f"/2018-06-01/runtime/invocation/{answer.headers['Lambda-Runtime-Aws-Request-Id']}/response")
api.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
api.putheader("Transfer-Encoding", "chunked")
api.endheaders()
api.send(b"6\\r\\nfirst\\n\\r\\n")
with open("go-on") as gate:
    gate.read()
api.send(b"7\\r\\nsecond\\n\\r\\n0\\r\\n\\r\\n")
api.getresponse().read()
api.request("GET", "/2018-06-01/runtime/invocation/next")
api.getresponse()
"""


# Each goes on after the end of its stream.
GOING_ON = """
import os, time
from ric import response_stream

def stream_whole(context):
    with response_stream(context) as stream:
        stream.write("whole")

def work(event, context):
    stream_whole(context)
    with open("go-on") as gate:
        print("worked", gate.readline())

def fail(event, context):
    stream_whole(context)
    raise ValueError("lost?")

def recover(event, context):
    try:
        with response_stream(context) as stream:
            stream.write("half")
            raise ValueError("half a response")
    except ValueError:
        pass
    print("recovered")

def hang(event, context):
    stream_whole(context)
    print("about to hang", flush=True)
    time.sleep(600)

def end(event, context):
    stream_whole(context)
    os._exit(3)
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with the function above in ``app.py``."""
    (tmp_path / "app.py").write_text(FUNCTION)
    return tmp_path


def is_alive(pid: int) -> bool:
    """Whether a process exists, and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "State:\tZ" not in status.read_text()


def test_the_result_alone_is_on_standard_output(directory: Path) -> None:
    """The result pipes into other programs, while the log stays visible."""
    done = run(["invoke", "app.echo", "--event-text", '{"key": [1, "é"]}'], directory)

    assert (done.exit_code, json.loads(done.out)) == (0, {"key": [1, "é"]})
    lines = done.err.splitlines()
    assert lines[0].startswith("START RequestId: ")
    assert lines[1] == "a line of the log"
    assert lines[2].startswith("END RequestId: ")
    assert lines[3].startswith("REPORT RequestId: ")


def test_events_come_from_a_file_standard_input_or_an_example(directory: Path) -> None:
    """Each way to give an event gives that event; without one it is {}."""
    (directory / "event.json").write_text('{"from": "file"}')

    assert json.loads(run(["invoke", "app.echo", "--event", "event.json"], directory).out) == {"from": "file"}
    assert json.loads(run(["invoke", "app.echo", "--event", "-"], directory, stdin=b'["stdin"]').out) == ["stdin"]
    assert json.loads(run(["invoke", "app.echo", "--example", "sqs"], directory).out) == events.load("sqs")
    assert run(["invoke", "app.echo"], directory).out == b"{}"


def test_a_function_error_is_exit_code_1_with_its_document(directory: Path) -> None:
    """A script sees that the function failed, and a person sees why in the last line."""
    done = run(["invoke", "app.fail"], directory)

    assert done.exit_code == 1
    assert json.loads(done.out)["errorType"] == "ValueError"
    assert done.err.splitlines()[-1] == "ric: app.fail failed: ValueError: no such thing"


def test_a_timeout_ends_the_function(directory: Path) -> None:
    """What takes longer than --timeout is ended with Lambda's message, and is a function error."""
    done = run(["invoke", "app.sleep", "--timeout", "0.5"], directory)

    assert done.exit_code == 1
    assert json.loads(done.out)["errorMessage"].endswith("Task timed out after 0.50 seconds")


def test_a_function_that_does_not_start_is_exit_code_3(directory: Path) -> None:
    """A function that cannot be imported is told apart from one that failed; Lambda's document is there as well."""
    (directory / "broken.py").write_text("import nothing_of_this_name\n")

    done = run(["invoke", "broken.handler"], directory)

    assert done.exit_code == 3
    assert json.loads(done.out)["errorType"] == "Runtime.ImportModuleError"
    assert done.err.splitlines()[-1].startswith("ric: broken.handler did not start: Runtime.ImportModuleError: ")


def test_options_reach_the_function(directory: Path) -> None:
    """Memory, client context and the env file are what the function sees."""
    (directory / "settings.env").write_text('# colours\nexport COLOUR="dark blue" # the best\n')
    options = ["--memory", "512", "--client-context", '{"custom": {"k": "v"}}', "--env-file", "settings.env"]

    done = run(["invoke", "app.about", *options], directory)

    assert json.loads(done.out) == {"memory": "512", "custom": {"k": "v"}, "colour": "dark blue"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["invoke"], "name either a HANDLER to run, for example app.handler, or an endpoint with --url"),
        (["invoke", "app.echo", "--url", "http://127.0.0.1:9"], "--url says what to invoke; leave HANDLER out"),
        (["invoke", "nope.echo"], "cannot find the module 'nope'"),
        (["invoke", "echo"], "'echo' is not a handler; write it as module.function"),
        (["invoke", "app.echo", "--event", "no.json"], "cannot read the event no.json: No such file or directory"),
        (["invoke", "app.echo", "--event-text", '{"a": }'], "is not JSON: Expecting value at line 1, column 7"),
        (["invoke", "app.echo", "--event-text", "[" * 100_000], "the event of --event-text cannot be read: "),
        (["invoke", "app.echo", "--event-text", "1" * 10_000], "the event of --event-text cannot be read: "),
        (["invoke", "app.echo", "--event", "-"], "the event on standard input is empty; an event is JSON"),
        (["invoke", "app.echo", "--example", "sqz"], "there is no example event 'sqz'; choose one of alb, "),
        (["invoke", "app.echo", "--example", "sqs", "--event-text", "1"], "give one of them"),
        (["invoke", "app.echo", "--client-context", "[]"], "--client-context must be a JSON object"),
        (["invoke", "app.echo", "--client-context", "[" * 100_000], "--client-context must be a JSON object"),
        (["invoke", "app.echo", "--env-file", "no.env"], "cannot read the env file no.env: No such file or directory"),
        (["invoke", "app.echo", "--timeout", "0"], "Invalid value for '--timeout'"),
        (["invoke", "--url", "127.0.0.1:8080"], "is not a URL to invoke; write it like http://127.0.0.1:8080"),
        (["invoke", "--url", "http://127.0.0.1:9", "--memory", "512"], "leave them out with --url"),
        (["invoke", "app.echo", "--nope"], "; see ric invoke --help"),
        (["events", "nope"], "there is no example event 'nope'"),
        (["dev", "app.echo", "--debug", "--concurrency", "2"], "leave --concurrency out"),
        (["dev", "app.echo", "--debug", "--max-concurrency", "2"], "leave that out"),
        (["dev", "app.echo", "--debug", "--env-file", "two.env"], "leave that out"),
        (["dev", "app.echo", "--max-concurrency", "3", "--env-file", "two.env"], "_MAX_CONCURRENCY must be 3, as the"),
        (["dev", "nope.echo"], "cannot find the module 'nope'"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(arguments: list[str], sentence: str, directory: Path) -> None:
    """Who makes a mistake reads what to change, in one line, and nothing is run."""
    (directory / "two.env").write_text("AWS_LAMBDA_MAX_CONCURRENCY=2\n")
    done = run(arguments, directory)

    assert (done.exit_code, done.out) == (2, b"")
    (line,) = done.err.splitlines()
    assert line.startswith("ric: ")
    assert sentence in line


def test_a_stream_appears_as_it_comes(directory: Path) -> None:
    """The first chunk is on standard output before the function has made the second."""
    (directory / "app.py").write_text(STREAMING_RUNTIME)
    os.mkfifo(directory / "go-on")

    with running(["invoke", "app.handler"], directory) as command:
        position = command.wait_for("first\n")
        assert "second" not in command.shown
        (directory / "go-on").write_text("")
        command.wait_for("second\n", after=position)
        assert command.wait() == 0


def test_a_handler_may_go_on_after_its_stream(directory: Path) -> None:
    """The response is there at once, and the function ends after what comes behind it, with its log."""
    (directory / "app.py").write_text(GOING_ON)
    os.mkfifo(directory / "go-on")
    # Open for both, so that a handler that was ended is a failure below and holds up nobody here.
    gate = os.open(directory / "go-on", os.O_RDWR)
    try:
        with running(["invoke", "app.work"], directory) as command:
            command.wait_for("whole")
            reported = command.wait_for("REPORT RequestId: ")
            os.write(gate, b"for it\n")
            command.wait_for("worked for it\n", after=reported)
            assert command.wait() == 0
    finally:
        os.close(gate)


def test_an_error_after_the_stream_is_logged_and_the_response_counts(directory: Path) -> None:
    """The caller has the whole response, so the exit code is that of a success, while the log says what was raised."""
    (directory / "app.py").write_text(GOING_ON)

    done = run(["invoke", "app.fail"], directory)

    assert (done.exit_code, done.out) == (0, b"whole")
    assert "[ERROR] ValueError: lost?" in done.err


def test_an_error_within_the_stream_counts_while_the_log_goes_on(directory: Path) -> None:
    """Half a response is a failure, though its handler went on."""
    (directory / "app.py").write_text(GOING_ON)

    done = run(["invoke", "app.recover"], directory)

    assert (done.exit_code, done.out) == (1, b"half")
    assert "recovered" in done.err.splitlines()
    assert done.err.splitlines()[-1] == "ric: app.recover failed: ValueError: half a response"


def test_the_time_of_an_invocation_includes_what_comes_after_the_stream(directory: Path) -> None:
    """What goes on for longer than --timeout is ended, and is a failure although the response was whole."""
    (directory / "app.py").write_text(GOING_ON)

    done = run(["invoke", "app.hang", "--timeout", "2"], directory)

    assert (done.exit_code, done.out) == (1, b"whole")
    *_, noted, overrun, last = done.err.splitlines()
    assert noted == "about to hang"
    assert re.fullmatch(r"[0-9T:.-]+Z [0-9a-f-]{36} Task timed out after 2\.00 seconds", overrun)
    assert last == "ric: app.hang was ended: it went on after its response until its time was up"


def test_a_process_that_ends_after_the_stream_is_a_failure(directory: Path) -> None:
    """On Lambda it would cost the environment; nothing else would tell of it here."""
    (directory / "app.py").write_text(GOING_ON)

    done = run(["invoke", "app.end"], directory)

    assert (done.exit_code, done.out) == (1, b"whole")
    reason = "Runtime.ExitError: Runtime exited with error: exit status 3"
    assert done.err.splitlines()[-1] == f"ric: app.end ended after its response: {reason}"


def test_a_signal_ends_what_comes_after_the_stream(directory: Path) -> None:
    """Without --timeout it may take as long as it likes, but not longer than whoever called it."""
    (directory / "app.py").write_text(GOING_ON)

    with running(["invoke", "app.hang"], directory) as command:
        reported = command.wait_for("REPORT RequestId: ")
        command.wait_for("about to hang\n", after=reported)
        command.process.send_signal(signal.SIGINT)

        assert command.wait() == 128 + signal.SIGINT
        assert "Traceback" not in command.shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_function_too(number: signal.Signals, directory: Path) -> None:
    """Nothing is left running, no traceback is shown, and the exit code says which signal it was."""
    with running(["invoke", "app.sleep"], directory) as command:
        end = command.wait_for("asleep in ")
        command.wait_for("\n", after=end)
        pid = int(command.shown[end:].split()[0])
        command.process.send_signal(number)

        assert command.wait() == 128 + number
        assert not is_alive(pid)
        assert "Traceback" not in command.shown


def test_on_a_terminal_the_result_ends_its_line_and_tracebacks_have_lines(directory: Path) -> None:
    """The prompt does not follow the result, and a traceback reads as one."""
    with running(["invoke", "app.fail"], directory, on_terminal=True) as command:
        assert command.wait() == 1
        lines = command.shown.splitlines()

    assert '    raise ValueError("no such thing")' in lines
    assert [line for line in lines if line.startswith('{"errorMessage"') and line.endswith("}")]


def test_a_reader_that_leaves_early_is_no_error_message(directory: Path) -> None:
    """``ric events sqs | head -1`` shows no traceback."""
    done = run(["-c", '"$@" events dynamodb | head -1', "bash", *RIC], directory, command=["bash", "-o", "pipefail"])

    assert done.out == b"{\n"
    assert done.err == ""


def test_help_has_examples_and_the_version_is_the_package_s(directory: Path) -> None:
    """Every command shows how it is used, and which ric this is can be asked."""
    for arguments in (["--help"], ["invoke", "--help"], ["dev", "-h"], ["events", "--help"]):
        done = run(arguments, directory)
        assert (done.exit_code, done.err) == (0, "")
        assert b"Example" in done.out
    assert run(["--version"], directory).out.decode() == f"ric {__version__}\n"


@pytest.mark.parametrize("name", ["invoke", "dev"])
def test_the_longest_timeout_is_that_of_the_emulator(name: str) -> None:
    """The number is written twice, because help does not import the emulator, and is the same in both places."""
    timeout = next(option for option in commands.ric.commands[name].params if option.name == "timeout")

    assert isinstance(timeout.type, click.FloatRange)
    assert timeout.type.max == MAX_TIMEOUT_SECONDS


def test_help_imports_nothing_heavy(directory: Path) -> None:
    """Help appears at once: what only some commands need is not imported for it."""
    program = (
        "import sys; from ric.cli.main import main; code = main(['--help']); "
        "sys.exit(code or ' '.join({'rich', 'watchfiles', 'requests', 'ric.local'} & sys.modules.keys()) or 0)"
    )

    done = run(["-c", program], directory, command=RIC[:1])

    assert (done.exit_code, done.err) == (0, "")


@pytest.mark.parametrize("missing", ["click", "rich", "watchfiles", "requests"])
def test_without_the_extra_one_sentence_says_what_to_install(missing: str, directory: Path) -> None:
    """Whoever installed ric alone learns how to get the command."""
    (directory / "without.py").write_text(
        f"import sys\nsys.modules[{missing!r}] = None\nfrom ric.cli.main import main\nsys.exit(main(sys.argv[1:]))\n"
    )
    arguments = ["invoke", "--url", "http://127.0.0.1:9"] if missing == "requests" else ["dev", "app.echo"]

    done = run(["without.py", *arguments], directory, command=RIC[:1])

    assert done.exit_code == 2
    assert done.err == (
        f"ric: the command needs {missing}, which is not installed; install ric's wheel with its extra: "
        f"pip install 'ric-{__version__}-py3-none-any.whl[dev]'\n"
    )


def test_events_lists_and_prints_the_examples(directory: Path) -> None:
    """The examples can be found by name and taken as a start for one's own."""
    listing = run(["events"], directory).out.decode().splitlines()

    assert [line.split()[0] for line in listing] == list(events.DESCRIPTIONS)
    assert json.loads(run(["events", "s3"], directory).out) == events.load("s3")
