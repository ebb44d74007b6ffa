"""What the comparisons stand on: two different runtimes, in the very same environment of pinned packages."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.fetch import OFFICIAL_VERSION

from .environments import REQUIREMENTS, Runtime, packages_python

_TELL_RUNTIME = """
import importlib.util, json, awslambdaric.bootstrap
json.dump([awslambdaric.bootstrap.__file__, importlib.util.find_spec("ric") is not None], __import__("sys").stdout)
"""
_TELL_PACKAGES = """
from importlib.metadata import distributions
for distribution in distributions():
    print(distribution.name, distribution.version)
"""
_NAMES = sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))


def _run(python: Path, program: str, python_path: str = "") -> str:
    # Not from the repository: there is a ric in it.
    done = subprocess.run(
        [python, "-c", program],
        cwd=python.parent,
        env={"PYTHONPATH": python_path},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def test_runtimes(runtimes: tuple[Runtime, Runtime]) -> None:
    """``awslambdaric`` is the official client in one run, in the version, and ric in the other."""
    official, ours = runtimes
    python = packages_python("snapstart")
    assert json.loads(_run(python, _TELL_RUNTIME, str(official.directory))) == [
        str(official.directory / "awslambdaric" / "bootstrap.py"),
        False,
    ]
    assert json.loads(_run(python, _TELL_RUNTIME, str(ours.directory))) == [
        str(ours.directory / "ric" / "bootstrap.py"),
        True,
    ]
    assert (official.directory / f"awslambdaric-{OFFICIAL_VERSION}.dist-info").is_dir()


@pytest.mark.parametrize("name", _NAMES)
def test_packages(name: str) -> None:
    """An environment has the packages of its file in the versions of its file, and neither of the runtimes."""
    installed = {tuple(line.split()) for line in _run(packages_python(name), _TELL_PACKAGES).splitlines()}
    versions = {_normal(package): version for package, version in installed}
    for line in (REQUIREMENTS / f"{name}.txt").read_text().splitlines():
        package, _, version = line.partition("==")
        assert versions[_normal(package)] == version
    assert not {"ric", "awslambdaric"} & versions.keys()


def _normal(package: str) -> str:
    return package.lower().replace("_", "-").replace(".", "-")
