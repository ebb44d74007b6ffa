"""docs/testing.md and examples/testing: what they show works, exactly as it stands there."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import ric.testing
from tests.image import REPOSITORY
from tests.pytest_run import PLUGIN, outcomes, run_pytest

if TYPE_CHECKING:
    from pathlib import Path

GUIDE = REPOSITORY / "docs" / "testing.md"
EXAMPLE = REPOSITORY / "examples" / "testing"


def python_files(guide: str) -> dict[str, str]:
    """Returns the guide's Python blocks by the file name in their first line."""
    blocks = re.findall(r"^```python\n# (\S+\.py)\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)
    assert len(blocks) == len(dict(blocks)) == guide.count("```python"), "each block needs a file name of its own"
    return dict(blocks)


def test_the_code_of_the_guide_works(tmp_path: Path) -> None:
    """A reader may copy each block into the file that it names, and run pytest."""
    files = python_files(GUIDE.read_text())
    for name, code in files.items():
        (tmp_path / name).write_text(code)

    done = run_pytest(tmp_path, *PLUGIN)

    expected = sum(code.count("def test_") for code in files.values()) + 1  # one has two parameters
    assert outcomes(done) == f"{expected} passed", done.stdout + done.stderr


def test_the_example_works(tmp_path: Path) -> None:
    """The example function passes its own tests."""
    for path in EXAMPLE.glob("*.py"):
        shutil.copy(path, tmp_path)

    done = run_pytest(tmp_path, *PLUGIN)

    assert outcomes(done) == f"{(EXAMPLE / 'test_app.py').read_text().count('def test_')} passed", done.stdout


def test_the_example_works_in_a_clone(tmp_path: Path) -> None:
    """Where it stands it is none of the tests of ric, whose configuration needs plugins that a reader may not have."""
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    directory = tmp_path / EXAMPLE.relative_to(REPOSITORY)
    shutil.copytree(EXAMPLE, directory, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))

    done = run_pytest(directory, *PLUGIN)

    assert outcomes(done) == f"{(EXAMPLE / 'test_app.py').read_text().count('def test_')} passed", done.stderr


def test_every_public_name_is_importable_and_nothing_else() -> None:
    """The names that the package announces can be imported from it, and no others."""
    for name in ric.testing.__all__:
        assert getattr(ric.testing, name).__name__ == name
    assert not hasattr(ric.testing, "nothing")
