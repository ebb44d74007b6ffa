"""Builds an image from a Dockerfile without Docker, and runs commands in it: root, namespaces, and no more.

``RUN`` lines are run as they stand, in the image, by its own shell and with its own pip or uv, which find packages in a
directory instead of on the network.
"""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from string import Template

from tests.base_images import BaseImages, Image
from tests.dockerfile import Copy, Run, Setting, UnsupportedDockerfileError, parse
from tests.enter_root import Entry
from tests.image import clean_environment, run

_ENTER_ROOT = Path(__file__).with_name("enter_root.py")
_BUILD_TIMEOUT_S = 110.0
_PACKAGES = "/packages"
_BUILD_VARIABLES = {
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": _PACKAGES,
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "UV_OFFLINE": "1",
    "UV_NO_INDEX": "1",
    "UV_FIND_LINKS": _PACKAGES,
}


class BuildError(Exception):
    """An instruction failed; the text has it and what it said."""


class Builder:
    """Builds images.

    Args:
        directory: Where they go.
        packages: Holds wheels of all that ``pip`` and ``uv`` are asked for.
    """

    def __init__(self, directory: Path, packages: Path) -> None:
        self._directory = directory
        self._packages = packages
        self._bases = BaseImages(directory / "bases")
        self._count = 0

    def build(self, dockerfile: str, context: Path) -> Image:
        """Return the image of the last stage.

        Args:
            dockerfile: The text.
            context: What ``COPY`` and mounts see, as far as its .dockerignore lets them.

        Raises:
            BuildError: An instruction failed.
            UnknownBaseImageError: There is no stand-in for an image.
            UnsupportedDockerfileError: The Dockerfile has something that is not understood here.
        """
        visible = self._new_directory()
        _copy_visible(context, visible)
        stages: dict[str, Image] = {}
        image = None
        for stage in parse(dockerfile):
            image = self._derive(stages.get(stage.base) or self._bases.get(stage.base))
            if stage.name:
                stages[stage.name] = image
            for step in stage.steps:
                if isinstance(step, Copy):
                    self._copy(step, image, stages, visible)
                elif isinstance(step, Run):
                    self._run(step, image, visible)
                else:
                    _apply(step, image)
        assert image is not None
        return image

    def _new_directory(self) -> Path:
        self._count += 1
        directory = self._directory / str(self._count)
        directory.mkdir(parents=True)
        return directory

    def _derive(self, base: Image) -> Image:
        root = self._new_directory()
        # Links are enough: programs that write an image's files replace them.
        shutil.copytree(base.root, root, symlinks=True, copy_function=os.link, dirs_exist_ok=True)
        return replace(base, root=root, environment=dict(base.environment))

    def _copy(self, step: Copy, image: Image, stages: Mapping[str, Image], context: Path) -> None:
        top = context
        if step.source_image:
            top = (stages.get(step.source_image) or self._bases.get(step.source_image)).root
        sources = [found for source in step.sources for found in sorted(top.glob(source.lstrip("/")))]
        if not sources:
            raise BuildError(f"COPY: there is no {' '.join(step.sources)}")
        target = image.root / str(Path(image.directory, step.target))[1:]
        for source in sources:
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
                changed = [target, *target.rglob("*")]
            else:
                into_directory = step.target.endswith("/") or len(sources) > 1 or target.is_dir()
                file = target / source.name if into_directory else target
                file.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, file)
                changed = [file]
            if step.mode is not None:
                for path in changed:
                    path.chmod(step.mode)

    def _run(self, step: Run, image: Image, context: Path) -> None:
        binds = {target: str(context / source) for target, source in step.mounts.items()}
        binds[_PACKAGES] = str(self._packages)
        points = [image.root / target[1:] for target in binds]
        for point in points:
            point.mkdir()
        entry = Entry(
            str(image.root),
            step.arguments,
            image.environment | _BUILD_VARIABLES,
            image.directory,
            image.user,
            binds,
            is_read_only=False,
        )
        done = run(enter(entry), clean_environment(), self._directory, _BUILD_TIMEOUT_S)
        for point in points:
            point.rmdir()
        if done.returncode:
            raise BuildError(f"{step.arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def enter(entry: Entry) -> list[str | Path]:
    """Return a command that runs another one in an image."""
    return ["unshare", "--mount", sys.executable, "-I", _ENTER_ROOT, json.dumps(asdict(entry))]


def running(
    image: Image, *, user: tuple[int, int] | None = None, outside_program: Path | None = None, **variables: str
) -> Callable[[list[str | Path]], list[str | Path]]:
    """Return a function that turns a command into one that runs in an image as in Lambda: it can write to /tmp only.

    Args:
        image: Where.
        user: User and group number, if not the image's own.
        outside_program: An executable of this machine that runs instead, with the command as its arguments.
        variables: Environment variables besides those of the image.
    """

    def in_image(command: list[str | Path]) -> list[str | Path]:
        return enter(
            Entry(
                str(image.root),
                [str(word) for word in command],
                image.environment | variables,
                image.directory,
                user or image.user,
                {},
                is_read_only=True,
                outside_program=str(outside_program) if outside_program else None,
            )
        )

    return in_image


def refusal() -> str | None:
    """Return why this machine cannot build and run images, as one line, or None when it can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "images need root: chroot, and users other than one's own"
    try:
        done = run(["unshare", "--mount", "mount", "--make-rprivate", "/"], clean_environment(), Path("/"))
    except FileNotFoundError as error:
        return f"no private mount namespace: {error}"
    if done.returncode:
        return f"no private mount namespace: {' '.join(done.stderr.split()) or done.returncode}"
    return None


def _copy_visible(context: Path, target: Path) -> None:
    """Copy what .dockerignore does not leave out: patterns of whole paths, the last one that fits decides."""
    ignore = context / ".dockerignore"
    patterns = ignore.read_text().split() if ignore.exists() else []
    for file in sorted(path for path in context.rglob("*") if path.is_file()):
        name = file.relative_to(context).as_posix()
        is_visible = True
        for pattern in patterns:
            if fnmatch.fnmatch(name, pattern.removeprefix("!")):
                is_visible = pattern.startswith("!")
        if is_visible:
            copied = target / name
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copied)


def _apply(setting: Setting, image: Image) -> None:
    value = setting.value
    if setting.name == "ENV" and isinstance(value, dict):
        before = dict(image.environment)
        image.environment |= {name: Template(text).substitute(before) for name, text in value.items()}
    elif setting.name == "WORKDIR" and isinstance(value, str):
        image.directory = value
        (image.root / value[1:]).mkdir(parents=True, exist_ok=True)
    elif setting.name == "USER" and isinstance(value, str):
        uid, _, gid = value.partition(":")
        image.user = (int(uid), int(gid))
    elif setting.name == "ENTRYPOINT" and isinstance(value, list):
        image.entrypoint, image.cmd = value, []
    elif setting.name == "CMD" and isinstance(value, list):
        image.cmd = value
    else:
        raise UnsupportedDockerfileError(f"{setting.name} {value}")
