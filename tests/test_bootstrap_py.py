"""``bootstrap.py``: the module search path and the variables which a function finds, and what error trackers find."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from ric.install import install
from tests.image import (
    PYTHON_VERSION,
    REPORTING_HANDLER,
    REPOSITORY,
    FakePython,
    clean_environment,
    private_image,
    private_image_refusal,
    run,
    write_executable,
)
from tests.interpreters import counting_python, python_without_packages

SOME_API = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9"}  # only its presence counts: nothing here calls it
OPT_SITE_PACKAGES = f"/opt/python/lib/python{PYTHON_VERSION}/site-packages"


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """A directory that holds the entry point."""
    directory = tmp_path / "runtime"
    install(directory)
    return directory


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """The function's directory, with the function that reports how it was reached."""
    directory = tmp_path / "task"
    directory.mkdir()
    (directory / "app.py").write_text(REPORTING_HANDLER)
    return directory


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image whose interpreter is the one that runs the tests, with the reporting function in /var/task."""
    directory = tmp_path / "image"
    directory.mkdir()
    if refusal := private_image_refusal(directory):
        pytest.skip(refusal)
    install(directory / "var/runtime")
    (directory / "var/lang/bin").mkdir()
    counting_python(directory / "var/lang/bin/python3")
    (directory / "var/task/app.py").write_text(REPORTING_HANDLER)
    return directory


def report_of(
    script: Path, task: Path, *arguments: str, directory: Path | None = None, **variables: str
) -> dict[str, Any]:
    """Start bootstrap.py with nothing but these arguments and variables and return what the function saw."""
    report = task.parent / "report"
    environment = clean_environment(_HANDLER="app.handler", REPORT=str(report), **SOME_API) | variables
    done = run([sys.executable, script, *arguments], environment, directory or task)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(report.read_text()))


def report_in(image: Path, **variables: str) -> dict[str, Any]:
    """Start the entry point inside an image and return what the function saw."""
    environment = clean_environment(REPORT="/var/task/report", **SOME_API) | variables
    done = run(private_image(image, ["/var/runtime/bootstrap", "app.handler"]), environment, image)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads((image / "var/task/report").read_text()))


# The module search path


def test_search_path_without_pythonpath(image: Path) -> None:
    """The function comes first, then its layers, then what the interpreter has by itself."""
    path = report_in(image)["path"]
    assert path[:3] == ["/var/task", OPT_SITE_PACKAGES, "/opt/python"]
    assert all(path.count(entry) == 1 for entry in path[:3])
    standard_library = [index for index, entry in enumerate(path) if entry.endswith(f"/python{PYTHON_VERSION}")]
    assert standard_library and min(standard_library) > 2


def test_search_path_with_pythonpath(image: Path) -> None:
    """An image that sets PYTHONPATH has taken the search path in its own hands, so the layers are not added."""
    seen = report_in(image, PYTHONPATH="/var/mine")
    assert seen["path"][:2] == ["/var/task", "/var/mine"]
    assert not [entry for entry in seen["path"] if entry.startswith("/opt/python")]
    assert seen["environ"]["PYTHONPATH"] == "/var/mine"


def test_empty_pythonpath_counts_as_set(image: Path) -> None:
    """As in the managed runtime it is the variable that counts, not what is in it."""
    seen = report_in(image, PYTHONPATH="")
    assert not [entry for entry in seen["path"] if entry.startswith("/opt/python")]
    assert seen["environ"]["PYTHONPATH"] == ""


def test_pythonpath_defaults_to_the_runtime(image: Path) -> None:
    """Interpreters that a function starts find the runtime's directory, as in the managed runtime."""
    assert report_in(image)["environ"]["PYTHONPATH"] == "/var/runtime"


