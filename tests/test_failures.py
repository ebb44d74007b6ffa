"""What is told of a failure, by the real loop over raw sockets: causes, groups, notes, failed imports, limits.

The log is read as text with line feeds for ends of lines; ``tests/parity`` compares its bytes.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.scripted_api import (
    ACCEPTED,
    Outcome,
    answer,
    event,
    read,
    run_to_its_end,
    run_until_complete,
)

LIMIT_BYTES = 6_291_556
XRAY_LIMIT_BYTES = 64 * 1024
KEYS = ["errorMessage", "errorType", "requestId", "stackTrace"]
XRAY_HEADER = "lambda-runtime-function-xray-error-cause"

needs_groups = pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")


def fail(
    directory: Path, statements: str, *, preamble: str = "", **variables: str
) -> tuple[dict[str, Any], Any, Outcome]:
    """Runs a function that fails in its first invocation; returns the error document, the X-Ray cause and the outcome.

    The second invocation is served, or the script would not complete.
    """
    body = textwrap.indent(textwrap.dedent(statements).strip(), "        ")
    source = (
        f"{textwrap.dedent(preamble)}\n"
        f"def handler(event, context):\n    if context.aws_request_id == '1':\n{body}\n    return 'served'\n"
    )
    script = [answer(event("1")), answer(ACCEPTED), answer(event("2")), answer(ACCEPTED), read()]
    outcome, api = run_until_complete(directory, [script], source, variables=variables)
    error, result = (request for request in api.requests if request.method == "POST")
    assert len(error.body) <= LIMIT_BYTES
    assert json.loads(result.body) == "served"
    document = json.loads(error.body)
    assert list(document)[:4] == KEYS
    cause = error.headers.get(XRAY_HEADER, "")
    assert len(cause) <= XRAY_LIMIT_BYTES
    return document, json.loads(cause), outcome


def fail_at_import(
    directory: Path, files: dict[str, str], handler: str = "app.handler"
) -> tuple[dict[str, Any], Outcome]:
    """Runs a function that cannot be loaded; returns the init error and the outcome."""
    for name, source in files.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(textwrap.dedent(source))
    outcome, api = run_to_its_end(directory, [[answer(ACCEPTED)]], files.get("app.py", ""), handler=handler)
    (request,) = api.requests
    assert request.path.endswith("/init/error")
    assert len(request.body) <= LIMIT_BYTES
    assert outcome.exit_code == 1
    document = json.loads(request.body)
    assert list(document)[:4] == KEYS
    return document, outcome


def files_of(stack_trace: list[str]) -> list[str]:
    """Returns the names of the files, and the line of each, of a stack trace."""
    return [re.sub(r'(?s)^  File ".*?([^/"]+)", line (\d+).*', r"\1:\2", entry) for entry in stack_trace]


CHAINED = """
try:
    try:
        {}["key"]
    except KeyError:
        int("text")
except ValueError as error:
    raise RuntimeError("order 7 failed") from error
