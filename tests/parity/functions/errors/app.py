"""Raises; the event is the name of the function that does."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import helper


def handler(event: str, context: Any) -> Any:
    """Do what the named function does."""
    return globals()[event]()


def with_message() -> None:
    raise ValueError("a message")


def without_message() -> None:
    raise ValueError


def empty_message() -> None:
    raise ValueError("")


def non_ascii_message() -> None:
    raise ValueError("é ünïcödé 中文")  # näin


def emoji_message() -> None:
    raise ValueError("👍")


def line_separator_message() -> None:
    raise ValueError("a\u2028b\u2029c\x85d")


def quotes_and_backslashes() -> None:
    raise ValueError("\"quoted\" 'single' C:\\path </script>")


def multi_line_message() -> None:
    raise ValueError("first\n  second, indented\n\n\tfourth, tabbed\nlast\n")


def carriage_return_message() -> None:
    raise ValueError("header: injected\r\nLambda-Runtime-X: y\rrest")


def control_character_message() -> None:
    raise ValueError("nul \x00 bell \x07 escape \x1b[31m delete \x7f")


def message_with_leading_blanks() -> None:
    raise ValueError("    indented")


def several_arguments() -> None:
    raise ValueError("one", 2, {"three": 3})


def argument_that_is_no_text() -> None:
    raise ValueError({"code": 7})


class CustomError(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(f"code {code}")


class Outer:
    class NestedError(Exception):
        pass


def custom_class() -> None:
    raise CustomError(3)


def nested_class() -> None:
    raise Outer.NestedError("nested")


def local_class() -> None:
    class LocalError(Exception):
        pass

    raise LocalError("local")


def non_ascii_class() -> None:
    raise type("Grüße", (Exception,), {})("named outside ASCII")


def odd_class_name() -> None:
    raise type("with blank\r\nand: line", (Exception,), {})("odd")


def class_name_with_digits() -> None:
    raise type("Error404_x", (Exception,), {})("digits")


def lower_case_class() -> None:
    raise type("lower", (Exception,), {})("lower case")


def fault_exception_lookalike() -> None:
    class FaultException(Exception):
        exception_type = "Runtime.MadeUp"
        msg = "looks like one"
        trace = None

    raise FaultException("look-alike")


def real_fault_exception() -> None:
    from awslambdaric.lambda_runtime_exception import FaultException

    raise FaultException("Runtime.MadeUp", "made by the user", ["a trace"])


def real_fault_exception_without_trace() -> None:
    from awslambdaric.lambda_runtime_exception import FaultException

    raise FaultException("MadeUp", "é", None)


def helper_module() -> None:
    helper.fail()


def helper_class() -> None:
    raise helper.HelperError(1, "two")


def standard_library() -> None:
    json.loads("{")


def key_error() -> None:
    {}["missing"]


def key_error_non_ascii() -> None:
    {}["é"]


def zero_division() -> None:
    1 / 0  # noqa: B018 - it is there to raise


def attribute_error() -> None:
    None.nothing  # type: ignore[attr-defined]  # noqa: B018 - it is there to raise


def os_error() -> None:
    open("/does/not/exist")  # noqa: PTH123, SIM115 - it is there to raise


def assertion() -> None:
    raise AssertionError


def stop_iteration() -> None:
    raise StopIteration("stopped")


def timeout() -> None:
    raise TimeoutError("too slow")


def unicode_error() -> None:
    b"\xff".decode()


def import_error() -> None:
    import no_such_module  # type: ignore[import-not-found]  # noqa: F401 - it is there to raise


def syntax_error() -> None:
    compile("def f(:\n", "<text>", "exec")


def explicit_chain() -> None:
    try:
        with_message()
    except ValueError as error:
        raise RuntimeError("outer") from error


def implicit_chain() -> None:
    try:
        with_message()
    except ValueError:
        {}["while handling"]


def suppressed_chain() -> None:
    try:
        with_message()
    except ValueError:
        raise RuntimeError("outer") from None


def long_chain() -> None:
    try:
        explicit_chain()
    except RuntimeError as error:
        try:
            with_message()
        except ValueError as second:
            second.__context__ = error
            error.__cause__ = None
            try:
                {}["third"]
            except KeyError as third:
                raise LookupError("last") from third


def cycle() -> None:
    error = ValueError("first")
    error.__cause__ = KeyError("second")
    error.__cause__.__cause__ = error
    raise error


def fault_exception_with_a_cause() -> None:
    from awslambdaric.lambda_runtime_exception import FaultException

    raise FaultException("Runtime.MadeUp", "made by the user", ["a trace"]) from ValueError("why")


def empty_notes() -> None:
    error = ValueError("noted")
    error.__notes__ = []  # type: ignore[attr-defined]
    raise error


def with_notes_and_a_cause() -> None:
    error = ValueError("noted")
    error.__notes__ = ["a note"]  # type: ignore[attr-defined]
    raise error from KeyError("why")


def group_with_causes() -> None:
    if sys.version_info < (3, 11):
        raise ValueError("no groups yet")
    one = ValueError("one")
    one.__cause__ = OSError("why one")
    raise ExceptionGroup("several", [one, KeyError("two")]) from TypeError("own")  # noqa: F821 - as below


def reraised() -> None:
    try:
        with_message()
    except ValueError:
        raise


def raised_again_by_name() -> None:
    try:
        helper.fail()
    except RuntimeError as error:
        raise error


def nested_functions() -> None:
    def inner() -> None:
        def innermost() -> None:
            raise ValueError("deep inside")

        innermost()

    inner()


def in_a_lambda() -> None:
    (lambda: 1 / 0)()


def in_a_comprehension() -> None:
    [1 / number for number in (1, 0)]


def in_a_generator() -> None:
    def numbers() -> Any:
        yield 1
        raise ValueError("in a generator")

    list(numbers())


def in_a_method() -> None:
    class Thing:
        def method(self) -> None:
            raise ValueError("in a method")

    Thing().method()


def in_exec() -> None:
    exec("def made():\n    raise ValueError('no source')\nmade()\n", {})


def statement_over_several_lines() -> None:
    raise ValueError(
        "one "
        "two"
    )  # fmt: skip


def twenty_frames(depth: int = 20) -> None:
    if depth:
        twenty_frames(depth - 1)
    raise ValueError("at the bottom")


def with_notes() -> None:
    error = ValueError("noted")
    error.__notes__ = ["a note"]  # type: ignore[attr-defined]
    raise error


def exception_group() -> None:
    if sys.version_info < (3, 11):
        raise ValueError("no groups yet")
    raise ExceptionGroup("several", [ValueError("one"), KeyError("two")])  # noqa: F821 - there from 3.11 on


def in_user_bootstrap() -> None:
    import bootstrap

    bootstrap.fail()


def through_user_bootstrap() -> None:
    import bootstrap

    bootstrap.call(with_message)


def recursion_error() -> None:
    recursion_error()


def deep_stack() -> None:
    def a_function_with_a_rather_long_name_to_make_the_stack_long(depth: int) -> None:
        if depth:
            a_function_with_a_rather_long_name_to_make_the_stack_long(depth - 1)
        raise ValueError("far down")

    a_function_with_a_rather_long_name_to_make_the_stack_long(800)


def long_message() -> None:
    raise ValueError("x" * 300_000)


def str_raises() -> None:
    class Unprintable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    raise Unprintable


def str_is_no_str() -> None:
    class Wrong(Exception):
        def __str__(self) -> str:
            return 7  # type: ignore[return-value]

    raise Wrong


def lone_surrogate_message() -> None:
    raise ValueError("a\ud800b")


def system_exit() -> None:
    sys.exit(3)


def system_exit_text() -> None:
    sys.exit("a last word")


def system_exit_plain() -> None:
    sys.exit()


def keyboard_interrupt() -> None:
    raise KeyboardInterrupt


def generator_exit() -> None:
    raise GeneratorExit("gone")


def cancelled() -> None:
    raise asyncio.CancelledError("cancelled")


def base_exception() -> None:
    class Base(BaseException):
        pass

    raise Base("at the base")


def stdout_is_none() -> None:
    sys.stdout = None  # type: ignore[assignment]
    raise ValueError("nowhere to print")


def working_directory_is_gone() -> None:
    import os
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
    raise ValueError("nowhere to be")


def too_few_parameters() -> None:
    """Is the handler itself in a group of its own: it takes no parameters."""


class CallableObject:
    def __call__(self, event: Any, context: Any) -> Any:
        return {"called": event}


callable_object = CallableObject()
not_callable = "text"


def raises_directly(event: Any, context: Any) -> Any:
    """Raise in the handler itself."""
    raise ValueError(f"direct {event}")


class AsClass:
    def __init__(self, event: Any, context: Any) -> None:
        raise LookupError("in a constructor")
