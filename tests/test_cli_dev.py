"""``ric dev``: what it shows and does, with a real function, real changes of files and real signals."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.cli_run import Running, run, running
from tests.local_server import TIMEOUT_SECONDS

FUNCTION = """
import logging, os, threading, subprocess, time

logging.getLogger().setLevel("INFO")

def handler(event, context):
    if event == "fail":
        raise ValueError("no such thing")
    if event == "sleep":
        child = subprocess.Popen(["sleep", "600"])
        print(f"asleep: {os.getpid()} {child.pid}.", flush=True)
        time.sleep(600)
    if event == "exit":
        os._exit(7)
    if event == "meet":
        open(f"met-{os.getpid()}-{threading.get_ident()}", "w").close()
        while sum(name.startswith("met-") for name in os.listdir()) < 2:
            time.sleep(0.01)
    logging.info("a line of the log")
    print("\\x1b[31mred\\x1b[0m and \\x1b]0;title\\x07 tidy")
    return "VERSION 1"
"""


def url_of(command: Running) -> str:
    """Returns where a function is served, once it has started."""
    command.wait_for(" started in ")
    found = re.search(r" at (http://\S+)", re.sub(r"\x1b\[[\d;]*m", "", command.shown))
    assert found
    return found[1]


def invoke(url: str, event: Any) -> requests.Response:
    """Posts a value as the event."""
    with requests.Session() as session:
        session.trust_env = False
        path = "/2015-03-31/functions/function/invocations"
        return session.post(url + path, json=event, timeout=TIMEOUT_SECONDS)


def is_alive(pid: int) -> bool:
    """Whether a process exists, and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "State:\tZ" not in status.read_text()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with the function above in ``app.py``."""
    (tmp_path / "app.py").write_text(FUNCTION)
    return tmp_path


@pytest.fixture
def dev(directory: Path) -> Iterator[Running]:
    """``ric dev`` without a terminal."""
    with running(["dev", "app.handler", "--port", "0"], directory) as command:
        yield command


def test_each_invocation_is_shown_with_its_log_result_and_duration(dev: Running) -> None:
    """A developer sees what came, what the function wrote, what it returned and how long it took, in plain text."""
    assert invoke(url_of(dev), {"key": "value"}).json() == "VERSION 1"

    dev.wait_for('"VERSION 1"')
    lines = dev.shown.splitlines()[-4:]
    assert re.fullmatch(r'\d\d:\d\d:\d\d ▶ [0-9a-f]{8} \{"key": ?"value"\}', lines[0])
    assert lines[1:3] == ["         │ [INFO] a line of the log", "         │ red and  tidy"]
    assert re.fullmatch(r'\d\d:\d\d:\d\d ✔ [0-9a-f]{8} [\d.]+ ms \d+ MB, init \d+ ms "VERSION 1"', lines[3])
    assert "\x1b" not in dev.shown


def test_a_failure_is_shown_with_a_readable_traceback(dev: Running) -> None:
    """A traceback has lines and blanks again, and the last line names the error."""
    response = invoke(url_of(dev), "fail")

    assert response.headers["X-Amz-Function-Error"] == "Unhandled"
    dev.wait_for("MB, init")
    dev.wait_for("ValueError: no such thing\n")
    lines = dev.shown.splitlines()
    assert "         │ Traceback (most recent call last):" in lines
    assert '         │     raise ValueError("no such thing")' in lines
    assert re.search(r"✘ [0-9a-f]{8} [\d.]+ ms \d+ MB, init \d+ ms ValueError: no such thing$", lines[-1])
    assert "\u00a0" not in dev.shown


def test_a_changed_file_starts_the_function_again(dev: Running, directory: Path) -> None:
    """The next invocation is answered by the new code, also when the edit was quick and of the same length."""
    url = url_of(dev)
    assert invoke(url, 1).json() == "VERSION 1"

    for version in ("VERSION 2", "VERSION 3"):
        position = len(dev.shown)
        (directory / "app.py").write_text(FUNCTION.replace("VERSION 1", version))
        position = dev.wait_for("app.py changed · starting again", after=position)
        dev.wait_for(" started in ", after=position)
        assert invoke(url, 1).json() == version


def test_a_broken_function_is_shown_and_tried_again_upon_change(directory: Path) -> None:
    """A mistake in the code does not end the session, neither at the start nor in between."""
    (directory / "app.py").write_text("import nothing_of_this_name\n")
    with running(["dev", "app.handler", "--port", "0"], directory) as dev:
        position = dev.wait_for("✘ the function did not start: Runtime.ImportModuleError: ")
        (directory / "app.py").write_text(FUNCTION)
        position = dev.wait_for(" started in ", after=position)
        (directory / "app.py").write_text("syntax error(\n")
        position = dev.wait_for("✘ the function did not start: Runtime.UserCodeSyntaxError: ", after=position)
        response = invoke(url_of(dev), 1)
        assert response.json()["errorType"] == "Runtime.UserCodeSyntaxError"
        (directory / "app.py").write_text(FUNCTION)
        dev.wait_for(" started in ", after=position)
        assert invoke(url_of(dev), 1).json() == "VERSION 1"


def test_a_runtime_that_dies_is_told(dev: Running) -> None:
    """When the process ends by itself its caller gets an answer and the developer the reason."""
    assert invoke(url_of(dev), "exit").json()["errorType"] == "Runtime.ExitError"

    dev.wait_for("the runtime ended: Runtime.ExitError: Runtime exited with error: exit status 7")
    assert invoke(url_of(dev), 1).json() == "VERSION 1"


def test_a_timeout_is_shown(directory: Path) -> None:
    """--timeout ends what takes too long, and says so."""
    with running(["dev", "app.handler", "--port", "0", "--timeout", "0.5"], directory) as dev:
        message = invoke(url_of(dev), "sleep").json()["errorMessage"]
        dev.wait_for("timed out after ")

    assert message.endswith("Task timed out after 0.50 seconds")


def test_a_timeout_after_the_answer_is_shown(directory: Path) -> None:
    """--timeout ends a handler that goes on after its stream; the line says so, and the next one is served."""
    (directory / "app.py").write_text(
        "import time\nfrom ric import response_stream\n"
        "def handler(event, context):\n"
        "    with response_stream(context) as stream:\n"
        "        stream.write('whole')\n"
        "    time.sleep(event)\n"
    )
    with running(["dev", "app.handler", "--port", "0", "--timeout", "0.5"], directory) as dev:
        late = invoke(url_of(dev), 600)
        assert late.text == "whole"
        request_id = late.headers["X-Amzn-RequestId"]
        position = dev.wait_for(f"{request_id} Task timed out after 0.50 seconds\n")
        assert invoke(url_of(dev), 0).text == "whole"
        dev.wait_for(" started in ", after=position)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything(number: signal.Signals, dev: Running) -> None:
    """In the middle of an invocation, too, nothing is left: not the function, not what it started, no traceback."""
    with ThreadPoolExecutor() as pool:
        pending = pool.submit(invoke, url_of(dev), "sleep")
        end = dev.wait_for("asleep: ")
        dev.wait_for(".", after=end)
        pids = [int(pid) for pid in dev.shown[end:].split(".")[0].split()]
        dev.process.send_signal(number)

        assert dev.wait() == 128 + number
        assert pending.exception(TIMEOUT_SECONDS) or pending.result().status_code >= 200
    assert [pid for pid in pids if is_alive(pid)] == []
    assert "Traceback" not in dev.shown


def test_invocations_run_at_once_with_concurrency(directory: Path) -> None:
    """--concurrency 2 serves two at a time, and each line of the log says whose it is."""
    with running(["dev", "app.handler", "--port", "0", "--concurrency", "2"], directory) as dev:
        url = url_of(dev)
        with ThreadPoolExecutor(2) as pool:
            # Each of the two waits for the other.
            responses = list(pool.map(lambda event: invoke(url, event), ["meet", "meet"]))
        assert [response.json() for response in responses] == ["VERSION 1"] * 2
        for response in responses:
            dev.wait_for(f"│ {response.headers['X-Amzn-RequestId'][:8]} [INFO] a line of the log")


@pytest.mark.parametrize(
    ("mode", "option"),
    [
        *((mode, ["--max-concurrency", "2"]) for mode in ("process", "thread", "hybrid", "asyncio")),
        ("process", ["--env-file", "two.env"]),
    ],
)
def test_invocations_run_at_once_with_max_concurrency(mode: str, option: list[str], directory: Path) -> None:
    """--max-concurrency 2 serves two at a time in one environment, in the mode that the variable asks for."""
    (directory / "two.env").write_text("AWS_LAMBDA_MAX_CONCURRENCY=2\n")
    variables = {"AWS_LAMBDA_CONCURRENCY_MODE": mode}
    command = ["dev", "app.handler", "--port", "0", *option]
    with running(command, directory, variables=variables) as dev:
        url = url_of(dev)
        with ThreadPoolExecutor(2) as pool:
            responses = list(pool.map(lambda event: invoke(url, event), ["meet", "meet"]))
        assert [response.json() for response in responses] == ["VERSION 1"] * 2
        shown = 0
        for response in responses:
            dev.wait_for(f"│ {response.headers['X-Amzn-RequestId'][:8]} ")
            # Behind what the other one has printed so far of a line, if need be: docs/concurrency.md.
            shown = dev.wait_for("[INFO] a line of the log", after=shown)


def test_options_reach_the_function(directory: Path) -> None:
    """Memory and the env file are what the function sees; the port is the one asked for."""
    (directory / "app.py").write_text(
        "import os\n\ndef handler(event, context):\n    return [context.memory_limit_in_mb, os.environ['COLOUR']]\n"
    )
    (directory / "settings").write_text("COLOUR=blue\n")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    options = ["--memory", "256", "--env-file", "settings"]
    with running(["dev", "app.handler", *options], directory, variables={"RIC_PORT": str(port)}) as dev:
        assert urlsplit(url_of(dev)).port == port
        assert invoke(url_of(dev), 1).json() == ["256", "blue"]


def test_a_port_in_use_is_a_sentence(directory: Path) -> None:
    """Two sessions at once are told apart from other failures, with the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(["dev", "app.handler", "--port", str(taken.getsockname()[1])], directory)

    assert done.exit_code == 3
    assert re.fullmatch(r"ric: port \d+ on 127.0.0.1 is in use; choose another with --port or RIC_PORT .*\n", done.err)


