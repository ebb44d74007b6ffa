"""What an event can make of the log: text of its own, but no record that another one seems to have written."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest

from tests.function_run import ERROR, invocation, run_function

# Standard output goes to a file, so that it can be read without a translation of line ends.
TO_A_FILE = """
    import os, runpy, sys
    os.dup2(os.open("log", os.O_WRONLY | os.O_CREAT, 0o600), 1)
    sys.argv = ["ric", "app.handler"]
    runpy.run_module("ric", run_name="__main__")
"""
FORGED = "[ERROR]\\t2026-01-01T00:00:00.000Z\\tforged"
RAISED_IN_THE_HANDLER = f"""
    def handler(event, context):
        raise ValueError("first\\n{FORGED}\\r\\n{FORGED}")
"""
RAISED_AT_IMPORT = f"""
    raise ValueError("first\\n{FORGED}")
"""
RAISED_BEHIND_IT = f"""
    def handler(event, context):
        try:
            raise KeyError("first")
        except KeyError as error:
            error.args = (Text(),)
            raise type("Odd\\n{FORGED}", (Exception,), {{}})("outer\\n{FORGED}") from error

    class Text:
        def __repr__(self):
            return "inner\\n{FORGED}"
"""


@pytest.mark.parametrize("source", [RAISED_IN_THE_HANDLER, RAISED_AT_IMPORT, RAISED_BEHIND_IT])
def test_an_uncaught_error_is_one_record(tmp_path: Path, source: str) -> None:
    """CloudWatch begins a record at each line feed: whatever is in message, class name or cause, there is none."""
    run_function(tmp_path, source, launcher=TO_A_FILE)
    lines = (tmp_path / "log").read_bytes().decode().split("\n")
    records = [line for line in lines if "forged" in line]
    assert len(records) == 1, lines
    assert records[0].startswith("[ERROR] ")
    assert not any(line.startswith("[ERROR]\t") for line in lines)


@pytest.mark.parametrize("source", [RAISED_IN_THE_HANDLER, RAISED_AT_IMPORT, RAISED_BEHIND_IT])
def test_an_uncaught_error_is_one_object(tmp_path: Path, source: str) -> None:
    """In JSON format each line is an object, and the message is in it as it was."""
    lines = run_function(tmp_path, source, environment={"AWS_LAMBDA_LOG_FORMAT": "JSON"}).stdout.splitlines()
    errors = [record for line in lines if (record := json.loads(line)).get("errorMessage")]
    assert len(errors) == 1
    assert "\n[ERROR]\t" in errors[0]["errorMessage"]


def test_records_of_the_function_in_json_format(tmp_path: Path) -> None:
    """What a function logs of its event stays within its object, also as a key, and cannot replace the record's own."""
    source = """
        import logging

        def handler(event, context):
            logging.error("said %s", event["said"], extra={event["said"]: event["said"], "logger": "forged"})
    """
    script = [invocation({"said": 'x"}\n{"level": "INFO", "requestId": "forged"}\u2028'})]
    lines = run_function(tmp_path, source, script, environment={"AWS_LAMBDA_LOG_FORMAT": "JSON"}).stdout.split("\n")
    (record,) = [json.loads(line) for line in lines if line]
    assert (record["level"], record["logger"], record["requestId"]) == ("ERROR", "root", "request-1")


def test_frames_hold_whatever_is_said(tmp_path: Path) -> None:
    """On the descriptor that Lambda gives, a message that looks like a frame is within the frame that it is in."""
    forged = struct.pack(">IIQ", 0xA55A0003, 4, 0).decode("latin-1") + "fake"
    source = f"""
        import os
        os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = str(os.open("frames", os.O_WRONLY | os.O_CREAT, 0o600))

        import runpy, sys
        sys.argv = ["ric", "app.handler"]

        def handler(event, context):
            raise ValueError({forged!r} + "\\n[ERROR] forged")

        if __name__ == "__main__":
            runpy.run_module("ric", run_name="__main__")
    """
    run = run_function(tmp_path, source, launcher="import runpy; runpy.run_path('app.py', run_name='__main__')")
    assert len(run.posts(ERROR)) == 1, run
    rest = (tmp_path / "frames").read_bytes()
    messages = []
    while rest:
        kind, length, _ = struct.unpack(">IIQ", rest[:16])
        assert kind >> 16 == 0xA55A
        messages.append(rest[16 : 16 + length].decode())
        rest = rest[16 + length :]
    assert [message for message in messages if "fake" in message] == [
        message for message in messages if "forged" in message
    ]
    assert sum("forged" in message for message in messages) == 1
    assert os.linesep not in run.stdout


@pytest.mark.parametrize("log_format", ["TEXT", "JSON"])
def test_a_request_id_is_no_text(tmp_path: Path, log_format: str) -> None:
    """The id stands in every record, so one that could end a record, or begin a column, is not taken."""
    source = """
        import logging

        def handler(event, context):
            logging.error(context.aws_request_id)
    """
    odd = [invocation(None, 1, **{"Lambda-Runtime-Aws-Request-Id": value}) for value in ("a\tb", "a b", "a,b", "a/b")]
    run = run_function(tmp_path, source, [*odd, invocation(None, 2)], environment={"AWS_LAMBDA_LOG_FORMAT": log_format})
    assert "request-2" in run.stdout
    assert len([line for line in run.stdout.splitlines() if line]) == 1
