"""Stand-ins for the base images of the examples' Dockerfiles, put together from what this machine has.

The real ones cannot be had where only package indices can be reached. A stand-in has the interpreter that runs the
tests where the image has its own, with pip if the image has it, without byte code like the image, and the shells that
the image has and no others. Everything else is left out: what a Dockerfile needs beyond that makes its test fail. The C
library is this machine's, also where the image has musl.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

from tests.fetch import busybox_path
from tests.image import PYTHON_VERSION, write_executable

_LDCONFIG = "/sbin/ldconfig"
_UV = Path(sysconfig.get_path("scripts"), "uv")
_LEFT_OUT = ("site-packages", "dist-packages", "__pycache__", "test", "tests", "idle_test", "idlelib", "tkinter")
_LEFT_OUT_TOO = ("turtledemo", "lib2to3", "config-*")

# What the entry point of AWS's images does: the handler becomes a variable, and where no Lambda is, the emulator runs.
_AWS_ENTRY_POINT = """#!/bin/sh
export _HANDLER="$1"
if [ -z "$AWS_LAMBDA_RUNTIME_API" ]; then
    exec /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap
fi
exec /var/runtime/bootstrap
"""


class UnknownBaseImageError(Exception):
    """A Dockerfile begins with an image that there is no stand-in for."""


@dataclass
class Image:
    """A file system and what runs in it.

    Args:
        root: The directory that holds it.
        environment: Its variables.
        directory: ``WORKDIR``.
        user: User and group number.
        entrypoint: ``ENTRYPOINT``.
        cmd: ``CMD``.
    """

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    user: tuple[int, int] = (0, 0)
    entrypoint: list[str] = field(default_factory=list)
    cmd: list[str] = field(default_factory=list)


class BaseImages:
    """Makes stand-ins, each once.

    Args:
        directory: Where they go.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._made: dict[str, Image] = {}

    def get(self, reference: str) -> Image:
        """Return the stand-in for an image; it is not to be changed.

        Args:
            reference: As it stands behind ``FROM`` or ``--from``.

        Raises:
            UnknownBaseImageError: There is none.
        """
        for pattern, make in _MAKERS.items():
            if re.fullmatch(pattern, reference):
                if pattern not in self._made:
                    self._made[pattern] = make(self._directory / str(len(self._made)))
                return self._made[pattern]
        raise UnknownBaseImageError(reference)


