"""``python -m ric app.handler``: the runtime from the command line.

Error trackers look for ``bootstrap`` and ``LambdaRuntimeClient`` as attributes of the program's ``__main__`` module,
which is this one, so both stay imported by these names.
"""

from __future__ import annotations

import gc
import sys

if __name__ == "__main__":
    collects = gc.isenabled()  # sitecustomize may have seen to it that it does not
    gc.disable()  # for the imports below: there is no garbage among modules, and to look for it takes a millisecond

try:
    import awslambdaric  # makes upstream's module names resolve to ric's, see ric.upstream
except ModuleNotFoundError as error:
    if error.name != "awslambdaric":
        raise
    awslambdaric = None  # type: ignore[assignment]  # as after `pip uninstall awslambdaric`, see ric.upstream.foreign_alias
from ric import bootstrap
from ric.api.client import LambdaRuntimeClient
from ric.config import LambdaConfigProvider, RuntimeApiUnsetError, handler_name
from ric.errors import EXIT_FAILURE, InvalidAddressError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn


def main(args: Sequence[str | None]) -> None:
    """Runs the function, for ever.

    Args:
        args: The command line: the program, then the handler (``module.function``; else ``_HANDLER`` names it).

    Raises:
        SystemExit: When the process should end.
    """
    start(args, LambdaConfigProvider, LambdaRuntimeClient, bootstrap)


def start(args: Sequence[str | None], config_provider: Any, client_class: Any, loop: Any) -> None:
    """What ``main`` does, with the parts that the caller names; upstream's ``__main__`` has globals of its own.

    Args:
        args: The command line.
        config_provider: LambdaConfigProvider.
        client_class: LambdaRuntimeClient.
        loop: Has ``run(handler, client)``.
    """
    try:
        config = config_provider(args)
    except RuntimeApiUnsetError:
        from ric.local import serve_handler

        sys.exit(serve_handler(handler_name(args)))
    except ValueError as error:
        _fail(error)
    if not hasattr(awslambdaric, "upstream"):
        from ric.upstream import foreign_alias

        foreign_alias.take_over(awslambdaric)
    if config.is_multi_concurrent:
        from ric.process import workers

        try:
            worker_count = workers.parse_count(config.max_concurrency)
        except ValueError as error:
            _fail(error)
        workers.MultiConcurrentRunner.run_concurrent(
            config.handler, config.api_address, config.use_thread_polling, config.lmi_socket_path, worker_count
        )
    try:
        client = client_class(config.api_address, config.use_thread_polling)
    except InvalidAddressError as error:
        _fail(error)
    loop.run(config.handler, client)


def _fail(error: Exception) -> NoReturn:
    sys.stderr.write(f"ric: {error}\n")
    sys.exit(EXIT_FAILURE)


if __name__ == "__main__":
    gc.freeze()  # what was loaded stays; it also resets the count, so that the next allocation starts no collection
    if collects:
        gc.enable()
    main(sys.argv)
