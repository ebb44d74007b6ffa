"""What ``invoke`` captures, and that the process is afterwards as it was before."""

# The functions in here print, as functions do.
# ruff: noqa: T201

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

import ric
from ric.testing import invoke, make_context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ric.bootstrap import LambdaContext


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger of the function's own, without handlers afterwards."""
    logger = logging.getLogger("orders")
    yield logger
    logger.handlers.clear()


def test_everything_written_is_captured_in_order() -> None:
    """The log has prints, standard error, binary output, records and the context's own lines as they came."""

    def handler(event: Any, context: LambdaContext) -> None:
        print("printed")
        print("on stderr \ud800", file=sys.stderr)
        sys.stdout.buffer.write("binär\n".encode())
        logging.warning("recorded")
        context.log("by context\n")

    lines = invoke(handler, {}, context=make_context(request_id="r1")).logs.splitlines()

    assert lines[:3] == ["printed", "on stderr \\ud800", "binär"]
    assert (lines[3][:10], lines[3][-11:]) == ("[WARNING]\t", "r1\trecorded")
    assert lines[4:] == ["by context"]


def test_nothing_written_reaches_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """A passing test run stays quiet."""
    assert invoke(lambda event, context: print("quiet"), {}).logs == "quiet\n"
    assert capfd.readouterr() == ("", "")


def test_streams_look_like_those_of_a_process() -> None:
    """Code that asks for name, encoding, terminal or descriptor of standard output gets an answer."""

    def handler(event: Any, context: LambdaContext) -> list[object]:
        return [sys.stdout.name, sys.stdout.encoding, sys.stdout.isatty(), sys.stdout.fileno(), sys.stderr.fileno()]

    assert invoke(handler, {}).payload == ["<stdout>", "utf-8", False, 1, 2]


def test_a_closed_stream_does_not_lose_the_log() -> None:
    """A handler that closes standard output is no reason for a test not to see its log."""

    def handler(event: Any, context: LambdaContext) -> None:
        print("before")
        sys.stdout.close()
        raise ValueError("after")

    logs = invoke(handler, {}).logs

    assert logs.startswith("before\n[ERROR] ValueError: after")


def test_a_log_handler_of_the_functions_own_is_captured(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """Logging libraries open standard output when the function's module is imported; their lines count too."""
    handler = logging.StreamHandler(sys.stdout)
    logger.addHandler(handler)

    logs = invoke(lambda event, context: logger.error("mine"), {}).logs
    logger.error("after")

    assert logs.startswith("mine\n")
    assert "[ERROR]" in logs, "the record goes on to the root, as in Lambda"
    assert capsys.readouterr().out == "after\n"
    assert handler.stream is sys.stdout


def test_a_log_handler_made_by_the_first_invocation_works_in_the_second(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stream that was kept writes to where standard output is at that time."""

    def handler(event: Any, context: LambdaContext) -> None:
        if not logger.handlers:
            logger.addHandler(logging.StreamHandler(sys.stdout))
        logger.error(event)

    assert "first\n" in invoke(handler, "first").logs
    second = invoke(handler, "second").logs
    logger.error("afterwards")

    assert second.startswith("second\n")
    assert "first" not in second
    assert capsys.readouterr().out == "afterwards\n"


def test_a_stream_put_back_late_does_not_go_in_circles(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Code that restores an invocation's stream after its end cannot hang what prints next."""
    kept: list[Any] = []
    invoke(lambda event, context: kept.append(sys.stdout), {})

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", kept[0])
        patch.setattr(sys, "__stdout__", sys.__stderr__)
        print("late")

    assert capfd.readouterr().err == "late\n"


def test_caplog_hears_of_each_record(caplog: pytest.LogCaptureFixture) -> None:
    """What tests of functions did before goes on working."""
    invoke(lambda event, context: logging.warning("heard"), {})

    assert [record.message for record in caplog.records] == ["heard"]


def test_logging_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what Lambda's logging needs nor what a handler does to the root logger lasts."""
    monkeypatch.setattr(logging.Formatter, "converter", time.localtime)
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.Formatter.converter)

    def handler(event: Any, context: LambdaContext) -> None:
        logging.basicConfig(force=True, level=logging.DEBUG)

    invoke(handler, {})

    assert (root.handlers, root.level, logging.Formatter.converter) == before


def test_the_log_level_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debug records appear when the function is configured for them, and only then."""
    assert invoke(lambda event, context: logging.debug("detail"), {}).logs == ""
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", "DEBUG")
    assert invoke(lambda event, context: logging.debug("detail"), {}).logs.endswith("\tdetail\n")


def test_the_environment_says_what_the_context_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries that read Lambda's variables see the same function, and the same trace."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "of the test")
    names = [
        *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "_X_AMZN_TRACE_ID"),
    ]

    def handler(event: Any, context: LambdaContext) -> list[str | None]:
        return [*(os.environ.get(name) for name in names), ric.trace_id()]

    context = make_context(function_name="orders", memory_limit_mb=512)
    said = ["orders", "$LATEST", "512", "/aws/lambda/orders", "$LATEST"]

    assert invoke(handler, {}, context=context, trace_id="Root=1").payload == [*said, "Root=1", "Root=1"]
    assert invoke(handler, {}, context=context).payload == [*said, None, None]
    assert ric.trace_id() is None
    assert os.environ["_X_AMZN_TRACE_ID"] == "of the test"


@pytest.mark.parametrize("fails", [False, True])
def test_the_environment_is_as_before(monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    """Variables that the handler added, changed or removed do not reach the next test."""
    monkeypatch.setenv("CHANGED", "before")
    monkeypatch.setenv("REMOVED", "before")
    before = dict(os.environ)

    def handler(event: Any, context: LambdaContext) -> None:
        os.environ.update(ADDED="by the handler", CHANGED="by the handler")
        del os.environ["REMOVED"]
        if fails:
            raise ValueError

    invoke(handler, {})

    assert dict(os.environ) == before


def test_streams_are_as_before_even_if_the_handler_replaced_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that takes the streams away, or a process without them, is no problem."""
    before = (sys.stdout, sys.stderr)

    def handler(event: Any, context: LambdaContext) -> None:
        sys.stdout = sys.stderr = None

    invoke(handler, {})
    assert (sys.stdout, sys.stderr) == before

    monkeypatch.setattr(sys, "stdout", None)
    assert invoke(lambda event, context: print("heard"), {}).logs == "heard\n"
    assert sys.stdout is None
