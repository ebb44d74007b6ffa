"""``ric bootstrap install DIRECTORY``: the entry point of an image, as ``python -m ric.install`` writes it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from ric.cli.failure import CommandError
from ric.install import install

if TYPE_CHECKING:
    from pathlib import Path


def install_bootstrap(directory: Path) -> int:
    """Writes both files, and shows where they are and how a Dockerfile names them.

    Args:
        directory: Where they go; created if it is missing.

    Returns:
        The exit code.

    Raises:
        CommandError: The directory cannot be created or written to.
    """
    try:
        paths = install(directory)
    except FileExistsError:
        raise CommandError(f"{directory} is a file; name a directory for the two files") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise CommandError(f"cannot write to {directory}: {reason}; choose a directory that you may write to") from None
    for path in paths:
        sys.stdout.write(f"wrote {path}\n")
    sys.stdout.write(f"ENTRYPOINT {json.dumps([str(paths[0])])}\n")
    return 0
