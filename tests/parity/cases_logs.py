"""Logging, printing, and the streams underneath."""

from __future__ import annotations

from .expectations import ends_the_record, logs_the_record, responds, survives_a_wrong_call
from .model import (
    ALL_VARIANTS,
    FOUR_VARIANTS,
    FRAMED,
    FRAMED_JSON,
    JSON_LOGS,
    PLAIN,
    Case,
    Group,
    call,
    calls,
)

_LEVEL = "AWS_LAMBDA_LOG_LEVEL"

_LOGS = (
    *calls("all_levels", "between_levels", "root_level", "handlers", "handler_class", "set_level_then_debug"),
    *calls("arguments", "non_ascii", "multi_line", "empty_message", "control_characters"),
    call("wrong_arguments", better=survives_a_wrong_call()),
    *calls("dict_message", "dict_message_with_arguments", "dict_message_with_odd_values"),
    call("dict_message_with_tuple_key", better=survives_a_wrong_call()),
    *calls("list_and_object_messages"),
    *calls("extra", "extra_that_has_a_name_of_ours", "extra_that_replaces_the_request"),
    call("exc_info", better=ends_the_record()),
    call("exc_info_in_a_helper", better=ends_the_record()),
    call("exc_info_without_an_exception", better=logs_the_record()),
    call("stack_info", better=ends_the_record()),
    call("two_records_after_exc_info", better=ends_the_record()),
    *calls("filters", "own_format", "own_handler", "basic_config_does_nothing", "last_resort_without_handlers"),
    *calls("gm_time", "captured_warnings", "context_log", "print_between", "partial_writes", "print_non_ascii"),
    call("write_result", better=responds("write tells how much it wrote, as of any stream", b"[4, null]")),
    *calls("write_lines", "stream_attributes", "binary_output", "stream_as_context_manager"),
    *calls("unhandled_error", "unmarshallable"),
    Case("a tenant", b'"all_levels"', {"Lambda-Runtime-Aws-Tenant-Id": "tenant-1"}),
    Case("a tenant, own format", b'"own_format"', {"Lambda-Runtime-Aws-Tenant-Id": "tenant-1"}),
    Case("no tenant any more", b'"all_levels"'),
)

_LEVELS = tuple(
    Group(
        f"log level {level or 'blank'}",
        calls("all_levels", "root_level", "handler_class", "print_between", "own_format"),
        function="logs",
        environment={_LEVEL: level},
        variants=variants,
    )
    for level, variants in (
        ("DEBUG", FOUR_VARIANTS),
        ("ERROR", FOUR_VARIANTS),
        ("TRACE", (PLAIN, FRAMED_JSON)),
        ("INFO", (FRAMED,)),
        ("WARN", (JSON_LOGS,)),
        ("WARNING", (JSON_LOGS,)),
        ("FATAL", (JSON_LOGS,)),
        ("CRITICAL", (FRAMED,)),
        ("NOTSET", (PLAIN,)),
        ("debug", (PLAIN,)),
        ("trace", (FRAMED,)),
        ("CHATTY", (PLAIN, FRAMED)),
        ("10", (PLAIN,)),
        ("", (FRAMED,)),
    )
)

_FORMATS = tuple(
    Group(
        f"log format {log_format or 'blank'}",
        calls("all_levels", "unhandled_error"),
        function="logs",
        environment={"AWS_LAMBDA_LOG_FORMAT": log_format},
        variants=(PLAIN,),
    )
    for log_format in ("json", "Text", "", "XML")
)

_AT_IMPORT = Group(
    "logging at import",
    (Case("called", b"1"),),
    files={
        "app.py": (
            "import logging\n"
            "print('printed')\n"
            "logging.info('not shown')\n"
            "logging.warning('a warning')\n"
            "logging.getLogger('x').error('an error', extra={'k': 1})\n"
            "def handler(event, context):\n    return event\n"
        )
    },
    variants=FOUR_VARIANTS,
)

GROUPS = (Group("logs", _LOGS, function="logs", variants=ALL_VARIANTS), *_LEVELS, *_FORMATS, _AT_IMPORT)
