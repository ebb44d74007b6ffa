"""Who listens where: the runtime nowhere, the emulator on loopback unless it was told otherwise."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from tests.emulator_running import emulated
from tests.function_run import LAUNCHERS, PYTHON_M_RIC, run_function
from tests.image import REPOSITORY
from tests.listening import LINUX_ONLY, listening_addresses
from tests.local_server import emulating, served

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason=LINUX_ONLY)

LISTENS_WHERE = f"""
import os, sys
sys.path.append({str(REPOSITORY)!r})
from tests.listening import listening_addresses

def handler(event, context):
    return sorted(listening_addresses(os.getpid()))
"""
# The parent of a runtime that takes all invocations in one process, in the place of the emulator, which does listen.
BETWEEN = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-m', 'ric', sys.argv[-1]]))"


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_the_runtime_opens_no_port(tmp_path: Path, launcher: str) -> None:
    """It only ever calls; nobody can call it."""
    assert run_function(tmp_path, LISTENS_WHERE, launcher=launcher).result() == []


@pytest.mark.parametrize("mode", ["process", "thread", "hybrid", "asyncio"])
def test_nor_do_several_workers_and_their_parent(tmp_path: Path, mode: str) -> None:
    """What processes of one environment have to tell each other, they tell over what they inherited."""
    code = LISTENS_WHERE.replace("os.getpid())", "os.getpid()) | listening_addresses(os.getppid())")
    runtime = (sys.executable, "-c", BETWEEN)
    variables = {"AWS_LAMBDA_CONCURRENCY_MODE": mode}
    with emulated(tmp_path, code, runtime=runtime, max_concurrency=2, env=variables) as (emulator, _):
        assert emulator.invoke().json() == []


@pytest.mark.parametrize("options", [("--port", "0"), ("--port", "0", "--host", "localhost")])
def test_the_emulator_is_on_loopback(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Unless it is told otherwise neither of its listeners can be reached from another machine."""
    (tmp_path / "app.py").write_text("def handler(event, context): return 1\n")
    command = [sys.executable, "-m", "ric", "app.handler"]
    with served(command, tmp_path, options=options) as emulator:
        assert emulator.invoke({}).json() == 1
        assert listening_addresses(emulator.process.pid) == {"127.0.0.1"}


def test_so_is_what_starts_without_a_runtime_api(tmp_path: Path) -> None:
    """A function that is started outside of Lambda by ``python -m ric`` is there for this machine alone."""
    (tmp_path / "app.py").write_text("def handler(event, context): return 1\n")
    with emulating([sys.executable, *PYTHON_M_RIC.split()[1:], "app.handler"], tmp_path, {"RIC_PORT": "0"}) as emulator:
        assert emulator.invoke({}).json() == 1
        assert listening_addresses(emulator.process.pid) == {"127.0.0.1"}


def test_the_runtime_api_is_on_loopback_always(tmp_path: Path) -> None:
    """In an image callers come from outside of the container; whoever can answer for the function does not."""
    (tmp_path / "app.py").write_text("def handler(event, context): return 1\n")
    bootstrap = [str(REPOSITORY / "bootstrap"), "app.handler"]
    variables = {"RIC_PORT": "0", "RIC_PYTHON": sys.executable, "LAMBDA_TASK_ROOT": str(tmp_path)}
    with emulating(bootstrap, tmp_path, variables) as emulator:
        assert emulator.invoke({}).json() == 1
        assert listening_addresses(emulator.process.pid) == {"0.0.0.0", "127.0.0.1"}


# Servers of earlier tests in this process may still listen on 127.0.0.1.
@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.9"), (socket.AF_INET6, "::1")])
def test_listening_is_seen(family: socket.AddressFamily, address: str) -> None:
    """The tests above are able to fail."""
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        assert address not in listening_addresses(os.getpid())
        listener.listen()
        assert address in listening_addresses(os.getpid())
