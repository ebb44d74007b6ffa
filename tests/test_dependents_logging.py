"""Logging helpers of other people on ric: what they set on the root handler, and how they recognise it.

Each test does to the runtime what that software does, within a real function, and looks at the function's log. The
names they rely on are listed in docs/compatibility.md.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.function_run import ERROR, run_function

LOGGING_MODES = {
    "text": {},
    "text with a level": {"AWS_LAMBDA_LOG_LEVEL": "INFO"},
    "JSON": {"AWS_LAMBDA_LOG_FORMAT": "JSON"},
}


@pytest.mark.parametrize("mode", LOGGING_MODES)
def test_there_is_exactly_one_root_handler(mode: str, tmp_path: Path) -> None:
    """Logging helpers take ``logging.root.handlers[0]``, and ``logging.basicConfig`` must find one there."""
    source = """
        import logging

        at_import = len(logging.root.handlers)
        logging.basicConfig()

        def handler(event, context):
            return [at_import, len(logging.getLogger().handlers)]
    """
    assert run_function(tmp_path, source, environment=LOGGING_MODES[mode]).result() == [1, 1]


def test_the_root_handler_is_recognised_by_its_class_name(tmp_path: Path) -> None:
    """datadog-lambda sets a format where handler and formatter have exactly these classes, and no subclass of them."""
    source = """
        import logging

        for root_handler in logging.getLogger().handlers:
            names = type(root_handler).__name__, type(root_handler.formatter)
            if names == ("LambdaLoggerHandler", logging.Formatter):
                root_handler.setFormatter(logging.Formatter("%(levelname)s %(aws_request_id)s trace=1 %(message)s\\n"))

        def handler(event, context):
            logging.getLogger("app").warning("hello")
    """
    assert run_function(tmp_path, source).stdout == "WARNING request-1 trace=1 hello\n"


@pytest.mark.parametrize("mode", LOGGING_MODES)
def test_a_formatter_on_the_root_handler(mode: str, tmp_path: Path) -> None:
    """Helpers put a formatter of theirs on the root handler; every record has ``aws_request_id``."""
    source = """
        import logging

        logging.root.handlers[0].setFormatter(logging.Formatter("<%(aws_request_id)s> %(message)s\\n"))
        logging.error("at import")

        def handler(event, context):
            logging.error("in the handler")
    """
    run = run_function(tmp_path, source, environment=LOGGING_MODES[mode])

    assert run.stdout == "<> at import\n<request-1> in the handler\n"


def test_a_filter_on_the_root_handler(tmp_path: Path) -> None:
    """powertools adds a filter to the root handlers to hold back records of its own logger."""
    source = """
        import logging

        for root_handler in logging.root.handlers:
            root_handler.addFilter(lambda record: record.name != "service")

        def handler(event, context):
            logging.getLogger("service").error("held back")
            logging.error("shown")
    """
    stdout = run_function(tmp_path, source).stdout

    assert "shown" in stdout
    assert "held back" not in stdout


def test_another_log_sink(tmp_path: Path) -> None:
    """Code that swaps the root handler's ``log_sink`` gets the records and what ``context.log`` writes."""
    source = """
        import logging

        class Sink:
            lines = []
            def log(self, msg, frame_type=None):
                self.lines.append(msg)
            def log_error(self, message_lines):
                self.lines.append(message_lines)

        logging.root.handlers[0].log_sink = Sink()

        def handler(event, context):
            logging.error("record")
            context.log("from the context")
            return [line.split("\\t")[-1] for line in Sink.lines]
    """
    run = run_function(tmp_path, source)

    assert run.result() == ["record\n", "from the context"]
    assert run.stdout == ""


def test_the_json_formatter_on_its_own(tmp_path: Path) -> None:
    """Code that subclasses ``JsonFormatter`` calls ``format`` and expects an object and a line end."""
    source = """
        import json, logging
        from awslambdaric.lambda_runtime_log_utils import JsonFormatter

        class Formatter(JsonFormatter):
            def format(self, record):
                return json.dumps({**json.loads(super().format(record)), "service": "mine"}) + "\\n"

        def handler(event, context):
            record = logging.makeLogRecord({"name": "a", "levelno": 40, "msg": "text", "extra": 1})
            return [JsonFormatter().format(record)[-1], json.loads(Formatter().format(record))]
    """
    end, fields = run_function(tmp_path, source).result()

    assert end == "\n"
    assert {name: fields[name] for name in ("level", "message", "logger", "extra", "service")} == {
        "level": "ERROR",
        "message": "text",
        "logger": "a",
        "extra": 1,
        "service": "mine",
    }


