"""The package as users get it: what the wheel holds, and that an image made of it serves a function."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.image import REPOSITORY
from tests.rie import Rie, rie_refusal

# The official client's wheel has 350,000, most of it one compiled module. This bound was 100,000 before there
# were streams, async handlers, shutdown, chained errors, the watchdog and the worker pool.
MAX_RUNTIME_BYTES = 150_000
DEVELOPER_SIDE = ("ric/cli/", "ric/events/", "ric/local/", "ric/testing/")
# Downloads are what takes the time here: the build's requirements, then those of the package.
PIP_TIMEOUT_S = 110.0


def pip(*arguments: str | Path, python: Path | str = sys.executable) -> None:
    """Run pip, and fail with what it said if it fails."""
    # Its notice about a newer pip would be one more request, and none of our business.
    environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        [python, "-m", "pip", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PIP_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this repository."""
    directory = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--wheel-dir", directory, REPOSITORY)
    (built,) = directory.glob("*.whl")
    return built


def test_name_and_size(wheel: Path) -> None:
    """It is pure Python for every platform, and what an image runs of it is small."""
    assert wheel.name.startswith("ric-") and wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        runtime = [entry for entry in archive.infolist() if not entry.filename.startswith(DEVELOPER_SIDE)]
    assert sum(entry.compress_size for entry in runtime) < MAX_RUNTIME_BYTES


def test_content(wheel: Path) -> None:
    """All modules of both packages, the type marker and the entry point are in it, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for name in ("bootstrap", "bootstrap.py"):
            assert archive.read(f"ric/var_runtime/{name}") == (REPOSITORY / name).read_bytes()
    sources = {
        path.relative_to(REPOSITORY).as_posix()
        for package, kind in (("ric", "*.py"), ("awslambdaric", "*.py"), ("ric/events", "*.json"))
        for path in (REPOSITORY / package).rglob(kind)
    }
    entry_point = {"ric/var_runtime/bootstrap", "ric/var_runtime/bootstrap.py"}
    assert {name for name in names if ".dist-info/" not in name} == sources | {"ric/py.typed"} | entry_point


@pytest.mark.skipif(rie_refusal() is not None, reason=str(rie_refusal()))
def test_image_made_of_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """What a Dockerfile does: install the wheel, install the entry point, and let it run the function."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True, timeout=PIP_TIMEOUT_S)
    python = environment / "bin/python3"
    pip("--python", python, "install", wheel)
    runtime = tmp_path / "var/runtime"
    subprocess.run([python, "-m", "ric.install", runtime], check=True, timeout=PIP_TIMEOUT_S, cwd=tmp_path)
    task = tmp_path / "task"
    task.mkdir()
    (task / "app.py").write_text(
        "import sys, ric, awslambdaric\n"
        "def handler(event, context):\n"
        "    return [event, sys.prefix, ric.__file__, awslambdaric.__file__]\n"
    )
    with Rie([runtime / "bootstrap", "app.handler"], task, RIC_PYTHON=str(python)) as emulator:
        event, prefix, *files = emulator.invoke({"a": "\u00e9"})
    assert event == {"a": "\u00e9"}
    assert prefix == str(environment)
    assert all(file.startswith(f"{environment}/lib/") for file in files)
