"""Sets up ``logging`` the moment somebody imports it.

Importing ``logging`` takes longer than all that ric does before the first invocation, and many functions never use
it. So the root handler is put in place by an import hook: before the code that imported ``logging`` sees the module.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder

from ric import config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

_NAME = "logging"


def install(log_sink: Any) -> None:
    """Makes ``logging`` write to the sink, now if it is imported already, else when it will be.

    Format and level are read from the environment now.
    """
    hook = _LoggingImportHook(config.log_format(), config.log_level(), log_sink)
    if _NAME in sys.modules:
        hook.set_up()
    else:
        sys.meta_path.insert(0, hook)


class _LoggingImportHook:
    """A finder for ``logging`` alone which also is the loader around the real one."""

    def __init__(self, log_format: str, log_level: str, log_sink: Any) -> None:
        self._settings = (log_format, log_level, log_sink)
        self._loader: Any = None

    def set_up(self) -> None:
        from ric.process.logs import set_up

        set_up(*self._settings)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _NAME:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None:
            self._loader, spec.loader = spec.loader, self  # type: ignore[assignment]
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self.set_up()
