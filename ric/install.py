"""``python -m ric.install DIRECTORY``: puts the image's entry point in place, in a Dockerfile.

The entry point is two files that have to lie side by side, ``bootstrap`` and ``bootstrap.py``. They stand at the top of
the repository; a built package carries them in ``ric/var_runtime``. Each is written under another name first and then
renamed, so that a build that is interrupted leaves no half of one.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_FILE_NAMES = ("bootstrap", "bootstrap.py")
# Lambda runs functions as a user of its own, whatever the image's build had for a umask.
_MODE_FOR_ALL = 0o755
_EXIT_FAILURE = 1
_EXIT_USAGE = 2


def install(directory: Path) -> list[Path]:
    """Write both files into a directory, over older ones, and create the directory when it is missing.

    Args:
        directory: Where they go, such as ``/var/runtime``.

    Returns:
        The absolute paths of the two files, ``bootstrap`` first.

    Raises:
        OSError: The directory cannot be created or written to.
    """
    directory = directory.absolute()
    if not directory.is_dir():
        directory.mkdir(parents=True)
        directory.chmod(_MODE_FOR_ALL)
    source = _source_directory()
    return [_copy(source / name, directory / name) for name in _FILE_NAMES]


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: The command line without the program: one directory.

    Returns:
        The exit code.
    """
    if len(arguments) != 1 or not arguments[0] or arguments[0].startswith("-"):
        sys.stderr.write("usage: python -m ric.install DIRECTORY, for example /var/runtime\n")
        return _EXIT_USAGE
    directory = Path(arguments[0])
    try:
        paths = install(directory)
    except FileExistsError:
        return _refuse(f"cannot write {directory}: it is a file, not a directory")
    except OSError as error:
        # The second name, where there is one, is that of the file to be; the first one is our temporary file's.
        return _refuse(f"cannot write {error.filename2 or directory}: {error.strerror}")
    sys.stdout.write("".join(f"wrote {path}\n" for path in paths))
    sys.stdout.write(f"ENTRYPOINT {json.dumps([str(paths[0])])}\n")
    return 0


def _refuse(reason: str) -> int:
    sys.stderr.write(f"ric.install: {reason}\n")
    return _EXIT_FAILURE


def _source_directory() -> Path:
    package = Path(__file__).resolve().parent
    packaged = package / "var_runtime"
    return packaged if packaged.is_dir() else package.parent


def _copy(source: Path, target: Path) -> Path:
    with tempfile.TemporaryDirectory(prefix=".ric-install-", dir=target.parent) as directory:
        complete = Path(directory) / source.name
        shutil.copyfile(source, complete)
        complete.chmod(_MODE_FOR_ALL)
        complete.replace(target)
    return target


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