"""


class TestCauses:
    """Chains, groups and notes of ordinary functions."""

    def test_chain(self, tmp_path: Path) -> None:
        """The whole chain is in the document, the X-Ray cause and the log."""
        document, xray, outcome = fail(tmp_path, CHAINED)
        assert list(document) == [*KEYS, "cause"]
        cause = document["cause"]
        assert (cause["errorType"], cause["cause"]["errorType"]) == ("ValueError", "KeyError")
        assert 'int("text")' in cause["stackTrace"][0]
        assert [exception["type"] for exception in xray["exceptions"]] == ["RuntimeError", "ValueError", "KeyError"]
        assert xray["paths"] == [str(tmp_path / "app.py")]
        assert [line for line in outcome.stdout.splitlines() if not line.startswith("\u00a0")] == [
            "[ERROR] RuntimeError: order 7 failed",
            "Traceback (most recent call last):",
            "Caused by ValueError: invalid literal for int() with base 10: 'text'",
            "Traceback (most recent call last):",
            "Caused by KeyError: 'key'",
            "Traceback (most recent call last):",
        ]

    def test_json_log(self, tmp_path: Path) -> None:
        """In JSON format the log has the document's own keys."""
        document, _, outcome = fail(tmp_path, CHAINED, AWS_LAMBDA_LOG_FORMAT="JSON")
        logged = json.loads(outcome.stdout)
        assert {key: logged[key] for key in document} == document

    @pytest.mark.parametrize(
        "statements",
        [
            "raise ValueError('x')",
            "try:\n    {}['key']\nexcept KeyError:\n    raise ValueError('x') from None",
            "try:\n    raise ValueError('x')\nexcept ValueError as error:\n    raise error",
        ],
    )
    def test_nothing_more_to_tell(self, tmp_path: Path, statements: str) -> None:
        """An error without causes has upstream's four keys, and one exception for X-Ray."""
        document, xray, outcome = fail(tmp_path, statements)
        assert list(document) == KEYS
        assert len(xray["exceptions"]) == 1
        assert "Caused by" not in outcome.stdout

    @needs_groups
    def test_task_group(self, tmp_path: Path) -> None:
        """The failures of several tasks are all there, each with its own cause."""
        document, xray, outcome = fail(
            tmp_path,
            "asyncio.run(main())",
            preamble="""
            import asyncio

            async def fetch(number):
                try:
                    {}[number]
                except KeyError as error:
                    raise ValueError(f"task {number}") from error

            async def main():
                async with asyncio.TaskGroup() as tasks:
                    for number in range(2):
                        tasks.create_task(fetch(number))
            """,
        )
        assert document["errorType"] == "ExceptionGroup"
        assert [cause["errorMessage"] for cause in document["cause"][:2]] == ["task 0", "task 1"]
        assert [cause["cause"]["errorMessage"] for cause in document["cause"][:2]] == ["0", "1"]
        assert {exception["message"] for exception in xray["exceptions"]} >= {"task 0", "task 1", "0", "1"}
        assert "\n\u00a0\u00a0\u00a0\u00a0Caused by ValueError: task 1\n" in outcome.stdout

    def test_notes(self, tmp_path: Path) -> None:
        """Notes are in the document and behind the traceback in the log."""
        document, _, outcome = fail(tmp_path, "e = ValueError('x'); e.__notes__ = ['order 7', 'é']; raise e")
        assert list(document) == [*KEYS, "notes"]
        assert document["notes"] == ["order 7", "é"]
        assert outcome.stdout.endswith("\norder 7\né\n")


HOSTILE = {
    "cycle": "a, b = ValueError('a'), KeyError('b'); a.__cause__ = b; b.__cause__ = a; raise a",
    "long chain": """
        first = error = ValueError(0)
        for number in range(10_000):
            error.__cause__ = error = ValueError(number)
        raise first
    """,
    "chain made by retries": """
        def attempt(number):
            try:
                raise OSError(number)
            except OSError:
                if number:
                    attempt(number - 1)
                raise
        attempt(300)
    """,
    "str": "class E(Exception):\n    def __str__(self): raise SystemExit(3)\nraise ValueError('x') from E()",
    "properties": """
        class E(Exception):
            __cause__ = __context__ = __notes__ = __suppress_context__ = property(lambda self: 1 / 0)
            __traceback__ = __dict__ = __class__ = property(lambda self: 1 / 0)
        raise E('x')
    """,
    "notes": """
        class Endless(list):
            def __iter__(self):
                while True:
                    yield self
        error = ValueError('x')
        error.__notes__ = Endless([error, b'x', '\\ud800', Endless()])
        raise error
    """,
    "metaclass": """
        M = type('M', (type,), {'__name__': property(lambda self: 1 / 0)})
        raise M('E', (Exception,), {})('x')
    """,
    "large messages": """
        raise ValueError('x') from OSError('y' * 2_000_000)
    """,
    "large everything": """
        error = KeyError('\\U0001f600' * 500_000)
        for number in range(60):
            error.__notes__ = ['n' * 500_000] * 100
            outer = OSError('\\ud800' * 500_000)
            outer.__cause__, error = error, outer
        raise error
    """,
    "surrogates": "raise ValueError('\\ud800') from KeyError('\\udfff \\ud800')",
    "deep recursion": """
        def down():
            down()
        try:
            down()
        except RecursionError as error:
            raise ValueError('x') from error
    """,
    "recursion that chains": """
        def down():
            try:
                down()
            except Exception as error:
                raise ValueError('x') from error
        down()
    """,
    "low recursion limit": """
        import sys
        error = ValueError(0)
        for number in range(100):
            outer = ValueError(number)
            outer.__cause__, error = error, outer
        sys.setrecursionlimit(70)
        raise error
    """,
    "class name": """
        raise type('E' * 200_000, (Exception,), {})('x') from type('F' * 2_000_000, (Exception,), {})('x')
    """,
}
HOSTILE_GROUPS = {
    "exceptions": """
        class E(ExceptionGroup):
            exceptions = property(lambda self: 1 / 0)
        raise E('x', [ValueError('y')])
    """,
    "huge group": "raise ExceptionGroup('x', [ValueError(number) for number in range(100_000)])",
    "deep group": """
        error = ValueError('x')
        for number in range(5000):
            error = ExceptionGroup('g', [error])
        raise error
    """,
    "group in its own chain": "e = ExceptionGroup('g', [ValueError('x')]); e.exceptions[0].__cause__ = e; raise e",
}
ALL_HOSTILE = [
    *(pytest.param(statements, id=name) for name, statements in HOSTILE.items()),
    *(pytest.param(statements, id=name, marks=needs_groups) for name, statements in HOSTILE_GROUPS.items()),
]


