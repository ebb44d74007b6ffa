"""Type checkers see the installed package as its users do: they accept what is right, and nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ric import upstream
from tests.image import REPOSITORY
from tests.wheel.installing import Environment, create

PROGRAMS = Path(__file__).parent / "typing"
TIMEOUT_S = 300.0
_EXPECTED = re.compile(r"# E: (?P<mypy>[\w-]+), (?P<pyright>\w+)$")

Errors = set[tuple[int, str]]


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What somebody has who writes a function and its tests, on one Python: types are the same for all."""
    return create(tmp_path_factory.mktemp("typed") / "environment", sys.executable, f"{wheel}[dev,orjson]", "pytest")


def checked_by_mypy(environment: Environment, program: Path) -> Errors:
    """Returns line and rule of each error that mypy finds."""
    options = ["--strict", "--no-error-summary", "--hide-error-context", f"--python-executable={environment.python}"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, program.name],
        cwd=program.parent,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode in (0, 1) and not done.stderr, done
    errors = re.findall(r"^[^:]+:(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.MULTILINE)
    assert len(errors) == done.stdout.count(": error: "), done.stdout
    return {(int(line), rule) for line, rule in errors}


def checked_by_pyright(environment: Environment, program: Path) -> Errors:
    """Returns line and rule of each error that pyright finds."""
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", f"--pythonpath={environment.python}", program.name],
        cwd=program.parent,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode in (0, 1), done
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == 1
    found = [one for one in report["generalDiagnostics"] if one["severity"] == "error"]
    return {(one["range"]["start"]["line"] + 1, one["rule"]) for one in found}


CHECKERS = {"mypy": checked_by_mypy, "pyright": checked_by_pyright}


@pytest.mark.parametrize("checker", CHECKERS)
def test_what_is_right(environment: Environment, tmp_path: Path, checker: str) -> None:
    """Nothing that the documentation shows is an error."""
    program = Path(shutil.copy(PROGRAMS / "well_typed.py", tmp_path))
    assert CHECKERS[checker](environment, program) == set()


@pytest.mark.parametrize("checker", CHECKERS)
def test_what_is_wrong(environment: Environment, tmp_path: Path, checker: str) -> None:
    """Each mistake is found where it is, by the rule for it: the types say something."""
    program = Path(shutil.copy(PROGRAMS / "wrongly_typed.py", tmp_path))
    lines = enumerate(program.read_text().splitlines(), 1)
    expected = {(number, found[checker]) for number, line in lines if (found := _EXPECTED.search(line))}
    assert len(expected) > 15
    assert CHECKERS[checker](environment, program) == expected


def test_what_is_right_runs(environment: Environment, tmp_path: Path) -> None:
    """What type checkers were told is there is there."""
    shutil.copy(PROGRAMS / "well_typed.py", tmp_path)
    done = environment.run("python", "-c", "import well_typed", cwd=tmp_path)
    assert done.returncode == 0, done


def test_each_upstream_module_has_its_types() -> None:
    """Upstream's module names are made when they are imported; for type checkers there is a stub of each."""
    stubs = {path.stem for path in (REPOSITORY / "awslambdaric").glob("*.pyi")}
    assert stubs == set(upstream.MODULES)
