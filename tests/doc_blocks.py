"""The code blocks of a Markdown page, and what its author says of them.

A comment right above a block tells what is to become of it where its language alone does not:

* ``<!-- not run: REASON -->``: it is only shown, and why;
* ``<!-- file: NAME -->``: it is the file of this name; a Python block may say so itself, ``# NAME`` in its first line;
* ``<!-- invoke: EVENT returns: RESULT -->``: the file's ``handler`` returns this for that, both JSON; may be repeated;
* ``<!-- until: TEXT -->``: it is a command that goes on; the page goes on when it has shown the text;
* ``<!-- exits: CODE -->``: its last command ends with this code, not with 0;
* ``<!-- change: FILE: OLD -> NEW -->``: before it, the reader edits a file, and waits for what watches it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

_BLOCK = re.compile(
    r"(?P<comments>(?:^ *<!--(?:(?!-->).)*-->\n)*)^(?P<indent> *)(?P<fence>`{3,})(?P<language>[^\n`]*)\n"
    r"(?P<text>.*?)^(?P=indent)(?P=fence) *$",
    re.DOTALL | re.MULTILINE,
)
_COMMENT = re.compile(r"<!-- *([\w ]+): *(.*?) *-->", re.DOTALL)
_NAME = re.compile(r"# (\S+\.py)\n")
_CHANGE = re.compile(r"(\S+): (.+) -> (.+)")
_DIRECTIVES = {"not run", "file", "invoke", "until", "exits", "change"}


@dataclass(frozen=True)
class Block:
    """One block.

    Attributes:
        line: Where it begins in the page.
        language: What stands behind the fence.
        text: Its lines.
        file: The file that it is, "" for none.
        not_run: Why it is only shown, "" where it is more than that.
        until: What a command shows that goes on, "" for one that ends.
        exit_code: How its last command ends.
        invocations: Events, and what the handler makes of them.
        change: File, old text and new text of an edit that comes before it, None for none.
    """

    line: int
    language: str
    text: str
    file: str = ""
    not_run: str = ""
    until: str = ""
    exit_code: int = 0
    invocations: list[tuple[Any, Any]] = field(default_factory=list)
    change: tuple[str, str, str] | None = None


def blocks(page: str) -> list[Block]:
    """Returns the blocks of a page, in order.

    Raises:
        ValueError: A comment above a block says what nobody understands.
    """
    return [_block(page, found) for found in _BLOCK.finditer(page)]


def _block(page: str, found: re.Match[str]) -> Block:
    line = page.count("\n", 0, found.start("fence")) + 1
    said = _COMMENT.findall(found["comments"])
    if unknown := {name for name, _ in said} - _DIRECTIVES:
        raise ValueError(f"line {line}: nobody knows what {sorted(unknown)} means")
    values = dict(said)
    text = re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
    file = values.get("file", "")
    if found["language"] == "python" and (name := _NAME.match(text)):
        file = name[1]
    return Block(
        line,
        found["language"].strip(),
        text,
        file,
        values.get("not run", ""),
        values.get("until", ""),
        int(values.get("exits", 0)),
        [_invocation(value) for name, value in said if name == "invoke"],
        _change(values["change"], line) if "change" in values else None,
    )


def _invocation(value: str) -> tuple[Any, Any]:
    event, _, result = value.partition(" returns: ")
    return json.loads(event), json.loads(result)


def _change(value: str, line: int) -> tuple[str, str, str]:
    match = _CHANGE.fullmatch(value)
    if not match:
        raise ValueError(f"line {line}: {value!r} does not say what to change")
    return match[1], match[2], match[3]
