"""Fetches what the tests need into ``.cache/``: the Runtime Interface Emulator, the official client, and busybox.

Rules:
* run with the interpreter of the project's environment; the standard library and pip are all it needs, and apt-get for
  busybox;
* it may be run any time: what is there already is left alone, and takes no time;
* a thing appears under its final name when it is complete, never before (temporary directory, then a rename);
* a thing that cannot be had on this machine leaves ``<name>.unavailable`` with the reason, which tests print when they
  skip. A failed download is not such a reason: it ends the program with exit code 1, so that the next run tries again.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

OFFICIAL_VERSION = "4.2.2"
SAM_CLI_VERSION = "1.170.0"

CACHE = Path(__file__).resolve().parent.parent / ".cache"
_RIE = CACHE / "rie" / "aws-lambda-rie"
_RIE_UNAVAILABLE = CACHE / "rie.unavailable"
_PYTHON_VERSION = "{}.{}".format(*sys.version_info)
_OFFICIAL = CACHE / f"awslambdaric-{_PYTHON_VERSION}"
_OFFICIAL_UNAVAILABLE = CACHE / f"awslambdaric-{_PYTHON_VERSION}.unavailable"

_BUSYBOX = CACHE / "busybox"
_BUSYBOX_UNAVAILABLE = CACHE / "busybox.unavailable"
_BUSYBOX_PACKAGE = "busybox-static"

# What pip says when the index could be asked and has nothing that fits this interpreter. With the network down it says
# the same, after lines that name the connection.
_NOTHING_FITS = "No matching distribution found"
_SIGNS_OF_A_BAD_CONNECTION = ("Retrying (", "ConnectionError", "NewConnectionError", "ReadTimeoutError")


class FetchError(Exception):
    """A program could not do what it was asked; the text is what it said."""


def rie_path() -> Path | None:
    """Return the emulator's executable, or None when this machine has none (see ``rie_unavailable_reason``)."""
    return _RIE if _RIE.is_file() else None


def rie_unavailable_reason() -> str:
    """Return why ``rie_path`` is None, as one line for a skipped test."""
    return _reason(_RIE_UNAVAILABLE, "the Runtime Interface Emulator")


def official_python() -> Path | None:
    """Return an interpreter of this version that has the official client installed, or None."""
    python = _OFFICIAL / "bin" / "python"
    return python if python.is_file() else None


def official_unavailable_reason() -> str:
    """Return why ``official_python`` is None, as one line for a skipped test."""
    return _reason(_OFFICIAL_UNAVAILABLE, f"awslambdaric {OFFICIAL_VERSION}")


def busybox_path() -> Path | None:
    """Return busybox, the shell of Alpine's images, or None when this machine has none."""
    return _BUSYBOX if _BUSYBOX.is_file() else None


def busybox_unavailable_reason() -> str:
    """Return why ``busybox_path`` is None, as one line for a skipped test."""
    return _reason(_BUSYBOX_UNAVAILABLE, "busybox")


def fetch_rie() -> None:
    """Put the emulator for this machine's architecture into the cache; it travels in the wheel of AWS SAM CLI.

    Raises:
        FetchError: the wheel could not be downloaded.
    """
    if _RIE.is_file():
        return
    architecture = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine().lower()
    )
    if sys.platform != "linux" or architecture is None:
        _write_reason(_RIE_UNAVAILABLE, f"no emulator for {sys.platform} on {platform.machine()}")
        return
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        # Only a file inside the wheel is wanted: its requirements, also that on the interpreter, do not matter.
        options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--dest", directory]
        _pip("download", *options, f"aws-sam-cli=={SAM_CLI_VERSION}")
        (wheel,) = Path(directory).glob("*.whl")
        unpacked = Path(directory) / "rie"
        unpacked.mkdir()
        executable = unpacked / "aws-lambda-rie"
        with zipfile.ZipFile(wheel) as archive:
            executable.write_bytes(archive.read(f"samcli/local/rapid/aws-lambda-rie-{architecture}"))
        executable.chmod(0o755)
        _publish(unpacked, _RIE.parent)


