"""The interpreter that runs the tests, in the disguises which tests of the entry point need."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.image import write_executable

if TYPE_CHECKING:
    from collections.abc import Callable


def counting_python(path: Path) -> tuple[Path, Callable[[], int]]:
    """Write a script that becomes this interpreter and counts its starts.

    Args:
        path: Where the script goes.

    Returns:
        The path, and a function that returns how often it was started so far.
    """
    starts = path.with_name(path.name + ".starts")
    starts.touch()
    write_executable(
        path,
        f'#!/bin/bash\necho start >>{shlex.quote(str(starts))}\nexec {shlex.quote(sys.executable)} "$@"\n',
    )
    return path, lambda: len(starts.read_text().splitlines())


def python_without_packages(path: Path) -> Path:
    """Write a script that becomes this interpreter without its site-packages, as if `ric` had never been installed."""
    return write_executable(path, f'#!/bin/bash\nexec {shlex.quote(sys.executable)} -S "$@"\n')
