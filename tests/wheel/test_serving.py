"""The installed wheel does what it is for, in every way to start it, with nothing of the repository in reach."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.function_run import run_function
from tests.wheel.installing import Environment

WHERE_FROM = """
    import sys
    import awslambdaric, awslambdaric.bootstrap, awslambdaric.lambda_context, ric, ric.bootstrap, simplejson

    def handler(event, context):
        assert awslambdaric.bootstrap is ric.bootstrap
        assert isinstance(context, awslambdaric.lambda_context.LambdaContext)
        return [event, sys.prefix, ric.__file__, awslambdaric.__file__, "importlib.metadata" in sys.modules]
"""
VAR_RUNTIME = """
    import os, sys
    os.environ |= {"_HANDLER": "app.handler", "LAMBDA_TASK_ROOT": os.getcwd(), "RIC_PYTHON": sys.executable}
    os.execv("runtime/bootstrap", ["runtime/bootstrap", "app.handler"])
"""
LAUNCHERS = {"python -m ric": "python -m ric", "python -m awslambdaric": "python -m awslambdaric", "image": VAR_RUNTIME}


@pytest.mark.parametrize("launcher", LAUNCHERS.values(), ids=LAUNCHERS)
def test_an_invocation(installed: Environment, tmp_path: Path, launcher: str) -> None:
    """It is served by the environment's ric, under both names."""
    done = installed.run("python", "-m", "ric.install", tmp_path / "runtime", cwd=tmp_path)
    assert done.returncode == 0, done
    run = run_function(tmp_path, WHERE_FROM, launcher=launcher, interpreter=str(installed.python))
    assert run.posts("/response"), run
    event, prefix, *files, is_slow = run.result()
    assert (event, prefix) == (None, str(installed.directory))
    assert [Path(file).parent.parent for file in files] == [installed.packages] * 2
    assert not is_slow
    assert run.stderr == ""


def test_the_emulator(installed: Environment, tmp_path: Path) -> None:
    """The emulator needs no extra: a function is served and invoked with the wheel alone."""
    (tmp_path / "app.py").write_text("def handler(event, context): return {'doubled': event * 2}\n")
    (tmp_path / "run.py").write_text(
        "import sys\n"
        "from ric.local import Emulator\n"
        "if __name__ == '__main__':\n"
        "    with Emulator([sys.executable, '-m', 'ric', 'app.handler'], handler='app.handler') as emulator:\n"
        "        print(emulator.invoke(21).json())\n"
    )
    done = installed.run("python", "run.py", cwd=tmp_path)
    assert done.returncode == 0, done
    assert "{'doubled': 42}" in done.stdout


def test_the_command_says_what_it_lacks(installed: Environment, wheel: Path, tmp_path: Path) -> None:
    """Without the extra the command is there and tells how to get the rest, from the wheel that there is."""
    done = installed.run("ric", "--help", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "ric: the command needs click, which is not installed; install ric's wheel with its extra: "
        f"pip install '{wheel.name}[dev]'\n"
    )


def test_every_module_can_be_imported(installed: Environment, tmp_path: Path) -> None:
    """No module needs what only an extra brings, but for those of the command and of pytest."""
    program = (
        "import importlib, pkgutil, ric\n"
        "for module in pkgutil.walk_packages(ric.__path__, 'ric.'):\n"
        "    if not module.name.startswith(('ric.cli', 'ric.testing.plugin', 'ric.var_runtime')) "
        "and not module.name.endswith('__main__'):\n"
        "        importlib.import_module(module.name)\n"
        "        print(module.name)\n"
    )
    done = installed.run("python", "-c", program, cwd=tmp_path)
    assert done.returncode == 0, done
    assert {"ric.local.emulator", "ric.testing", "ric.events", "ric.upstream.foreign_alias"} <= set(done.stdout.split())


def test_nothing_else_is_installed(installed: Environment) -> None:
    """Two dependencies, and no file outside of the two packages and the command."""
    distributions = {path.name.partition("-")[0] for path in installed.packages.glob("*.dist-info")}
    assert distributions == {"ric", "simplejson", "snapshot_restore_py"}
    record = next(installed.packages.glob("ric-*.dist-info/RECORD")).read_text()
    tops = {line.partition(",")[0].partition("/")[0] for line in record.splitlines()}
    assert {top for top in tops if not top.startswith("ric-")} == {"ric", "awslambdaric", ".."}
    assert [line for line in record.splitlines() if line.startswith("..") and "bin/ric," not in line] == []


def test_of_this_interpreter(installed: Environment, interpreter: str, tmp_path: Path) -> None:
    """The environment is that of the interpreter which was asked for."""
    version = "import sys; print(sys.version)"
    done = subprocess.run([interpreter, "-c", version], stdout=subprocess.PIPE, text=True, check=True)
    assert installed.run("python", "-c", version, cwd=tmp_path).stdout == done.stdout
