"""docs/ecosystem.md tells the versions that ``make test-ecosystem`` installs."""

from __future__ import annotations

import re

from tests.image import REPOSITORY

_PAGE = REPOSITORY / "docs" / "ecosystem.md"
_REQUIREMENTS = REPOSITORY / "tests" / "ecosystem" / "requirements"
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
