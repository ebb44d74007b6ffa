"""The package as users get it: what the wheel holds and says of itself, and that an image made of it serves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import ric
from tests.image import REPOSITORY
from tests.rie import Rie, rie_refusal

# The official client's wheel has 357,000, most of it a compiled module; docs/architecture.md says what takes how much.
MAX_WHEEL_BYTES = 300_000
MAX_RUNTIME_BYTES = 140_000
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
    """It is pure Python for every platform, and smaller than the official one, in what an image runs of it by far."""
    assert wheel.name.startswith("ric-") and wheel.name.endswith("-py3-none-any.whl")
    assert wheel.stat().st_size < MAX_WHEEL_BYTES
    with zipfile.ZipFile(wheel) as archive:
        modules = [entry for entry in archive.infolist() if entry.filename.startswith(("ric/", "awslambdaric/"))]
    runtime = [entry.compress_size for entry in modules if not entry.filename.startswith(DEVELOPER_SIDE)]
    assert sum(runtime) < MAX_RUNTIME_BYTES, sum(runtime)


def test_content(wheel: Path) -> None:
    """All modules of both packages, their types and the entry point are in it, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for name in ("bootstrap", "bootstrap.py"):
            assert archive.read(f"ric/var_runtime/{name}") == (REPOSITORY / name).read_bytes()
    sources = {
        path.relative_to(REPOSITORY).as_posix()
        for package, kind in (("ric", "*.py"), ("awslambdaric", "*.py*"), ("ric/events", "*.json"))
        for path in (REPOSITORY / package).rglob(kind)
        if path.suffix != ".pyc"
    }
    entry_point = {"ric/var_runtime/bootstrap", "ric/var_runtime/bootstrap.py"}
    types = {"ric/py.typed", "awslambdaric/py.typed"}
    assert {name for name in names if ".dist-info/" not in name} == sources | types | entry_point


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    """The wheel's METADATA."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def test_identity(metadata: Message, wheel: Path) -> None:
    """Name, version, licence as an SPDX expression with its text, and the README as description."""
    assert (metadata["Name"], metadata["Version"]) == ("ric", ric.__version__)
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert str(metadata.get_payload()).startswith("# ric\n")
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"ric-{ric.__version__}.dist-info/licenses/LICENSE")
    assert text == (REPOSITORY / "LICENSE").read_bytes()


def test_pythons(metadata: Message) -> None:
    """The versions that are named are those that `make test-all` and `make test-wheel` look for, and none below."""
    prefix = "Programming Language :: Python :: 3."
    named = [one.removeprefix(prefix) for one in metadata.get_all("Classifier", []) if one.startswith(prefix)]
    searched = re.search(r"^for version in (.*); do$", (REPOSITORY / ".ci/interpreters").read_text(), re.MULTILINE)
    assert searched
    assert [f"3.{minor}" for minor in named] == searched[1].split()
    assert metadata["Requires-Python"] == f">={searched[1].split()[0]}"


def test_requirements(metadata: Message) -> None:
    """Two at run time; each further one belongs to an extra."""
    requirements = metadata.get_all("Requires-Dist", [])
    assert {re.split(r"[<>=; ]", one)[0] for one in requirements if "extra ==" not in one} == {
        "simplejson",
        "snapshot-restore-py",
    }
    assert {"dev", "orjson"} <= set(metadata.get_all("Provides-Extra", []))


def test_no_host_is_made_up(metadata: Message) -> None:
    """There is no address of the project that would be somebody else's."""
    assert metadata.get_all("Project-URL") is None
    assert metadata["Home-page"] is None


@pytest.mark.parametrize("options", [[], ["--free-threaded"]])
def test_interpreters_are_found(options: list[str]) -> None:
    """What `make test-all` and `make test-wheel` go through are interpreters, at least one, each once."""
    command = ["sh", REPOSITORY / ".ci/interpreters", *options]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    assert found
    assert len(set(found)) == len(found)
    assert all(Path(python).exists() for python in found)


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
