"""Env files: what a line means, and which lines are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ric.cli.env_file import read_env_file
from ric.cli.failure import CommandError


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("", {}),
        ("\n  \n# a comment\n   # another\n", {}),
        ("A=1\nB=two words\n", {"A": "1", "B": "two words"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("A=", {"A": ""}),
        ("A=''\nB=\"\"", {"A": "", "B": ""}),
        ("A= \nB=1", {"A": "", "B": "1"}),
        ("export A=1", {"A": "1"}),
        ("  A = 1  ", {"A": "1"}),
        ("A=1 # why\nB=1#2", {"A": "1", "B": "1#2"}),
        ("A= # nothing\nB=#x", {"A": "", "B": "#x"}),
        ("A=x=y==", {"A": "x=y=="}),
        ("A='$B \\n'", {"A": "$B \\n"}),
        ('A="one\\ntwo\\t\\"three\\" \\$x"', {"A": 'one\ntwo\t"three" $x'}),
        ("A='one\ntwo' # comment\nB=1", {"A": "one\ntwo", "B": "1"}),
        ('A="one\ntwo"', {"A": "one\ntwo"}),
        ("A=it's\n", {"A": "it's"}),
        ("\ufeffA=é\n", {"A": "é"}),
        ("A=1\nA=2", {"A": "2"}),
    ],
)
def test_values(text: str, variables: dict[str, str], tmp_path: Path) -> None:
    """Files written for other tools mean the same here."""
    file = tmp_path / ".env"
    file.write_bytes(text.encode())

    assert read_env_file(file) == variables


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SECRET", 1),
        ("A=1\n\nB-C=SECRET", 3),
        ("A='SECRET", 1),
        ('A=1\nB="SECRET\n\n', 2),
        ("A='x' SECRET", 1),
        ("=1", 1),
    ],
)
def test_a_line_that_is_not_understood_is_named_but_not_shown(text: str, line: int, tmp_path: Path) -> None:
    """The message says where to look, and keeps a secret out of terminals and build logs."""
    file = tmp_path / ".env"
    file.write_text(text)

    with pytest.raises(CommandError) as caught:
        read_env_file(file)

    assert str(caught.value).startswith(f"line {line} of the env file {file} ")
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(("data", "reason"), [(b"A=\xff", "is not UTF-8 text"), (b"A=x\0y", "null character")])
def test_what_cannot_be_a_variable_is_refused(data: bytes, reason: str, tmp_path: Path) -> None:
    """The reason is told here, rather than by an exception when the function is started."""
    file = tmp_path / ".env"
    file.write_bytes(data)

    with pytest.raises(CommandError, match=reason):
        read_env_file(file)
