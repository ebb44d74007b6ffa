"""Files of environment variables: ``NAME=value`` lines, as ``docker --env-file`` and dotenv libraries read them.

Rules: blank lines and lines that begin with ``#`` are nothing; ``export`` before a name is allowed; a value in single
quotes is taken as it is; in double quotes ``\\n``, ``\\t``, ``\\"`` and the like are escapes; both may span lines;
an unquoted value ends with its line or at `` #``. Nothing is substituted. Errors name the line and never show it, for
what stands there may be a secret.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ric.cli.failure import CommandError

if TYPE_CHECKING:
    from pathlib import Path

_NOTHING = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
_SINGLE_QUOTED = re.compile(r"'([^']*)'")
_DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_UNQUOTED = re.compile(r"(?!['\"])((?:[^\n#]|(?<![ \t])#)*)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\n": ""}


def read_env_file(path: Path) -> dict[str, str]:
    """Returns the variables which a file sets; the last line for a name counts.

    Raises:
        CommandError: The file cannot be read, or a line of it cannot be understood.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CommandError(f"cannot read the env file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"the env file {path} is not UTF-8 text; save it as such") from None
    if "\0" in text:
        raise CommandError(f"the env file {path} has a null character in it; a variable cannot hold one")
    return _parse(text.replace("\r\n", "\n"), path)


def _parse(text: str, path: Path) -> dict[str, str]:
    variables = {}
    position = 0
    while position < len(text):
        if nothing := _NOTHING.match(text, position):
            position = nothing.end()
            continue
        name = _NAME.match(text, position)
        value = name and _match_value(text, name.end())
        end = value and _NOTHING.match(text, value[1])
        if not name or not value or not end:
            line = text.count("\n", 0, position) + 1
            raise CommandError(f"line {line} of the env file {path} is not understood; write it as NAME=value")
        variables[name[1]] = value[0]
        position = end.end()
    return variables


def _match_value(text: str, position: int) -> tuple[str, int] | None:
    """Returns the value at a position and where it ends; None if a quote is not closed."""
    if match := _SINGLE_QUOTED.match(text, position):
        return match[1], match.end()
    if match := _DOUBLE_QUOTED.match(text, position):
        return _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), match[1]), match.end()
    if match := _UNQUOTED.match(text, position):
        return match[1].rstrip(" \t"), match.end()
    return None
