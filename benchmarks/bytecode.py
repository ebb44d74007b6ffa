"""What compiled modules in an image save at a start: ``python benchmarks/bytecode.py [STARTS]``.

Official Python images ship without byte code of the standard library, and where nothing can be written, as in Lambda,
every start compiles what it imports. Measured here are starts with byte code for packages only; for what pip imports,
which is there when pip has run in the image; for the whole standard library; and for everything. They start in turns,
so that whatever else happens on the machine happens to all. The byte code is not in ``__pycache__`` but in a directory
for each, of which parts are removed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

# Run as a program: the repository is where the other modules are.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import cold
from benchmarks.contenders import FUNCTIONS, Contender, ric
from benchmarks.results import Result

STARTS = 20
FUNCTIONS_MEASURED = {
    "hello": ("app.echo", False),
    "async, logging, json, urllib": ("async_json.echo", False),
    "two boto3 clients": ("with_boto3.echo", True),
}
STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib")).resolve()
AFTER_PIP = "packages, what pip imports"
LEFT_OUT = {
    "packages only": (STANDARD_LIBRARY, FUNCTIONS),
    AFTER_PIP: (STANDARD_LIBRARY, FUNCTIONS),
    "packages, standard library": (FUNCTIONS,),
    "everything": (),
}


def contender(name: str, byte_code: Path, *, is_complete: bool) -> Contender:
    """Returns ric with byte code from a directory, to which it adds nothing once that is complete."""
    variables = {"PYTHONPYCACHEPREFIX": str(byte_code), "PYTHONDONTWRITEBYTECODE": "1" if is_complete else ""}
    base = ric(through_bootstrap=True)
    return Contender(name, base.command, base.variables | variables, base.search_path)


def main() -> None:
    """Prints a table for each function."""
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else STARTS
    with tempfile.TemporaryDirectory() as directory:
        complete = Path(directory, "complete")
        contenders = []
        for name, (handler, with_boto3) in FUNCTIONS_MEASURED.items():
            filling = contender("fill", complete, is_complete=False)
            cold.measure(name, handler, [filling], 1, with_boto3=with_boto3)
        for name, parts in LEFT_OUT.items():
            byte_code = Path(directory, name)
            shutil.copytree(complete, byte_code)
            for part in parts:
                _remove_modules_of(byte_code / part.relative_to("/"))
            if name == AFTER_PIP:
                _run_pip(byte_code)
            contenders.append(contender(name, byte_code, is_complete=True))
        for name, (handler, with_boto3) in FUNCTIONS_MEASURED.items():
            sys.stdout.write(_table(cold.measure(name, handler, contenders, starts, with_boto3=with_boto3)))


def _table(result: Result) -> str:
    lines = [f"\n{result.name}: ms to the first answer; median, middle half, ratio to the first row"]
    first = next(iter(result.rows))
    for name, figures in result.rows.items():
        figure = figures["to the first answer"]
        ratio = result.ratio(name, first, "to the first answer")
        lines.append(f"{name:>26} {figure.median:7.1f} ({figure.low:.1f} to {figure.high:.1f}) {ratio:5.2f}")
    return "\n".join(lines) + "\n"


def _run_pip(byte_code: Path) -> None:
    """Has pip install something, which leaves byte code of what pip itself imports."""
    with tempfile.TemporaryDirectory() as target:
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, "simplejson>=3.20.1"],
            env={**os.environ, "PYTHONPYCACHEPREFIX": str(byte_code), "PYTHONDONTWRITEBYTECODE": ""},
            check=True,
        )


def _remove_modules_of(directory: Path) -> None:
    """Removes the byte code of a directory and of what is below, save for installed packages."""
    for file in directory.rglob("*.pyc"):
        if "site-packages" not in file.parts:
            file.unlink()


if __name__ == "__main__":
    main()
