"""The wheel, and interpreters to install it for: those that `WHEEL_TEST_PYTHONS` names, else the test's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.image import REPOSITORY
from tests.wheel.installing import Environment, build, create

INTERPRETERS = os.environ.get("WHEEL_TEST_PYTHONS", "").split() or [sys.executable]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made from the sdist, which is made from this repository."""
    return build(REPOSITORY, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session", params=INTERPRETERS, ids=lambda python: Path(python).parent.parent.name)
def interpreter(request: pytest.FixtureRequest) -> str:
    """The interpreter to install for."""
    return str(request.param)


@pytest.fixture(scope="session")
def installed(wheel: Path, interpreter: str, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel without any extra."""
    return create(tmp_path_factory.mktemp("plain") / "environment", interpreter, wheel)


@pytest.fixture(scope="session")
def with_extra(wheel: Path, interpreter: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Environment]:
    """Makes an environment with the wheel and an extra of it, and further requirements."""

    def make(extra: str, *requirements: str) -> Environment:
        directory = tmp_path_factory.mktemp(extra) / "environment"
        return create(directory, interpreter, f"{wheel}[{extra}]", *requirements)

    return make