def test_debug_without_debugpy_is_a_sentence(directory: Path) -> None:
    """--debug says what to install."""
    (directory / "without.py").write_text(
        "import importlib.util, sys\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'debugpy' else find(name, *rest)\n"
        "from ric.cli.main import main\nsys.exit(main(sys.argv[1:]))\n"
    )

    done = run(["without.py", "dev", "app.handler", "--debug"], directory, command=[sys.executable])

    assert done.exit_code == 2
    assert done.err == "ric: --debug needs debugpy, which is not installed here; run: pip install debugpy\n"


def test_debug_starts_the_function_under_debugpy(directory: Path) -> None:
    """The process that waits for the debugger is debugpy's, on the address that is shown."""
    package = directory / "debugpy"
    package.mkdir()
    (package / "__init__.py").write_text("")
    # In place of the debugger, which is not among what tests need: shows how it was called, and goes on as it does.
    (package / "__main__.py").write_text(
        "import runpy, sys\nprint('debugpy', *sys.argv[1:], flush=True)\n"
        "sys.argv[:] = sys.argv[5:]\nrunpy.run_module('ric', run_name='__main__', alter_sys=True)\n"
    )
    with running(
        ["dev", "app.handler", "--port", "0", "--debug"],
        directory,
        variables={"PYTHONPATH": f"{directory}:{Path.cwd()}"},
    ) as dev:
        dev.wait_for("waiting for a debugger at 127.0.0.1:5678")
        dev.wait_for("debugpy --listen 127.0.0.1:5678 --wait-for-client -m ric app.handler")
        assert invoke(url_of(dev), 1).json() == "VERSION 1"


