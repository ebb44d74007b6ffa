"""What is said where the package ``awslambdaric`` is not ric's.

Real installs of both are in tests/wheel/test_beside_official.py.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import simplejson

from tests.function_run import BOOTSTRAP_PY, PYTHON_M_RIC, run_function
from tests.image import REPOSITORY
from tests.interpreters import python_without_packages

FUNCTION = "def handler(event, context): return type(context).__module__"


def vendor(directory: Path) -> Path:
    """Puts a package awslambdaric that is not ric's beside the function, as `pip install --target` does."""
    package = directory / "awslambdaric"
    package.mkdir()
    (package / "__init__.py").write_text("__version__ = '4.2.2'\n")
    (package / "__main__.py").write_text("from . import bootstrap\n")
    (package / "bootstrap.py").write_text("")
    return package


@pytest.mark.parametrize("launcher", [PYTHON_M_RIC, BOOTSTRAP_PY])
def test_package_beside_the_function(tmp_path: Path, launcher: str) -> None:
    """pip uninstalls only what is in the interpreter's site-packages: the directory is to be deleted."""
    package = vendor(tmp_path)
    run = run_function(tmp_path, FUNCTION, launcher=launcher)
    assert run.result() == "ric.function.context"
    assert run.stderr.startswith(f"ric: awslambdaric 4.2.2 in {package / '__init__.py'} is not ric's alias")
    assert run.stderr.endswith(f". Delete the directory {package}, which `pip uninstall` does not reach\n")


def test_package_over_a_ric_beside_the_function(tmp_path: Path) -> None:
    """Where ric is there too, its alias was in that very directory, and has to come back."""
    package = vendor(tmp_path)
    shutil.copytree(REPOSITORY / "ric", tmp_path / "ric", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "simplejson").symlink_to(Path(simplejson.__file__).parent)
    python = python_without_packages(tmp_path / "bare")
    run = run_function(tmp_path, FUNCTION, interpreter=str(python))
    assert run.result() == "ric.function.context"
    assert run.stderr.endswith(
        f". Delete the directory {package}, which `pip uninstall` does not reach, "
        f"then install ric's wheel again with `pip install --upgrade --target {tmp_path}`\n"
    )


def test_package_in_site_packages(tmp_path: Path) -> None:
    """There pip reaches it."""
    (tmp_path / "sitecustomize.py").write_text(
        f"import site\nsite.getsitepackages = lambda: [{str(tmp_path / 'packages')!r}]\n"
    )
    (tmp_path / "packages").mkdir()
    vendor(tmp_path / "packages")
    path = f"{tmp_path}:{tmp_path / 'packages'}"
    run = run_function(tmp_path, FUNCTION, launcher=BOOTSTRAP_PY, environment={"PYTHONPATH": path})
    assert run.result() == "ric.function.context"
    assert run.stderr.endswith(
        ". Run `pip uninstall awslambdaric`, then install ric's wheel again with `pip install --force-reinstall`\n"
    )
