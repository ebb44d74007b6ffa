"""ric and AWS's client in one environment: both wheels have a package `awslambdaric`, and pip lets the later one win.

docs/compatibility.md, "Beside AWS's own package", tells what these tests show.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fetch import OFFICIAL_VERSION
from tests.function_run import Run, run_function
from tests.wheel.installing import NOTHING_FITS, Environment, PipError, create

OFFICIAL = f"awslambdaric=={OFFICIAL_VERSION}"
WHO_SERVES = """
    import sys
    import awslambdaric, awslambdaric.bootstrap, awslambdaric.lambda_context, awslambdaric.lambda_multi_concurrent_utils
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

    def handler(event, context):
        main = sys.modules["__main__"]
        runtime = getattr(main, "awslambdaricmain", main)
        return {
            "runtime": runtime.bootstrap.__name__,
            "aliases": [
                awslambdaric.bootstrap.__name__,
                awslambdaric.lambda_context.__name__,
                awslambdaric.lambda_multi_concurrent_utils.__name__,
                LambdaRuntimeClient.__module__,
            ],
            "context": type(context).__module__,
        }
"""
SERVED_BY_RIC = {
    "runtime": "ric.bootstrap",
    "aliases": ["ric.bootstrap", "ric.function.context", "ric.process.workers", "ric.api.client"],
    "context": "ric.function.context",
}
PATCHED = """
    import awslambdaric.bootstrap

    def handler(event, context):
        return "the handler's own"

    def patched(client, handler, invoke_id, *arguments):
        client.post_invocation_result(invoke_id, b'"patched"', "application/json")

    awslambdaric.bootstrap.handle_event_request = patched
"""
VAR_RUNTIME = """
    import os, sys
    os.environ |= {"_HANDLER": "app.handler", "LAMBDA_TASK_ROOT": os.getcwd(), "RIC_PYTHON": sys.executable}
    os.execv("runtime/bootstrap", ["runtime/bootstrap", "app.handler"])
"""
LAUNCHERS = {"python -m ric": "python -m ric", "image": VAR_RUNTIME}
NOTICE = re.compile(
    rf"ric: awslambdaric {re.escape(OFFICIAL_VERSION)} in (?P<place>\S+) is not ric's alias but lies over it; .*"
    r"Run `pip uninstall awslambdaric`, then install ric's wheel again with `pip install --force-reinstall`\n"
)

GONE = re.compile(r"ric: the package awslambdaric, .* is gone, .* `pip install --force-reinstall`\n")

Install = Callable[..., Environment]


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Makes an environment and installs one thing after the other, on one Python: what pip does is the same on all."""

    def make(*requirements: str | Path) -> Environment:
        environment = create(tmp_path_factory.mktemp("beside") / "environment", sys.executable)
        for requirement in requirements:
            options = ["--only-binary=awslambdaric"] if requirement == OFFICIAL else []
            try:
                environment.pip("install", *options, requirement)
            except PipError as error:
                if requirement == OFFICIAL and NOTHING_FITS in str(error):
                    pytest.skip(f"{OFFICIAL} has no wheel for {sys.executable}")
                raise
        return environment

    return make


@pytest.fixture(scope="module")
def overwritten(install: Install, wheel: Path) -> Environment:
    """AWS's client was installed after ric, as when a further package requires it."""
    return install(wheel, OFFICIAL)


@pytest.fixture(scope="module")
def overwriting(install: Install, wheel: Path) -> Environment:
    """ric was installed after AWS's client."""
    return install(OFFICIAL, wheel)


def served(environment: Environment, directory: Path, source: str, launcher: str) -> Run:
    """Serves one invocation."""
    done = environment.run("python", "-m", "ric.install", directory / "runtime", cwd=directory)
    assert done.returncode == 0, done
    return run_function(directory, source, launcher=launcher, interpreter=str(environment.python))


@pytest.mark.parametrize("launcher", LAUNCHERS.values(), ids=LAUNCHERS)
def test_installed_last_ric_is_whole(overwriting: Environment, tmp_path: Path, launcher: str) -> None:
    """Its alias won, so there is nothing to say."""
    run = served(overwriting, tmp_path, WHO_SERVES, launcher)
    assert run.result() == SERVED_BY_RIC
    assert run.stderr == ""


