"""``python -m docs.make_picture``, in the top directory: makes ``docs/ric-dev.svg`` from a real session of ``ric dev``.

Runs the command on a terminal with a copy of ``examples/hello``, invokes the function, breaks it, invokes it again,
and repairs it. What the terminal got becomes the picture; added is the line with the prompt, and the directory is shown
as ``~/hello``.
"""

from __future__ import annotations

import io
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.cli_run import RIC, Running, running

REPOSITORY = Path(__file__).resolve().parent.parent
PICTURE = REPOSITORY / "docs" / "ric-dev.svg"
WIDTH = 120
WORKING = 'request = event["requestContext"]["http"]'
BROKEN = 'request = event["requestContext"]["https"]'


def main() -> int:
    """Returns the exit code."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary) / "hello"
        shutil.copytree(REPOSITORY / "examples" / "hello", directory, ignore=shutil.ignore_patterns("__pycache__"))
        shown = record(directory)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ ric dev app.handler", "bold"))
    console.print(Text.from_ansi(shown.replace(str(directory), "~/hello").replace("\r\n", "\n").rstrip()))
    picture = console.export_svg(title="ric dev")
    # The picture stands alone: with the reader's own font rather than one from the web.
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL), encoding="utf-8")
    return 0


def record(directory: Path) -> str:
    """Returns what the terminal got."""
    with running(["dev", "app.handler"], directory, on_terminal=True, variables={"COLUMNS": str(WIDTH)}) as dev:
        position = dev.wait_for(" started in ")
        invoke("apigw-v2")
        position = replace(dev, directory / "app.py", WORKING, BROKEN, position)
        invoke("function-url")
        replace(dev, directory / "app.py", BROKEN, WORKING, position)
        invoke("function-url")
        dev.process.send_signal(signal.SIGINT)
        dev.wait()
        return dev.shown


def invoke(example: str) -> None:
    """Sends an example event to the running function."""
    subprocess.run(
        [*RIC, "invoke", "--url", "http://127.0.0.1:8080", "--example", example], capture_output=True, check=False
    )


def replace(dev: Running, file: Path, old: str, new: str, position: int) -> int:
    """Edits the function, and waits until it has started again."""
    text = file.read_text()
    if old not in text:
        raise ValueError(f"{file} has no {old!r} to replace")
    file.write_text(text.replace(old, new))
    return dev.wait_for(" started in ", after=dev.wait_for("starting again", after=position))


if __name__ == "__main__":
    sys.exit(main())
