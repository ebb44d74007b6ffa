"""The reference pages are complete, and tell of nothing that is not there."""

from __future__ import annotations

import ast
import importlib.util
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ric import errors
from ric.api import protocol
from ric.cli import exit_codes
from ric.cli.commands import ric as command_line
from tests.image import REPOSITORY
from tests.test_architecture import READERS_OF_THE_ENVIRONMENT

REFERENCE = REPOSITORY / "docs" / "reference"
READERS = [*READERS_OF_THE_ENVIRONMENT, "bootstrap.py"]
"""The Python files that read variables; `bootstrap`, which is bash, is read apart."""

EXIT_CODES = {"FUNCTION_ERROR", "USAGE_ERROR", "NOT_INVOKED", "SIGNAL_BASE"}

_VARIABLE = re.compile(r"_?(?:AWS|LAMBDA|RIC|PYTHON|HANDLER|X_AMZN)[A-Z0-9_]*")
_ERROR_TYPE = re.compile(r"(?:Runtime|Sandbox|Function)\.[A-Z][A-Za-z]+")
# What every exception of a function is told to the platform as, and the example of that in a docstring.
_NO_TYPE_OF_ITS_OWN = {"Function.Unknown", "Function.ValueError"}


def strings(path: Path) -> Iterator[str]:
    """Yields the string constants of a module, without the docstrings."""
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def listed(page: str, pattern: re.Pattern[str], column: int = 1) -> set[str]:
    """Returns what matches among the code in one column of a page's tables."""
    rows = [line.split("|") for line in (REFERENCE / page).read_text().splitlines() if line.startswith("|")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row[column]) if pattern.fullmatch(name)}


def test_every_variable_that_is_read_is_listed_and_no_other() -> None:
    """Who looks up a variable finds it, and whoever sets a listed one is heard."""
    read = {text for name in READERS for text in strings(REPOSITORY / name) if _VARIABLE.fullmatch(text)}
    read |= set(re.findall(r"\$\{?(_?(?:AWS|LAMBDA|RIC|HANDLER)[A-Z0-9_]*)", (REPOSITORY / "bootstrap").read_text()))
    assert listed("environment.md", _VARIABLE) == read


def test_every_error_type_is_listed_and_no_other() -> None:
    """What stands in an error document can be looked up."""
    known = {
        text for path in (REPOSITORY / "ric").rglob("*.py") for text in strings(path) if _ERROR_TYPE.fullmatch(text)
    }
    named = {value for value in vars(errors.FaultException).values() if isinstance(value, str)}
    assert {name for name in named if _ERROR_TYPE.fullmatch(name)} <= known
    assert listed("errors.md", _ERROR_TYPE) == known - _NO_TYPE_OF_ITS_OWN


def test_the_tree_of_exceptions_is_that_of_the_code() -> None:
    """The page shows the classes that there are, each below its own base."""
    page = (REFERENCE / "errors.md").read_text()
    tree = re.search(r"```text\n(.*?)```", page, re.DOTALL)
    assert tree
    assert textwrap.indent(tree[1], "    ") in errors.__doc__
    path: list[str] = ["Exception"]
    shown = {}
    for prefix, name in re.findall(r"^([ │├└─]+)(\w+)", tree[1], re.MULTILINE):
        depth = len(prefix) // 4
        path = [*path[:depth], name]
        shown[name] = path[-2]
    classes = {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and value.__module__ == "ric.errors"
    }
    assert shown == {name: value.__bases__[0].__name__ for name, value in classes.items()}


def test_every_exit_code_is_listed() -> None:
    """A number that a container ended with can be looked up, for the runtime and for `ric invoke`."""
    runtime, _, invoke = (REFERENCE / "errors.md").read_text().partition("## Exit codes of `ric invoke`")
    for codes, page in ((vars(errors), runtime), (vars(exit_codes), invoke.partition("\n## ")[0])):
        rows = " ".join(re.findall(r"^\| ([\d, n+]+) \|", page, re.MULTILINE))
        numbers = {value for name, value in codes.items() if name in EXIT_CODES or name.startswith("EXIT_")}
        assert numbers
        assert {str(number) for number in numbers} <= set(re.findall(r"\d+", rows))


def test_the_picture_of_the_rooms_names_rooms() -> None:
    """Who looks for a room of the picture in the package finds it."""
    picture = (REPOSITORY / "docs" / "architecture.svg").read_text()
    rooms = re.findall(r'class="room".*?\n.*?class="name"[^>]*>([^<]+)<', picture)
    names = [name for room in rooms for name in room.split(", ")]
    assert len(names) == picture.count('class="room"') + 2  # two rooms stand for two packages each
    for name in names:
        assert importlib.util.find_spec(f"ric.{name}"), name


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yields each command, with what is typed for it."""
    yield path, command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from commands(child, f"{path} {name}")


@pytest.mark.parametrize("path", [path for path, _ in commands(command_line, "ric")])
def test_the_help_of_every_command_is_shown(path: str) -> None:
    """No command is missing; that the help is what it says is seen by tests/test_docs_blocks.py."""
    assert f"\n$ {path} --help\n" in (REFERENCE / "cli.md").read_text()


def test_every_call_and_header_of_the_runtime_api_is_listed() -> None:
    """The matrix leaves out nothing that the runtime sends or reads."""
    page = (REFERENCE / "runtime-api.md").read_text()
    headers = {
        value
        for name, value in vars(protocol).items()
        if name.isupper() and isinstance(value, str) and value.startswith(("Lambda-Runtime-", "Content-"))
    }
    paths = [protocol.NEXT, protocol.INIT_ERROR, protocol.RESTORE_NEXT, protocol.RESTORE_ERROR]
    paths += [protocol.response_path("ID").replace("ID", "{id}"), protocol.error_path("ID").replace("ID", "{id}")]
    assert len(headers) > 10
    for text in (*headers, *(path.removeprefix(protocol.RUNTIME) for path in paths)):
        assert f"`{text}`" in page or f" {text}`" in page, text
