"""Reads the Dockerfiles of the examples: stages of instructions, with everything that is not understood refused.

This is no Docker. It knows the instructions and forms that the examples use, and a Dockerfile that goes beyond them
fails with the line that does, rather than being half understood.

https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field


class UnsupportedDockerfileError(Exception):
    """A Dockerfile has something that is not understood here; the text says what."""


@dataclass(frozen=True)
class Copy:
    """``COPY``: sources from the context, from a stage or from an image."""

    sources: list[str]
    target: str
    source_image: str | None
    mode: int | None


@dataclass(frozen=True)
class Run:
    """``RUN``: the arguments of a program, which is ``/bin/sh`` in the shell form, and what of the context it sees."""

    arguments: list[str]
    mounts: dict[str, str]


@dataclass(frozen=True)
class Setting:
    """``WORKDIR``, ``USER``, ``ENV``, ``ENTRYPOINT`` or ``CMD``, with what it sets."""

    name: str
    value: str | dict[str, str] | list[str]


@dataclass
class Stage:
    """What one ``FROM`` begins."""

    base: str
    name: str | None
    steps: list[Copy | Run | Setting] = field(default_factory=list)


def parse(text: str) -> list[Stage]:
    """Return the stages of a Dockerfile.

    Raises:
        UnsupportedDockerfileError: There is an instruction, a form or an option that is not understood here.
    """
    stages: list[Stage] = []
    for line in _logical_lines(text):
        name, _, rest = line.partition(" ")
        rest = rest.strip()
        if name == "FROM":
            match = re.fullmatch(r"(\S+)(?: AS (\S+))?", rest)
            if not match or match[1].startswith("--"):
                raise UnsupportedDockerfileError(line)
            stages.append(Stage(match[1], match[2]))
            continue
        if not stages:
            raise UnsupportedDockerfileError(f"not in a stage: {line}")
        if name not in _READERS:
            raise UnsupportedDockerfileError(line)
        stages[-1].steps.append(_READERS[name](rest, line))
    if not stages:
        raise UnsupportedDockerfileError("there is no FROM")
    return stages


def _logical_lines(text: str) -> list[str]:
    lines, continued = [], ""
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.endswith("\\"):
            continued += line[:-1]
        else:
            lines.append(continued + line)
            continued = ""
    if continued:
        raise UnsupportedDockerfileError(f"does not end: {continued}")
    return lines


def _options(rest: str, line: str, allowed: str) -> tuple[list[tuple[str, str]], str]:
    options = []
    while match := re.match(r"--([a-z]+)=(\S+)\s+", rest):
        if match[1] not in allowed.split():
            raise UnsupportedDockerfileError(line)
        options.append((match[1], match[2]))
        rest = rest[match.end() :]
    if rest.startswith("--"):
        raise UnsupportedDockerfileError(line)
    return options, rest


def _copy(rest: str, line: str) -> Copy:
    options, rest = _options(rest, line, "from chmod")
    *sources, target = rest.split()
    if not sources or rest.startswith("["):
        raise UnsupportedDockerfileError(line)
    chosen = dict(options)
    mode = int(chosen["chmod"], 8) if "chmod" in chosen else None
    return Copy(sources, target, chosen.get("from"), mode)


def _run(rest: str, line: str) -> Run:
    options, rest = _options(rest, line, "mount")
    mounts = {}
    for _, value in options:
        parts = dict(part.partition("=")[::2] for part in value.split(","))
        if parts.keys() != {"type", "source", "target"} or parts["type"] != "bind":
            raise UnsupportedDockerfileError(line)
        mounts[parts["target"]] = parts["source"]
    return Run(_words(rest, line) if rest.startswith("[") else ["/bin/sh", "-c", rest], mounts)


def _words(rest: str, line: str) -> list[str]:
    # The other form of ENTRYPOINT and CMD starts a shell, which eats signals: it is refused like all that is unknown.
    try:
        words = json.loads(rest)
    except ValueError as error:
        raise UnsupportedDockerfileError(line) from error
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise UnsupportedDockerfileError(line)
    return words


def _environment(rest: str, line: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in shlex.split(rest)]
    if not all(equals for _, equals, _ in pairs):
        raise UnsupportedDockerfileError(line)
    return {name: value for name, _, value in pairs}


def _directory(rest: str, line: str) -> str:
    if not rest.startswith("/"):
        raise UnsupportedDockerfileError(line)
    return rest


def _user(rest: str, line: str) -> str:
    # A name would have to be in the image's /etc/passwd, and Lambda needs none.
    if not re.fullmatch(r"\d+:\d+", rest):
        raise UnsupportedDockerfileError(line)
    return rest


_READERS = {
    "COPY": _copy,
    "RUN": _run,
    "WORKDIR": lambda rest, line: Setting("WORKDIR", _directory(rest, line)),
    "USER": lambda rest, line: Setting("USER", _user(rest, line)),
    "ENV": lambda rest, line: Setting("ENV", _environment(rest, line)),
    "ENTRYPOINT": lambda rest, line: Setting("ENTRYPOINT", _words(rest, line)),
    "CMD": lambda rest, line: Setting("CMD", _words(rest, line)),
}
