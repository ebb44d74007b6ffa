"""One run of a function, in a process of its own, against a scripted Runtime API on loopback.

Rules: the function is source text, because what these tests protect happens when modules are imported; the environment
is made here from nothing; the process ends by itself, or is ended when it asks for an invocation that is not there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.image import REPOSITORY, TIMEOUT_S, clean_environment
from tests.parity.model import DEFAULT_HEADERS, REQUEST_ID_HEADER, Request
from tests.parity.server import ScriptedAnswer, ScriptedRuntimeApi, make_answer

PYTHON_M_RIC = "python -m ric"
PYTHON_M_AWSLAMBDARIC = "python -m awslambdaric"
BOOTSTRAP_PY = "bootstrap.py"
LAUNCHERS = (PYTHON_M_RIC, PYTHON_M_AWSLAMBDARIC, BOOTSTRAP_PY)
"""The ways in which images start the runtime."""

HANDLER = "app.handler"
RESPONSE = "/response"
ERROR = "/error"
INIT_ERROR = "/init/error"


@dataclass(frozen=True)
class Run:
    """What was seen of a process.

    Attributes:
        requests: All it sent, in order.
        stdout: Its output.
        stderr: Its error output.
        exit_code: How it ended; None when it was ended after the last invocation.
    """

    requests: list[Request]
    stdout: str
    stderr: str
    exit_code: int | None

    def posts(self, path_end: str) -> list[Request]:
        """Returns what was posted to paths that end like this."""
        return [request for request in self.requests if request.method == "POST" and request.path.endswith(path_end)]

    def results(self) -> list[Any]:
        """Returns what the handler returned, decoded, for each invocation that succeeded."""
        return [json.loads(request.body) for request in self.posts(RESPONSE)]

    def result(self) -> Any:
        """Returns what the handler returned for the only invocation."""
        results = self.results()
        assert len(results) == 1, self
        return results[0]


def invocation(event: object = None, number: int = 1, **headers: str) -> ScriptedAnswer:
    """Returns an answer to ``/next``.

    Args:
        event: The event, before encoding.
        number: Makes the request id: ``request-<number>``.
        headers: Further headers, with underscores for hyphens; they replace those of the same name.
    """
    further = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json.dumps(event).encode()
    return ScriptedAnswer(
        make_answer(200, {**DEFAULT_HEADERS, REQUEST_ID_HEADER: f"request-{number}", **further}, body)
    )


def run_function(
    task_root: Path,
    source: str,
    script: Sequence[ScriptedAnswer] | None = None,
    *,
    launcher: str = PYTHON_M_RIC,
    environment: dict[str, str] | None = None,
    interpreter_options: Sequence[str] = (),
    interpreter: str = sys.executable,
    on_next: Callable[[int], None] = lambda request_count: None,
) -> Run:
    """Runs the function until the script is exhausted or the process ends by itself.

    Args:
        task_root: The function's directory; its module is written there.
        source: The module's text, indented as the caller likes; its handler is called ``handler``.
        script: The answers to ``/next``; by default one invocation.
        launcher: One of LAUNCHERS, or the text of a program to run in place of one.
        environment: Variables besides the ordinary ones.
        interpreter_options: Options of the Python interpreter.
        interpreter: The Python interpreter, if it is not the test's own.
        on_next: Called with the number of requests so far when the process asks for an invocation, before it gets one.
    """
    (task_root / "app.py").write_text(textwrap.dedent(source))
    started = threading.Event()
    processes: list[subprocess.Popen[str]] = []
    was_ended = threading.Event()

    def end() -> None:
        assert started.wait(TIMEOUT_S)
        was_ended.set()
        processes[0].kill()

    with ScriptedRuntimeApi([invocation()] if script is None else script, on_next, end) as api:
        variables = {"AWS_LAMBDA_RUNTIME_API": api.address, "AWS_LAMBDA_FUNCTION_NAME": "dependents"}
        command, more = _command(launcher, task_root)
        process = subprocess.Popen(
            [interpreter, *interpreter_options, *command],
            cwd=task_root,
            env=clean_environment(**variables, **more, **(environment or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        processes.append(process)
        started.set()
        try:
            stdout, stderr = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            stdout, stderr = process.communicate()
            raise AssertionError(f"the function did not end; it wrote {stdout!r} and {stderr!r}") from None
    return Run(api.requests, stdout, stderr, None if was_ended.is_set() else process.returncode)


def _command(launcher: str, task_root: Path) -> tuple[list[str], dict[str, str]]:
    if launcher == BOOTSTRAP_PY:
        return [str(REPOSITORY / "bootstrap.py")], {"_HANDLER": HANDLER, "LAMBDA_TASK_ROOT": str(task_root)}
    if launcher in LAUNCHERS:
        return ["-m", launcher.rpartition(" ")[2], HANDLER], {}
    return ["-c", textwrap.dedent(launcher)], {}
