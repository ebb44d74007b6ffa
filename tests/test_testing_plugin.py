"""pytest's fixtures: as others get them, in runs of pytest of their own."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.image import REPOSITORY
from tests.pytest_run import PLUGIN, outcomes, run_pytest

if TYPE_CHECKING:
    from pathlib import Path

APP = """
import os
import sys

def handler(event, context):
    print("the function's log")
    if event == "exit":
        os._exit(3)
    if event == "path":
        return sys.path
    return {"event": event, "pid": os.getpid(), "name": os.environ.get("NAME")}
"""

NOTE_MODULES = """
import json, logging, pathlib, sys, time

def test_note(%s):
    pathlib.Path("modules.json").write_text(json.dumps(sorted(sys.modules)))
    names = [type(handler).__name__ for handler in logging.getLogger().handlers]
    assert not [name for name in names if name.startswith("Lambda")]
    assert logging.Formatter.converter is time.localtime
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with a function."""
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def modules_of_a_run(directory: Path, *options: str, fixture: str = "") -> set[str]:
    """Returns the modules that a run of pytest has loaded when its only test runs."""
    (directory / "test_note.py").write_text(NOTE_MODULES % fixture)
    done = run_pytest(directory, *options)
    assert outcomes(done) == "1 passed", done.stdout + done.stderr
    return set(json.loads((directory / "modules.json").read_text()))


def test_the_plugin_costs_nothing_when_unused(tmp_path: Path) -> None:
    """A test run that happens to have ric installed loads three small modules more, and logging is left alone."""
    loaded = modules_of_a_run(tmp_path, *PLUGIN) - modules_of_a_run(tmp_path)

    assert loaded == {"ric", "ric.testing", "ric.testing.plugin"}


@pytest.mark.parametrize(
    ("fixture", "module"),
    [("lambda_context", "ric.function.context"), ("lambda_invoke", "ric.bootstrap"), ("lambda_emulator", "ric.local")],
)
def test_the_watch_over_modules_sees_what_a_fixture_loads(tmp_path: Path, fixture: str, module: str) -> None:
    """The check above is able to fail."""
    assert module in modules_of_a_run(tmp_path, *PLUGIN, fixture=fixture)


def test_pytest_finds_the_plugin_by_itself(project: Path) -> None:
    """Installing ric is all that is needed to have the fixtures."""
    (project / "test_it.py").write_text("def test_it(lambda_context):\n    assert lambda_context.function_name\n")

    done = run_pytest(project, PYTEST_DISABLE_PLUGIN_AUTOLOAD="")

    assert outcomes(done) == "1 passed", done.stdout + done.stderr


def test_a_failing_test_shows_the_log_of_the_function(project: Path) -> None:
    """Whoever reads the report sees what the function wrote, each line of a traceback on its own."""
    (project / "test_it.py").write_text(
        "def fail(event, context):\n"
        "    print('about to fail')\n"
        "    raise ValueError('no name')\n"
        "def test_it(lambda_invoke):\n"
        "    lambda_invoke(fail, {}).raise_for_error()\n"
    )

    done = run_pytest(project, *PLUGIN)

    assert outcomes(done) == "1 failed"
    shown = done.stdout.partition("Captured lambda log call")[2].split("\n")
    assert shown[1:4] == ["about to fail", "[ERROR] ValueError: no name", "Traceback (most recent call last):"]
    assert "ric.testing.results.FunctionError: the function failed with ValueError: no name" in done.stdout


def test_each_test_has_a_function_of_its_own(project: Path) -> None:
    """State of one test's process is not seen by the next test, and the process has ended."""
    (project / "test_it.py").write_text(
        "import os\n"
        "import pytest\n"
        "pids = []\n"
        "@pytest.mark.parametrize('turn', [1, 2])\n"
        "def test_it(lambda_emulator, turn):\n"
        "    result = lambda_emulator('app.handler', env={'NAME': 'Ada'}).invoke(turn).json()\n"
        "    assert (result['event'], result['name']) == (turn, 'Ada')\n"
        "    pids.append(result['pid'])\n"
        "def test_they_have_ended():\n"
        "    assert len(set(pids)) == 2\n"
        "    for pid in pids:\n"
        "        with pytest.raises(ProcessLookupError):\n"
        "            os.kill(pid, 0)\n"
    )

    done = run_pytest(project, *PLUGIN)

    assert outcomes(done) == "3 passed", done.stdout + done.stderr


def test_a_session_shares_one_function(project: Path) -> None:
    """A function that is slow to start is started once for many tests, and ends with the session."""
    (project / "test_it.py").write_text(
        "import pathlib\n"
        "import pytest\n"
        "@pytest.fixture(scope='session')\n"
        "def function(session_lambda_emulator):\n"
        "    return session_lambda_emulator('app.handler')\n"
        "@pytest.mark.parametrize('turn', [1, 2])\n"
        "def test_it(function, turn):\n"
        "    with pathlib.Path('pids').open('a') as file:\n"
        "        print(function.invoke(turn).json()['pid'], file=file)\n"
    )

    done = run_pytest(project, *PLUGIN)

    assert outcomes(done) == "2 passed", done.stdout + done.stderr
    (pid,) = set((project / "pids").read_text().split())
    assert not process_exists(int(pid))


