"""The Makefile, with an interpreter that only pretends."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.image import REPOSITORY, clean_environment, run, write_executable

PYTHON = """#!/bin/sh
case "$*" in
"-m build "*) mkdir -p dist && touch dist/ric-2.0.0-py3-none-any.whl dist/ric-2.0.0.tar.gz ;;
esac
"""


def test_build_leaves_one_wheel(tmp_path: Path) -> None:
    """Older wheels and sdists of ric go, since `pip install dist/ric-*.whl` fails with two; other files stay."""
    shutil.copy2(REPOSITORY / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    write_executable(tmp_path / ".venv/bin/python", PYTHON)
    (tmp_path / "dist").mkdir()
    for name in ("ric-1.0.0-py3-none-any.whl", "ric-1.0.0.tar.gz", "other-1.0.0-py3-none-any.whl", "ric.txt"):
        (tmp_path / "dist" / name).touch()
    done = run(["make", "build"], clean_environment(), tmp_path)
    assert done.returncode == 0, done.stderr
    left = sorted(path.name for path in (tmp_path / "dist").iterdir())
    assert left == ["other-1.0.0-py3-none-any.whl", "ric-2.0.0-py3-none-any.whl", "ric-2.0.0.tar.gz", "ric.txt"]
