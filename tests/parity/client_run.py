"""One run of one client, which yields what is compared.

Rules:
* the environment of the process is made here from nothing, so that a run is the same on every machine;
* the time zone is far from UTC, so that a client which logs local time is found out.
"""

from __future__ import annotations

import sys
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..fetch import official_python
from .model import Group, Segment, Variant
from .normalise import Normaliser
from .process_run import run_process
from .server import ScriptedAnswer

BASE_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "TZ": "PARITY-5:30",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",  # sets are shown in the same order by both clients
    "AWS_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_NAME": "parity",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/parity",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2024/01/01/[$LATEST]abcdef",
}


@dataclass(frozen=True)
class Client:
    """A runtime client that can be started."""

    name: str
    python: Path
    module: str
    own_directories: tuple[Path, ...]
    """Where its files are: their names and lines in stack traces must differ."""
    site_packages: Path


def official_client() -> Client:
    """Return the official client.

    Raises:
        LookupError: it was not fetched, or cannot be had for this interpreter.
    """
    python = official_python()
    if python is None:
        raise LookupError("the official client is not there")
    site_packages = python.parent.parent / "lib" / "python{}.{}".format(*sys.version_info) / "site-packages"
    return Client("official", python, "awslambdaric", (site_packages / "awslambdaric",), site_packages)


def our_client() -> Client:
    """Return ric as the running interpreter has it installed."""
    packages = [find_spec(name) for name in ("ric", "awslambdaric")]
    directories = [
        Path(spec.submodule_search_locations[0]) for spec in packages if spec and spec.submodule_search_locations
    ]
    return Client("ric", Path(sys.executable), "ric", tuple(directories), Path(sysconfig.get_path("purelib")))


def run_client(
    client: Client, group: Group, variant: Variant, task_root: Path, script: Sequence[ScriptedAnswer]
) -> list[Segment]:
    """Run a client until the script is exhausted or it ends by itself.

    Args:
        client: which one.
        group: function and environment.
        variant: further environment, and where the logs go.
        task_root: directory that holds the function; both clients get the same, so that paths are equal.
        script: the answers to ``/next``.

    Returns:
        Normalised segments: the start, then one for each invocation the client took.
    """
    began_s = time.time()
    segments = run_process(
        [client.python, "-m", client.module, group.handler],
        task_root,
        {**BASE_ENVIRONMENT, **group.environment, **variant.environment},
        script,
        framed=variant.framed,
    )
    normaliser = Normaliser(client.own_directories, client.site_packages, began_s)
    return [normaliser.segment(segment) for segment in segments]
