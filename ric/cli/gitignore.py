"""Which files a repository does not want: the rules of its ``.gitignore`` files.

Patterns are those of https://git-scm.com/docs/gitignore. Read are the files called ``.gitignore``, from the top of
the repository down to the directory of the path in question; not a user's own excludes, which others do not have.
What is in an ignored directory is ignored, whatever a later pattern says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class _Rule:
    """One line.

    Args:
        expression: Matches the whole path, relative to the directory of the file.
        is_exception: Whether it takes back what rules before it say.
        directories_only: Whether it is about directories alone.
    """

    expression: re.Pattern[str]
    is_exception: bool
    directories_only: bool


class GitIgnore:
    """The rules that apply below a directory. They are read anew when a file of them changes.

    Args:
        directory: Where the paths in question are; the repository may begin above it.
    """

    def __init__(self, directory: Path) -> None:
        directory = directory.resolve()
        self._top = next(
            (parent for parent in (directory, *directory.parents) if (parent / ".git").exists()), directory
        )
        self._rules: dict[Path, tuple[int, list[_Rule]]] = {}

    def ignores(self, path: Path) -> bool:
        """Whether a path, which need not exist any more, is ignored.

        Args:
            path: Absolute, without symbolic links above it.
        """
        try:
            parts = path.relative_to(self._top).parts
        except ValueError:
            return False
        return any(
            self._excludes(parts[:length], is_directory=length < len(parts) or path.is_dir())
            for length in range(1, len(parts) + 1)
        )

    def _excludes(self, parts: tuple[str, ...], *, is_directory: bool) -> bool:
        verdict = False
        for depth in range(len(parts)):
            relative = "/".join(parts[depth:])
            for rule in self._rules_in(self._top.joinpath(*parts[:depth])):
                if (is_directory or not rule.directories_only) and rule.expression.fullmatch(relative):
                    verdict = not rule.is_exception
        return verdict

    def _rules_in(self, directory: Path) -> list[_Rule]:
        file = directory / ".gitignore"
        try:
            modified_ns = file.stat().st_mtime_ns
            known = self._rules.get(file)
            if not known or known[0] != modified_ns:
                lines = file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
                known = self._rules[file] = (modified_ns, [rule for line in lines if (rule := _parse(line))])
        except OSError:
            return []
        return known[1]


def _parse(line: str) -> _Rule | None:
    # A blank at the end counts only behind a backslash.
    pattern = re.sub(r"(?<!\\) +$", "", line)
    if not pattern or pattern.startswith("#"):
        return None
    is_exception = pattern.startswith("!")
    pattern = pattern[is_exception:]
    if "[" in _TOKEN.sub(lambda token: token["literal"] or "", pattern):
        # A set that is not closed matches nothing.
        return None
    directories_only = pattern.endswith("/")
    pattern = pattern.rstrip("/") if directories_only else pattern
    is_anchored = "/" in pattern
    try:
        expression = re.compile(("" if is_anchored else "(?:.*/)?") + _translate(pattern.removeprefix("/")), re.DOTALL)
    except re.error:
        return None
    return _Rule(expression, is_exception, directories_only) if pattern else None


_TOKEN = re.compile(
    r"(?P<any_start>\A\*\*/)|(?P<any_middle>/\*\*(?=/))|(?P<any_end>/\*\*\Z)|(?P<star>\*+)|(?P<one>\?)"
    r"|(?P<set>\[[!^]?\]?[^\]]*\])|\\(?P<escaped>.)|(?P<literal>.)",
    re.DOTALL,
)
_SIMPLE = {"any_start": "(?:.*/)?", "any_middle": "(?:/.*)?", "any_end": "/.+", "star": "[^/]*", "one": "[^/]"}


def _translate(pattern: str) -> str:
    """Returns a pattern of git as a regular expression."""
    expression = ""
    for token in _TOKEN.finditer(pattern):
        kind = token.lastgroup or ""
        if kind == "set":
            negation = "^" if token["set"][1] in "!^" else ""
            members = token["set"][1 + len(negation) : -1]
            # These mean something to regular expressions within a set, now or in a future Python.
            members = re.sub(r"[]^[&|~]", r"\\\g<0>", members)
            expression += f"(?!/)[{negation}{members}]"
        else:
            expression += _SIMPLE.get(kind) or re.escape(token[kind])
    return expression
