"""Handlers that raise, handlers that cannot be called, and handlers that cannot be loaded."""

from __future__ import annotations

import sys

from .expectations import fails_to_start, frames_of_bootstrap_stay, reports, tells_more, xray_is_shortened
from .model import (
    ALL_VARIANTS,
    BOTH_ENVIRONMENTS,
    FOUR_VARIANTS,
    JSON_LOGS_312,
    PLAIN,
    PLAIN_312,
    Case,
    Group,
    call,
    calls,
)

_HAS_GROUPS = sys.version_info >= (3, 11)
_POSTED_THEN_EXIT = "what is no Exception is posted, then the process ends as asked"
_SURVIVED = "an exception that cannot be shown is reported all the same"

_ERRORS = (
    *calls("with_message", "without_message", "empty_message", "non_ascii_message", "emoji_message"),
    *calls("line_separator_message", "quotes_and_backslashes", "multi_line_message", "carriage_return_message"),
    *calls("control_character_message", "message_with_leading_blanks", "several_arguments"),
    *calls("argument_that_is_no_text", "custom_class", "nested_class", "local_class"),
    *calls("class_name_with_digits", "lower_case_class", "fault_exception_lookalike"),
    *calls("real_fault_exception", "real_fault_exception_without_trace", "helper_module", "helper_class"),
    *calls("standard_library", "key_error", "key_error_non_ascii", "zero_division", "attribute_error"),
    *calls("os_error", "assertion", "stop_iteration", "timeout", "unicode_error", "import_error"),
    *calls("syntax_error", "suppressed_chain", "reraised", "raised_again_by_name"),
    *calls("fault_exception_with_a_cause", "empty_notes"),
    call("explicit_chain", better=tells_more("ValueError")),
    call("implicit_chain", better=tells_more("ValueError")),
    call("long_chain", better=tells_more("KeyError", "ValueError", "RuntimeError")),
    call("cycle", better=tells_more("KeyError")),
    *calls("nested_functions", "in_a_lambda", "in_a_comprehension", "in_a_generator", "in_a_method", "in_exec"),
    *calls("statement_over_several_lines", "twenty_frames"),
    call("with_notes", better=tells_more(notes=("a note",))),
    call("with_notes_and_a_cause", better=tells_more("KeyError", notes=("a note",))),
    call("exception_group", better=tells_more("ValueError", "KeyError") if _HAS_GROUPS else None),
    call(
        "group_with_causes",
        better=tells_more("ValueError", "OSError", "KeyError", "TypeError") if _HAS_GROUPS else None,
    ),
)

_ODD_ERRORS = (
    call("in_user_bootstrap", better=frames_of_bootstrap_stay(3)),
    call("through_user_bootstrap", better=frames_of_bootstrap_stay(4)),
    *calls("non_ascii_class", "odd_class_name"),
    call("recursion_error", better=xray_is_shortened()),
    call("deep_stack", better=xray_is_shortened()),
    call("long_message", better=xray_is_shortened()),
    call("str_raises", alone=True, better=reports(_SURVIVED, "Unprintable")),
    call("str_is_no_str", alone=True, better=reports(_SURVIVED, "Wrong")),
    call("lone_surrogate_message", alone=True, better=reports(_SURVIVED, "ValueError", "a\ud800b")),
    call("system_exit", alone=True, better=reports(_POSTED_THEN_EXIT, "SystemExit", end="exit code 3")),
    call("system_exit_text", alone=True, better=reports(_POSTED_THEN_EXIT, "SystemExit", end="exit code 1")),
    call("system_exit_plain", alone=True, better=reports(_POSTED_THEN_EXIT, "SystemExit", end="exit code 0")),
    call(
        "keyboard_interrupt",
        alone=True,
        better=reports(_POSTED_THEN_EXIT, "KeyboardInterrupt", end="exit code 130"),
    ),
    call("generator_exit", alone=True, better=reports(_POSTED_THEN_EXIT, "GeneratorExit", end="exit code 1")),
    call("cancelled", alone=True, better=reports(_POSTED_THEN_EXIT, "CancelledError", end="exit code 1")),
    call("base_exception", alone=True, better=reports(_POSTED_THEN_EXIT, "Base", end="exit code 1")),
    call("stdout_is_none", alone=True, better=reports("no stdout is needed", "ValueError")),
    call("working_directory_is_gone", alone=True, better=reports("no directory is needed", "ValueError")),
)


