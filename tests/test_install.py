"""``python -m ric.install``: what a Dockerfile gets, and what it is told when it gets nothing."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ric.install import install
from tests.image import REPOSITORY, clean_environment, run

NAMES = ("bootstrap", "bootstrap.py")


def run_install(*arguments: str | Path, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a Dockerfile does."""
    return run([sys.executable, "-m", "ric.install", *arguments], clean_environment(), directory)


def mode(path: Path) -> int:
    """Return the permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_writes_both_files_and_tells_the_entry_point(tmp_path: Path) -> None:
    """The directory is created, both files are executable by all, and the output can be pasted into a Dockerfile."""
    target = tmp_path / "var" / "run time"
    done = run_install("var/run time", directory=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f'wrote {target}/bootstrap\nwrote {target}/bootstrap.py\nENTRYPOINT ["{target}/bootstrap"]\n'
    )
    assert sorted(path.name for path in target.iterdir()) == sorted(NAMES)
    for name in NAMES:
        assert (target / name).read_bytes() == (REPOSITORY / name).read_bytes()
        assert mode(target / name) == 0o755


def test_files_in_the_repository_are_executable() -> None:
    """The entry point can be used right from a checkout."""
    assert os.access(REPOSITORY / "bootstrap", os.X_OK)


def test_umask_of_the_build_does_not_matter(tmp_path: Path) -> None:
    """Lambda's own user must be able to read and execute what a careful root wrote."""
    previous = os.umask(0o077)
    try:
        paths = install(tmp_path / "runtime")
    finally:
        os.umask(previous)
    assert [mode(path) for path in (tmp_path / "runtime", *paths)] == [0o755] * 3


def test_overwrites_without_touching_the_old_file(tmp_path: Path) -> None:
    """An older entry point is replaced in one step: a process that is reading it goes on reading the old one."""
    (tmp_path / "bootstrap").write_text("old")
    (tmp_path / "other").write_text("not ours")
    tmp_path.chmod(0o750)
    with (tmp_path / "bootstrap").open() as reader:
        assert install(tmp_path) == [tmp_path / name for name in NAMES]
        assert reader.read() == "old"
    assert (tmp_path / "bootstrap").read_bytes() == (REPOSITORY / "bootstrap").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bootstrap", "bootstrap.py", "other"]
    assert mode(tmp_path) == 0o750


@pytest.mark.parametrize("arguments", [[], [""], ["a", "b"], ["--help"]])
def test_usage(tmp_path: Path, arguments: list[str]) -> None:
    """Anything but one directory is answered with one line of usage, and nothing is written."""
    done = run_install(*arguments, directory=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "usage: python -m ric.install DIRECTORY, for example /var/runtime\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("file", "cannot write file: it is a file, not a directory"),
        ("file/below", "cannot write file/below: Not a directory"),
        ("taken", "cannot write {}/taken/bootstrap: Is a directory"),
        ("/proc/self/fdinfo", "cannot write /proc/self/fdinfo: "),
    ],
)
def test_what_cannot_be_written_is_one_line(tmp_path: Path, argument: str, said: str) -> None:
    """A target that cannot be written to is named with the reason, without a traceback or left-overs."""
    if argument.startswith("/proc") and not Path(argument).is_dir():
        pytest.skip("needs a file system that refuses even root, which is /proc on Linux")
    (tmp_path / "file").write_text("kept")
    (tmp_path / "taken/bootstrap").mkdir(parents=True)
    done = run_install(argument, directory=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"ric.install: {said.format(tmp_path)}")
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "file").read_text() == "kept"
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["bootstrap"]