@pytest.mark.parametrize("launcher", LAUNCHERS.values(), ids=LAUNCHERS)
def test_installed_first_ric_serves_all_the_same(overwritten: Environment, tmp_path: Path, launcher: str) -> None:
    """The function is served by ric and sees ric under both names; standard error says what is wrong, in one line."""
    run = served(overwritten, tmp_path, WHO_SERVES, launcher)
    assert run.posts("/response"), run
    assert run.result() == SERVED_BY_RIC
    notice = NOTICE.fullmatch(run.stderr)
    assert notice and notice["place"] == str(overwritten.packages / "awslambdaric/__init__.py")


@pytest.mark.parametrize("launcher", LAUNCHERS.values(), ids=LAUNCHERS)
def test_patches_reach_it(overwritten: Environment, tmp_path: Path, launcher: str) -> None:
    """What a tracker replaces in `awslambdaric.bootstrap` acts on the runtime that serves."""
    assert served(overwritten, tmp_path, PATCHED, launcher).result() == "patched"


@pytest.mark.parametrize("launcher", LAUNCHERS.values(), ids=LAUNCHERS)
def test_vendored_beside_the_function(install: Install, wheel: Path, tmp_path: Path, launcher: str) -> None:
    """`pip uninstall` does not reach AWS's client there; without the directory that the notice names all is well."""
    environment = install(wheel)
    environment.pip("install", "--only-binary=awslambdaric", "--target", tmp_path, OFFICIAL)
    run = served(environment, tmp_path, WHO_SERVES, launcher)
    assert run.result() == SERVED_BY_RIC
    place = tmp_path / "awslambdaric"
    assert run.stderr.endswith(f" Delete the directory {place}, which `pip uninstall` does not reach\n"), run.stderr

    shutil.rmtree(place)
    run = served(environment, tmp_path, WHO_SERVES, launcher)
    assert (run.result(), run.stderr) == (SERVED_BY_RIC, "")


def test_several_workers_say_it_once(overwritten: Environment, tmp_path: Path) -> None:
    """The parent of workers tells of it, and each of them serves as ric."""
    (tmp_path / "app.py").write_text("import os\ndef handler(event, context): return type(context).__module__\n")
    (tmp_path / "run.py").write_text(
        "import sys\n"
        "from ric.local import Emulator\n"
        "if __name__ == '__main__':\n"
        "    command = [sys.executable, '-m', 'ric', 'app.handler']\n"
        "    with Emulator(command, handler='app.handler', max_concurrency=2) as emulator:\n"
        "        print(emulator.invoke().json())\n"
    )
    done = overwritten.run("python", "run.py", cwd=tmp_path)
    assert done.returncode == 0, done
    assert "ric.function.context\n" in done.stdout
    assert (done.stdout + done.stderr).count("lies over it") == 1


def test_the_other_name_starts_the_other_client(overwritten: Environment, tmp_path: Path) -> None:
    """What the notice says of `python -m awslambdaric` is true: no file of ric's is run then."""
    run = run_function(
        tmp_path,
        "import sys\ndef handler(event, context): return any(name.startswith('ric.') for name in sys.modules)",
        launcher="python -m awslambdaric",
        interpreter=str(overwritten.python),
    )
    assert run.result() is False
    assert "aws-lambda-python" in str(run.requests[0].headers)


def test_without_the_alias(install: Install, wheel: Path, tmp_path: Path) -> None:
    """Uninstalling AWS's client takes the files that were ric's; each start says so and how to mend it."""
    environment = install(wheel, OFFICIAL)
    environment.pip("uninstall", "--yes", "awslambdaric")
    alias = environment.packages / "awslambdaric"
    for leave in (lambda: alias.mkdir(exist_ok=True), lambda: shutil.rmtree(alias)):
        leave()  # whether the directory stays depends on pip
        for launcher in LAUNCHERS.values():
            run = served(environment, tmp_path, WHO_SERVES, launcher)
            assert run.posts("/response"), run
            assert run.result() == SERVED_BY_RIC
            assert GONE.fullmatch(run.stderr), run.stderr

    environment.pip("install", "--force-reinstall", wheel)
    run = served(environment, tmp_path, WHO_SERVES, "python -m ric")
    assert (run.result(), run.stderr) == (SERVED_BY_RIC, "")


def test_uninstalling_ric_takes_files_of_the_other(install: Install, wheel: Path, tmp_path: Path) -> None:
    """The other way round it is AWS's client that has to be installed again."""
    environment = install(wheel, OFFICIAL)
    environment.pip("uninstall", "--yes", "ric")
    done = environment.run("python", "-m", "awslambdaric", "app.handler", cwd=tmp_path)
    assert done.returncode == 1
    assert "No module named awslambdaric.__main__" in done.stderr