def fetch_official() -> None:
    """Install the official client in an environment of its own, for the version of the running interpreter.

    Raises:
        FetchError: the package could not be downloaded.
    """
    if official_python() is not None or _OFFICIAL_UNAVAILABLE.is_file():
        return
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        environment = Path(directory) / "environment"
        # The pip that runs this program serves that environment too, which saves installing one there.
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
        python = environment / "bin" / "python"
        requirement = f"awslambdaric=={OFFICIAL_VERSION}"
        try:
            _pip("--python", str(python), "install", "--only-binary=:all:", requirement)
        except FetchError as error:
            said = str(error)
            if _NOTHING_FITS not in said or any(sign in said for sign in _SIGNS_OF_A_BAD_CONNECTION):
                raise
            reason = f"{requirement} has no wheel for Python {_PYTHON_VERSION} on {platform.machine()}"
            _write_reason(_OFFICIAL_UNAVAILABLE, reason)
            return
        _publish(environment, _OFFICIAL)


def fetch_busybox() -> None:
    """Put a busybox that needs no libraries into the cache, from Debian's package.

    Raises:
        FetchError: the package could not be downloaded.
    """
    if _BUSYBOX.is_file() or _BUSYBOX_UNAVAILABLE.is_file():
        return
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        _write_reason(_BUSYBOX_UNAVAILABLE, f"no busybox: this machine has no apt-get to get {_BUSYBOX_PACKAGE} with")
        return
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        try:
            _run(["apt-get", "download", _BUSYBOX_PACKAGE], directory)
        except FetchError:
            # A machine that never had its lists of packages, which only root can get.
            _run(["apt-get", "update"], directory)
            _run(["apt-get", "download", _BUSYBOX_PACKAGE], directory)
        (package,) = Path(directory).glob("*.deb")
        _run(["dpkg-deb", "--extract", str(package), directory], directory)
        (executable,) = Path(directory).rglob("bin/busybox")
        _publish(executable, _BUSYBOX)


def main() -> int:
    """Fetch everything; return the exit code of the program."""
    CACHE.mkdir(exist_ok=True)
    try:
        fetch_rie()
        fetch_official()
    except FetchError as error:
        sys.stderr.write(f"tests/fetch.py: {error}\n")
        return 1
    try:
        fetch_busybox()
    except FetchError as error:
        # Only root can get the lists of packages: no reason to run no test at all.
        sys.stderr.write(f"tests/fetch.py: {error}\n")
    for path, reason in (
        (rie_path(), rie_unavailable_reason),
        (official_python(), official_unavailable_reason),
        (busybox_path(), busybox_unavailable_reason),
    ):
        if path is None:
            sys.stdout.write(f"tests that need it will be skipped: {reason()}\n")
    return 0


def _pip(*arguments: str) -> None:
    # Off, because a warning from pip about itself would only stand in the way of what it has to say.
    _run([sys.executable, "-m", "pip", *arguments], Path.cwd(), PIP_DISABLE_PIP_VERSION_CHECK="1")


def _run(command: list[str], directory: str | Path, **variables: str) -> None:
    done = subprocess.run(
        command,
        cwd=directory,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise FetchError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")


def _publish(complete: Path, destination: Path) -> None:
    try:
        complete.rename(destination)
    except OSError:
        # Somebody else who fetches at the same time was first; theirs is as good.
        if not destination.exists():
            raise


def _write_reason(path: Path, reason: str) -> None:
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(reason + "\n")
    temporary.replace(path)


def _reason(path: Path, what: str) -> str:
    if path.is_file():
        return path.read_text().strip()
    return f"{what} is not in .cache: run `make test`, or {Path(sys.executable).name} tests/fetch.py"


if __name__ == "__main__":
    sys.exit(main())
