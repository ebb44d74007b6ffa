"""Builds the wheel once and makes clean environments with it, for whichever interpreter, outside of the repository."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.image import clean_environment

# Downloads are what takes the time here.
PIP_TIMEOUT_S = 300.0
TIMEOUT_S = 60.0
# What pip says when the index could be asked and has nothing that fits the interpreter.
NOTHING_FITS = "No matching distribution found"


class PipError(Exception):
    """pip could not do what it was asked; the text is what it said."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment without anything of the repository's.

    Attributes:
        directory: Where it is.
    """

    directory: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.directory / "bin/python"

    @property
    def packages(self) -> Path:
        """Where its packages are."""
        (directory,) = self.directory.glob("lib/python*/site-packages")
        return directory

    def pip(self, *arguments: str | Path) -> str:
        """Runs the test's own pip for this environment; returns what it said.

        Raises:
            PipError: It failed.
        """
        return _run("-m", "pip", "--python", self.python, *arguments)

    def run(self, *command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a program of the environment to its end, with warnings as errors, in a directory of no package."""
        return subprocess.run(
            [self.directory / "bin" / command[0], *command[1:]],
            cwd=cwd,
            env=clean_environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )


def create(directory: Path, python: str, *requirements: str | Path) -> Environment:
    """Creates an environment for an interpreter, with these requirements installed.

    Raises:
        PipError: They cannot be.
    """
    subprocess.run([python, "-m", "venv", "--without-pip", directory], check=True, timeout=TIMEOUT_S)
    environment = Environment(directory)
    if requirements:
        environment.pip("install", *requirements)
    return environment


def build(source: Path, directory: Path) -> Path:
    """Builds the sdist, and the wheel from that; returns the wheel.

    Raises:
        PipError: It cannot be built.
    """
    _run("-m", "build", "--outdir", directory, source)
    (wheel,) = directory.glob("*.whl")
    return wheel


def _run(*arguments: str | Path) -> str:
    """Runs the test's own interpreter, where pip and build are; returns what they said.

    Raises:
        PipError: They failed.
    """
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PIP_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise PipError(done.stdout)
    return done.stdout