def test_layers_shadow_each_other_in_order(image: Path) -> None:
    """A module of the function wins over a layer's, and a layer's over the standard library's."""
    site_packages = image / OPT_SITE_PACKAGES[1:]
    site_packages.mkdir(parents=True)
    for directory in (image / "var/task", site_packages, image / "opt/python"):
        (directory / "everywhere.py").write_text("")
    for directory in (site_packages, image / "opt/python"):
        (directory / "layered.py").write_text("")
    (image / "opt/python/wave.py").write_text("")
    (image / "var/task/app.py").write_text(
        "import everywhere, layered, wave, sys\n"
        "sys.found = [everywhere.__file__, layered.__file__, wave.__file__]\n"
        + REPORTING_HANDLER.replace('"pid":', '"found": sys.found, "pid":')
    )
    assert report_in(image)["found"] == [
        "/var/task/everywhere.py",
        f"{OPT_SITE_PACKAGES}/layered.py",
        "/opt/python/wave.py",
    ]


def test_pth_files_count(image: Path) -> None:
    """A .pth file in the function's directory or a layer adds to the search path, behind what is there."""
    site_packages = image / OPT_SITE_PACKAGES[1:]
    site_packages.mkdir(parents=True)
    added = {image / "var/task": "vendored", site_packages: "layer", image / "opt/python": "old-layer"}
    for directory, name in added.items():
        (directory / name).mkdir()
        (directory / "added.pth").write_text(f"{name}\n")
    path = report_in(image)["path"]
    assert path[:3] == ["/var/task", OPT_SITE_PACKAGES, "/opt/python"]
    assert path[-3:] == ["/var/task/vendored", f"{OPT_SITE_PACKAGES}/layer", "/opt/python/old-layer"]


def test_pth_files_of_layers_need_an_unset_pythonpath(image: Path) -> None:
    """What is not on the search path adds nothing to it either."""
    (image / "opt/python/layer").mkdir()
    (image / "opt/python/added.pth").write_text("layer\n")
    assert "/opt/python/layer" not in report_in(image, PYTHONPATH="/var/mine")["path"]


def test_own_directory_comes_last(runtime: Path, task: Path) -> None:
    """What lies beside bootstrap.py can be imported, but never in place of anything else."""
    path = report_of(runtime / "bootstrap.py", task)["path"]
    assert path[0] == str(task)
    assert path.index(str(runtime)) == len(path) - 1


def test_working_directory_is_searched_behind_the_task_root(runtime: Path, task: Path, tmp_path: Path) -> None:
    """A function is found in an image whose WORKDIR is elsewhere, though Lambda sets the variable to /var/task."""
    empty = tmp_path / "empty"
    empty.mkdir()
    path = report_of(runtime / "bootstrap.py", task, LAMBDA_TASK_ROOT=str(empty))["path"]
    assert path[0] == str(empty)
    assert path[-2:] == [str(task), str(runtime)]


def test_root_as_working_directory_is_not_searched(runtime: Path, task: Path) -> None:
    """An image without a WORKDIR runs in the root, where each directory would pass for a package."""
    path = report_of(runtime / "bootstrap.py", task, directory=Path("/"), LAMBDA_TASK_ROOT=str(task))["path"]
    assert path[0] == str(task)
    assert "/" not in path


def test_working_directory_that_is_gone(runtime: Path, task: Path, tmp_path: Path) -> None:
    """It cannot be searched, and the function is served."""
    gone, report = tmp_path / "gone", tmp_path / "report"
    gone.mkdir()
    variables = {"_HANDLER": "app.handler", "LAMBDA_TASK_ROOT": str(task), "REPORT": str(report), **SOME_API}
    in_nowhere = f'rmdir "{gone}" && exec "{sys.executable}" "{runtime}/bootstrap.py"'
    done = run(["/bin/sh", "-c", in_nowhere], clean_environment(**variables), gone)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(report.read_text())["path"][0] == str(task)


def test_module_of_the_user_called_bootstrap(runtime: Path, task: Path) -> None:
    """A function may have a module called bootstrap, and a dependency too."""
    (task / "bootstrap.py").write_text("MINE = True\n")
    (task / "app.py").write_text("import bootstrap\nassert bootstrap.MINE\n" + REPORTING_HANDLER)
    assert "bootstrap" in report_of(runtime / "bootstrap.py", task)["modules"]


# The variables


