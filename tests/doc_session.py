"""What a reader does who follows a page: writes its files, runs its programs, types its commands, all in one directory.

Rules:

* A ``console`` block is a session: lines that begin with ``$`` are typed, the others have to come, where ``...`` stands
  for anything and white space is free. An ``sh`` block is a script.
* Ports that pages name are others, free ones, here: in files and commands. What is shown has the page's numbers again.
* No variable of the machine that runs the tests is seen, and no program but those of this environment and the system.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.cli_run import Running
from tests.doc_blocks import Block
from tests.image import TIMEOUT_S, clean_environment

_PORTS = ("5678", "8080", "9000", "9001")
_MARK = "\x1e"
_INVOKE = """
import json, sys
from ric.testing import invoke
module, invocations = sys.argv[1], json.loads(sys.argv[2])
for event, expected in invocations:
    result = invoke(module + ".handler", event)
    assert result.error is None, (event, result.error, result.logs)
    assert result.payload == expected, (event, result.payload)
"""
_ALL_TESTS = re.compile(r"^\$ python -m pytest( -\S+)*$", re.MULTILINE)
_KNOWN_INSTRUCTIONS = {"FROM", "ARG", "COPY", "RUN", "WORKDIR", "ENV", "ENTRYPOINT", "CMD", "USER"}


def follow(found: list[Block], directory: Path) -> None:
    """Does what a page says.

    Raises:
        AssertionError: It does not work, or a file is of no use.
    """
    files = [block for block in found if block.file]
    with Session(directory) as session:
        for block in found:
            session.follow(block)
        session.finish(files)
    for block in files:
        assert _is_used(block, files, session.used), f"line {block.line}: nothing in the page uses {block.file}"


class Session(contextlib.ExitStack):
    """One reader with one page.

    Args:
        directory: Where the reader works; empty.

    Attributes:
        used: All that was typed and run, to see which files are of use.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self.used = ""
        self._running: list[tuple[Running, str]] = []
        self._ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        self._pages = {here: page for page, here in self._ports.items()}
        self._environment = clean_environment(
            HOME=str(directory),
            PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            RIC_PORT=self._ports["8080"],
            COLUMNS="100",
            PYTHONDONTWRITEBYTECODE="1",
            # As in the reader's environment, where ric is the only plugin of pytest.
            PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
            PYTEST_ADDOPTS="-p ric.testing.plugin",
        )

    def follow(self, block: Block) -> None:
        """Does what a block asks for.

        Raises:
            AssertionError: It does not do what the page says, or cannot be done.
        """
        if block.change:
            self._change(*block.change, block.line)
        if block.file:
            path = self.directory / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._here(block.text))
        elif block.not_run or block.language == "text":
            return
        elif block.language == "python":
            self._run([sys.executable, "-c", self._here(block.text)], block)
        elif block.language == "sh":
            self._run(["bash", "-euc", self._here(block.text)], block)
        elif block.language == "console":
            self._type(block)
        elif block.language == "json":
            json.loads(block.text)
        else:
            raise AssertionError(
                f"line {block.line}: a block in {block.language or 'no language'} is no file and not marked as not run"
            )
        self.used += block.text if block.language in ("sh", "console", "python") and not block.file else ""

    def finish(self, files: list[Block]) -> None:
        """Does with the page's files what no command of it does: invokes handlers, runs tests, checks Dockerfiles.

        Args:
            files: The blocks that are files.
        """
        for block in files:
            if block.invocations:
                module = block.file.removesuffix(".py")
                self._run([sys.executable, "-c", _INVOKE, module, json.dumps(block.invocations)], block)
            elif block.language == "dockerfile":
                self._check_image(block)
        tests = [block for block in files if _is_test(block)]
        if tests and not _ALL_TESTS.search(self.used):
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
            self._run([*command, *(block.file for block in tests)], tests[0])

    def _change(self, file: str, old: str, new: str, line: int) -> None:
        """Edits a file; what goes on shows then what it showed when it had started."""
        path = self.directory / file
        text = path.read_text()
        assert old in text, f"line {line}: there is no {old!r} in {file}"
        shown = [len(running.shown) for running, _ in self._running]
        path.write_text(text.replace(old, new))
        for (running, until), position in zip(self._running, shown, strict=True):
            running.wait_for(until, after=position)

    def _run(self, command: list[str], block: Block) -> None:
        done = self._execute(command)
        assert done.returncode == block.exit_code, f"line {block.line}: exit code {done.returncode}\n{done.stdout}"

    def _type(self, block: Block) -> None:
        typed = _typed(block.text)
        if block.until:
            assert len(typed) == 1, f"line {block.line}: only one command can go on"
            self._start(self._here(typed[0][0]), self._here(block.until))
            return
        script = "".join(f"{self._here(command)}\nprintf '{_MARK}%s{_MARK}' $?\n" for command, _ in typed)
        parts = self._as_in_the_page(self._execute(["bash", "-c", script]).stdout).split(_MARK)
        for number, (command, expected) in enumerate(typed):
            shown, code = parts[2 * number], int(parts[2 * number + 1])
            wanted = block.exit_code if number == len(typed) - 1 else 0
            assert code == wanted, f"line {block.line}: {command} ended with {code}\n{shown}"
            assert _agrees(shown, expected), f"line {block.line}: {command} showed\n{shown}\nnot\n{expected}"

    def _execute(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def _start(self, command: str, until: str) -> None:
        ours, theirs = os.pipe()
        process = subprocess.Popen(
            ["bash", "-c", f"exec env {command}"],
            cwd=self.directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        running = Running(process, ours)
        self.callback(_end, running)
        running.wait_for(until)
        self._running.append((running, until))

    def _here(self, text: str) -> str:
        return re.sub(rf"\b({'|'.join(_PORTS)})\b", lambda found: self._ports[found[0]], text)

    def _as_in_the_page(self, text: str) -> str:
        return re.sub("|".join(self._ports.values()), lambda found: self._pages[found[0]], text)

    def _check_image(self, block: Block) -> None:
        """Checks that a Dockerfile copies what is there and starts what exists."""
        lines = re.sub(r"\\\n\s*", "", block.text).splitlines()
        instructions = [line.split(None, 1) for line in lines if line.strip() and not line.startswith("#")]
        assert instructions[0][0] in ("FROM", "ARG"), f"line {block.line}: {instructions[0]}"
        for name, value in instructions:
            assert name in _KNOWN_INSTRUCTIONS, f"line {block.line}: {name}"
            if name == "COPY" and "--from=" not in value:
                for source in (word for word in value.split()[:-1] if not word.startswith("--")):
                    # The wheel is what `make build` makes.
                    assert source.startswith("dist/ric-") or list(self.directory.glob(source)), (
                        f"line {block.line}: there is no {source} to copy"
                    )
            if name == "CMD":
                module, _, handler = json.loads(value)[-1].rpartition(".")
                self._run([sys.executable, "-c", f"from {module} import {handler}"], Block(block.line, "", ""))


def _is_test(block: Block) -> bool:
    return Path(block.file).name.startswith("test_")


def _is_used(block: Block, files: list[Block], typed: str) -> bool:
    """Whether a file is invoked, is a test, or is named by a command, a program or another file."""
    if block.invocations or _is_test(block) or block.language == "dockerfile":
        return True
    name = re.compile(rf"\b{re.escape(Path(block.file).stem)}\b")
    return any(name.search(text) for text in (typed, *(other.text for other in files if other is not block)))


def _typed(text: str) -> list[tuple[str, str]]:
    """Returns the commands of a session, each with what it shows."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert not parts[0].strip(), f"a session begins with a command, not with {parts[0]!r}"
    typed = []
    for part in parts[1:]:
        command, _, shown = part.partition("\n")
        while command.endswith("\\"):
            line, _, shown = shown.partition("\n")
            command = f"{command}\n{line}"
        typed.append((command, shown))
    return typed


def _agrees(shown: str, expected: str) -> bool:
    pieces = [r"\s+".join(re.escape(word) for word in piece.split()) for piece in expected.split("...")]
    return (
        re.fullmatch(r"\s*" + r"(?:.*?)".join(rf"\s*{piece}\s*" for piece in pieces) + r"\s*", shown, re.DOTALL)
        is not None
    )


def _end(running: Running) -> None:
    running.process.send_signal(signal.SIGTERM)
    try:
        running.wait()
    finally:
        running.process.kill()
        running.process.wait()


def _free_ports(count: int) -> list[str]:
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [str(listener.getsockname()[1]) for listener in listeners]
