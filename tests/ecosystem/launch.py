"""How the runtime is started, in an image that has the official client and in one that has ric in its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .environments import Runtime


@dataclass(frozen=True)
class Launch:
    """A way to start the runtime.

    Attributes:
        name: What it is called in the names of tests.
        official_module: The module that is run for the official client; none where the entry point is run.
        our_module: The module that is run for ric.
    """

    name: str
    official_module: str = ""
    our_module: str = ""

    def command(self, runtime: Runtime, python: Path, handler: str) -> list[str | Path]:
        """Returns the command line."""
        if not self.our_module:
            return [runtime.entry_point / "bootstrap", handler]
        return [python, "-m", self.our_module if runtime.name == "ric" else self.official_module, handler]

    def __str__(self) -> str:
        return self.name


MODULE = Launch("python -m ric", "awslambdaric", "ric")
ALIAS = Launch("python -m awslambdaric", "awslambdaric", "awslambdaric")
BOOTSTRAP = Launch("bootstrap")

LAUNCHES = (MODULE, ALIAS, BOOTSTRAP)
