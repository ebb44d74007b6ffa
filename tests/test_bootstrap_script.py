"""The image's entry point, ``bootstrap``: which handler, interpreter, variables and wrapper it ends up with."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ric.install import install
from tests.image import (
    PYTHON_VERSION,
    REPORTING_HANDLER,
    TIMEOUT_S,
    FakePython,
    clean_environment,
    private_image,
    private_image_refusal,
    run,
    write_executable,
)
from tests.interpreters import counting_python

SOME_API = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9"}  # only its presence counts: nothing here calls it


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """A directory that holds the entry point; its name would fall apart where quoting is forgotten."""
    directory = tmp_path / "run time"
    install(directory)
    return directory


@pytest.fixture
def python(tmp_path: Path) -> FakePython:
    """An interpreter that writes down how it was started."""
    return FakePython(tmp_path / "any name")


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """The working directory, with the function that reports how it was reached."""
    directory = tmp_path / "task"
    directory.mkdir()
    (directory / "app.py").write_text(REPORTING_HANDLER)
    return directory


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image for ``private_image``, with the entry point in /var/runtime and the reporting function in /var/task."""
    directory = tmp_path / "image"
    directory.mkdir()
    if refusal := private_image_refusal(directory):
        pytest.skip(refusal)
    install(directory / "var/runtime")
    (directory / "var/task/app.py").write_text(REPORTING_HANDLER)
    return directory


# The handler


def test_argument_names_the_handler(runtime: Path, task: Path, python: FakePython) -> None:
    """CMD ["app.handler"] reaches the runtime and wrappers as _HANDLER, over a _HANDLER that is set."""
    environment = clean_environment(RIC_PYTHON=str(python.path), _HANDLER="other.one", **SOME_API)
    done = run([runtime / "bootstrap", "app.handler"], environment, task)
    assert (done.returncode, done.stderr) == (0, "")
    assert python.start.environ["_HANDLER"] == "app.handler"
    assert python.start.argv == [str(python.path), str(runtime / "bootstrap.py")]


@pytest.mark.parametrize("arguments", [[], [""]])
def test_variable_names_the_handler(runtime: Path, task: Path, python: FakePython, arguments: list[str | Path]) -> None:
    """Without an argument, or with an empty one, _HANDLER is left as it is."""
    environment = clean_environment(RIC_PYTHON=str(python.path), _HANDLER="app.other", **SOME_API)
    assert run([runtime / "bootstrap", *arguments], environment, task).returncode == 0
    assert python.start.environ["_HANDLER"] == "app.other"


@pytest.mark.parametrize("variables", [SOME_API, {}, {"_HANDLER": ""}])
def test_missing_handler_is_one_line(runtime: Path, task: Path, python: FakePython, variables: dict[str, str]) -> None:
    """An image without a handler says so in one line, before an interpreter or the emulator is started."""
    done = run([runtime / "bootstrap"], clean_environment(RIC_PYTHON=str(python.path), **variables), task)
    assert done.returncode == 1
    assert done.stderr == (
        'bootstrap: no handler: pass it as the first argument, such as CMD ["app.handler"], or set _HANDLER\n'
    )
    assert python.starts == 0


# The interpreter


def test_interpreter_that_does_not_exist(runtime: Path, task: Path) -> None:
    """A wrong RIC_PYTHON is named, with the exit code shells have for a missing program."""
    done = run([runtime / "bootstrap", "app.handler"], clean_environment(RIC_PYTHON="/no/python", **SOME_API), task)
    assert done.returncode == 127
    assert done.stderr == "bootstrap: the interpreter /no/python (from RIC_PYTHON) does not exist\n"


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_interpreter_that_is_no_program(runtime: Path, task: Path, kind: str) -> None:
    """A RIC_PYTHON that cannot be executed is named, with the exit code shells have for that."""
    path = task / "python"
    path.mkdir() if kind == "directory" else path.write_text("")
    done = run([runtime / "bootstrap", "app.handler"], clean_environment(RIC_PYTHON=str(path), **SOME_API), task)
    assert done.returncode == 126
    assert done.stderr == f"bootstrap: the interpreter {path} (from RIC_PYTHON) is not an executable\n"


