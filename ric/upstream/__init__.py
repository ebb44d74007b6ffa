"""Upstream's module names, as other names of ric's modules.

``awslambdaric.bootstrap`` *is* ``ric.bootstrap``, the same object, and so for every row of MODULES: what a third party
replaces under one name is replaced under the other. The loop's modules are registered at once, because some patches
only look into ``sys.modules``; the others when they are imported. Names that upstream has in a module and ric has
elsewhere, or only for others' sake, are in ``names`` and ``log_names``, which are imported when such a name is asked
for.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any

PACKAGE = "awslambdaric"

MODULES = {
    "bootstrap": "ric.bootstrap",
    "lambda_concurrency_hooks": "ric.process.fork_hooks",  # of the preview runtimes after 4.2.2
    "lambda_config": "ric.config",
    "lambda_context": "ric.function.context",
    "lambda_literals": "ric.process.notices",
    "lambda_multi_concurrent_utils": "ric.process.workers",
    "lambda_runtime_client": "ric.api.client",
    "lambda_runtime_exception": "ric.errors",
    "lambda_runtime_hooks_runner": "ric.process.snapstart",
    "lambda_runtime_log_utils": "ric.process.logs",
    "lambda_runtime_marshaller": "ric.api.marshal",
}
_COMPILED_MODULE = "runtime_client"


def install() -> None:
    """Registers upstream's names; the package ``awslambdaric`` calls this when it is imported."""
    import_module(MODULES["bootstrap"])  # the loop, and with it all that it needs
    sys.meta_path.insert(0, _AliasFinder())
    package = sys.modules[PACKAGE]
    for alias, name in MODULES.items():
        module = sys.modules.get(name)
        if module is not None:
            sys.modules[f"{PACKAGE}.{alias}"] = _with_upstream_names(module)
            setattr(package, alias, module)


class _AliasFinder:
    """Finds ``awslambdaric.X`` in MODULES; and upstream's compiled module, if the user has none of that name."""

    def __init__(self) -> None:
        self._own_specs: dict[int, ModuleSpec | None] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, alias = name.rpartition(".")
        if package == PACKAGE and alias in MODULES:
            return ModuleSpec(name, self)  # type: ignore[arg-type]
        if name == _COMPILED_MODULE:
            return PathFinder.find_spec(name) or ModuleSpec(name, self)  # type: ignore[arg-type]
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        if spec.name == _COMPILED_MODULE:
            from ric.upstream.names import compiled_module

            return compiled_module
        module = import_module(MODULES[spec.name.rpartition(".")[2]])
        self._own_specs[id(module)] = module.__spec__
        return _with_upstream_names(module)

    def exec_module(self, module: ModuleType) -> None:
        # The module was executed under its own name; the import system only borrowed it, and left the alias's spec.
        if id(module) in self._own_specs:
            module.__spec__ = self._own_specs.pop(id(module))


def _with_upstream_names(module: ModuleType) -> ModuleType:
    def find_upstream_name(name: str) -> Any:
        if name.startswith("__"):  # the import system asks for __path__ at each `from ... import`
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        from ric.upstream.names import find

        return find(module.__name__, name)

    # PEP 562: asked for names that the module does not have.
    vars(module).setdefault("__getattr__", find_upstream_name)
    return module
