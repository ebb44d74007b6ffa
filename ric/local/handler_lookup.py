"""Whether a handler string can name a function here, decided without importing any of the user's code.

Importing would run the module twice, once here and once in the runtime, with all that it connects to and
logs. So only finders are asked, the way the import system asks them, one package after the other. Whether the
module has such an attribute is for the runtime to find out.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

_LIST_SEARCH_PATH = r"import sys; sys.stdout.write('\n'.join(sys.path))"


class UnusableHandlerError(Exception):
    """The handler string names nothing that could be run; the message says what to change."""


def check_handler(handler: str) -> None:
    """Checks ``module.function``, also in the forms ``pkg.module.function`` and ``pkg/module.function``.

    Raises:
        UnusableHandlerError: It has another form, or there is no such module in the working directory or on
            ``sys.path``.
    """
    if not handler:
        raise UnusableHandlerError("no handler given; name it as module.function, for example app.handler")
    path, dot, attribute = handler.rpartition(".")
    if not dot or not attribute or not path.strip("/."):
        raise UnusableHandlerError(
            f"{handler!r} is not a handler; write it as module.function, for example app.handler"
        )
    module = path.replace("/", ".")
    missing = _first_missing(module)
    if missing:
        raise UnusableHandlerError(
            f"cannot find the module {missing!r} of the handler {handler!r} "
            f"in {Path.cwd()} or on the Python path; "
            f"start this where {missing.replace('.', '/')}.py is, or correct the handler"
        )


def missing_in_new_interpreter() -> list[str]:
    """Returns the entries of ``sys.path`` that a fresh interpreter, started here, would not have."""
    # Asked rather than guessed: site-packages, .pth files and the interpreter's flags all have a say.
    listing = subprocess.run(
        [sys.executable, "-c", _LIST_SEARCH_PATH], stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    known = {Path(entry).absolute() for entry in listing.split("\n")}
    return [entry for entry in dict.fromkeys(sys.path) if Path(entry).absolute() not in known]


def _first_missing(module: str) -> str | None:
    """Returns the first of ``a``, ``a.b``, ``a.b.c`` that does not exist; None when all do."""
    search_path: list[str] | None = None
    names = module.split(".")
    for depth in range(1, len(names) + 1):
        name = ".".join(names[:depth])
        spec = _find_spec(name, search_path)
        if spec is None:
            return name
        # A module that is no package has nothing below it.
        search_path = list(spec.submodule_search_locations or [])
    return None


def _find_spec(name: str, search_path: list[str] | None) -> ModuleSpec | None:
    if search_path is None and (spec := PathFinder.find_spec(name, [str(Path.cwd())])):
        return spec
    # Editable installs bring finders of their own, so the path alone would miss modules.
    for finder in sys.meta_path:
        if spec := finder.find_spec(name, search_path):
            return spec
    return None
