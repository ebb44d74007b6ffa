"""Who is measured: ric, the official client in its two modes, two loops on HTTP libraries, and two limits.

The limits are the same bytes in C, and the least that can be done in Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.api import BenchmarkApi
from benchmarks.environments import boto3_path, ric_python
from tests.fetch import CACHE, official_python

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
FUNCTIONS = HERE / "functions"

RIC = "ric"
OFFICIAL = "awslambdaric"
OFFICIAL_312 = "awslambdaric, 3.12+ mode"
REQUESTS = "requests"
HTTP_CLIENT = "http.client"
LIMIT = "C ping-pong"
FLOOR = "bare Python"


@dataclass(frozen=True)
class Contender:
    """A program that can be measured.

    Args:
        name: How it is called in the report.
        command: Program and arguments; the handler is appended.
        variables: Its variables besides those that all have.
        search_path: Where it finds itself, if that is not installed.
        takes_handler: False for the limit, which runs no function.
    """

    name: str
    command: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)
    search_path: tuple[str, ...] = ()
    takes_handler: bool = True

    def start(
        self, api: BenchmarkApi, handler: str, *, with_boto3: bool = False, errors: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        """Starts it; what it writes to standard output is thrown away.

        Args:
            api: Where it asks for events.
            handler: ``module.function``, in benchmarks/functions.
            with_boto3: Whether the handler needs boto3.
            errors: Where its standard error goes.
        """
        host, _, port = api.address.partition(":")
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "",  # so that the second start finds what the first has compiled
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "bench",
            "LAMBDA_TASK_ROOT": str(FUNCTIONS),
            "_HANDLER": handler,
            **self.variables,
        }
        environment["PYTHONPATH"] = os.pathsep.join([*self.search_path, *([str(boto3_path())] if with_boto3 else [])])
        arguments = [handler] if self.takes_handler else [host, port]
        return subprocess.Popen(
            [*self.command, *arguments],
            cwd=FUNCTIONS,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )


def ric(*, through_bootstrap: bool = False) -> Contender:
    """Returns ric, started by ``python -m`` or by the image's entry point."""
    python, search_path = str(ric_python()), (str(REPOSITORY),)
    if not through_bootstrap:
        return Contender(RIC, (python, "-m", "ric"), search_path=search_path)
    return Contender(f"{RIC}, bootstrap", (str(REPOSITORY / "bootstrap"),), {"RIC_PYTHON": python}, search_path)


def official(*, in_312_mode: bool = False) -> Contender | None:
    """Returns the official client, if it can be had for this interpreter (``tests/fetch.py`` gets it)."""
    python = official_python()
    if python is None:
        return None
    variables = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.12"} if in_312_mode else {}
    return Contender(OFFICIAL_312 if in_312_mode else OFFICIAL, (str(python), "-m", "awslambdaric"), variables)


def loop(name: str) -> Contender:
    """Returns one of the loops on HTTP libraries."""
    program = {REQUESTS: "requests_loop.py", HTTP_CLIENT: "http_client_loop.py"}[name]
    return Contender(name, (sys.executable, str(HERE / "clients" / program)))


def floor() -> Contender:
    """Returns the least that a client in Python does, in the environment of ric; for small events only."""
    return Contender(FLOOR, (str(ric_python()), "-m", "bare_loop"), search_path=(str(HERE / "clients"),))


def limit() -> Contender | None:
    """Returns the ping-pong in C, compiled on the spot, if there is a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    program = CACHE / "ping_pong"
    source = HERE / "clients" / "ping_pong.c"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        CACHE.mkdir(exist_ok=True)
        subprocess.run([compiler, "-O2", "-o", str(program), str(source)], check=True)
    return Contender(LIMIT, (str(program),), takes_handler=False)


def present(*candidates: Contender | None) -> list[Contender]:
    """Returns those that can be had on this machine."""
    return [candidate for candidate in candidates if candidate is not None]


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a contender."""
    process.kill()
    process.wait()
