"""Environments in which contenders start: with what they need and nothing else, as in an image.

The project's own environment has dozens of packages, some of which slow every start down; that would be unfair to ric.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fetch import CACHE

_VERSION = "{}.{}.{}".format(*sys.version_info)
_NEEDS = ("simplejson>=3.20.1", "snapshot-restore-py>=1.0.0")
_BOTO3 = "boto3>=1.34"


def ric_python() -> Path:
    """Returns the interpreter for ric: an environment with its two requirements, made when it is first asked for."""
    environment = CACHE / f"ric-{_VERSION}"
    if not environment.is_dir():
        CACHE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as directory:
            made = Path(directory) / "environment"
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(made)], check=True)
            _pip("--python", str(made / "bin" / "python"), "install", *_NEEDS)
            made.rename(environment)
    return environment / "bin" / "python"


def boto3_path() -> Path:
    """Returns a directory with boto3, the same for all contenders, filled when it is first asked for."""
    path = CACHE / f"boto3-{_VERSION}"
    if not path.is_dir():
        with tempfile.TemporaryDirectory(dir=CACHE) as directory:
            filled = Path(directory) / "packages"
            _pip("install", "--target", str(filled), _BOTO3)
            filled.rename(path)
    return path


def _pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], check=True)
