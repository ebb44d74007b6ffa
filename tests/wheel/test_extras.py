"""Each extra installs, and brings what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.wheel.installing import Environment

HANDLER = "def handler(event, context): return {'greeting': f'Hello, {event[\"name\"]}!'}\n"
WITH_ORJSON = """
from ric import LambdaRuntimeClient, OrjsonMarshaller

LambdaRuntimeClient.marshaller = OrjsonMarshaller()

def handler(event, context):
    return event
"""
A_TEST = """
def test_greets(lambda_invoke):
    assert lambda_invoke("app.handler", {"name": "Ada"}).payload == {"greeting": "Hello, Ada!"}

def test_served(lambda_emulator):
    assert lambda_emulator("app.handler").invoke({"name": "Bob"}).json() == {"greeting": "Hello, Bob!"}
"""


def test_dev(with_extra: Callable[..., Environment], tmp_path: Path) -> None:
    """``ric[dev]`` is the command: it helps, knows examples and runs a function."""
    environment = with_extra("dev")
    (tmp_path / "app.py").write_text(HANDLER)
    (tmp_path / "event.json").write_text('{"name": "Ada"}')

    for arguments, expected in (
        (("--help",), "Usage: ric "),
        (("--version",), "ric "),
        (("events",), "apigw-v2"),
        (("invoke", "app.handler", "--event", "event.json"), '{"greeting": "Hello, Ada!"}'),
    ):
        done = environment.run("ric", *arguments, cwd=tmp_path)
        assert done.returncode == 0, done
        assert expected in done.stdout, done


def test_orjson(with_extra: Callable[..., Environment], installed: Environment, tmp_path: Path) -> None:
    """``ric[orjson]`` is what OrjsonMarshaller needs; without it the function says so when it is loaded."""
    (tmp_path / "app.py").write_text(WITH_ORJSON)
    program = "import app; print(app.handler(1, None), type(app.LambdaRuntimeClient.marshaller).__name__)"

    done = with_extra("orjson").run("python", "-c", program, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "1 OrjsonMarshaller\n"), done

    done = installed.run("python", "-c", program, cwd=tmp_path)
    assert done.returncode == 1
    assert "orjson" in done.stderr.splitlines()[-1], done


def test_pytest_plugin(with_extra: Callable[..., Environment], tmp_path: Path) -> None:
    """The fixtures are there as soon as pytest is, without the extra's command being used."""
    environment = with_extra("dev", "pytest")
    (tmp_path / "app.py").write_text(HANDLER)
    (tmp_path / "test_app.py").write_text(A_TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    done = environment.run("pytest", "-q", cwd=tmp_path)
    assert done.returncode == 0, done
    assert "2 passed" in done.stdout
