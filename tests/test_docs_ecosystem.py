"""What the pages say of other packages is what ``make test-ecosystem`` installs and runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.doc_blocks import blocks
from tests.image import REPOSITORY

_PAGE = REPOSITORY / "docs" / "ecosystem.md"
_REQUIREMENTS = REPOSITORY / "tests" / "ecosystem" / "requirements"
_HOW_TO = REPOSITORY / "docs" / "how-to"
_FUNCTIONS = REPOSITORY / "tests" / "ecosystem" / "functions"
_ROW = re.compile(r"^\| (`.*?) \| (\d.*?) \|", re.MULTILINE)


def _pinned() -> dict[str, dict[str, str]]:
    """Returns the versions of the packages of each environment."""
    found: dict[str, dict[str, str]] = {}
    for path in _REQUIREMENTS.glob("*.txt"):
        pins = [line.split("==") for line in path.read_text().splitlines()]
        found[path.stem] = {name.lower().replace("_", "-"): version for name, version in pins}
    return found


def test_versions() -> None:
    """Each version in the table is one that is installed, and each environment has a package in the table."""
    told = {
        name: version
        for names, versions in _ROW.findall(_PAGE.read_text())
        for name, version in zip(re.findall(r"`(.*?)`", names), versions.split(", "), strict=True)
    }
    pinned = _pinned()
    installed = {name: version for packages in pinned.values() for name, version in packages.items()}
    assert told == {name: installed[name] for name in told}
    assert all(told.keys() & packages.keys() for packages in pinned.values())


def _without_introduction(path: Path) -> str:
    """Returns a file without what it says of itself: its docstring, or the comment below its first line."""
    text = path.read_text()
    if path.suffix == ".py":
        return re.sub(r'\A""".*?"""\n\n', "", text, flags=re.DOTALL)
    return re.sub(r"\A(#!.*\n)(?:# .*\n)+", r"\1", text)


@pytest.mark.parametrize(
    ("page", "function"),
    [
        ("wrappers.md", "opentelemetry/app.py"),
        ("wrappers.md", "opentelemetry/otel-instrument"),
        ("web-frameworks.md", "asgi/shop.py"),
        ("web-frameworks.md", "wsgi/apig.py"),
        ("web-frameworks.md", "wsgi/serverless.py"),
    ],
)
def test_what_is_shown_is_what_is_run(page: str, function: str) -> None:
    """A block that this environment cannot run is, line by line, a function that ``make test-ecosystem`` runs."""
    shown = [block for block in blocks((_HOW_TO / page).read_text()) if "make test-ecosystem" in block.not_run]
    assert _without_introduction(_FUNCTIONS / function) in [block.text for block in shown]
