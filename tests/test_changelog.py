"""CHANGELOG.md has the form that it names, so that people and programs find in it what they look for."""

from __future__ import annotations

import re
from datetime import date

import ric
from tests.image import REPOSITORY

KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
CHANGELOG = (REPOSITORY / "CHANGELOG.md").read_text()


def test_the_changelog_has_the_form_that_it_names() -> None:
    """Keep a Changelog: versions from the newest on with their dates, changes by kind, each a sentence."""
    assert CHANGELOG.startswith("# Changelog\n")
    assert "keepachangelog.com" in CHANGELOG
    versions = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert versions[0] == "Unreleased"
    released = [re.fullmatch(r"(\d+)\.(\d+)\.(\d+) - (\d{4}-\d\d-\d\d)", one) for one in versions[1:]]
    assert None not in released, versions
    keys = [(date.fromisoformat(one[4]), tuple(map(int, one.groups()[:3]))) for one in released if one]
    assert keys == sorted(keys, reverse=True)
    for section in re.split(r"^## .*$", CHANGELOG, flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^### (.*)$", section, re.MULTILINE)
        assert kinds == [kind for kind in KINDS if kind in kinds], "a kind that is none, twice, or out of order"
        for entry in re.split(r"^- ", section, flags=re.MULTILINE)[1:]:
            assert entry.split("\n###")[0].rstrip().endswith((".", ")")), f"not a sentence: {entry[:80]}"


def test_the_changelog_is_merged() -> None:
    """No entry is there twice, as an unlucky merge leaves it."""
    entries = re.split(r"^- ", CHANGELOG, flags=re.MULTILINE)[1:]
    assert len(set(entries)) == len(entries)
    assert not re.search(r"^(<<<<<<<|=======|>>>>>>>)", CHANGELOG, re.MULTILINE)


def test_the_version_is_of_the_changelog() -> None:
    """The version is the newest that the changelog has, or it is not released yet."""
    versions = re.findall(r"^## (\d+\.\d+\.\d+) ", CHANGELOG, re.MULTILINE)
    assert ric.__version__ not in versions[1:]