class TestHostile:
    """Exceptions that are hard to tell."""

    @pytest.mark.parametrize("statements", ALL_HOSTILE)
    @pytest.mark.parametrize("log_format", ["TEXT", "JSON"])
    def test_told_and_served_on(self, tmp_path: Path, statements: str, log_format: str) -> None:
        """It is reported with its type, in the log as well, and the next invocation is served."""
        document, xray, outcome = fail(tmp_path, statements, AWS_LAMBDA_LOG_FORMAT=log_format)
        assert document["errorType"]
        assert document["errorType"].startswith(xray["exceptions"][0]["type"][:100])
        assert outcome.stderr == ""
        if log_format == "JSON":
            assert json.loads(outcome.stdout)["errorType"] == document["errorType"]
        else:
            assert outcome.stdout.startswith(f"[ERROR] {document['errorType'][:100]}")

    def test_what_is_left_out_is_counted(self, tmp_path: Path) -> None:
        """Of a long chain 50 exceptions are told, and how many more there are."""
        document, _, outcome = fail(tmp_path, HOSTILE["long chain"])
        assert document["causesLeftOut"] == 10_000 - 50
        assert outcome.stdout.count("Caused by ") == 50
        assert outcome.stdout.endswith("\n(9950 more exceptions left out)\n")

    @pytest.mark.parametrize("length", [6_291_300, 10_000_000])
    def test_large_error_itself(self, tmp_path: Path, length: int) -> None:
        """An error that fills the document, or more, reaches the caller, its causes left out; the log has all of it."""
        document, _, outcome = fail(tmp_path, f"raise ValueError('x' * {length}) from KeyError('cause')")
        assert document["errorMessage"].startswith("x" * 6_000_000)
        assert document["causesLeftOut"] == 1
        assert "cause" not in document
        assert "x" * length in outcome.stdout

    def test_first_error_without_descriptors(self, tmp_path: Path) -> None:
        """With no descriptor left to read a source file with, the chain is told without source lines."""
        statements = """
        import resource
        global kept
        kept = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        try:
            while True:
                kept.append(open("/dev/null"))
        except OSError as error:
            raise ValueError("x") from error
        """
        document, _, _ = fail(tmp_path, statements)
        assert document["cause"]["errorType"] == "OSError"
        assert files_of(document["cause"]["stackTrace"])[0].startswith("app.py:")


