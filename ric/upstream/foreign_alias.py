"""What to do when the package ``awslambdaric`` is not ric's: AWS's own was installed over it, or uninstalled.

Both wheels own a package of that name, and pip lets the later one win, file by file, without a word; or AWS's came
beside the function with `pip install --target`, is found before ric's, and is not uninstalled by pip. ric serves the
function all the same, with the alias put in place again; what cannot be put in place is named in the notice. Nothing
here is imported where all is well.
"""

from __future__ import annotations

import site
import sys
from os.path import dirname, realpath
from types import ModuleType

import ric
from ric import upstream

_MEND = "install ric's wheel again with `pip install --force-reinstall`"
_GONE = f"the package awslambdaric, ric's alias for others, is gone, as after `pip uninstall awslambdaric`; {_MEND}"


def take_over(package: ModuleType | None) -> None:
    """Says what is wrong, and makes upstream's module names ric's in this process.

    Args:
        package: The package ``awslambdaric`` as it was found, if it was.
    """
    is_gone = getattr(package, "__file__", None) is None  # a directory without files still is a package, of a kind
    sys.stderr.write(f"ric: {_GONE if package is None or is_gone else _describe(package)}\n")
    if package is None:
        package = sys.modules[upstream.PACKAGE] = ModuleType(upstream.PACKAGE)
        package.__path__ = []
    for alias in upstream.MODULES:
        if sys.modules.pop(f"{upstream.PACKAGE}.{alias}", None) is not None:
            delattr(package, alias)
    upstream.install()


def _describe(package: ModuleType) -> str:
    """Returns which files are not ric's, what does not work, and what to do."""
    version = getattr(package, "__version__", "")
    directory = dirname(realpath(package.__file__ or ""))
    return (
        f"awslambdaric {version} in {package.__file__} is not ric's alias but lies over it; "
        "ric serves the function, but `python -m awslambdaric` starts the other client, and `import runtime_client` is "
        f"the other's, so what patches those does not reach ric. {_how_to_mend(directory)}"
    )


def _how_to_mend(directory: str) -> str:
    parent = dirname(directory)
    if parent in map(realpath, (*site.getsitepackages(), site.getusersitepackages())):
        return f"Run `pip uninstall awslambdaric`, then {_MEND}"
    delete = f"Delete the directory {directory}, which `pip uninstall` does not reach"
    if parent == dirname(dirname(realpath(ric.__file__))):  # the alias was there
        return f"{delete}, then install ric's wheel again with `pip install --upgrade --target {parent}`"
    return delete
