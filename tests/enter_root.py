"""A program: runs a command in an assembled image, as a container engine would, in a mount namespace of its own.

``unshare --mount PYTHON enter_root.py SPECIFICATION``, where the specification is JSON with the fields of ``Entry``.
What follows the change of the root directory needs nothing from the image, so that this works in one without a shell.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings  # noqa: F401 - os.execvpe imports it, which it could not in the image
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """How a command is run in an image.

    Args:
        root: The image.
        command: What to run; the first word is looked for on the image's PATH.
        environment: All of its variables.
        directory: Where it runs, in the image.
        user: User and group number.
        binds: Files and directories of the machine, by the path where the image gets them, to be read only.
        is_read_only: Whether the image cannot be written to but in /tmp, as in Lambda.
        outside_program: An executable of the machine that runs instead, with the command as its arguments.
    """

    root: str
    command: list[str]
    environment: dict[str, str]
    directory: str
    user: tuple[int, int]
    binds: dict[str, str]
    is_read_only: bool
    outside_program: str | None = None


def main() -> None:
    """Becomes the command."""
    entry = Entry(**json.loads(sys.argv[1]))
    _mount("--make-rprivate", "/")
    _mount("--bind", entry.root, entry.root)
    for system in ("/dev", "/proc"):
        _mount("--rbind", system, entry.root + system)
    if entry.is_read_only:
        _mount("-o", "remount,bind,ro", entry.root)
        _mount("-t", "tmpfs", "-o", "mode=1777", "none", f"{entry.root}/tmp")
    for target, source in entry.binds.items():
        _mount("--bind", source, entry.root + target)
        _mount("-o", "remount,bind,ro", entry.root + target)
    program = os.open(entry.outside_program, os.O_RDONLY | os.O_CLOEXEC) if entry.outside_program else None
    os.chroot(entry.root)
    os.chdir(entry.directory)
    uid, gid = entry.user
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if program is None:
        os.execvpe(entry.command[0], entry.command, entry.environment)
    os.execve(program, ["outside-program", *entry.command], entry.environment)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


if __name__ == "__main__":
    main()