GOING_ON = """
import pathlib, time
from ric import response_stream

def handler(event, context):
    with response_stream(context) as stream:
        stream.write("whole")
    time.sleep(event)
    pathlib.Path("done").touch()
"""


def test_what_a_handler_does_after_its_stream_belongs_to_the_test(project: Path) -> None:
    """The end of the test does not cut it off."""
    (project / "going_on.py").write_text(GOING_ON)
    (project / "test_it.py").write_text(
        "def test_it(lambda_emulator):\n"
        "    assert lambda_emulator('going_on.handler').invoke(0.3).payload == b'whole'\n"
    )

    done = run_pytest(project, *PLUGIN)

    assert outcomes(done) == "1 passed", done.stdout + done.stderr
    assert (project / "done").exists()


@pytest.mark.parametrize("fixture", ["lambda_emulator", "session_lambda_emulator"])
def test_ctrl_c_waits_for_no_handler(project: Path, fixture: str) -> None:
    """Whoever interrupts the tests wants an end; the warning that would come after the wait tells of it."""
    (project / "going_on.py").write_text(GOING_ON)
    (project / "test_it.py").write_text(
        "import os, signal, time\n"
        f"def test_it({fixture}):\n"
        f"    {fixture}('going_on.handler').invoke(600)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(600)\n"
    )

    done = run_pytest(project, *PLUGIN)

    assert done.returncode == pytest.ExitCode.INTERRUPTED, done.stdout + done.stderr
    assert "KeyboardInterrupt" in done.stdout
    assert "was not done" not in done.stdout + done.stderr


def test_a_function_that_does_not_start_says_why(project: Path) -> None:
    """The error of the test names the cause, and the report has the function's log."""
    (project / "broken.py").write_text("print('importing')\nimport no_such_module\n")
    (project / "test_it.py").write_text(
        "def test_it(lambda_emulator):\n    lambda_emulator('broken.handler').invoke({})\n"
    )

    done = run_pytest(project, *PLUGIN)

    assert outcomes(done) == "1 failed"
    assert "FunctionStartError: Runtime.ImportModuleError: Unable to import module 'broken'" in done.stdout
    assert "importing" in done.stdout.partition("Captured stdout call")[2]


def test_a_failing_test_shows_the_log_of_the_emulator(project: Path) -> None:
    """Whoever reads the report sees the function's log with Lambda's lines around it."""
    (project / "test_it.py").write_text(
        "def test_it(lambda_emulator):\n    assert lambda_emulator('app.handler').invoke({}).function_error\n"
    )

    done = run_pytest(project, *PLUGIN)

    shown = done.stdout.partition("Captured stdout call")[2]
    assert [word for word in ("START", "the function's log", "REPORT") if word in shown] == [
        *("START", "the function's log", "REPORT")
    ], done.stdout + done.stderr


def test_a_passing_test_is_quiet(project: Path) -> None:
    """What the functions write does not disturb the dots of a test run."""
    (project / "test_it.py").write_text(
        "import app\n"
        "def test_it(lambda_emulator, lambda_invoke):\n"
        "    assert lambda_emulator('app.handler').invoke('exit').function_error\n"
        '    assert lambda_invoke(app.handler, {}).logs == "the function\'s log\\n"\n'
    )

    done = run_pytest(project, *PLUGIN)

    assert outcomes(done) == "1 passed", done.stdout + done.stderr
    assert "the function's log" not in done.stdout + done.stderr


def test_the_function_finds_what_the_tests_find(project: Path) -> None:
    """Directories that pytest's configuration adds to the search path count for the process too."""
    (project / "src").mkdir()
    (project / "app.py").rename(project / "src" / "app.py")
    (project / "pytest.ini").write_text("[pytest]\npythonpath = src\n")
    (project / "test_it.py").write_text(
        "def test_it(lambda_emulator):\n"
        "    path = lambda_emulator('app.handler').invoke('path').json()\n"
        f"    assert {str(REPOSITORY)!r} in path\n"
    )

    done = run_pytest(project, *PLUGIN)

    assert outcomes(done) == "1 passed", done.stdout + done.stderr


def test_another_program_may_run_the_function(project: Path) -> None:
    """The factory starts what it is told to, such as another runtime client."""
    command = [sys.executable, "-c", "import os, sys; sys.exit(int(os.environ['CODE']))"]
    (project / "test_it.py").write_text(
        "import pytest\n"
        "from ric.local import FunctionStartError\n"
        "def test_it(lambda_emulator):\n"
        "    with pytest.raises(FunctionStartError) as caught:\n"
        f"        lambda_emulator('app.handler', command={command!r}, env={{'CODE': '7'}})\n"
        "    assert caught.value.exit_status == 7\n"
    )

    done = run_pytest(project, *PLUGIN)

    assert outcomes(done) == "1 passed", done.stdout + done.stderr


def process_exists(pid: int) -> bool:
    """Returns whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
