"""The Dockerfiles of examples/images, and the README's: built without Docker, and served by AWS's emulator."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.base_images import Image
from tests.doc_blocks import blocks
from tests.dockerfile import parse
from tests.emulator_serving import serve
from tests.fetch import busybox_path, busybox_unavailable_reason, rie_path
from tests.image import REPOSITORY, clean_environment, run, write_executable
from tests.image_build import Builder, refusal, running
from tests.rie import Rie, rie_refusal

EXAMPLES = REPOSITORY / "examples/images"
README = "README"
PIP_TIMEOUT_S = 110.0
LAMBDA_USER = (993, 990)
WITHOUT_BASH = ("Dockerfile.alpine", "Dockerfile.distroless")
DOCKERFILES = [*sorted(path.name for path in EXAMPLES.glob("Dockerfile.*")), README]
SWITCH = REPOSITORY / "docs/how-to/switch.md"
SWITCHED = {block.file: block.text for block in blocks(SWITCH.read_text()) if block.file.startswith("Dockerfile")}

# Tells what the tests want to know of the process that a function runs in.
PROBE = """
import os, sys

def handler(event, context):
    importable = [name for name in event["modules"] if _is_importable(name)]
    not_compiled = [
        module.__file__
        for module in list(sys.modules.values())
        if module.__name__ not in ("__main__", __name__)  # programs never are, and this one came later
        and getattr(module, "__cached__", None)
        and not os.path.exists(module.__cached__)
    ]
    writable = []
    for directory in ("/", "/var/task", "/var/runtime", "/tmp"):
        try:
            with open(os.path.join(directory, "written"), "w"):
                writable.append(directory)
        except OSError:
            pass
    return {
        "user": [os.getuid(), os.getgid()],
        "writable": writable,
        "not_compiled": not_compiled,
        "client": sys.modules["awslambdaric"].bootstrap.__name__,
        "path": sys.path,
        "wrapped": os.environ.get("WRAPPED"),
        "importable": importable,
    }

def _is_importable(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True
"""


def dockerfile(name: str) -> str:
    """Return the text of a Dockerfile, which for the README is its only one."""
    if name == README:
        (text,) = re.findall(r"```dockerfile\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
        return str(text)
    return (EXAMPLES / name).read_text()


class Built(NamedTuple):
    """An image that was built, and the name of its Dockerfile."""

    name: str
    image: Image

    def command(self, **options: Any) -> list[str | Path]:
        """Return the command that runs the image with its own ENTRYPOINT and CMD."""
        return running(self.image, **options)([*self.image.entrypoint, *self.image.cmd])

    def serve(self, directory: Path, command: list[str] | None = None, **options: Any) -> Rie:
        """Return the emulator, not started yet, with the image's own ENTRYPOINT and, if no other is given, CMD."""
        within = running(self.image, outside_program=rie_path(), **options)
        return Rie([*self.image.entrypoint, *(command or self.image.cmd)], directory, within=within)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build context: the example's, with the wheel, files that must stay out, and modes of a careful user."""
    directory = tmp_path_factory.mktemp("context")
    for name in (".dockerignore", "app.py"):
        shutil.copy2(EXAMPLES / name, directory / name)
    (directory / "app.py").chmod(0o600)
    (directory / ".env").write_text("SECRET=1\n")
    _pip("wheel", "--no-deps", "--wheel-dir", directory / "dist", REPOSITORY)
    return directory


@pytest.fixture(scope="module")
def builder(context: Path, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Builds images, with everything that the wheel needs at hand."""
    if reason := refusal():
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("images")
    (wheel,) = context.glob("dist/ric-*.whl")
    _pip("wheel", "--wheel-dir", directory / "packages", wheel)
    (directory / "packages" / wheel.name).unlink()
    return Builder(directory, directory / "packages")


@pytest.fixture(scope="module", params=DOCKERFILES)
def built(request: pytest.FixtureRequest, builder: Builder, context: Path) -> Built:
    """Each Dockerfile's image in turn, with one more function beside the example's."""
    if request.param == "Dockerfile.alpine" and busybox_path() is None:
        pytest.skip(busybox_unavailable_reason())
    image = builder.build(dockerfile(request.param), context)
    (image.root / "var/task/probe.py").write_text(PROBE)
    return Built(request.param, image)


needs_rie = pytest.mark.skipif(rie_refusal() is not None, reason=str(rie_refusal()))


@needs_rie
def test_serves_the_example(built: Built, tmp_path: Path) -> None:
    """ENTRYPOINT and CMD as they stand serve the function, as a user that is not root."""
    with built.serve(tmp_path) as emulator:
        answer = emulator.invoke({"name": "Ada"})
    assert answer["greeting"] == "Hello, Ada!"
    assert answer["python"].endswith(" " + sys.version.split()[0])
    assert answer["user"] == built.image.user[0]
    assert (built.image.user == (0, 0)) == (built.name == README)


@needs_rie
def test_serves_as_lambda_runs_it(built: Built, tmp_path: Path) -> None:
    """Lambda's own user, who owns nothing in the image and can write to /tmp only, can read all; all is compiled."""
    with built.serve(tmp_path, ["probe.handler"], user=LAMBDA_USER) as emulator:
        # statistics, because pip does not import it, and so has not had it compiled by chance.
        seen = emulator.invoke({"modules": ["app", "statistics", "in_the_managed_runtime"]})
    assert seen["user"] == list(LAMBDA_USER)
    assert seen["writable"] == ["/tmp"]
    assert seen["client"] == "ric.bootstrap"
    assert seen["path"][0] == "/var/task"
    # What AWS's image has beside its entry point, such as boto3 in some versions, stays within reach.
    others = ["in_the_managed_runtime"] if built.name == "Dockerfile.aws" else []
    assert seen["importable"] == ["app", "statistics", *others]
    assert seen["not_compiled"] == [f"/var/runtime/{name}.py" for name in others]


@needs_rie
def test_wrapper(built: Built, tmp_path: Path) -> None:
    """AWS_LAMBDA_EXEC_WRAPPER is run before the runtime: a shell script where there is a shell, else one for Python."""
    wrapper = built.image.root / "var/task/wrapper"
    if built.name == "Dockerfile.distroless":
        lines = ("#!/usr/bin/python3", "import os, sys", "os.environ['WRAPPED'] = os.environ['_HANDLER']")
        lines += ("os.execv(sys.argv[1], sys.argv[1:])",)
    else:
        lines = ("#!/bin/sh", "export WRAPPED=$_HANDLER", 'exec "$@"')
    write_executable(wrapper, "\n".join(lines) + "\n")
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}
    with built.serve(tmp_path, ["probe.handler"], **variables) as emulator:
        assert emulator.invoke({"modules": []})["wrapped"] == "probe.handler"


def test_wrapper_that_cannot_run(built: Built, tmp_path: Path) -> None:
    """A wrapper for a shell that the image does not have ends the start with a line that names it."""
    shell = "/bin/bash" if built.name in WITHOUT_BASH else "/bin/zsh"
    write_executable(built.image.root / "var/task/wrapper", f'#!{shell}\nexec "$@"\n')
    variables = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9", "AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}
    done = run(built.command(**variables), clean_environment(), tmp_path)
    assert done.returncode in (126, 127)  # versions of bash differ
    assert done.stdout == ""
    assert "/var/task/wrapper: " in done.stderr
    assert done.stderr.count("\n") == 1