def _call_group(name: str, handler: str, *cases: Case) -> Group:
    return Group(name, cases, handler=f"app.{handler}", function="errors", variants=(PLAIN, JSON_LOGS_312))


_ANY_EVENT = Case("called", b'"event"')

_CALLS = (
    _call_group("handler without parameters", "too_few_parameters", _ANY_EVENT),
    _call_group("handler that is not callable", "not_callable", _ANY_EVENT),
    _call_group("handler that is an object", "callable_object", _ANY_EVENT),
    _call_group("handler that raises itself", "raises_directly", _ANY_EVENT),
    _call_group("handler that is a class", "AsClass", _ANY_EVENT),
)

_GOOD = "def handler(event, context):\n    return event\n"


def _start(name: str, handler: str, files: dict[str, str | bytes], **options: object) -> Group:
    cases = options.pop("cases", ())
    variants = options.pop("variants", BOTH_ENVIRONMENTS)
    return Group(name, cases, handler=handler, files=files, variants=variants, **options)  # type: ignore[arg-type]


_INIT_TEXT = "an init error outside ASCII is reported"

_STARTS = (
    _start("no dot in the handler", "handler", {"handler.py": _GOOD}),
    _start("an empty handler", "", {}),
    _start("a handler that ends in a dot", "app.", {"app.py": _GOOD}),
    _start("a handler that begins with a dot", ".handler", {"app.py": _GOOD}),
    _start("a missing module", "nothing.handler", {}, variants=ALL_VARIANTS),
    _start("a missing attribute", "app.nothing", {"app.py": _GOOD}, variants=FOUR_VARIANTS),
    _start("a missing package", "pkg.mod.handler", {}),
    _start("a missing module in a package", "pkg.mod.handler", {"pkg/__init__.py": ""}),
    _start("a built-in module", "sys.handler", {}),
    _start("a module below a built-in one", "time.sub.handler", {}),
    _start("a module that a built-in one hides", "time.handler", {"time.py": _GOOD}),
    _start("a syntax error", "app.handler", {"app.py": "x = 1\ndef handler(:\n"}, variants=FOUR_VARIANTS),
    _start(
        "a syntax error beside non-ASCII text",
        "app.handler",
        {"app.py": "é = = 1\n"},
        better=fails_to_start(_INIT_TEXT, "Runtime.UserCodeSyntaxError"),
    ),
    _start("an indentation error", "app.handler", {"app.py": "def handler(event, context):\nreturn 1\n"}),
    _start("a tab error", "app.handler", {"app.py": "if 1:\n        x = 1\n\ty = 2\n"}),
    _start(
        "a file that is not UTF-8",
        "app.handler",
        {"app.py": b"x = '\xff'\n"},
        better=fails_to_start(_INIT_TEXT, "Runtime.UserCodeSyntaxError"),
    ),
    _start("a file with a nul", "app.handler", {"app.py": b"x = 1\x00\n"}),
    _start("a syntax error in an import", "app.handler", {"app.py": "import other\n", "other.py": "x = = 1\n"}),
    _start(
        "an import error inside",
        "app.handler",
        {"app.py": "import no_such_module\n"},
        variants=FOUR_VARIANTS,
        better=tells_more("ModuleNotFoundError"),
    ),
    _start(
        "an import error further inside",
        "pkg.app.handler",
        {
            "pkg/app.py": "from . import other\n",
            "pkg/other.py": "try:\n    import a\nexcept ImportError:\n    import b\n",
        },
        better=tells_more("ModuleNotFoundError", "ModuleNotFoundError"),
    ),
    _start(
        "a name that cannot be imported",
        "app.handler",
        {"app.py": "from os import no_such_name\n"},
        better=tells_more("ImportError"),
    ),
    _start(
        "an import error with no text",
        "app.handler",
        {"app.py": "raise ImportError\n"},
        better=tells_more("ImportError"),
    ),
    _start(
        "a chained exception at import",
        "app.handler",
        {"app.py": "try:\n    {}['key']\nexcept KeyError as error:\n    raise ValueError('x') from error\n"},
        better=tells_more("KeyError"),
    ),
    _start(
        "an import error outside ASCII",
        "app.handler",
        {"app.py": "raise ImportError('grün 中')\n"},
        better=fails_to_start(_INIT_TEXT, "Runtime.ImportModuleError", "Unable to import module 'app': grün 中"),
    ),
    _start(
        "an exception at import",
        "app.handler",
        {"app.py": "def f():\n    {}['key']\nf()\n"},
        variants=ALL_VARIANTS,
    ),
    _start("an exception in an import", "app.handler", {"app.py": "import other\n", "other.py": "1 / 0\n"}),
    _start(
        "an exception at import outside ASCII",
        "app.handler",
        {"app.py": "raise ValueError('grün 中')  # é\n"},
        better=fails_to_start(_INIT_TEXT, "ValueError", "grün 中"),
    ),
    _start("output before an exception at import", "app.handler", {"app.py": "print('one')\n1 / 0\n"}),
    _start(
        "an exit at import",
        "app.handler",
        {"app.py": "import sys\nsys.exit(5)\n"},
        better=fails_to_start(_POSTED_THEN_EXIT, "SystemExit", end="exit code 5"),
    ),
    _start(
        "an interrupt at import",
        "app.handler",
        {"app.py": "raise KeyboardInterrupt\n"},
        better=fails_to_start(_POSTED_THEN_EXIT, "KeyboardInterrupt", end="exit code 130"),
    ),
    _start(
        "an attribute that raises",
        "app.handler",
        {"app.py": "def __getattr__(name):\n    raise RuntimeError(name)\n"},
    ),
    _start("an attribute made on demand", "app.handler", {"app.py": "def __getattr__(name):\n    return print\n"}),
    _start("a nested package", "pkg.sub.mod.handler", {"pkg/sub/mod.py": _GOOD}, cases=(Case("called", b"1"),)),
    _start("a path with slashes", "pkg/sub/mod.handler", {"pkg/sub/mod.py": _GOOD}, cases=(Case("called", b"1"),)),
    _start("a path that is missing", "pkg/sub/none.handler", {"pkg/sub/mod.py": _GOOD}),
    _start("a path with a syntax error", "pkg/mod.handler", {"pkg/mod.py": "x = = 1\n"}),
    _start("a path that begins with a slash", "/app.handler", {"app.py": _GOOD}),
    _start("a path from here", "./app.handler", {"app.py": _GOOD}),
    _start("a package as a module", "pkg.handler", {"pkg/__init__.py": _GOOD}, cases=(Case("called", b"1"),)),
    _start("a class attribute", "app.Thing.handler", {"app.py": "class Thing:\n    handler = 1\n"}),
    _start("a handler outside ASCII", "äpp.händler", {"app.py": _GOOD}),
    _start("a module outside ASCII", "äpp.handler", {"äpp.py": _GOOD}, cases=(Case("called", b"1"),)),
    _start("a handler that is None", "app.handler", {"app.py": "handler = None\n"}, cases=(Case("called", b"1"),)),
)

GROUPS = (
    Group("errors", _ERRORS, function="errors", variants=ALL_VARIANTS),
    Group("odd errors", _ODD_ERRORS, function="errors", variants=(PLAIN, PLAIN_312)),
    *_CALLS,
    *_STARTS,
)
