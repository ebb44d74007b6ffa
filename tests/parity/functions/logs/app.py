"""Logs; the event is the name of the function that does."""

# ruff: noqa: T201 - a function on Lambda logs by printing, too

from __future__ import annotations

import datetime
import decimal
import logging
import os
import sys
import warnings
from typing import Any

logger = logging.getLogger("named.logger")
root = logging.getLogger()


def handler(event: str, context: Any) -> Any:
    """Do what the named function does."""
    return globals()[event](context)


def all_levels(context: Any) -> None:
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(root, level)("%s of the root", level)
        getattr(logger, level)("%s of a logger", level)


def between_levels(context: Any) -> None:
    logging.addLevelName(25, "NOTICE")
    for level in (1, 5, 15, 25, 35, 45, 49, 55, 70):
        logger.log(level, "level %d", level)


def root_level(context: Any) -> Any:
    return [logging.getLevelName(root.level), logger.isEnabledFor(logging.INFO)]


def handlers(context: Any) -> Any:
    return [
        len(root.handlers),
        [type(each).__mro__[1].__name__ for each in root.handlers],
        [isinstance(each.formatter, logging.Formatter) for each in root.handlers],
        [len(each.filters) for each in root.handlers],
        [each.level for each in root.handlers],
        [hasattr(each, "log_sink") for each in root.handlers],
    ]


def handler_class(context: Any) -> Any:
    return [type(each).__name__ for each in root.handlers]


def set_level_then_debug(context: Any) -> None:
    root.setLevel(logging.DEBUG)
    logger.debug("now shown")
    root.setLevel(logging.WARNING)
    logger.info("no more")


def arguments(context: Any) -> None:
    logger.error("%s %d %r %5.2f", "text", 3, None, 1.5)
    logger.error("%(a)s", {"a": "by name"})
    logger.error(12)
    logger.error("100%")


def wrong_arguments(context: Any) -> None:
    logger.error("%d", "no number")


def non_ascii(context: Any) -> None:
    logger.error("é 中文 👍 \u2028")


def multi_line(context: Any) -> None:
    logger.error("first\nsecond\r\n  third\n")


def empty_message(context: Any) -> None:
    logger.error("")


def control_characters(context: Any) -> None:
    logger.error('tab\tquote"back\\slash\x00nul\x7f')


def dict_message(context: Any) -> None:
    logger.error({"a": 1, "b": ["é", {"c": None}]})


def dict_message_with_arguments(context: Any) -> None:
    logger.error({"a": 1}, {"b": 2})


def dict_message_with_odd_values(context: Any) -> None:
    logger.error({"at": datetime.date(2024, 1, 2), "decimal": decimal.Decimal("1.5"), "nan": float("nan"), 1: "key"})


def dict_message_with_tuple_key(context: Any) -> None:
    logger.error({(1, 2): "not a key in JSON"})


def list_and_object_messages(context: Any) -> None:
    logger.error(["a", "list"])
    logger.error(ValueError("an exception as message"))
    logger.error(None)


def extra(context: Any) -> None:
    logger.error(
        "with extra", extra={"order": 1, "nested": {"a": [1]}, "none": None, "when": datetime.date(2024, 1, 2)}
    )


def extra_that_has_a_name_of_ours(context: Any) -> None:
    logger.error("clash", extra={"level": "mine", "timestamp": 0, "requestId": "mine", "tenantId": "mine"})


def extra_that_replaces_the_request(context: Any) -> None:
    logger.error("clash", extra={"aws_request_id": "mine", "tenant_id": "mine", "_frame_type": None})


def exc_info(context: Any) -> None:
    try:
        raise ValueError("caught é")
    except ValueError:
        logger.exception("logged")


def exc_info_in_a_helper(context: Any) -> None:
    def inner() -> None:
        try:
            {}["key"]
        except KeyError as error:
            raise RuntimeError("outer") from error

    try:
        inner()
    except RuntimeError as error:
        logger.error("with %s", "arguments", exc_info=error)


def exc_info_without_an_exception(context: Any) -> None:
    logger.error("nothing caught", exc_info=True)


def stack_info(context: Any) -> None:
    logger.error("with stack", stack_info=True)


def two_records_after_exc_info(context: Any) -> None:
    exc_info(context)
    logger.error("the next one")
    print("printed after")


def filters(context: Any) -> None:
    class Add(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            record.added = "by a filter"
            return "drop" not in record.getMessage()

    added = Add()
    root.handlers[0].addFilter(added)
    logger.error("kept")
    logger.error("drop me")
    root.handlers[0].removeFilter(added)


def own_format(context: Any) -> None:
    ours = root.handlers[0].formatter
    root.handlers[0].setFormatter(
        logging.Formatter(
            "%(asctime)sZ|%(aws_request_id)s|%(tenant_id)s|%(name)s|%(levelname)s|%(message)s|\n", "%Y-%m-%dT%H:%M:%S"
        )
    )
    logger.error("in my own format")
    root.handlers[0].setFormatter(ours)


def own_handler(context: Any) -> None:
    stream = logging.StreamHandler(sys.stdout)
    stream.setFormatter(logging.Formatter("mine: %(message)s"))
    logger.addHandler(stream)
    logger.error("in two handlers")
    logger.removeHandler(stream)


def basic_config_does_nothing(context: Any) -> None:
    logging.basicConfig(level=logging.DEBUG, format="never used")
    logger.info("still at the level from before")


def last_resort_without_handlers(context: Any) -> None:
    kept = root.handlers[:]
    root.handlers.clear()
    logger.error("to stderr, as Python does")
    root.handlers.extend(kept)


def gm_time(context: Any) -> Any:
    return logging.Formatter.converter.__name__


def captured_warnings(context: Any) -> None:
    logging.captureWarnings(True)
    warnings.warn_explicit("careful", UserWarning, "file.py", 7)
    logging.captureWarnings(False)


def context_log(context: Any) -> None:
    context.log("a line\n")
    context.log("no end of line")
    context.log({"a": "dict é"})
    context.log(None)


def print_between(context: Any) -> None:
    print("one")
    logger.error("two")
    print("three", file=sys.stderr)
    sys.stdout.write("four\n")
    context.log("five\n")
    print("six", end="")
    print()


def partial_writes(context: Any) -> None:
    sys.stdout.write("no ")
    sys.stdout.write("end of line")
    sys.stderr.write("é on stderr")


def print_non_ascii(context: Any) -> None:
    print("é 中文 👍 \u2028")


def write_lines(context: Any) -> None:
    sys.stdout.writelines(["a\n", "b\n"])
    sys.stderr.writelines(line + "\n" for line in "cd")
    sys.stdout.writelines([])


def stream_attributes(context: Any) -> Any:
    streams = (sys.stdout, sys.stderr)
    return [
        [stream.fileno(), stream.isatty(), stream.encoding, stream.writable(), stream.closed, stream.name]
        for stream in streams
    ]


def write_result(context: Any) -> Any:
    return [sys.stdout.write("four"), sys.stdout.writelines([])]


def binary_output(context: Any) -> None:
    sys.stdout.buffer.write(b"\xff\xfe raw\n")
    sys.stdout.buffer.flush()
    os.write(1, b"straight to the descriptor\n")


def stream_as_context_manager(context: Any) -> None:
    with sys.stdout as stream:
        stream.write("inside\n")
    print("still open")


def unhandled_error(context: Any) -> None:
    raise ValueError("unhandled é\n  second line")


def unmarshallable(context: Any) -> Any:
    return {1, 2}