def test_serves_without_lambda(built: Built, tmp_path: Path) -> None:
    """`docker run` serves the function by itself, on a file system that cannot be written to either."""
    if built.name == "Dockerfile.aws":
        pytest.skip("AWS's image starts an emulator of its own, which its stand-in does not have")
    with serve(built.command(RIC_PORT="0"), tmp_path) as served:
        assert served.invoke({"name": "Ada"})["greeting"] == "Hello, Ada!"


def test_what_is_in_the_image(built: Built) -> None:
    """No cache, no wheel and nothing that .dockerignore names is left, and no shell that was not there before."""
    root = built.image.root
    names = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.parent.name != "_bundled"]
    leftovers = [name for name in names if re.search(r"\.whl$|(^|/)\.env$|(^|/)\.?cache(/|$)", name)]
    if built.name == README:  # which shows the shortest way, and what that leaves
        assert [Path(name).parent for name in leftovers] == [Path("tmp")]
    else:
        assert leftovers == []
        assert list((root / "tmp").iterdir()) == []
    shells = sorted(path.name for path in root.rglob("bin/*") if path.name in ("bash", "busybox", "dash", "sh"))
    expected = {"Dockerfile.alpine": ["busybox", "sh"], "Dockerfile.distroless": []}
    assert shells == expected.get(built.name, ["bash", "sh"])


@needs_rie
@pytest.mark.parametrize("name", SWITCHED)
def test_who_switches_has_an_image_that_serves(name: str, builder: Builder, context: Path, tmp_path: Path) -> None:
    """The Dockerfiles of docs/how-to/switch.md, with the entry point of AWS's client, serve as Lambda runs them."""
    own = tmp_path / "context"
    shutil.copytree(context, own, ignore=shutil.ignore_patterns(".dockerignore"))
    (own / "requirements.txt").write_text("simplejson\n")
    with Built(name, builder.build(SWITCHED[name], own)).serve(tmp_path, user=LAMBDA_USER) as emulator:
        assert emulator.invoke({"name": "Ada"})["greeting"] == "Hello, Ada!"


def test_versions_are_pinned() -> None:
    """All examples say which minor version of Python they are for, and it is the same in all."""
    stages = [stage for name in DOCKERFILES for stage in parse(dockerfile(name))]
    bases = {stage.base for stage in stages} - {stage.name for stage in stages}
    versions = {match[1] for base in bases if (match := re.search(r"python:(3\.\d+)", base))}
    unpinned = {base for base in bases if not re.search(r":\d+\.\d+|-debian\d+$", base)}
    assert (len(versions), unpinned) == (1, set())


def test_every_dockerfile_is_explained() -> None:
    """The page beside them has each of them in its table."""
    page = (EXAMPLES / "README.md").read_text()
    assert [name for name in DOCKERFILES if name != README and f"[{name}]({name})" not in page] == []


def test_the_how_to_shows_lines_of_the_examples() -> None:
    """What docs/how-to/images.md shows of a Dockerfile stands in it, in this order."""
    page = (REPOSITORY / "docs/how-to/images.md").read_text()
    shown = {}
    for block in blocks(page):
        if match := re.match(r"lines of examples/images/(\S+),", block.not_run):
            shown[match[1]] = block.text.splitlines()
    assert sorted([*shown, README]) == sorted(DOCKERFILES)
    for name, lines in shown.items():
        rest = iter(dockerfile(name).splitlines())
        assert [line for line in lines if line not in rest] == [], name


def _pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PIP_TIMEOUT_S)
    assert done.returncode == 0, done.stdout
