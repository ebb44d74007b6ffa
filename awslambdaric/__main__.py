"""``python -m awslambdaric app.handler``, and the module through which images start.

It is a file of its own because a published package looks for a stack frame from a directory of this name to tell
whether the runtime is running, and because tests replace its globals.
"""

from __future__ import annotations

import sys

from ric import bootstrap
from ric.__main__ import start
from ric.api.client import LambdaRuntimeClient
from ric.config import LambdaConfigProvider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(args: Sequence[str | None]) -> None:
    """Runs the function, for ever; see ``ric.__main__.main``."""
    start(args, LambdaConfigProvider, LambdaRuntimeClient, bootstrap)


if __name__ == "__main__":
    main(sys.argv)
