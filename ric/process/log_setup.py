"""Sets up ``logging`` the moment somebody imports it.

Importing ``logging`` takes longer than all that ric does before the first invocation, and many functions never use
it. So the root handler is put in place by an import hook: before the code that imported ``logging`` sees the module.
"""

from __future__ import annotations

import sys

from ric import config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

_NAME = "logging"

_hook: _LoggingImportHook | None = None
_is_passed_on = False


def install(log_sink: Any) -> None:
    """Makes ``logging`` write to the sink, now if it is imported already, else when it will be.

    Format and level are read from the environment now.
    """
    global _hook, _is_passed_on
    if _is_passed_on and _hook is not None:
        _is_passed_on = False
        _hook.redirect(log_sink)
        return
    hook = _hook = _LoggingImportHook(config.log_format(), config.log_level(), log_sink)
    if _NAME in sys.modules:
        hook.set_up()
    else:
        sys.meta_path.insert(0, hook)


def pass_on() -> None:
    """Keeps, in a forked worker, the logging that was set up before the fork, with the changes of user code."""
    global _is_passed_on
    _is_passed_on = True


class _LoggingImportHook:
    """Finds ``logging`` as all other finders would, and gives it a loader that sets it up behind the real one."""

    def __init__(self, log_format: str, log_level: str, log_sink: Any) -> None:
        self._settings = (log_format, log_level, log_sink)
        self._is_searching = False

    def set_up(self) -> None:
        """Puts the root handler in place; the hook has done its work then."""
        from ric.process.logs import set_up

        if self in sys.meta_path:
            sys.meta_path.remove(self)
        set_up(*self._settings)

    def redirect(self, log_sink: Any) -> None:
        """Makes the root handler write to another sink, whether it is in place already or not."""
        log_format, log_level, before = self._settings
        self._settings = (log_format, log_level, log_sink)
        if _NAME in sys.modules:
            for handler in sys.modules[_NAME].root.handlers:
                if getattr(handler, "log_sink", None) is before:
                    handler.log_sink = log_sink

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _NAME or self._is_searching:
            return None
        self._is_searching = True
        try:
            spec = self._ask_the_others(path, target)
        finally:
            self._is_searching = False
        if spec is not None and spec.loader is not None:
            spec.loader = _SettingUpLoader(spec.loader, self)  # type: ignore[assignment]
        return spec

    @staticmethod
    def _ask_the_others(path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find_spec = getattr(finder, "find_spec", None)  # this hook is among them, and finds nothing now
            spec: ModuleSpec | None = find_spec(_NAME, path, target) if find_spec else None
            if spec is not None:
                return spec
        return None


class _SettingUpLoader:
    """Runs the real loader, then sets ``logging`` up."""

    def __init__(self, loader: Any, hook: _LoggingImportHook) -> None:
        self._loader = loader
        self._hook = hook

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._hook.set_up()