class TestImports:
    """What is told when the handler cannot be loaded."""

    def test_import_in_the_users_files(self, tmp_path: Path) -> None:
        """The cause names each of the user's files on the way to the import that failed, and nothing else."""
        files = {
            "app.py": "import package.first\n",
            "package/__init__.py": "",
            "package/first.py": "import importlib\n\n\nimportlib.import_module('package.second')\n",
            "package/second.py": "def load():\n    from no_such_module import name\n\n\nload()\n",
        }
        document, outcome = fail_at_import(tmp_path, files)
        assert document["errorType"] == "Runtime.ImportModuleError"
        assert document["errorMessage"] == "Unable to import module 'app': No module named 'no_such_module'"
        assert document["stackTrace"] == []
        cause = document["cause"]
        assert (cause["errorType"], cause["errorMessage"]) == (
            "ModuleNotFoundError",
            "No module named 'no_such_module'",
        )
        assert files_of(cause["stackTrace"]) == ["app.py:1", "first.py:4", "second.py:5", "second.py:2"]
        assert "from no_such_module import name" in cause["stackTrace"][-1]
        record = outcome.stdout.partition("[ERROR]")[2]
        assert "\nCaused by ModuleNotFoundError: No module named 'no_such_module'\nTraceback (most" in record
        assert "second.py" in record
        assert "<frozen" not in record
        assert "importlib/" not in record

    def test_fallback_that_failed_too(self, tmp_path: Path) -> None:
        """Of two imports that both failed, the first is the cause of the second."""
        source = "try:\n    import fast\nexcept ImportError:\n    import slow\n"
        document, _ = fail_at_import(tmp_path, {"app.py": source})
        assert document["cause"]["errorMessage"] == "No module named 'slow'"
        assert document["cause"]["cause"]["errorMessage"] == "No module named 'fast'"

    @pytest.mark.parametrize(
        ("files", "handler"),
        [
            ({}, "missing.handler"),
            ({}, "missing.module.handler"),
            ({"package/__init__.py": ""}, "package.missing.handler"),
            ({"app.py": "def handler(event, context): pass\n"}, "app.missing"),
            ({"app.py": "x = (\n"}, "app.handler"),
            ({"app.py": "import other\n", "other.py": "x = (\n"}, "app.handler"),
            ({}, "sys.handler"),
            ({}, "handler"),
        ],
    )
    def test_nothing_more_to_tell(self, tmp_path: Path, files: dict[str, str], handler: str) -> None:
        """Where no file of the user's failed to import something, there is no cause."""
        document, outcome = fail_at_import(tmp_path, files, handler)
        assert list(document) == KEYS
        assert "Caused by" not in outcome.stdout

    def test_any_other_error_at_import(self, tmp_path: Path) -> None:
        """The causes of an exception at import are told as those of one in the handler."""
        document, outcome = fail_at_import(tmp_path, {"app.py": CHAINED})
        assert document["errorType"] == "RuntimeError"
        assert document["cause"]["cause"]["errorType"] == "KeyError"
        assert "\nCaused by KeyError: 'key'\n" in outcome.stdout

    def test_large_error_at_import(self, tmp_path: Path) -> None:
        """An init error that Lambda would refuse is cropped to what it takes."""
        document, _ = fail_at_import(tmp_path, {"app.py": "raise ValueError('x' * 10_000_000)\n"})
        assert document["errorMessage"].startswith("x" * 6_000_000)

    @pytest.mark.parametrize(("when", "exit_code"), [("before_snapshot", 64), ("after_restore", 65)])
    def test_hook_around_the_snapshot(self, tmp_path: Path, when: str, exit_code: int) -> None:
        """What a SnapStart hook raised is told with its causes, and fits."""
        source = (
            f"from snapshot_restore_py import register_{when}\n"
            f"@register_{when}\n"
            f"def hook():\n"
            f"{textwrap.indent(CHAINED, '    ')}\n"
            "def handler(event, context): pass\n"
        )
        script = [answer(ACCEPTED)] if exit_code == 64 else [answer(event()), answer(ACCEPTED)]
        variables = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
        outcome, api = run_to_its_end(tmp_path, [script], source, variables=variables)
        assert outcome.exit_code == exit_code
        assert json.loads(api.requests[-1].body)["cause"]["cause"]["errorType"] == "KeyError"
        # Not of the same length: Python would not notice the change of a module within a second.
        large = source.replace('"order 7 failed"', "10_000_000 * 'too large '")
        _, api = run_to_its_end(tmp_path, [script], large, variables=variables)
        assert 6_000_000 < len(api.requests[-1].body) <= LIMIT_BYTES


