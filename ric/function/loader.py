"""From a handler string to the handler.

``pkg/mod.attr`` and ``pkg.mod.attr`` both name the attribute ``attr`` of the module ``pkg.mod``. The attribute is read
after the module was imported, so a module may replace it while it loads, as tracing wrappers do.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module

from ric.errors import FaultException
from ric.function.adapters import adapt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


def load_handler(handler: str) -> Callable[..., Any]:
    """Imports the handler's module and returns the handler, as a plain callable whatever its kind (see adapters).

    Args:
        handler: ``module.function``; the module's packages are separated by dots or slashes.

    Raises:
        FaultException: The string is malformed, the module cannot be imported, has a syntax error or no such
            attribute, or bears the name of a built-in module.
        BaseException: Whatever else the module's own code raises while it is imported.
    """
    module_name, separator, attribute = handler.rpartition(".")
    if not separator:
        # The second half is what str.rsplit says; upstream quotes it, so dashboards look for it.
        raise FaultException(
            FaultException.MALFORMED_HANDLER_NAME,
            f"Bad handler '{handler}': not enough values to unpack (expected 2, got 1)",
        )
    if module_name.partition(".")[0] in sys.builtin_module_names:
        raise FaultException(
            FaultException.BUILT_IN_MODULE_CONFLICT,
            f"Cannot use built-in module {module_name} as a handler module",
        )
    module = _import(module_name)
    try:
        function = getattr(module, attribute)
    except AttributeError as error:
        raise FaultException(
            FaultException.HANDLER_NOT_FOUND, f"Handler '{attribute}' missing on module '{module_name}'"
        ) from error
    return adapt(function)


def _import(module_name: str) -> ModuleType:
    pause = _GarbageCollectionPause()
    try:
        module = import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise FaultException(
            FaultException.IMPORT_MODULE_ERROR, f"Unable to import module '{module_name}': {error}"
        ) from error
    except SyntaxError as error:
        raise FaultException(
            FaultException.USER_CODE_SYNTAX_ERROR,
            f"Syntax error in module '{module_name}': {error}",
            [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'],
        ) from error
    finally:
        pause.end()
    # What lives now lives as long as the process; the collector need not look at it again.
    gc.freeze()
    return module


class _GarbageCollectionPause:
    """Keeps the collector from walking over modules that are just being loaded, where it finds nothing to free.

    It raises the threshold instead of disabling the collector: a handler module that configures ``gc`` itself is
    recognised by it, and its choice stands.
    """

    _THRESHOLD = 1_000_000_000

    def __init__(self) -> None:
        self._before = gc.get_threshold()
        gc.set_threshold(self._THRESHOLD, *self._before[1:])

    def end(self) -> None:
        """Puts the thresholds back unless the handler module set its own."""
        if gc.get_threshold()[0] == self._THRESHOLD:
            gc.set_threshold(*self._before)
