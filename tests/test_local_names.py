"""Settings of the emulator that cannot be: told at the start, in words that say what to change."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ric.local import Emulator, FunctionStartError
from tests.cli_run import run
from tests.emulator_running import emulated, lambda_client
from tests.local_server import run_to_end

FUNCTION = """
def handler(event, context):
    return [context.function_name, context.invoked_function_arn, context.log_group_name]
"""
NAME_IN_WORDS = "must be 1 to 64 letters from a to z and A to Z, digits, - and _, not "
REGION_IN_WORDS = "must be the name of a region, such as us-east-1, not "
# Letters that HTTP/1.1 could carry and that it could not, what parts fields, paths and ARNs, nothing, and one too many.
NO_NAMES = ["gr\u00f6\u00dfe", "\u20ac", "a b", "a\nb", "a\r\nX: y", "a/b", "a:b", "a.b", "a\n", "\udcff", "x" * 65]
# More digits than Python makes a number of, and how the answer begins.
ENDLESS = ("9" * 5000, "must be a ")
NO_REGIONS = ["gr\u00f6\u00dfe", "\u20ac", "us east", "us-east-1\n", "a:b", "x" * 64]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with the function above in ``app.py``."""
    (tmp_path / "app.py").write_text(FUNCTION)
    return tmp_path


def refusal(**options: Any) -> str:
    """Returns what the constructor of an emulator says to its arguments."""
    with pytest.raises(ValueError) as caught:
        Emulator(["true"], handler="app.handler", **options)
    return str(caught.value)


@pytest.mark.parametrize("name", [*NO_NAMES, ""])
def test_a_name_that_no_function_has(name: str) -> None:
    """An ARN with it could not be sent, would be another one on the way, or would not be understood by the emulator."""
    assert refusal(function_name=name) == f"function_name {NAME_IN_WORDS}{name!r}"


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_among_the_variables(name: str) -> None:
    """The function would see this one, so it is the one that counts."""
    assert refusal(env={"AWS_LAMBDA_FUNCTION_NAME": name}) == f"AWS_LAMBDA_FUNCTION_NAME {NAME_IN_WORDS}{name!r}"


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
@pytest.mark.parametrize("region", NO_REGIONS)
def test_a_region_that_is_none(variable: str, region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both variables that can say so are named, whether given to the function alone or set for all."""
    for known in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(known, raising=False)
    assert refusal(env={variable: region}) == f"{variable} {REGION_IN_WORDS}{region!r}"
    monkeypatch.setenv(variable, region)
    assert refusal() == f"{variable} {REGION_IN_WORDS}{region!r}"


@pytest.mark.parametrize(
    ("env", "complaint"),
    [
        ({"KEY": "secret\0"}, "the value of KEY in env must be text without null characters"),
        ({"KEY": 5}, "the value of KEY in env must be text without null characters"),
        ({"KEY=": "secret"}, "'KEY=' in env cannot be the name of a variable"),
        ({"": "secret"}, "'' in env cannot be the name of a variable"),
    ],
)
def test_variables_that_no_process_can_have(env: Mapping[str, Any], complaint: str) -> None:
    """The start of the function would not fail but hang; a value is not shown, for it may be a secret."""
    assert refusal(env=env) == complaint


def test_no_environment_at_all() -> None:
    """Nothing would ever start."""
    assert refusal(concurrency=0) == "concurrency must be at least 1, not 0"


def test_a_command_that_no_process_can_have() -> None:
    """It fails to start like any command that cannot be run."""
    with pytest.raises(FunctionStartError, match="cannot run true: embedded null byte"):
        Emulator(["true", "a\0b"], handler="app.handler").start()


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"function_name": "Orders-1_" + "x" * 55}, "Orders-1_" + "x" * 55),
        ({"function_name": "other", "env": {"AWS_LAMBDA_FUNCTION_NAME": "orders"}}, "orders"),
    ],
)
def test_a_name_is_the_same_everywhere(directory: Path, options: dict[str, Any], name: str) -> None:
    """The function's variable, its ARN and its log group have it, and it is found under it and under its ARN."""
    env = {"AWS_REGION": "EU-west-1", **options.pop("env", {})}
    with emulated(directory, env=env, **options) as (emulator, _):
        arn = f"arn:aws:lambda:EU-west-1:012345678912:function:{name}"
        assert emulator.invoke().json() == [name, arn, f"/aws/lambda/{name}"]
        with lambda_client(emulator.base_url) as client:
            for function in (name, f"{name}:live", arn):
                assert client.invoke(FunctionName=function)["StatusCode"] == 200


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("AWS_LAMBDA_FUNCTION_NAME", "gr\u00f6\u00dfe", f"{NAME_IN_WORDS}'gr\u00f6\u00dfe'"),
        ("AWS_LAMBDA_FUNCTION_NAME", "a\nb", f"{NAME_IN_WORDS}'a\\nb'"),
        ("AWS_REGION", "\u20ac", f"{REGION_IN_WORDS}'\u20ac'"),
        ("AWS_LAMBDA_FUNCTION_TIMEOUT", "86401", "must be a whole number from 1 to 86400, not '86401'"),
        pytest.param("AWS_LAMBDA_FUNCTION_TIMEOUT", *ENDLESS, id="endless time-out"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0", "must be a whole number from 1 to 999999999, not '0'"),
        pytest.param("AWS_LAMBDA_MAX_CONCURRENCY", *ENDLESS, id="endless concurrency"),
        pytest.param("RIC_PORT", *ENDLESS, id="endless port"),
    ],
)
def test_without_a_runtime_api(directory: Path, variable: str, value: str, complaint: str) -> None:
    """``python -m ric`` says it in one line, and starts nothing."""
    code, lines = run_to_end(
        [sys.executable, "-m", "ric", "app.handler"], directory, {"RIC_PORT": "0", variable: value}
    )
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith(f"ric: {variable} {complaint}")


@pytest.mark.parametrize("command", ["dev", "invoke"])
@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("AWS_LAMBDA_FUNCTION_NAME", "a b", f"{NAME_IN_WORDS}'a b'"),
        ("AWS_REGION", "\u20ac", f"{REGION_IN_WORDS}'\u20ac'"),
        ("AWS_LAMBDA_MAX_CONCURRENCY", "two", "must be a whole number from 1 to 999999999, not 'two'"),
    ],
)
def test_in_a_file_of_variables(directory: Path, command: str, variable: str, value: str, complaint: str) -> None:
    """``ric dev`` and ``ric invoke`` say it in one line, and start nothing."""
    (directory / "settings.env").write_text(f"{variable}={value}\n")
    done = run([command, "app.handler", "--env-file", "settings.env"], directory)
    assert (done.exit_code, done.out) == (2, b"")
    assert done.err == f"ric: {variable} {complaint}\n"


@pytest.mark.parametrize("command", ["dev", "invoke"])
def test_in_the_environment_of_the_command(directory: Path, command: str) -> None:
    """A region that is set for everything is one for the function, too."""
    done = run([command, "app.handler"], directory, variables={"AWS_REGION": "us east"})
    assert (done.exit_code, done.out) == (2, b"")
    assert done.err == f"ric: AWS_REGION {REGION_IN_WORDS}'us east'\n"
