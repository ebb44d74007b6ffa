"""What reports of failures leave out: values of variables, in the environment and in the function."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.function_run import Run, invocation, run_function

SECRETS = ("of-the-environment", "of-a-local-variable", "of-an-argument", "of-a-global")
VARIABLES = {"PASSWORD": "of-the-environment"}
PRELUDE = """
    import os
    PASSWORD = "-".join(["of", "a", "global"])

    def fail(argument):
        local = "-".join(["of", "a", "local", "variable"])
        password = os.environ["PASSWORD"]
        cause = {}
        try:
            cause["missing"]
        except KeyError as error:
            raise RuntimeError("it failed") from error

"""
IN_THE_HANDLER = """
    def handler(event, context):
        fail("-".join(["of", "an", "argument"]))
"""
AT_IMPORT = """
    fail("-".join(["of", "an", "argument"]))
"""
WITHOUT_AN_ANSWER = """
    def handler(event, context):
        password = os.environ["PASSWORD"]
        return {"result": object()}
"""
IN_THE_MESSAGE = """
    def handler(event, context):
        raise RuntimeError("cannot log in with " + os.environ["PASSWORD"])
"""
OUT_OF_TIME = """
    import time

    def wait(argument):
        password = os.environ["PASSWORD"]
        while "in wait" not in open("stderr").read():
            time.sleep(0.01)

    def handler(event, context):
        wait("-".join(["of", "an", "argument"]))
"""
# Standard error is a file, so that the handler can wait for what is written there.
TO_A_FILE = """
    import os, runpy, sys
    os.dup2(os.open("stderr", os.O_WRONLY | os.O_CREAT, 0o600), 2)
    sys.argv = ["ric", "app.handler"]
    runpy.run_module("ric", run_name="__main__")
"""
DUMPED_BEFORE_MS = 60_000
# What a busy machine may take from here to the arming of the watchdog.
DUE_AFTER_MS = 2_000


def everything_told(run: Run) -> str:
    """Returns all that leaves the process: requests with their heads, and both streams."""
    requests = [f"{request.path} {request.headers} {request.body!r}" for request in run.requests]
    return "\n".join([*requests, run.stdout, run.stderr])


@pytest.mark.parametrize("log_format", ["TEXT", "JSON"])
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (IN_THE_HANDLER, "it failed"),
        (AT_IMPORT, "it failed"),
        (WITHOUT_AN_ANSWER, "Runtime.MarshalError"),
    ],
)
def test_values_of_variables_are_not_told(tmp_path: Path, source: str, expected: str, log_format: str) -> None:
    """Reports and dumps have names of files and functions, lines of source and messages."""
    environment = VARIABLES | {"AWS_LAMBDA_LOG_FORMAT": log_format}
    told = everything_told(run_function(tmp_path, PRELUDE + source, environment=environment))
    assert expected in told
    assert [secret for secret in SECRETS if secret in told] == []


@pytest.mark.parametrize("log_format", ["TEXT", "JSON"])
def test_nor_are_they_in_a_dump_before_a_time_out(tmp_path: Path, log_format: str) -> None:
    """The stacks that are logged before a time-out hold places, not values."""
    environment = VARIABLES | {"AWS_LAMBDA_LOG_FORMAT": log_format, "RIC_TIMEOUT_DUMP_MS": str(DUMPED_BEFORE_MS)}
    deadline_ms = time.time_ns() // 1_000_000 + DUMPED_BEFORE_MS + DUE_AFTER_MS
    script = [invocation(**{"Lambda-Runtime-Deadline-Ms": str(deadline_ms)})]
    run = run_function(tmp_path, PRELUDE + OUT_OF_TIME, script, launcher=TO_A_FILE, environment=environment)
    told = everything_told(run) + (tmp_path / "stderr").read_text()
    assert "in wait" in told
    assert [secret for secret in SECRETS if secret in told] == []


def test_what_the_message_says_is_told(tmp_path: Path) -> None:
    """The check above is able to fail; and a secret that a function puts into a message is told as any message is."""
    told = everything_told(run_function(tmp_path, PRELUDE + IN_THE_MESSAGE, environment=VARIABLES))
    assert "of-the-environment" in told
