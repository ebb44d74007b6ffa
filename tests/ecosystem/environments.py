"""The environments in which the functions run, and the two runtimes that take turns in them.

``python -m tests.ecosystem.environments`` makes all that are missing, so that no test has to wait for a download.
Both runtimes own the name ``awslambdaric``, so neither is installed in an environment: each lies, with its own
requirements, in a directory that ``PYTHONPATH`` names. The rest of a run is the same for both, to the byte.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ric.install import install
from tests.fetch import CACHE, official_python, official_unavailable_reason

REPOSITORY = Path(__file__).resolve().parent.parent.parent
REQUIREMENTS = Path(__file__).parent / "requirements"
_VERSION = "{}.{}.{}".format(*sys.version_info)


@dataclass(frozen=True)
class Runtime:
    """A runtime that can be put on the path.

    Attributes:
        name: What it is called.
        directory: Where it is importable from.
        entry_point: Where its entry point is, ``bootstrap`` and ``bootstrap.py``.
    """

    name: str
    directory: Path
    entry_point: Path

    @property
    def own_directories(self) -> tuple[Path, ...]:
        """Where its files are: their names and lines in stack traces must differ."""
        return self.directory / "ric", self.directory / "awslambdaric"


def official_runtime(directory: Path) -> Runtime:
    """Returns the official client.

    Args:
        directory: Where its entry point goes.

    Raises:
        LookupError: It was not fetched, or cannot be had for this interpreter.
    """
    python = official_python()
    if python is None:
        raise LookupError(official_unavailable_reason())
    (site_packages,) = python.parent.parent.glob("lib/python*/site-packages")
    entry_point = directory / "runtime"
    install(entry_point)
    shutil.copyfile(Path(__file__).parent / "official_bootstrap.py", entry_point / "bootstrap.py")
    return Runtime("awslambdaric", site_packages, entry_point)


def our_runtime(directory: Path) -> Runtime:
    """Installs ric as its wheel has it.

    Args:
        directory: Where it and its entry point go.
    """
    packages, entry_point = directory / "packages", directory / "runtime"
    _pip("install", "--target", str(packages), str(REPOSITORY))
    install(entry_point)
    return Runtime("ric", packages, entry_point)


def packages_python(name: str) -> Path:
    """Returns the interpreter of an environment; it is made when it is first asked for, or its requirements changed.

    Args:
        name: That of the file below ``requirements/``.
    """
    requirements = REQUIREMENTS / f"{name}.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    # Console scripts name their interpreter by its path, so it is not moved into place when complete, but marked.
    environment = CACHE / "ecosystem" / f"{name}-{_VERSION}-{digest}"
    python, mark = environment / "bin" / "python", environment / "complete"
    if not mark.exists():
        shutil.rmtree(environment, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
        _pip("--python", str(python), "install", "--requirement", str(requirements))
        mark.touch()
    return python


def python_with(runtime: Runtime, directory: Path) -> Path:
    """Makes an environment in which a runtime is importable, and nothing else.

    Args:
        runtime: The runtime.
        directory: Where it goes.

    Returns:
        Its interpreter.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True)
    (site_packages,) = directory.glob("lib/python*/site-packages")
    (site_packages / "runtime.pth").write_text(f"{runtime.directory}\n")
    return directory / "bin" / "python"


def main() -> None:
    """Makes all environments, with a line for each."""
    for requirements in sorted(REQUIREMENTS.glob("*.txt")):
        began_s = time.monotonic()
        packages_python(requirements.stem)
        sys.stdout.write(f"environment {requirements.stem}: {time.monotonic() - began_s:.1f} s\n")
        sys.stdout.flush()


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")


if __name__ == "__main__":
    main()
