"""The entry point of ``ric``; the only part of it that works without the extra, to say that it is missing."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from ric import __version__
from ric.cli.exit_codes import SIGNAL_BASE, USAGE_ERROR

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXTRA = ("click", "requests", "rich", "watchfiles")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: The command line without the program; None for that of the process.

    Returns:
        The exit code.
    """
    try:
        from ric.cli.commands import run

        return run(sys.argv[1:] if arguments is None else arguments)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA:
            raise
        # Not "pip install ric[dev]": on the public index the name ric belongs to another project.
        sys.stderr.write(
            f"ric: the command needs {missing}, which is not installed; install ric's wheel with its extra: "
            f"pip install 'ric-{__version__}-py3-none-any.whl[dev]'\n"
        )
        return USAGE_ERROR
    except KeyboardInterrupt:
        return SIGNAL_BASE + signal.SIGINT
