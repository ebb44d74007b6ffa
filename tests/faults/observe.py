"""One try: a fault, a client in a process of its own, and what was seen of it.

Rules: output goes to files, because a descendant that outlives the client would hold a pipe open; the process has a
group of its own, which is ended with it; no try takes longer than the fault allows.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from dataclasses import dataclass
from pathlib import Path

from tests.fetch import OFFICIAL_VERSION, official_python
from tests.local_server import clean_environment

from .api import FaultyApi
from .model import Fault, Observation


@dataclass(frozen=True)
class Client:
    """A runtime client.

    Attributes:
        name: As the table calls it.
        command: Starts it.
    """

    name: str
    command: tuple[str, ...]


RIC = Client("ric", (sys.executable, "-m", "ric", "app.handler"))


def official_client() -> Client | None:
    """Returns the official client, or None where it cannot be had."""
    python = official_python()
    if python is None:
        return None
    return Client(f"awslambdaric {OFFICIAL_VERSION}", (str(python), "-m", "awslambdaric", "app.handler"))


def observe(client: Client, fault: Fault) -> Observation:
    """Tries a fault on a client, from its start to the end of either."""
    with tempfile.TemporaryDirectory(prefix="fault-") as directory, FaultyApi(fault) as api:
        return _observe(client, fault, api, Path(directory))


def _observe(client: Client, fault: Fault, api: FaultyApi, directory: Path) -> Observation:
    task_root = directory / "task"
    task_root.mkdir()
    (task_root / "app.py").write_text(textwrap.dedent(fault.source), encoding="utf-8")
    if fault.listens and not fault.late_s:
        api.listen()
    outputs = [directory / "stdout", directory / "stderr"]
    with outputs[0].open("wb") as stdout, outputs[1].open("wb") as stderr:
        process = subprocess.Popen(
            client.command,
            cwd=task_root,
            # Without the path to this repository, where the alias would be found in place of the official client.
            env=clean_environment({"PYTHONPATH": "", "AWS_LAMBDA_RUNTIME_API": api.address, **fault.environment}),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    watcher = threading.Thread(target=lambda: (process.wait(), api.function_has_ended()))
    watcher.start()
    if fault.late_s:
        threading.Event().wait(fault.late_s)  # the time that the server is late, not a wait for something
        api.listen()
    api.wait_until_polled_again(fault.limit_s)
    is_alive = not api.function_ended
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    watcher.join()
    texts = [path.read_text(encoding="utf-8", errors="backslashreplace") for path in outputs]
    status = None if is_alive else process.returncode
    return Observation(tuple(api.posts), api.polled_again, status, *texts)