WRONG_CALLS = {
    "arguments": 'logging.warning("%d items", "three")',
    "key": "logging.warning({(1, 2): 3})",
    "circle": 'circle = {}; circle["itself"] = circle; logging.warning("x", extra={"extra": circle})',
    "formatter": "logging.root.handlers[0].formatter = 5; logging.warning(1)",
}
STREAMS = {
    "None": "sys.stderr = None",
    "closed": "sys.stderr.close()",
    "closed descriptor": "os.close(2)",
    "no stream": "sys.stderr = object()",
}


def wrong_call(statements: str) -> str:
    """Returns a function that does this, and then returns as if nothing had happened."""
    return f"import logging, os, sys\ndef handler(event, context):\n    {statements}\n    return 'served'\n"


@pytest.mark.parametrize("mode", LOGGING_MODES)
@pytest.mark.parametrize("call", WRONG_CALLS)
def test_a_wrong_log_call_does_not_fail_the_invocation(call: str, mode: str, tmp_path: Path) -> None:
    """As in any Python program, standard error tells what is wrong with it, and where; the program goes on."""
    run = run_function(tmp_path, wrong_call(WRONG_CALLS[call]), environment=LOGGING_MODES[mode])

    assert run.result() == "served"
    if mode != "JSON" and call in ("key", "circle"):
        assert run.stdout
        assert run.stderr == ""
    else:
        assert run.stdout == ""
        assert run.stderr.startswith("--- Logging error ---\nTraceback (most recent call last):\n")
        assert 'app.py", line 3, in handler\n' in run.stderr


@pytest.mark.parametrize("mode", LOGGING_MODES)
def test_a_wrong_log_call_is_told_of_only_where_logging_is_to_do_so(mode: str, tmp_path: Path) -> None:
    """``logging.raiseExceptions`` means what it means in any Python program."""
    source = wrong_call(f"logging.raiseExceptions = False; {WRONG_CALLS['arguments']}")
    run = run_function(tmp_path, source, environment=LOGGING_MODES[mode])

    assert (run.result(), run.stdout, run.stderr) == ("served", "", "")


@pytest.mark.parametrize("stream", STREAMS)
def test_a_wrong_log_call_that_cannot_be_told_of(stream: str, tmp_path: Path) -> None:
    """A standard error that takes nothing does not fail the invocation either."""
    run = run_function(tmp_path, wrong_call(f"{STREAMS[stream]}; {WRONG_CALLS['arguments']}"))

    assert (run.result(), run.stdout) == ("served", "")


@pytest.mark.parametrize("mode", LOGGING_MODES)
def test_a_wrong_log_call_where_standard_error_is_a_part_of_the_log(mode: str, tmp_path: Path) -> None:
    """What is told of it would be logged, which is as wrong; it goes past ``logging`` then, line by line and once."""
    source = """
        import logging, sys

        class IntoTheLog:
            def write(self, text):
                text.strip() and logging.error(text.rstrip())
                return len(text)

            def flush(self):
                pass

        sys.stderr = IntoTheLog()
        logging.root.handlers[0].setFormatter(logging.Formatter("%(correlation_id)s %(message)s"))

        def handler(event, context):
            logging.warning("hello")
            return "served"
    """
    run = run_function(tmp_path, source, environment=LOGGING_MODES[mode])

    assert (run.result(), run.stderr) == ("served", "")
    assert run.stdout.startswith("--- Logging error ---\nTraceback (most recent call last):\n")
    assert run.stdout.count("Logging error") == 1
    assert "Message: 'hello'\n" in run.stdout


def test_a_log_call_without_end_is_the_functions_own_error(tmp_path: Path) -> None:
    """A recursion is not told of in the middle of it: that would need more of the stack."""
    source = """
        import logging

        class Chatty:
            def __str__(self):
                logging.warning(self)

        def handler(event, context):
            logging.warning(Chatty())
    """
    run = run_function(tmp_path, source)

    assert [json.loads(request.body)["errorType"] for request in run.posts(ERROR)] == ["RecursionError"]