def test_a_terminal_gets_colours_unless_no_color_is_set(directory: Path) -> None:
    """Colours help on a terminal, the function's own included; who does not want them gets plain text."""
    with running(["dev", "app.handler", "--port", "0"], directory, on_terminal=True) as dev:
        invoke(url_of(dev), 1)
        dev.wait_for("VERSION 1")
        assert "\x1b[31mred\x1b[0m" in dev.shown
        assert "title" not in dev.shown
    arguments = ["dev", "app.handler", "--port", "0"]
    with running(arguments, directory, on_terminal=True, variables={"NO_COLOR": "1"}) as dev:
        invoke(url_of(dev), 1)
        dev.wait_for("VERSION 1")
        assert "\x1b" not in dev.shown


def test_http_events_are_shown_as_requests(dev: Running) -> None:
    """Requests to the function URL and batches of records read as what they are."""
    with requests.Session() as session:
        session.trust_env = False
        session.get(f"{url_of(dev)}/orders/42?name=x", timeout=TIMEOUT_SECONDS)
    invoke(url_of(dev), {"Records": [{"eventSource": "aws:sqs"}] * 2})

    dev.wait_for(" GET /orders/42?name=x\n")
    dev.wait_for(" 2 records of aws:sqs\n")


def test_a_payload_cannot_control_the_terminal(dev: Running) -> None:
    """What arrives over the network is shown without anything that a terminal would obey."""
    session = requests.Session()
    session.trust_env = False
    with session:
        url = f"{url_of(dev)}/2015-03-31/functions/function/invocations"
        session.post(url, data=json.dumps({"k": "\x9b31m"}, ensure_ascii=False).encode(), timeout=TIMEOUT_SECONDS)

    dev.wait_for("VERSION 1")
    assert "\x9b" not in dev.shown


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", "é"), ("ascii", "\\xe9")])
def test_what_the_terminal_cannot_show_is_escaped(encoding: str, shown: str, directory: Path) -> None:
    """A lone surrogate, and a letter that the encoding does not have, cost neither the line nor the display."""
    (directory / "app.py").write_text("def handler(event, context): raise ValueError('caf\\xe9 \\ud800')")
    with running(["dev", "app.handler", "--port", "0"], directory, variables={"PYTHONIOENCODING": encoding}) as dev:
        invoke(url_of(dev), {"httpMethod": "GET", "path": "/\ud800"})
        dev.wait_for(" GET /\\ud800\n")
        dev.wait_for(f" ValueError: caf{shown} \\ud800\n")
        assert "UnicodeEncodeError" not in dev.shown


def test_lines_after_the_response_have_their_owner(directory: Path) -> None:
    """With several environments what a handler writes after its response is told apart as what it wrote before."""
    (directory / "app.py").write_text("""
from ric import response_stream

def handler(event, context):
    with response_stream(context) as stream:
        stream.write(context.aws_request_id)
    print("gone on")
""")
    with running(["dev", "app.handler", "--port", "0", "--concurrency", "2"], directory) as dev:
        request_id = invoke(url_of(dev), 1).text
        dev.wait_for(f"{request_id[:8]} gone on\n")


def test_a_display_that_nobody_reads_does_not_end_the_service(directory: Path) -> None:
    """``ric dev app.handler | head -1`` goes on serving."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    reading, writing = os.pipe()
    os.close(reading)
    with running(["dev", "app.handler", "--port", str(port)], directory, stdout=writing) as dev:
        os.close(writing)
        url = f"http://127.0.0.1:{port}"
        while True:
            try:
                assert invoke(url, 1).json() == "VERSION 1"
                break
            except requests.ConnectionError:
                assert dev.process.poll() is None
        dev.process.send_signal(signal.SIGINT)
        assert dev.wait() == 130
        assert dev.shown == ""
