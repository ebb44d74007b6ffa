"""docs/threat-model.md against the code: each test that it names exists, each limit is the number in the code."""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache

import pytest

from tests.image import REPOSITORY

PAGE = (REPOSITORY / "docs/threat-model.md").read_text()
NAMED_TESTS = sorted(set(re.findall(r"`(tests/\w+\.py)::(\w+)`", PAGE)))
LIMITS = re.findall(r"^\| [^|]+ \| ([\d,]+)[^|]*\| `([\w.]+)\.(\w+)` \| `tests/", PAGE, re.MULTILINE)


@cache
def names_in(file: str) -> set[str]:
    """Returns the names of the tests in a file, those in classes too."""
    tree = ast.parse((REPOSITORY / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test")}


@pytest.mark.parametrize(("file", "test"), NAMED_TESTS)
def test_a_named_test_exists(file: str, test: str) -> None:
    """Who renames or removes a test comes by the claim that stood on it."""
    assert test in names_in(file)


@pytest.mark.parametrize(("number", "module", "name"), LIMITS)
def test_a_limit_is_that_of_the_code(number: str, module: str, name: str) -> None:
    """Who changes a limit comes by the page that tells of it."""
    assert getattr(importlib.import_module(module), name) == int(number.replace(",", ""))


def test_everything_on_the_page_is_recognised() -> None:
    """No mention of a test and no row of a table is passed over for how it is written."""
    assert len(re.findall(r"`tests/\w+\.py::", PAGE)) == len(re.findall(r"`(tests/\w+\.py)::(\w+)`", PAGE))
    assert (
        len(LIMITS) == len([line for line in PAGE.splitlines() if re.match(r"\|.*\| `[\w.]+` \| `tests/", line)]) > 20
    )
    for claim in re.findall(r"^\*\*[^*]+\*\*.*?(?=\n\n(?!\* ))", PAGE, re.MULTILINE | re.DOTALL):
        assert "tests/" in claim or claim.startswith("**The function gets the developer's environment"), claim