def _skeleton(root: Path, path: str) -> Image:
    for name in ("dev", "proc", "tmp", "etc", "bin", "root"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/sbin/nologin\n")
    return Image(root, {"PATH": path, "HOME": "/root"})


def _slim(root: Path) -> Image:
    image = _skeleton(root, "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin")
    _add_programs(root, bash=shutil.which("bash"), sh=shutil.which("dash"), readlink=shutil.which("readlink"))
    _add_python(root, "/usr/local")
    _add_pip(root, "/usr/local")
    _add_libraries(root, [_UV])  # libgcc, which Debian has; the uv of the real image needs no libraries
    return image


def _alpine(root: Path) -> Image:
    image = _skeleton(root, "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin")
    _add_programs(root, busybox=str(busybox_path()))
    (root / "bin/sh").symlink_to("/bin/busybox")
    _add_python(root, "/usr/local")
    _add_pip(root, "/usr/local")
    return image


def _distroless(root: Path) -> Image:
    image = _skeleton(root, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    (root / "bin").rmdir()
    _add_python(root, "/usr")
    image.entrypoint = [f"/usr/bin/python{PYTHON_VERSION}"]
    return image


def _aws(root: Path) -> Image:
    image = _skeleton(root, "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin")
    _add_programs(root, bash=shutil.which("bash"), readlink=shutil.which("readlink"))
    (root / "bin/sh").symlink_to("bash")
    _add_python(root, "/var/lang")
    _add_pip(root, "/var/lang")
    for name in ("var/runtime", "var/task", "opt"):
        (root / name).mkdir()
    (root / "var/runtime/in_the_managed_runtime.py").write_text("")
    for name in ("bootstrap", "bootstrap.py"):
        write_executable(root / "var/runtime" / name, "#!/bin/bash\necho this is not ric's\nexit 3\n")
    # Some of AWS's images have their client here, some there.
    for name in ("var/runtime", f"var/lang/lib/python{PYTHON_VERSION}/site-packages"):
        _add_other_client(root / name)
    write_executable(root / "lambda-entrypoint.sh", _AWS_ENTRY_POINT)
    image.environment |= {"LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime"}
    image.directory = "/var/task"
    image.entrypoint = ["/lambda-entrypoint.sh"]
    return image


def _uv(root: Path) -> Image:
    root.mkdir()
    shutil.copy2(_UV, root / "uv")
    return Image(root)


_MAKERS = {
    r"python:3\.\d+-slim(-[a-z]+)?": _slim,
    r"python:3\.\d+-alpine": _alpine,
    r"gcr\.io/distroless/python3-debian\d+": _distroless,
    r"public\.ecr\.aws/lambda/python:3\.\d+": _aws,
    r"ghcr\.io/astral-sh/uv:\d+\.\d+": _uv,
}


def _add_programs(root: Path, **programs: str | None) -> None:
    for name, program in programs.items():
        assert program is not None, f"this machine has no program for /bin/{name}"
        shutil.copy2(program, root / "bin" / name)
    _add_libraries(root, [root / "bin" / name for name in programs])


def _add_python(root: Path, prefix: str) -> None:
    """Put the interpreter that runs the tests below a prefix, without packages, byte code and what is seldom used."""
    home = root / prefix[1:]
    (home / "bin").mkdir(parents=True, exist_ok=True)
    python = home / f"bin/python{PYTHON_VERSION}"
    shutil.copy2(Path(sys.base_prefix, "bin", python.name), python)
    for name in ("python3", "python"):
        python.with_name(name).symlink_to(python.name)
    library = home / f"lib/python{PYTHON_VERSION}"
    shutil.copytree(
        sysconfig.get_path("stdlib"),
        library,
        symlinks=True,
        ignore=shutil.ignore_patterns(*_LEFT_OUT, *_LEFT_OUT_TOO),
    )
    (library / "site-packages").mkdir()
    _add_libraries(root, [python, *library.glob("lib-dynload/*.so")])


def _add_libraries(root: Path, programs: list[Path]) -> None:
    """Copy the shared libraries that programs need, and make the loader find them."""
    # It fails for programs without libraries, which is no reason to stop.
    listed = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False)
    libraries = {Path(match) for match in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", listed.stdout, re.MULTILINE)}
    for library in libraries:
        target = root / str(library)[1:]
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(library, target)
    configuration = root / "etc/ld.so.conf"
    known = set(configuration.read_text().splitlines()) if configuration.exists() else set()
    configuration.write_text("".join(f"{name}\n" for name in sorted(known | {str(path.parent) for path in libraries})))
    subprocess.run([_LDCONFIG, "-r", root], check=True)


def _add_pip(root: Path, prefix: str) -> None:
    """Install pip, as the image has it: a program whose first line names the image's interpreter."""
    python = root / f"{prefix[1:]}/bin/python3"
    target = root / f"{prefix[1:]}/lib/python{PYTHON_VERSION}/site-packages"
    (wheel,) = _bundled_pip()
    shutil.unpack_archive(wheel, target, "zip")
    write_executable(
        python.with_name("pip"),
        f"#!{prefix}/bin/python3\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n",
    )


def _bundled_pip() -> list[Path]:
    return list(Path(sysconfig.get_path("stdlib"), "ensurepip", "_bundled").glob("pip-*.whl"))


def _add_other_client(site_packages: Path) -> None:
    """Install a package with the name and the files of AWS's client; nothing of it must ever run."""
    names = ["awslambdaric/__init__.py", "awslambdaric/__main__.py", "awslambdaric/bootstrap.py"]
    for name in names:
        path = site_packages / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise AssertionError('this is not ric')\n")
    metadata = site_packages / "awslambdaric-3.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: awslambdaric\nVersion: 3.0\n")
    (metadata / "INSTALLER").write_text("pip\n")
    listed = [*names, *(f"{metadata.name}/{file}" for file in ("METADATA", "INSTALLER", "RECORD"))]
    (metadata / "RECORD").write_text("".join(f"{name},,\n" for name in listed))
