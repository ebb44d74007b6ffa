"""Who builds the same source gets the same bytes, whenever, wherever and however: anyone can check a release."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.image import REPOSITORY

# Downloads are what takes the time here: each build gets the build's requirements in an environment of its own.
BUILD_TIMEOUT_S = 110.0
# What lies around in a working copy and is no source.
_NOT_SOURCE = (".git", ".venv*", ".cache", "*_cache", "__pycache__", "dist", "build", "site", "*.egg-info")


def copied(to: Path, *, mode: int, modified_at: float) -> Path:
    """Copies the source, as another person's checkout would have it.

    Args:
        to: Where to.
        mode: The permissions of directories; files have them without what makes a directory searchable.
        modified_at: When all files were last changed, in seconds since the epoch.
    """
    shutil.copytree(REPOSITORY, to, ignore=shutil.ignore_patterns(*_NOT_SOURCE))
    for path in to.rglob("*"):
        is_executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(mode if is_executable else mode & 0o666)
        os.utime(path, (modified_at, modified_at))
    return to


def built(source: Path, *options: str, umask: int, **environment: str) -> dict[str, bytes]:
    """Builds the source; returns the files by name."""
    done = subprocess.run(
        [sys.executable, "-m", "build", *options, "--outdir", source / "dist", source],
        env={name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"} | environment,
        umask=umask,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return {path.name: path.read_bytes() for path in (source / "dist").iterdir()}


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Two builds: wheel by way of the sdist, and both straight from the source under quite other circumstances."""
    directory = tmp_path_factory.mktemp("builds")
    ours = copied(directory / "ours", mode=0o755, modified_at=1_600_000_000)
    theirs = copied(directory / "some where" / "else", mode=0o700, modified_at=1_750_000_000)
    other_world = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    return built(ours, umask=0o022), built(theirs, "--sdist", "--wheel", umask=0o077, **other_world)


def digests(files: dict[str, bytes]) -> dict[str, str]:
    """Returns what a publisher prints and a reader compares."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def test_the_same_bytes(builds: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    """Place, time, permissions and locale leave no trace; and the sdist makes the wheel that the source makes."""
    ours, theirs = builds
    assert sorted(name.rpartition("-")[2] if "whl" in name else name[-7:] for name in ours) == [".tar.gz", "any.whl"]
    assert digests(ours) == digests(theirs)


def test_no_trace_of_the_machine(builds: tuple[dict[str, bytes], dict[str, bytes]], tmp_path: Path) -> None:
    """Files belong to nobody, are readable by all, and only what is to be executed is executable."""
    for name, content in builds[0].items():
        path = tmp_path / name
        path.write_bytes(content)
        if name.endswith(".whl"):
            with zipfile.ZipFile(path) as wheel:
                modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in wheel.infolist()}
        else:
            with tarfile.open(path) as sdist:
                assert {(one.uid, one.gid, one.uname, one.gname) for one in sdist} == {(0, 0, "", "")}
                modes = {one.name: one.mode & 0o777 for one in sdist if one.isfile()}
        assert set(modes.values()) <= {0o644, 0o755}
        executable = {file.partition("/")[2] for file, mode in modes.items() if mode == 0o755}
        if name.endswith(".whl"):
            assert executable == {"var_runtime/bootstrap"}
        else:
            assert "bootstrap" in executable
            assert all(os.access(REPOSITORY / file, os.X_OK) for file in executable)
