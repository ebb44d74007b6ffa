"""What a container image would hold, for tests of its entry point without a container.

* ``clean_environment``: the variables of a process in an image, whatever the machine that runs the tests has set;
* ``FakePython``: an interpreter that only writes down how it was started;
* ``private_image``: a command with ``/var/runtime``, ``/var/task``, ``/var/lang`` and ``/opt/python`` of its own.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
TIMEOUT_S = 30.0
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

# The function of the tests that need no Runtime API: it tells what it sees when it is imported, and ends there.
# `os._exit` is final: nothing of the runtime can come after it.
REPORTING_HANDLER = """
import json, os, sys
main = sys.modules["__main__"]
report = {
    "path": sys.path,
    "environ": dict(os.environ),
    "executable": sys.executable,
    "argv": sys.argv,
    "modules": sorted(sys.modules),
    "main_has": {"file": main.__file__, "runtime": getattr(getattr(main, "awslambdaricmain", None), "__name__", None)},
    "pid": os.getpid(),
}
with open(os.environ["REPORT"], "w") as file:
    json.dump(report, file)
os._exit(0)
"""


def clean_environment(**variables: str) -> dict[str, str]:
    """Return an environment with a path, the test's own warnings policy, and these variables."""
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONWARNINGS": "error", **variables}


def write_executable(path: Path, text: str) -> Path:
    """Write a script that can be executed."""
    path.write_text(text)
    path.chmod(0o755)
    return path


def run(
    command: list[str | Path], environment: dict[str, str], directory: Path, timeout_s: float = TIMEOUT_S
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with its output as text."""
    return subprocess.run(
        command,
        env=environment,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@dataclass(frozen=True)
class Start:
    """How a fake interpreter was started."""

    argv: list[str]
    environ: dict[str, str]
    pid: int


class FakePython:
    """An interpreter that writes down how it was started, and tells its version when it is asked for that.

    Args:
        path: Where it goes.
        version: What it answers when it is asked for its version.
    """

    def __init__(self, path: Path, version: str = "3.99") -> None:
        self.path = path
        self._notes = path.with_name(path.name + ".notes")
        self._notes.mkdir(parents=True)
        notes = shlex.quote(str(self._notes))
        write_executable(
            path,
            "#!/bin/bash\n"
            f"echo start >>{notes}/starts\n"
            f"[[ $* == *-c* ]] && echo {version} && exit\n"
            f'printf \'%s\\0\' "$0" "$@" >{notes}/argv\n'
            f"/usr/bin/env -0 >{notes}/environ\n"
            f"echo $$ >{notes}/pid\n",
        )

    @property
    def starts(self) -> int:
        """How often it was started, for whatever reason."""
        starts = self._notes / "starts"
        return len(starts.read_text().splitlines()) if starts.exists() else 0

    @property
    def start(self) -> Start:
        """The last start that was to run a program."""
        argv = (self._notes / "argv").read_text().split("\0")[:-1]
        environ = (self._notes / "environ").read_text().split("\0")[:-1]
        pid = int((self._notes / "pid").read_text())
        return Start(argv, dict(variable.split("=", 1) for variable in environ), pid)


# /var and /opt are rebuilt from their entries in a fresh file system, as the machine has no such directories to mount
# on and must not get any; whatever else lies there stays reachable under its name.
_ENTER_IMAGE = r"""
set -e
image=$1; shift
mount --make-rprivate /
rebuild() {  # <directory> <name from the image>...
    local top=$1 entry name; shift
    mkdir -p "$image/stage$top"
    mount -t tmpfs none "$image/stage$top"
    for name; do
        mkdir -p "$image/$top/$name" "$image/stage$top/$name"
        mount --bind "$image/$top/$name" "$image/stage$top/$name"
    done
    for entry in "$top"/* "$top"/.[!.]*; do
        name=$image/stage$top/${entry##*/}
        if [[ -e $name || ! -e $entry && ! -L $entry ]]; then continue
        elif [[ -L $entry ]]; then cp -P "$entry" "$name"; continue
        elif [[ -d $entry ]]; then mkdir "$name"
        else : >"$name"
        fi
        mount --rbind "$entry" "$name"
    done
}
rebuild /var runtime task lang
rebuild /opt python
mount --rbind "$image/stage/var" /var
mount --rbind "$image/stage/opt" /opt
cd /var/task
exec "$@"
"""
_NAMESPACE = (
    ("unshare", "--mount")
    if hasattr(os, "geteuid") and os.geteuid() == 0
    else ("unshare", "--map-root-user", "--mount")
)


def private_image(image: Path, command: list[str | Path]) -> list[str | Path]:
    """Return a command that runs another one inside an image, in the directory ``/var/task``.

    Args:
        image: Holds ``var/runtime``, ``var/task``, ``var/lang`` and ``opt/python``, each created when it is missing.
        command: What to run in there.
    """
    return [*_NAMESPACE, "bash", "-c", _ENTER_IMAGE, "enter-image", image, *command]


@cache
def private_image_refusal(directory: Path) -> str | None:
    """Return why this machine cannot run ``private_image``, as one line, or None when it can."""
    try:
        done = run(private_image(directory, ["true"]), clean_environment(), directory)
    except FileNotFoundError as error:
        return f"no private mount namespace: {error}"
    if done.returncode:
        return f"no private mount namespace: {' '.join(done.stderr.split()) or done.returncode}"
    return None