@pytest.mark.parametrize("variables", [{}, {"RIC_PYTHON": "python3"}])
def test_interpreter_from_the_path(runtime: Path, task: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    """The first executable of the name on the path is taken, and passed on with its full path."""
    if not variables and Path("/var/lang/bin/python3").exists():
        pytest.skip("this machine has /var/lang/bin/python3, which comes before the path")
    (tmp_path / "first").mkdir()
    (tmp_path / "first/python3").write_text("not executable")
    (tmp_path / "second/python3").mkdir(parents=True)
    FakePython(tmp_path / "pattern/python3")
    third = FakePython(tmp_path / "third one/python3")
    environment = clean_environment(**variables, **SOME_API)
    environment["PATH"] = ":".join(str(tmp_path / name) for name in ("none", "first", "second", "patt*", "third one"))
    done = run([runtime / "bootstrap", "app.handler"], environment, task)
    assert (done.returncode, done.stderr) == (0, "")
    assert third.start.argv[0] == str(third.path)


def test_no_interpreter_at_all(runtime: Path, task: Path) -> None:
    """An image without Python says so in one line that names the way out."""
    environment = clean_environment(RIC_PYTHON="python3", **SOME_API) | {"PATH": str(task)}
    done = run([runtime / "bootstrap", "app.handler"], environment, task)
    assert done.returncode == 127
    assert done.stderr == "bootstrap: there is no python3 on the path: install it, or set RIC_PYTHON\n"


def test_managed_interpreter_comes_before_the_path(image: Path, tmp_path: Path) -> None:
    """/var/lang/bin/python3, from Lambda's base images, wins over python3 on the path, but not over RIC_PYTHON."""
    managed = FakePython(image / "var/lang/bin/python3")
    chosen = FakePython(tmp_path / "chosen")
    command = private_image(image, ["/var/runtime/bootstrap", "app.handler"])
    assert run(command, clean_environment(**SOME_API), tmp_path).returncode == 0
    assert managed.start.argv == ["/var/lang/bin/python3", "/var/runtime/bootstrap.py"]
    assert run(command, clean_environment(RIC_PYTHON=str(chosen.path), **SOME_API), tmp_path).returncode == 0
    assert (managed.starts, chosen.starts) == (1, 1)


# The directories


def test_task_root_defaults_to_the_working_directory(runtime: Path, task: Path, python: FakePython) -> None:
    """Outside of Lambda the function is where one stands."""
    if Path("/var/task").is_dir():
        pytest.skip("this machine has /var/task")
    run([runtime / "bootstrap", "app.handler"], clean_environment(RIC_PYTHON=str(python.path), **SOME_API), task)
    assert python.start.environ["LAMBDA_TASK_ROOT"] == str(task)


def test_task_root_defaults_to_var_task(image: Path, tmp_path: Path) -> None:
    """In an image the function is in /var/task, wherever WORKDIR points; the runtime's directory is the script's."""
    managed = FakePython(image / "var/lang/bin/python3")
    command = private_image(image, ["bash", "-c", "cd / && exec /var/runtime/bootstrap app.handler"])
    assert run(command, clean_environment(**SOME_API), tmp_path).returncode == 0
    assert managed.start.environ["LAMBDA_TASK_ROOT"] == "/var/task"
    assert managed.start.environ["LAMBDA_RUNTIME_DIR"] == "/var/runtime"


def test_directories_that_are_set_are_kept(runtime: Path, task: Path, python: FakePython) -> None:
    """An image's own LAMBDA_TASK_ROOT and LAMBDA_RUNTIME_DIR stay; bootstrap.py is still the one beside the script."""
    environment = clean_environment(
        RIC_PYTHON=str(python.path), LAMBDA_TASK_ROOT="/function", LAMBDA_RUNTIME_DIR="/elsewhere", **SOME_API
    )
    assert run([runtime / "bootstrap", "app.handler"], environment, task).returncode == 0
    assert python.start.environ["LAMBDA_TASK_ROOT"] == "/function"
    assert python.start.environ["LAMBDA_RUNTIME_DIR"] == "/elsewhere"
    assert python.start.argv[1] == str(runtime / "bootstrap.py")


@pytest.mark.parametrize(
    "call", ["../run time/bootstrap", "./link", "relative link", "chain", "no dot", "on the path", "through bash"]
)
def test_runtime_directory_is_found_however_called(runtime: Path, task: Path, python: FakePython, call: str) -> None:
    """LAMBDA_RUNTIME_DIR is where the files really are, through relative calls and links of all kinds."""
    (task / "run time").mkdir()  # where CDPATH would lead to
    environment = clean_environment(RIC_PYTHON=str(python.path), CDPATH=str(task), **SOME_API)
    command: list[str | Path] = [call]
    directory = task
    if call == "./link":
        (task / "link").symlink_to(runtime / "bootstrap")
    elif call == "relative link":
        (task / "link").symlink_to("../run time/bootstrap")
        command = ["./link"]
    elif call == "chain":
        (task / "link").symlink_to("../run time/bootstrap")
        (task.parent / "chain").symlink_to("task/link")
        command = [task.parent / "chain"]
    elif call == "no dot":
        command, directory = ["run time/bootstrap"], task.parent
    elif call == "on the path":
        environment["PATH"] += f":{runtime}"
        command = ["bash", "-c", 'exec bootstrap "$1"', "-"]
    elif call == "through bash":
        command = ["bash", "-c", 'cd "../run time" && exec bash bootstrap "$1"', "-"]
    done = run([*command, "app.handler"], environment, directory)
    assert (done.returncode, done.stderr) == (0, "")
    assert python.start.environ["LAMBDA_RUNTIME_DIR"] == str(runtime)
    assert python.start.argv[1] == str(runtime / "bootstrap.py")


# The wrapper


def test_wrapper_that_does_not_exist(runtime: Path, task: Path, python: FakePython) -> None:
    """The message and exit code are those of the managed runtime."""
    environment = clean_environment(RIC_PYTHON=str(python.path), AWS_LAMBDA_EXEC_WRAPPER="/opt/none", **SOME_API)
    done = run([runtime / "bootstrap", "app.handler"], environment, task)
    assert (done.returncode, done.stdout, done.stderr) == (127, "", "/opt/none: does not exist\n")
    assert python.starts == 0


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_wrapper_that_is_no_program(runtime: Path, task: Path, python: FakePython, kind: str) -> None:
    """The message and exit code are those of the managed runtime; a directory is no program either."""
    path = task / "wrapper"
    path.mkdir() if kind == "directory" else path.write_text("")
    environment = clean_environment(RIC_PYTHON=str(python.path), AWS_LAMBDA_EXEC_WRAPPER=str(path), **SOME_API)
    done = run([runtime / "bootstrap", "app.handler"], environment, task)
    assert (done.returncode, done.stdout, done.stderr) == (126, "", f"{path}: is not an executable\n")
    assert python.starts == 0


def test_wrapper_gets_interpreter_and_script(runtime: Path, task: Path, python: FakePython, tmp_path: Path) -> None:
    """A wrapper gets exactly two arguments, and the variables which it relies on."""
    wrapper = FakePython(tmp_path / "my wrapper")
    environment = clean_environment(RIC_PYTHON=str(python.path), AWS_LAMBDA_EXEC_WRAPPER=str(wrapper.path), **SOME_API)
    assert run([runtime / "bootstrap", "app.handler"], environment, task).returncode == 0
    assert wrapper.start.argv == [str(wrapper.path), str(python.path), str(runtime / "bootstrap.py")]
    assert wrapper.start.environ["_HANDLER"] == "app.handler"
    assert wrapper.start.environ["LAMBDA_RUNTIME_DIR"] == str(runtime)
    assert wrapper.start.environ["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.99"


@pytest.mark.parametrize(
    ("names", "version", "starts"),
    [
        (["python3.12"], "3.12", 0),
        (["python3.14", "python3"], "3.14", 0),
        (["python3.10", "python3", "python"], "3.10", 0),
        (["python3"], "3.99", 1),
        (["python3.12-wrapped"], "3.99", 1),
    ],
)
def test_wrapper_sees_the_version_of_the_interpreter(
    runtime: Path, task: Path, tmp_path: Path, names: list[str], version: str, starts: int
) -> None:
    """AWS_EXECUTION_ENV comes from the name behind the links, and costs a start only where that does not tell."""
    python = FakePython(tmp_path / "bin" / names[0])
    for number, (target, link) in enumerate(itertools.pairwise(names)):
        # One relative and one absolute link: installations have both.
        (python.path.parent / link).symlink_to(target if number else python.path)
    wrapper = FakePython(tmp_path / "wrapper")
    chosen = python.path.parent / names[-1]
    environment = clean_environment(
        RIC_PYTHON=str(chosen),
        AWS_LAMBDA_EXEC_WRAPPER=str(wrapper.path),
        AWS_EXECUTION_ENV="AWS_Lambda_python2.7",
        **SOME_API,
    )
    done = run([runtime / "bootstrap", "app.handler"], environment, task)
    assert (done.returncode, done.stderr) == (0, "")
    assert wrapper.start.environ["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python{version}"
    assert wrapper.start.argv[1] == str(chosen)
    assert python.starts == starts


def test_question_for_the_version_runs_no_code_of_others(runtime: Path, task: Path, tmp_path: Path) -> None:
    """The interpreter is asked without site and variables, which cost time and may print or fail."""
    python, _ = counting_python(tmp_path / "python")
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text("print('hello')\n")
    wrapper = FakePython(tmp_path / "wrapper")
    environment = clean_environment(
        RIC_PYTHON=str(python), AWS_LAMBDA_EXEC_WRAPPER=str(wrapper.path), PYTHONPATH=str(tmp_path / "site"), **SOME_API
    )
    assert run([runtime / "bootstrap", "app.handler"], environment, task).returncode == 0
    assert wrapper.start.environ["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python{PYTHON_VERSION}"


def test_interpreter_that_does_not_start_under_a_wrapper(runtime: Path, task: Path, tmp_path: Path) -> None:
    """An interpreter that cannot tell its version ends the start; a wrapper never sees a half-empty variable."""
    broken = write_executable(tmp_path / "broken", "#!/bin/bash\nexit 3\n")
    wrapper = FakePython(tmp_path / "wrapper")
    environment = clean_environment(RIC_PYTHON=str(broken), AWS_LAMBDA_EXEC_WRAPPER=str(wrapper.path), **SOME_API)
    done = run([runtime / "bootstrap", "app.handler"], environment, task)
    assert (done.returncode, done.stderr) == (1, f"bootstrap: the interpreter {broken} does not start\n")
    assert wrapper.starts == 0


def test_wrapper_waits_for_the_runtime_api(runtime: Path, task: Path, python: FakePython, tmp_path: Path) -> None:
    """Where the emulator is going to be started, the wrapper is left to the runtime that this starts in turn."""
    wrapper = FakePython(tmp_path / "wrapper")
    environment = clean_environment(
        RIC_PYTHON=str(python.path), AWS_LAMBDA_EXEC_WRAPPER=str(wrapper.path), AWS_LAMBDA_RUNTIME_API=""
    )
    assert run([runtime / "bootstrap", "app.handler"], environment, task).returncode == 0
    assert (wrapper.starts, python.starts) == (0, 1)
    assert python.start.environ["AWS_LAMBDA_EXEC_WRAPPER"] == str(wrapper.path)


# The cost


def test_ordinary_path_needs_no_other_program(runtime: Path, task: Path, python: FakePython) -> None:
    """A cold start runs nothing but bash and the interpreter: it works where no other program can be found."""
    environment = clean_environment(RIC_PYTHON=str(python.path), **SOME_API) | {"PATH": "/nonexistent"}
    done = run([runtime / "bootstrap", "app.handler"], environment, task)
    assert (done.returncode, done.stderr) == (0, "")
    assert python.starts == 1


def test_one_interpreter_in_the_process_that_was_started(runtime: Path, task: Path, tmp_path: Path) -> None:
    """One interpreter is started on a cold start, in the very process that Lambda started, so that signals reach it."""
    python, starts = counting_python(tmp_path / "counting")
    report = tmp_path / "report"
    environment = clean_environment(RIC_PYTHON=str(python), REPORT=str(report), **SOME_API)
    with subprocess.Popen([runtime / "bootstrap", "app.handler"], env=environment, cwd=task) as process:
        assert process.wait(TIMEOUT_S) == 0
    seen = json.loads(report.read_text())
    assert seen["pid"] == process.pid
    assert starts() == 1
    assert seen["environ"]["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python{PYTHON_VERSION}"


# With real wrappers and the real interpreter


def test_wrapper_that_rewrites_the_handler(runtime: Path, task: Path, tmp_path: Path) -> None:
    """OpenTelemetry's and Datadog's wrappers put a handler of their own in _HANDLER, then exec their arguments."""
    wrapper = write_executable(
        tmp_path / "otel-instrument",
        '#!/bin/bash\nexport ORIG_HANDLER=$_HANDLER _HANDLER="app.handler"\n'
        'export SEEN="$AWS_EXECUTION_ENV $LAMBDA_RUNTIME_DIR"\nexec "$@"\n',
    )
    python, starts = counting_python(tmp_path / f"python{PYTHON_VERSION}")
    report = tmp_path / "report"
    environment = clean_environment(
        RIC_PYTHON=str(python), AWS_LAMBDA_EXEC_WRAPPER=str(wrapper), REPORT=str(report), **SOME_API
    )
    done = run([runtime / "bootstrap", "missing.module"], environment, task)
    assert (done.returncode, done.stderr) == (0, "")
    environ = json.loads(report.read_text())["environ"]
    assert (environ["ORIG_HANDLER"], environ["_HANDLER"]) == ("missing.module", "app.handler")
    assert environ["SEEN"] == f"AWS_Lambda_python{PYTHON_VERSION} {runtime}"
    assert starts() == 1


def test_wrapper_that_adds_interpreter_options(runtime: Path, task: Path, tmp_path: Path) -> None:
    """The example of AWS's documentation puts options for the interpreter before the last argument, the script."""
    wrapper = write_executable(
        tmp_path / "importtime_wrapper",
        '#!/bin/bash\nargs=("$@")\nexec "${args[@]:0:$#-1}" -X importtime "${args[@]: -1}"\n',
    )
    python, _ = counting_python(tmp_path / "python")
    report = tmp_path / "report"
    environment = clean_environment(
        RIC_PYTHON=str(python), AWS_LAMBDA_EXEC_WRAPPER=str(wrapper), REPORT=str(report), **SOME_API
    )
    done = run([runtime / "bootstrap", "app.handler"], environment, task)
    assert done.returncode == 0
    assert "import time:" in done.stderr
    assert json.loads(report.read_text())["argv"] == [str(runtime / "bootstrap.py")]


def test_wrapper_that_swaps_the_interpreter(runtime: Path, task: Path, tmp_path: Path) -> None:
    """What a function reads in AWS_EXECUTION_ENV is the interpreter it runs in, not the one that was chosen first."""
    real, _ = counting_python(tmp_path / "real")
    wrapper = write_executable(tmp_path / "wrapper", f'#!/bin/bash\nshift\nexec "{real}" "$@"\n')
    report = tmp_path / "report"
    environment = clean_environment(
        RIC_PYTHON=str(FakePython(tmp_path / "python3").path),
        AWS_LAMBDA_EXEC_WRAPPER=str(wrapper),
        REPORT=str(report),
        **SOME_API,
    )
    assert run([runtime / "bootstrap", "app.handler"], environment, task).returncode == 0
    environ = json.loads(report.read_text())["environ"]
    assert environ["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python{PYTHON_VERSION}"


@pytest.mark.parametrize("added", ['"$_HANDLER"', "other.one --extra", "''"])
@pytest.mark.parametrize("start", ['exec "$@"', '"$@"; exit'])
def test_wrapper_that_adds_an_argument(runtime: Path, task: Path, tmp_path: Path, start: str, added: str) -> None:
    """What a wrapper puts behind the command is ignored, as in the managed runtime: it is run once, its handler too."""
    write_executable(
        tmp_path / "wrapper",
        '#!/bin/bash\necho run >>"$NOTES"\nexport _HANDLER=app.handler\n'
        + start.replace('"$@"', f'"$@" {added}')
        + "\n",
    )
    report, notes = tmp_path / "report", tmp_path / "notes"
    environment = clean_environment(
        RIC_PYTHON=sys.executable,
        AWS_LAMBDA_EXEC_WRAPPER=str(tmp_path / "wrapper"),
        REPORT=str(report),
        NOTES=str(notes),
        **SOME_API,
    )
    done = run([runtime / "bootstrap", "missing.module"], environment, task)
    assert (done.returncode, done.stderr) == (0, "")
    assert notes.read_text() == "run\n"
    seen = json.loads(report.read_text())
    assert (seen["environ"]["_HANDLER"], seen["argv"]) == ("app.handler", [str(runtime / "bootstrap.py")])
    assert "_RIC_WRAPPED" not in seen["environ"]


def test_wrapper_that_starts_the_script_again(runtime: Path, task: Path, tmp_path: Path) -> None:
    """A wrapper may end in `bootstrap` itself, which then is not wrapped again."""
    wrapper = write_executable(
        tmp_path / "wrapper",
        '#!/bin/bash\nexport _HANDLER=app.handler\nexec "$LAMBDA_RUNTIME_DIR/bootstrap" other.one\n',
    )
    report = tmp_path / "report"
    environment = clean_environment(
        RIC_PYTHON=sys.executable, AWS_LAMBDA_EXEC_WRAPPER=str(wrapper), REPORT=str(report), **SOME_API
    )
    done = run([runtime / "bootstrap", "missing.module"], environment, task)
    assert (done.returncode, done.stderr) == (0, "")
    environ = json.loads(report.read_text())["environ"]
    assert environ["_HANDLER"] == "app.handler"
    assert "_RIC_WRAPPED" not in environ
