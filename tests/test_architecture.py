"""The house of docs/architecture.md, as checks: who imports whom, who reads the environment, what an import does.

The import contract itself is in ``pyproject.toml``, section ``tool.importlinter``.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.image import REPOSITORY, TIMEOUT_S, clean_environment

PACKAGE = REPOSITORY / "ric"
READERS_OF_THE_ENVIRONMENT = ("ric/config.py", "ric/local/variables.py", "ric/testing/environment.py")
"""One for the runtime, one for the emulator, one for tests; besides these the image's entry point reads variables."""

_WAYS_TO_THE_ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}


def run_lint_imports(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs import-linter as from the command line, without its cache of earlier runs."""
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", *options],
        cwd=directory,
        env=clean_environment(PYTHONPATH=str(directory), PYTHONWARNINGS="default"),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_the_import_contract_is_kept() -> None:
    """Modules import downwards only, and each new module must have been given its place."""
    done = run_lint_imports(REPOSITORY, "--no-cache")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("ric/api/protocol.py", "ric.function.faults"),
        ("ric/function/loader.py", "ric.bootstrap"),
        ("ric/function/loader.py", "ric.process.logs"),
        ("ric/bootstrap.py", "ric.process.workers"),
        ("ric/bootstrap.py", "ric.local"),
        ("ric/process/sinks.py", "ric.upstream.names"),
        ("ric/api/client.py", "awslambdaric"),
        ("ric/new_room.py", "ric.config"),
        ("ric/api/transport.py", "requests"),
        ("ric/local/invoke/service.py", "ric.local.runtime.sandbox"),
    ],
)
def test_the_import_contract_finds_a_breach(module: str, imported: str, tmp_path: Path) -> None:
    """The contract is not empty words: one import in the wrong direction, also a late one, breaks it."""
    for package in ("ric", "awslambdaric"):
        for source in (REPOSITORY / package).rglob("*.py"):
            copy = tmp_path / source.relative_to(REPOSITORY)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((REPOSITORY / "pyproject.toml").read_bytes())
    with (tmp_path / module).open("a") as file:
        file.write(f"\n\ndef breach() -> None:\n    import {imported}\n")

    done = run_lint_imports(tmp_path, "--no-cache")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout


def test_the_page_lists_every_room_and_module_and_no_other() -> None:
    """Who reads docs/architecture.md knows what each file is for, and finds each file that it names."""
    page = (REPOSITORY / "docs" / "architecture.md").read_text()
    listing = page.partition("```text\n")[2].partition("```")[0].partition("\n\n")[2]
    listed = []
    room = ""
    for line in filter(None, listing.splitlines()):
        name, _, purpose = line.strip().partition(" ")
        if line.startswith("  "):
            listed.append(room + name)
            assert purpose.strip(), line
        else:
            room = name
            listed.append(room)
    modules = {path.relative_to(REPOSITORY).as_posix() for path in PACKAGE.rglob("*.py")}
    rooms = {module.removesuffix("__init__.py") for module in modules if module.endswith("__init__.py")}
    alone = {module for module in modules if not module.endswith("__init__.py")}

    assert sorted(listed) == sorted(rooms | alone | {"ric/__init__.py"})


def readers_of_the_environment(source: str) -> list[str]:
    """Returns the places of a module's source that read or change the environment by a name of ``os``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in _WAYS_TO_THE_ENVIRONMENT:
            found.append(f"line {node.lineno}: .{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module in ("os", "posix"):
            names = {alias.name for alias in node.names} & _WAYS_TO_THE_ENVIRONMENT
            found += [f"line {node.lineno}: import {name}" for name in sorted(names)]
    return found


def test_one_module_of_each_side_reads_the_environment() -> None:
    """Whoever wants to know which variables count finds those of the runtime in one file, and so on."""
    found = {
        path.relative_to(REPOSITORY).as_posix()
        for path in PACKAGE.rglob("*.py")
        if readers_of_the_environment(path.read_text())
    }

    assert found == set(READERS_OF_THE_ENVIRONMENT)


@pytest.mark.parametrize(
    "source",
    ["import os\nos.environ['A']", "from os import getenv", "import posix as o\no.environ", "import os\nos.getenv"],
)
def test_the_check_for_readers_of_the_environment_finds_them(source: str) -> None:
    """The check above is able to fail."""
    assert len(readers_of_the_environment(source)) == 1


def runtime_modules() -> list[str]:
    """Returns the names of all modules that an image loads."""
    names = []
    for path in sorted([*PACKAGE.rglob("*.py"), *(REPOSITORY / "awslambdaric").glob("*.py")]):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        if parts[:2] not in (("ric", "local"), ("ric", "cli")):
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


# What the standard library and others do to the environment, to logging and so on when they are imported is theirs, so
# they are imported before the watch. Sockets and files are watched without that, too.
_LIBRARIES = """
import asyncio, decimal, gc, json, logging, signal, simplejson, snapshot_restore_py, socket, tokenize, traceback, typing
import importlib.util, collections.abc, contextlib, pathlib, pytest, shutil, tempfile, time
"""
_START = """
import os, sys
sys.path.insert(0, sys.argv[1])
"""
_WATCH = """
happened = []

def watch(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.fork", "os.exec", "os.system", "os.posix_spawn", "os.putenv")):
        happened.append(event)
    elif event == "open":
        path, mode, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR):
            happened.append(f"opens {path} to write")
        elif not str(path).endswith((".py", ".pyc", ".so")):  # the modules themselves
            happened.append(f"opens {path}")

sys.dont_write_bytecode = True
"""
_IMPORT_IN_A_FRESH_PROCESS = f"""{_START}{_WATCH}
sys.addaudithook(watch)
__import__(sys.argv[2])
seen = list(happened)
import json
print(json.dumps(seen))
"""
_STATE = """
class WatchedEnvironment(type(os.environ)):
    def __getitem__(self, name):
        happened.append(f"reads {name}")
        return super().__getitem__(name)
    def __setitem__(self, name, value):
        happened.append(f"sets {name}")
        super().__setitem__(name, value)
    def __delitem__(self, name):
        happened.append(f"deletes {name}")
        super().__delitem__(name)
    def __iter__(self):
        happened.append("reads all variables")
        return super().__iter__()

def state():
    root = logging.getLogger()
    return {
        "root handlers": list(root.handlers),
        "root level": root.level,
        "logging converter": logging.Formatter.converter,
        "stdout": sys.stdout,
        "stderr": sys.stderr,
        "SIGTERM": signal.getsignal(signal.SIGTERM),
        "SIGINT": signal.getsignal(signal.SIGINT),
        "excepthook": sys.excepthook,
        "collector": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
        "default time-out": socket.getdefaulttimeout(),
        "directory": os.getcwd(),
    }
"""
_IMPORT_UNDER_WATCH = f"""{_START}{_LIBRARIES}{_WATCH}{_STATE}
before = state()
os.environ.__class__ = WatchedEnvironment
sys.addaudithook(watch)
__import__(sys.argv[2])
after, seen = state(), list(happened)
os.environ.__class__ = WatchedEnvironment.__base__
print(json.dumps([*seen, *(f"changes {{name}}" for name in before if before[name] != after[name])]))
"""


def what_an_import_does(directory: Path, module: str, program: str = _IMPORT_UNDER_WATCH) -> list[str]:
    """Returns what importing the module does besides defining names."""
    done = subprocess.run(
        [sys.executable, "-c", program, str(directory), module],
        env=clean_environment(AWS_LAMBDA_RUNTIME_API="127.0.0.1:9", AWS_LAMBDA_LOG_FORMAT="JSON", _HANDLER="a.b"),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    effects: list[str] = json.loads(done.stdout)
    return effects


@pytest.mark.parametrize("module", runtime_modules())
def test_importing_a_module_has_no_effects(module: str) -> None:
    """Importing reads no variables, opens no sockets, starts nothing and leaves logging, streams and signals alone."""
    assert what_an_import_does(REPOSITORY, module) == []


@pytest.mark.parametrize("module", [name for name in runtime_modules() if not name.startswith("ric.testing")])
def test_importing_a_module_in_a_fresh_process(module: str) -> None:
    """Together with all that it imports, a module opens no socket and no file but the modules, and starts nothing."""
    assert what_an_import_does(REPOSITORY, module, _IMPORT_IN_A_FRESH_PROCESS) == []


@pytest.mark.parametrize(
    ("statement", "effect"),
    [
        ("socket.socket().close()", "socket.__new__"),
        ("socket.getaddrinfo('localhost', 1)", "socket.getaddrinfo"),
        ("open('/dev/null').close()", "opens /dev/null"),
        ("os.close(os.open('/dev/null', os.O_RDONLY))", "opens /dev/null"),
        ("open('/dev/null', 'w').close()", "opens /dev/null to write"),
        ("__import__('subprocess').run(['true'])", "subprocess.Popen"),
    ],
)
@pytest.mark.parametrize("program", [_IMPORT_IN_A_FRESH_PROCESS, _IMPORT_UNDER_WATCH], ids=["fresh", "prepared"])
def test_the_watch_over_files_and_sockets_sees(program: str, statement: str, effect: str, tmp_path: Path) -> None:
    """The watch is able to fail."""
    (tmp_path / "busy.py").write_text(f"import os, socket\n{statement}\n")

    assert effect in what_an_import_does(tmp_path, "busy", program)


@pytest.mark.parametrize(
    ("statement", "effect"),
    [
        ("os.environ.get('A')", "reads A"),
        ("os.getenv('A')", "reads A"),
        ("os.environ['A'] = ''", "sets A"),
        ("logging.basicConfig()", "changes root handlers"),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", "changes SIGTERM"),
        ("os.system('true')", "os.system"),
        ("gc.freeze()", "changes collector"),
    ],
)
def test_the_watch_over_imports_sees(statement: str, effect: str, tmp_path: Path) -> None:
    """The watch is able to fail."""
    (tmp_path / "busy.py").write_text(f"import gc, logging, os, signal, socket\n{statement}\n")

    assert effect in what_an_import_does(tmp_path, "busy")
