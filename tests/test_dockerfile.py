"""The reader and builder of Dockerfiles that the tests of the examples stand on: what they do not know, they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.base_images import UnknownBaseImageError
from tests.dockerfile import Copy, Run, Setting, UnsupportedDockerfileError, parse
from tests.image_build import Builder, BuildError, refusal


def test_what_is_understood() -> None:
    """Each instruction and form of the examples is read for what it means."""
    stages = parse(
        "# syntax=docker/dockerfile:1\n"
        "FROM one:1 AS build\n"
        "ENV A=1 B='2 3'\n"
        "RUN --mount=type=bind,source=dist,target=/dist \\\n"
        "    pip install /dist/*.whl && \\\n"
        "# a comment in between\n"
        "    true\n"
        "\n"
        "FROM two\n"
        'RUN ["/python", "-c", "1"]\n'
        "COPY --from=build --chmod=750 /a /b c/\n"
        "WORKDIR /d\n"
        "USER 1:2\n"
        'ENTRYPOINT ["e"]\n'
        'CMD ["f", "g"]\n'
    )
    assert [(stage.base, stage.name) for stage in stages] == [("one:1", "build"), ("two", None)]
    environment, run = stages[0].steps
    assert environment == Setting("ENV", {"A": "1", "B": "2 3"})
    assert isinstance(run, Run)
    assert (run.arguments[:2], run.mounts) == (["/bin/sh", "-c"], {"/dist": "dist"})
    assert run.arguments[2].split() == ["pip", "install", "/dist/*.whl", "&&", "true"]
    assert stages[1].steps == [
        Run(["/python", "-c", "1"], {}),
        Copy(["/a", "/b"], "c/", "build", 0o750),
        Setting("WORKDIR", "/d"),
        Setting("USER", "1:2"),
        Setting("ENTRYPOINT", ["e"]),
        Setting("CMD", ["f", "g"]),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RUN true",
        "FROM --platform=linux/arm64 a",
        "FROM a\nADD x /y",
        "FROM a\nVOLUME /x",
        "FROM a\nrun true",
        "FROM a\nRUN --network=none true",
        "FROM a\nRUN --mount=type=cache,source=x,target=/y true",
        "FROM a\nRUN --mount=type=bind,target=/y true",
        "FROM a\nRUN true \\",
        "FROM a\nCOPY --link x /y",
        "FROM a\nCOPY --chown=1:1 x /y",
        "FROM a\nCOPY x",
        'FROM a\nCOPY ["x", "/y"]',
        "FROM a\nUSER nobody",
        "FROM a\nENV A 1",
        "FROM a\nWORKDIR here",
        "FROM a\nENTRYPOINT /var/runtime/bootstrap",
        "FROM a\nCMD [1]",
    ],
)
def test_what_is_not_understood(text: str) -> None:
    """Everything else is refused, rather than being half understood."""
    with pytest.raises(UnsupportedDockerfileError):
        parse(text)


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Builds images without any packages at hand."""
    if reason := refusal():
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("images")
    (directory / "packages").mkdir()
    return Builder(directory, directory / "packages")


def test_image_that_there_is_no_stand_in_for(builder: Builder, tmp_path: Path) -> None:
    """An image that cannot be imitated is named."""
    with pytest.raises(UnknownBaseImageError, match="debian:13"):
        builder.build("FROM debian:13", tmp_path)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("RUN apk add bash", "apk: not found"),
        ("RUN python -c 'import sys; sys.exit(7)' && true", "ended with 7"),
        ("RUN pip install simplejson", "No matching distribution found for simplejson"),
        ('RUN ["/bin/ls"]', "No such file or directory: '/bin/ls'"),
        ("COPY ignored.txt /", "there is no ignored.txt"),
        ("COPY --from=public.ecr.aws/lambda/python:3.13 /nothing /", "there is no /nothing"),
    ],
)
def test_instruction_that_fails(builder: Builder, tmp_path: Path, step: str, said: str) -> None:
    """A command that is unknown to the image, or that fails, fails the build with what it said."""
    (tmp_path / "ignored.txt").write_text("")
    (tmp_path / ".dockerignore").write_text("*\n!kept.txt\n")
    with pytest.raises(BuildError, match=said):
        builder.build(f"FROM python:3.13-slim\n{step}", tmp_path)


def test_stages_do_not_share_files(builder: Builder, tmp_path: Path) -> None:
    """What a stage writes is in its image and those made from it, and never in the base or another stage."""
    (tmp_path / "file").write_text("context")
    image = builder.build(
        "FROM python:3.13-slim AS first\n"
        "WORKDIR /made\n"
        "COPY --chmod=640 file ./\n"
        "RUN python -c \"open('/written', 'w').write('first')\" && ! test -e /packages/x\n"
        "FROM python:3.13-slim\n"
        "COPY --from=first /made /copied\n"
        "COPY file /renamed\n",
        tmp_path,
    )
    assert (image.root / "copied/file").read_text() == "context"
    assert (image.root / "copied/file").stat().st_mode & 0o777 == 0o640
    assert (image.root / "renamed").read_text() == "context"
    assert not (image.root / "written").exists() and not (image.root / "packages").exists()