class TestReplacements:
    """Functions of the runtime that third parties replaced by something odd."""

    @pytest.mark.parametrize("name", ["make_error", "build_fault_result", "make_xray_fault"])
    @pytest.mark.parametrize(
        "returned", ["None", "[]", "'text'", "{}", "{'cause': 5, 'exceptions': 5}", "1 / 0", "object()"]
    )
    def test_odd_documents(self, tmp_path: Path, name: str, returned: str) -> None:
        """Whatever comes back, an error is posted, and the next invocation served."""
        source = f"""
        from awslambdaric import bootstrap
        bootstrap.{name} = lambda *args: {returned}
        def handler(event, context):
            if context.aws_request_id == "1":
                raise ValueError("x") from KeyError("y")
            return "served"
        """
        script = [answer(event("1")), answer(ACCEPTED), answer(event("2")), answer(ACCEPTED), read()]
        _, api = run_until_complete(tmp_path, [script], source)
        error, result = (request for request in api.requests if request.method == "POST")
        assert error.path.endswith("/1/error")
        assert json.loads(result.body) == "served"
        if not returned.startswith("{") or name == "make_xray_fault":
            assert json.loads(error.body)["cause"]["errorMessage"] == "'y'"

    def test_documents_of_others_get_the_cause(self, tmp_path: Path) -> None:
        """A replaced make_error keeps its own keys, and the cause is added."""
        preamble = """
        from awslambdaric import bootstrap
        original = bootstrap.make_error
        bootstrap.make_error = lambda *args: {**original(*args), "team": "orders"}
        """
        document, _, _ = fail(tmp_path, CHAINED, preamble=preamble)
        assert list(document) == [*KEYS, "team", "cause"]

    def test_log_that_breaks(self, tmp_path: Path) -> None:
        """If a replaced log_error fails, ric's own logs, and the error is posted."""
        preamble = "from awslambdaric import bootstrap\nbootstrap.log_error = lambda document, sink: 1 / 0\n"
        document, _, outcome = fail(tmp_path, "raise ValueError('x')", preamble=preamble)
        assert document["errorMessage"] == "x"
        assert outcome.stdout.startswith("[ERROR] ValueError: x\n")

    @pytest.mark.parametrize(
        "body", ["def __init__(self): pass", "msg = property(lambda self: 1 / 0, lambda *_: None)"]
    )
    def test_subclass_of_the_fault(self, tmp_path: Path, body: str) -> None:
        """A FaultException of the user's that lacks what makes one is an exception like any other."""
        preamble = (
            "from awslambdaric.lambda_runtime_exception import FaultException\n"
            f"class Mine(FaultException):\n    {body}\n    def __str__(self): return 'mine'\n"
        )
        arguments = "" if "__init__" in body else "'Runtime.X', 'x'"
        document, xray, _ = fail(tmp_path, f"raise Mine({arguments})", preamble=preamble)
        assert (document["errorType"], document["errorMessage"]) == ("Mine", "mine")
        assert xray["exceptions"][0]["type"] == "Mine"

    @pytest.mark.parametrize("returned", ["None", "5", "1 / 0"])
    def test_encoder_that_breaks(self, tmp_path: Path, returned: str) -> None:
        """If a replaced to_json fails, the document goes out all the same."""
        source = f"""
        from awslambdaric import bootstrap
        bootstrap.to_json = lambda document: {returned}
        def handler(event, context):
            if context.aws_request_id == "1":
                raise ValueError("x")
            return "served"
        """
        script = [answer(event("1")), answer(ACCEPTED), answer(event("2")), answer(ACCEPTED), read()]
        _, api = run_until_complete(tmp_path, [script], source)
        error, _ = (request for request in api.requests if request.method == "POST")
        assert json.loads(error.body)["errorMessage"] == "x"

    @pytest.mark.parametrize("returned", ["None", "{}", "1 / 0", "{'errorType': 5}", "object()"])
    def test_at_import(self, tmp_path: Path, returned: str) -> None:
        """The same when the function cannot be loaded: it ends with code 1 after an init error."""
        source = f"""
        from awslambdaric import bootstrap
        bootstrap.make_error = lambda *args: {returned}
        raise ValueError("x")
        """
        outcome, api = run_to_its_end(tmp_path, [[answer(ACCEPTED)]], source)
        assert outcome.exit_code == 1
        assert api.requests[0].path.endswith("/init/error")

    def test_logging_that_breaks_at_import(self, tmp_path: Path) -> None:
        """A function that broke the logging module gets its init error reported without the hint."""
        document, outcome = fail_at_import(
            tmp_path, {"app.py": "import logging; del logging.warning; raise ValueError('x')\n"}
        )
        assert document["errorMessage"] == "x"
        assert "[ERROR] ValueError: x" in outcome.stdout

    def test_post_that_breaks_at_import(self, tmp_path: Path) -> None:
        """A replaced post_init_error that raises is logged, and the exit code stays that of the error."""
        source = """
        from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
        LambdaRuntimeClient.post_init_error = lambda *args: 1 / 0
        import sys
        sys.exit(3)
        """
        outcome, api = run_to_its_end(tmp_path, [], source)
        assert outcome.exit_code == 3
        assert api.requests == []
        assert "[ERROR] ZeroDivisionError: division by zero" in outcome.stdout