def test_defaults_without_the_script(runtime: Path, task: Path) -> None:
    """Started directly, bootstrap.py fills in what the bash script would have."""
    seen = report_of(runtime / "bootstrap.py", task)
    assert seen["environ"]["LAMBDA_TASK_ROOT"] == ("/var/task" if Path("/var/task").is_dir() else str(task))
    assert seen["environ"]["LAMBDA_RUNTIME_DIR"] == str(runtime)
    assert seen["environ"]["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python{PYTHON_VERSION}"


def test_variables_that_are_set(runtime: Path, task: Path) -> None:
    """Directories are kept; the version is not, as only the running interpreter knows it."""
    seen = report_of(
        runtime / "bootstrap.py",
        task,
        LAMBDA_TASK_ROOT=str(task),
        LAMBDA_RUNTIME_DIR="/elsewhere",
        AWS_EXECUTION_ENV="AWS_Lambda_python2.7",
    )
    assert seen["path"][0] == str(task)
    assert seen["environ"]["LAMBDA_RUNTIME_DIR"] == "/elsewhere"
    assert seen["environ"]["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python{PYTHON_VERSION}"


@pytest.mark.parametrize("handler", [{}, {"_HANDLER": ""}])
@pytest.mark.parametrize("api", [{}, SOME_API])
def test_missing_handler_is_one_line(runtime: Path, task: Path, handler: dict[str, str], api: dict[str, str]) -> None:
    """Without a handler nothing is started, be it the runtime or the emulator."""
    done = run([sys.executable, runtime / "bootstrap.py"], clean_environment(**handler, **api), task)
    assert done.returncode == 1
    assert done.stderr == (
        'bootstrap: no handler: pass it as the argument, such as CMD ["app.handler"], or set _HANDLER\n'
    )


# Started directly, as an image without bash does


def test_argument_names_the_handler(runtime: Path, task: Path) -> None:
    """The argument wins over _HANDLER; the function sees no argument, as in the managed runtime."""
    seen = report_of(runtime / "bootstrap.py", task, "app.handler", _HANDLER="other.one")
    assert seen["environ"]["_HANDLER"] == "app.handler"
    assert seen["argv"] == [str(runtime / "bootstrap.py")]


def test_empty_argument_leaves_the_variable(runtime: Path, task: Path) -> None:
    """An empty argument names no handler."""
    assert report_of(runtime / "bootstrap.py", task, "")["environ"]["_HANDLER"] == "app.handler"


def test_wrapper_gets_the_command_without_the_handler(runtime: Path, task: Path, tmp_path: Path) -> None:
    """The interpreter's options stay, the handler is in _HANDLER, and the variables wrappers rely on are set."""
    wrapper = FakePython(tmp_path / "my wrapper")
    script = runtime / "bootstrap.py"
    environment = clean_environment(AWS_LAMBDA_EXEC_WRAPPER=str(wrapper.path), **SOME_API)
    done = run([sys.executable, "-O", "-X", "utf8", script, "app.handler"], environment, task)
    assert (done.returncode, done.stderr) == (0, "")
    assert wrapper.start.argv == [str(wrapper.path), sys.executable, "-O", "-X", "utf8", str(script)]
    environ = wrapper.start.environ
    assert environ["_HANDLER"] == "app.handler"
    assert environ["LAMBDA_RUNTIME_DIR"] == str(runtime)
    assert environ["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python{PYTHON_VERSION}"
    assert "PYTHONPATH" not in environ  # it would keep the layers from the search path


def test_wrapper_runs_once_in_the_same_process(runtime: Path, task: Path, tmp_path: Path) -> None:
    """What the wrapper starts serves the function: it is not wrapped again."""
    wrapper = write_executable(
        tmp_path / "wrapper", '#!/bin/bash\nexport WRAPPED="$WRAPPED$$" _HANDLER=app.handler\nexec "$@"\n'
    )
    seen = report_of(runtime / "bootstrap.py", task, "other.one", AWS_LAMBDA_EXEC_WRAPPER=str(wrapper))
    assert seen["environ"]["WRAPPED"] == str(seen["pid"])


@pytest.mark.parametrize("added", ['"$_HANDLER"', "other.one --extra", "''"])
@pytest.mark.parametrize("start", ['exec "$@"', '"$@"; exit'])
def test_wrapper_that_adds_an_argument(runtime: Path, task: Path, tmp_path: Path, start: str, added: str) -> None:
    """What a wrapper puts behind the command is ignored, as in the managed runtime: it is run once, its handler too."""
    wrapper = write_executable(
        tmp_path / "wrapper",
        '#!/bin/bash\nexport WRAPPED="$WRAPPED+" _HANDLER=app.handler\n'
        + start.replace('"$@"', f'"$@" {added}')
        + "\n",
    )
    seen = report_of(runtime / "bootstrap.py", task, "other.one", AWS_LAMBDA_EXEC_WRAPPER=str(wrapper))
    assert (seen["environ"]["WRAPPED"], seen["environ"]["_HANDLER"]) == ("+", "app.handler")
    assert seen["argv"] == [str(runtime / "bootstrap.py")]
    assert "_RIC_WRAPPED" not in seen["environ"]


def test_wrapper_inherits_no_ignored_signals(runtime: Path, task: Path, tmp_path: Path) -> None:
    """Python ignores SIGPIPE, and a shell that inherits that cannot change it."""
    wrapper = write_executable(tmp_path / "wrapper", "#!/bin/bash\ntrap -p SIGPIPE SIGXFSZ\nkill -PIPE $$\n")
    environment = clean_environment(AWS_LAMBDA_EXEC_WRAPPER=str(wrapper), **SOME_API)
    done = run([sys.executable, runtime / "bootstrap.py", "app.handler"], environment, task)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGPIPE, "", "")


def test_wrapper_without_a_shebang(runtime: Path, task: Path, tmp_path: Path) -> None:
    """The shell runs it, as shells do, in the same process."""
    wrapper = write_executable(tmp_path / "my wrapper", 'export WRAPPED="$0 $$" _HANDLER=app.handler\nexec "$@"\n')
    seen = report_of(runtime / "bootstrap.py", task, "other.one", AWS_LAMBDA_EXEC_WRAPPER=str(wrapper))
    assert seen["environ"]["WRAPPED"] == f"{wrapper} {seen['pid']}"


def test_wrapper_without_a_shebang_where_there_is_no_shell(runtime: Path, task: Path, tmp_path: Path) -> None:
    """It cannot run, and the message says so."""
    wrapper = write_executable(tmp_path / "wrapper", 'exec "$@"\n')
    script = runtime / "bootstrap.py"
    code = script.read_text()
    assert code.count('"/bin/sh"') == 1
    script.write_text(code.replace('"/bin/sh"', '"/no/sh"'))
    environment = clean_environment(AWS_LAMBDA_EXEC_WRAPPER=str(wrapper), **SOME_API)
    done = run([sys.executable, script, "app.handler"], environment, task)
    assert (done.returncode, done.stderr) == (126, f"{wrapper}: cannot be executed: Exec format error\n")


@pytest.mark.parametrize(
    ("kind", "exit_code", "said"),
    [
        ("nothing", 127, "does not exist"),
        ("directory", 126, "is not an executable"),
        ("text", 126, "is not an executable"),
        ("script for bash that is not there", 126, "cannot be executed: No such file or directory"),
        ("program for another processor", 126, "cannot be executed: Exec format error"),
    ],
)
def test_wrapper_that_cannot_run(
    runtime: Path, task: Path, tmp_path: Path, kind: str, exit_code: int, said: str
) -> None:
    """Messages and exit codes are those of the managed runtime; a wrapper is never left out silently."""
    wrapper = tmp_path / "wrapper"
    if kind == "directory":
        wrapper.mkdir()
    elif kind == "text":
        wrapper.write_text("")
    elif kind == "program for another processor":
        write_executable(wrapper, "\x7fELF\0echo run by a shell\n")
    elif kind != "nothing":
        write_executable(wrapper, "#!/no/bash\n")
    environment = clean_environment(AWS_LAMBDA_EXEC_WRAPPER=str(wrapper), **SOME_API)
    done = run([sys.executable, runtime / "bootstrap.py", "app.handler"], environment, task)
    assert (done.returncode, done.stdout, done.stderr) == (exit_code, "", f"{wrapper}: {said}\n")


# The runtime


def test_error_trackers_find_the_runtime(runtime: Path, task: Path) -> None:
    """They look for a module called bootstrap, which must not exist, then for __main__.awslambdaricmain."""
    seen = report_of(runtime / "bootstrap.py", task)
    assert "bootstrap" not in seen["modules"]
    assert seen["main_has"] == {"file": str(runtime / "bootstrap.py"), "runtime": "awslambdaric.__main__"}


def test_start_imports_no_module_of_its_own(runtime: Path, task: Path) -> None:
    """Up to ric's first line the interpreter has loaded nothing that it would not have loaded for an empty program."""
    empty = task / "empty.py"
    empty.write_text("")
    imported = {}
    for script in (empty, runtime / "bootstrap.py"):
        environment = clean_environment(_HANDLER="app.handler", REPORT=os.devnull, **SOME_API)
        done = run([sys.executable, "-X", "importtime", script], environment, task)
        assert done.returncode == 0
        lines = [line.split("|") for line in done.stderr.splitlines()]
        imported[script] = [columns[2].strip() for columns in lines if len(columns) == 3]
    mine = imported[runtime / "bootstrap.py"]
    before_ric = mine[: mine.index("ric")]
    assert set(before_ric) - set(imported[empty]) <= {"__future__"}
    assert "runpy" not in mine


def test_importing_the_file_has_no_effects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tools that import every file they find, and interpreters that a function starts, may import it safely."""
    monkeypatch.delenv("LAMBDA_TASK_ROOT", raising=False)
    path, environ, modules = list(sys.path), dict(os.environ), set(sys.modules)
    specification = importlib.util.spec_from_file_location("imported_entry_point", REPOSITORY / "bootstrap.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    assert (path, environ, modules) == (list(sys.path), dict(os.environ), set(sys.modules))


@pytest.mark.parametrize("api", [{}, SOME_API])
def test_interpreter_without_ric(runtime: Path, task: Path, api: dict[str, str]) -> None:
    """An interpreter that lacks ric is named, with the command that mends it, wherever the function was to run."""
    python = python_without_packages(task.parent / "bare")
    environment = clean_environment(RIC_PYTHON=str(python), **api)
    done = run([runtime / "bootstrap", "app.handler"], environment, task)
    assert done.returncode == 1
    assert done.stderr == (
        f"bootstrap: {sys.executable} cannot import ric: install ric's wheel with `{sys.executable} -m pip`, "
        "or set RIC_PYTHON to the interpreter that has it\n"
    )


def test_other_missing_modules_keep_their_traceback(runtime: Path, task: Path) -> None:
    """A ric that is there but incomplete is another fault than one that is not installed, and looks like one."""
    (task / "awslambdaric").mkdir()
    (task / "awslambdaric/__init__.py").write_text("")
    (task / "awslambdaric/__main__.py").write_text("import simplejson_that_is_not_there\n")
    environment = clean_environment(_HANDLER="app.handler", **SOME_API)
    done = run([sys.executable, runtime / "bootstrap.py"], environment, task)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.endswith("ModuleNotFoundError: No module named 'simplejson_that_is_not_there'\n")


def test_ric_beside_the_function(runtime: Path, task: Path) -> None:
    """A ric that was installed with `pip install --target` into the function's directory is found there."""
    python = python_without_packages(task.parent / "bare")
    report = task.parent / "report"
    for name in ("ric", "awslambdaric"):
        (task / name).symlink_to(REPOSITORY / name)
    environment = clean_environment(RIC_PYTHON=str(python), REPORT=str(report), **SOME_API)
    done = run([runtime / "bootstrap", "app.handler"], environment, task)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(report.read_text())["environ"]["_HANDLER"] == "app.handler"
