"""``bootstrap`` with no Runtime API around: the function is served on a port, by the very same entry point."""

from __future__ import annotations

import importlib.util
import socket
import sys
from pathlib import Path

import pytest

from ric.install import install
from tests.emulator_serving import serve
from tests.image import clean_environment, run, write_executable
from tests.interpreters import python_without_packages

APP = """
import os, sys
def handler(event, context):
    return {
        "event": event,
        "environ": dict(os.environ),
        "path": sys.path,
        "script": sys.argv[0],
        "executable": sys.executable,
    }
"""


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """A directory that holds the entry point."""
    directory = tmp_path / "runtime"
    install(directory)
    return directory


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """The working directory, with a function that tells where it runs."""
    directory = tmp_path / "task"
    directory.mkdir()
    (directory / "app.py").write_text(APP)
    return directory


def test_same_entry_point_runs_the_function(runtime: Path, task: Path) -> None:
    """What is served is what Lambda would run: this script, this bootstrap.py, this interpreter, this search path."""
    with serve([runtime / "bootstrap", "app.handler"], task, RIC_PYTHON=sys.executable) as served:
        assert served.line.startswith("ric: serving app.handler at http://localhost:")
        assert "curl" in served.line
        seen = served.invoke({"a": "\u00e9"})
    assert seen["event"] == {"a": "\u00e9"}
    assert (seen["script"], seen["executable"]) == (str(runtime / "bootstrap.py"), sys.executable)
    assert seen["environ"]["_HANDLER"] == "app.handler"
    assert seen["environ"]["LAMBDA_RUNTIME_DIR"] == str(runtime)
    # The emulator did not set it on the way, which would have kept the layers from the search path.
    assert seen["environ"]["PYTHONPATH"] == str(runtime)
    assert "/opt/python" in seen["path"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers on all of 127.0.0.0/8")
def test_port_is_open_to_other_machines(runtime: Path, task: Path) -> None:
    """In a container the port must be reachable from outside, so it is bound to all addresses."""
    with serve([runtime / "bootstrap", "app.handler"], task, RIC_PYTHON=sys.executable) as served:
        assert served.invoke(1, host="127.0.0.2")["event"] == 1


def test_wrapper_applies_to_the_runtime_only(runtime: Path, task: Path, tmp_path: Path) -> None:
    """The wrapper is run once, around the runtime, and its changes reach the function."""
    wrapper = write_executable(
        tmp_path / "wrapper",
        '#!/bin/bash\necho run >>"$NOTES"\nexport _HANDLER=app.handler WRAPPED="$_HANDLER $1"\nexec "$@"\n',
    )
    notes = tmp_path / "notes"
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": str(wrapper), "NOTES": str(notes), "RIC_PYTHON": sys.executable}
    with serve([runtime / "bootstrap", "other.handler"], task, **variables) as served:
        environ = served.invoke(1)["environ"]
    assert environ["WRAPPED"] == f"other.handler {sys.executable}"
    assert notes.read_text() == "run\n"


@pytest.mark.parametrize(("arguments", "variables"), [(["app.handler"], {}), ([], {"_HANDLER": "app.handler"})])
def test_bootstrap_py_alone(
    runtime: Path, task: Path, tmp_path: Path, arguments: list[str | Path], variables: dict[str, str]
) -> None:
    """Started directly, as in an image without bash, bootstrap.py serves with its own interpreter and no shell."""
    (runtime / "bootstrap").unlink()
    command = [sys.executable, runtime / "bootstrap.py", *arguments]
    with serve(command, task, PATH=str(tmp_path), **variables) as served:
        assert served.invoke(1)["executable"] == sys.executable


def test_wrapper_applies_without_bash(runtime: Path, task: Path, tmp_path: Path) -> None:
    """The wrapper of an image without bash, perhaps a Python script itself, is run once, around the runtime."""
    wrapper = write_executable(
        tmp_path / "wrapper",
        f"#!{sys.executable}\nimport os, sys\n"
        "os.environ[\"WRAPPED\"] = f\"{os.environ['_HANDLER']} {sys.argv[1:]} {os.environ.get('WRAPPED')}\"\n"
        'os.environ["_HANDLER"] = "app.handler"\n'
        "os.execv(sys.argv[1], sys.argv[1:])\n",
    )
    (runtime / "bootstrap").unlink()
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": str(wrapper), "PATH": str(tmp_path)}
    with serve([sys.executable, runtime / "bootstrap.py", "other.handler"], task, **variables) as served:
        environ = served.invoke(1)["environ"]
    assert environ["WRAPPED"] == f"other.handler {[sys.executable, str(runtime / 'bootstrap.py')]} None"


@pytest.mark.parametrize("entry", ["bootstrap", "bootstrap.py"])
def test_wrapper_that_adds_an_argument(runtime: Path, task: Path, tmp_path: Path, entry: str) -> None:
    """It is run once all the same, and nothing of how that is known is left to the function."""
    wrapper = write_executable(
        tmp_path / "wrapper",
        '#!/bin/bash\nexport WRAPPED="$WRAPPED+" _HANDLER=app.handler\nexec "$@" other.handler --extra\n',
    )
    command = [runtime / entry] if entry == "bootstrap" else [sys.executable, runtime / entry]
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": str(wrapper), "RIC_PYTHON": sys.executable}
    with serve([*command, "other.handler"], task, **variables) as served:
        environ = served.invoke(1)["environ"]
    assert (environ["WRAPPED"], environ["_HANDLER"]) == ("+", "app.handler")
    assert "_RIC_WRAPPED" not in environ


def test_function_files_do_not_disturb_the_emulator(runtime: Path, task: Path) -> None:
    """A function may have modules named like those of the standard library: they are the function's business only."""
    for name in ("argparse", "selectors", "http", "socketserver", "subprocess", "ric_private"):
        (task / f"{name}.py").write_text("raise RuntimeError(__file__)\n")
    (task / "app.py").write_text("def handler(event, context):\n    return event\n")
    with serve([runtime / "bootstrap", "app.handler"], task, RIC_PYTHON=sys.executable) as served:
        assert served.invoke(["x"]) == ["x"]


def test_ric_beside_the_function(runtime: Path, task: Path, tmp_path: Path) -> None:
    """A ric that was installed with `pip install --target` into the function's directory serves it."""
    python = python_without_packages(tmp_path / "bare")
    for name in ("ric", "awslambdaric", "simplejson"):
        specification = importlib.util.find_spec(name)
        assert specification is not None and specification.origin is not None
        (task / name).symlink_to(Path(specification.origin).parent)
    with serve([runtime / "bootstrap", "app.handler"], task, RIC_PYTHON=str(python)) as served:
        assert served.invoke("x")["event"] == "x"


def test_handler_file_that_is_not_there(runtime: Path, task: Path) -> None:
    """A wrong handler is named in one line that says what to do."""
    environment = clean_environment(RIC_PYTHON=sys.executable, RIC_PORT="0")
    done = run([runtime / "bootstrap", "missing.handler"], environment, task)
    assert done.returncode == 1
    assert done.stderr.startswith("ric: cannot find the module 'missing' of the handler 'missing.handler'")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_busy_port(runtime: Path, task: Path) -> None:
    """A port that is taken is named in one line."""
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = clean_environment(RIC_PYTHON=sys.executable, RIC_PORT=str(port))
        done = run([runtime / "bootstrap", "app.handler"], environment, task)
    assert done.returncode == 1
    assert done.stderr.startswith(f"ric: port {port} on 0.0.0.0 is in use")
    assert done.stderr.count("\n") == 1
