"""Functions that change the ground under the runtime: it serves on, reports what they did, and ends as they ask."""

from __future__ import annotations

import contextlib
import json
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.faults.handlers import EXHAUST
from tests.scripted_api import (
    ACCEPTED,
    INIT_ERROR,
    NEXT,
    TIMEOUT_S,
    Outcome,
    Peer,
    ScriptedApi,
    Step,
    answer,
    close,
    error_path,
    event,
    function,
    read,
    response_path,
    run_to_its_end,
    run_until_complete,
)

TWO_SERVED = (answer(event("1")), answer(ACCEPTED), answer(event("2")), answer(ACCEPTED), read())
THREE_SERVED = (*TWO_SERVED[:4], answer(event("3")), answer(ACCEPTED), read())
ONE_SERVED = (answer(event("1")), answer(ACCEPTED))


def in_handler(statements: str, *, then: str = "return 'served'", once: bool = True) -> str:
    """Returns a function that runs the statements in its (first) invocation."""
    condition = "context.aws_request_id == '1'" if once else "True"
    body = textwrap.indent(textwrap.dedent(statements), "        ")
    return f"def handler(event, context):\n    if {condition}:\n{body}\n    {then}\n"


def serve(
    directory: Path, source: str, script: Sequence[Step] = TWO_SERVED, **variables: str
) -> tuple[Outcome, list[Any], ScriptedApi]:
    """Runs a function through a script; returns its outcome, the posted documents and the server."""
    outcome, api = run_until_complete(directory, [script], source, variables=variables)
    return outcome, [json.loads(request.body) for request in api.requests if request.method == "POST"], api


def test_the_context_outlives_the_environment(tmp_path: Path) -> None:
    """A function that clears its environment, or renames itself there, is still told its name in the context."""
    source = in_handler(
        "import os; os.environ.clear()", then="return context.function_name, context.memory_limit_in_mb"
    )
    names = {"AWS_LAMBDA_FUNCTION_NAME": "echo", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}
    _, posted, _ = serve(tmp_path, source, **names)
    assert posted == [["echo", "128"]] * 2


class TestPatches:
    """Modules that user code replaces or patches."""

    @pytest.mark.parametrize(
        "patch",
        [
            "import socket; socket.setdefaulttimeout(0.001)",
            "import socket; socket.socket = None; socket.create_connection = None; socket.getaddrinfo = None",
            "import socket; socket.socket.connect = socket.socket.recv = socket.socket.send = None",
            "import select; del select.poll, select.select, select.epoll",
            "import time; time.sleep = time.monotonic = time.time = None",
            "import http.client; http.client.HTTPConnection = None",
            "import os; os.getpid = lambda: 4711",
            "import os; os.environ.clear()",
            "import json; json.dumps = json.loads = None; json.JSONEncoder.encode = None",
            "import simplejson; simplejson.dumps = simplejson.loads = None",
            "import traceback; traceback.format_list = traceback.format_exception = None",
            "import logging; logging.getLogger().handlers.clear(); logging.disable()",
            "import logging.config; logging.config.dictConfig({'version': 1})",
            "import builtins; builtins.print = builtins.open = None",
            "import sys; sys.excepthook = None; sys.tracebacklimit = 0",
            "import sys; sys.setrecursionlimit(150)",
            "import os; os.umask(0o777)",
            "import os, sys; sys.stdout = os.write = None",
            "import gc; gc.disable(); gc.set_threshold(0)",
            "import warnings; warnings.simplefilter('error')",
            "import threading; threading.settrace(lambda *a: None)",
        ],
    )
    @pytest.mark.parametrize("when", ["import", "handler"])
    def test_patches_do_not_reach_the_runtime(self, tmp_path: Path, patch: str, when: str) -> None:
        """Whatever user code does to public modules, at import or later, results and errors are posted."""
        if when == "import":
            source = f"{patch}\ndef handler(event, context):\n    {IF_THIRD}    return 'served'\n"
        else:
            source = in_handler(patch).replace("    return", f"    {IF_THIRD}    return")
        outcome, posted, api = serve(tmp_path, source, THREE_SERVED)
        assert posted[:2] == ["served", "served"]
        assert posted[2]["errorMessage"] == "reported"
        assert api.paths[1::2] == [response_path("1"), response_path("2"), error_path("3")]
        assert outcome.stderr == ""

    def test_import_path_emptied_by_the_handler(self, tmp_path: Path) -> None:
        """A handler that empties sys.path gets its next event, and its error is reported after that."""
        source = in_handler("import sys; sys.path.clear()").replace("    return", f"    {IF_THIRD}    return")
        _, posted, _ = serve(tmp_path, source, THREE_SERVED)
        assert posted[:2] == ["served", "served"]
        assert posted[2]["errorMessage"] == "reported"

    @pytest.mark.parametrize(
        "statements",
        [
            "import sys; sys.modules.clear()",
            "import builtins; builtins.__import__ = None",
            "import sys; sys.meta_path.clear(); sys.path_hooks.clear(); sys.path.clear(); sys.modules.clear()",
        ],
    )
    @pytest.mark.parametrize("fails", [False, True], ids=["returns", "fails"])
    def test_imports_broken_by_the_handler(self, tmp_path: Path, statements: str, fails: bool) -> None:
        """After a handler that leaves no import possible its answer, and those of later invocations, are posted."""
        source = in_handler(statements + ("\nraise ValueError('first')" if fails else ""))
        _, posted, _ = serve(tmp_path, source.replace("    return", f"    {IF_THIRD}    return"), THREE_SERVED)
        assert posted[0]["errorMessage"] == "first" if fails else posted[0] == "served"
        assert posted[1] == "served"
        assert posted[2]["errorMessage"] == "reported"

    def test_reconnect_after_patches(self, tmp_path: Path) -> None:
        """Opening a new connection needs none of the modules that user code patched."""
        source = """
        import select, socket, time
        socket.socket = socket.create_connection = socket.getaddrinfo = None
        socket.setdefaulttimeout(0.001)
        del select.poll
        time.sleep = None
        def handler(event, context):
            return "served"
        """
        scripts = [[answer(event("1")), close()], [answer(ACCEPTED), read(), close()], TWO_SERVED[2:]]
        _, api = run_until_complete(tmp_path, scripts, source)
        assert api.paths == [NEXT, response_path("1"), NEXT, NEXT, response_path("2"), NEXT]

    @pytest.mark.parametrize(
        "name",
        ["simplejson", "runtime_client", "snapshot_restore_py", "bootstrap", "config", "errors", "api", "process"],
    )
    @pytest.mark.parametrize("is_used", [False, True], ids=["there", "imported"])
    def test_modules_of_the_same_name(self, tmp_path: Path, name: str, is_used: bool) -> None:
        """A file of the user's that bears the name of a part of the runtime is theirs, and disturbs nothing."""
        (tmp_path / f"{name}.py").write_text("MINE = 'mine'\n")
        source = "def handler(event, context):\n    return 'mine'\n"
        if is_used:
            source = f"import {name}\ndef handler(event, context):\n    import {name} as again\n    return again.MINE\n"
        _, posted, _ = serve(tmp_path, source)
        assert posted == ["mine", "mine"]

    def test_frames_of_the_users_bootstrap_stay(self, tmp_path: Path) -> None:
        """Only the runtime's own frames are taken out of a stack trace, not those of a user's file of such a name."""
        (tmp_path / "bootstrap.py").write_text("def fail():\n    raise ValueError('here')\n")
        source = "import bootstrap\ndef handler(event, context):\n    bootstrap.fail()\n"
        _, (document, _), _ = serve(tmp_path, source)
        files = [line.split('"')[1] for line in document["stackTrace"]]
        assert [Path(name).name for name in files] == ["app.py", "bootstrap.py"]


IF_THIRD = "\n    if context.aws_request_id == '3':\n        raise ValueError('reported')\n"


class TestDescriptors:
    """Descriptors that user code closes, or uses up."""

    @pytest.mark.parametrize("when", ["import", "handler"])
    def test_standard_descriptors_closed(self, tmp_path: Path, when: str) -> None:
        """With 0 to 2 closed the function is served, and no connection ever takes their place."""
        statements = "import os; [os.close(n) for n in range(3)]"
        check = "import os; return [os.path.exists(f'/proc/self/fd/{n}') for n in range(3)]"
        if when == "import":
            source = f"{statements}\ndef handler(event, context):\n    {check}\n"
        else:
            source = in_handler(statements, then=check)
        scripts = [[*ONE_SERVED, close()], TWO_SERVED[2:]]
        _, api = run_until_complete(tmp_path, scripts, source)
        posts = [json.loads(request.body) for request in api.requests if request.method == "POST"]
        assert posts == [[False] * 3] * 2

    def test_every_descriptor_closed(self, tmp_path: Path) -> None:
        """A function that closes all descriptors, as daemons do, costs the connection and nothing else."""
        source = in_handler("import os; os.closerange(0, 1000)")
        scripts = [[answer(event("1"))], [answer(ACCEPTED), *TWO_SERVED[2:]]]
        _, api = run_until_complete(tmp_path, scripts, source)
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]

    @pytest.mark.parametrize("failure", ["raise ValueError('first error')", "open('/dev/null')"])
    def test_none_left_in_the_first_error(self, tmp_path: Path, failure: str) -> None:
        """The first error is reported although no file can be opened any more."""
        source = in_handler(EXHAUST + failure)
        _, (document, second), _ = serve(tmp_path, source)
        assert document["errorType"] == ("ValueError" if "Value" in failure else "OSError")
        assert 'app.py", line' in document["stackTrace"][0]
        assert second == "served"

    def test_none_left_after_success(self, tmp_path: Path) -> None:
        """A function that succeeds with its last descriptor gets its next event, and can fail after that."""
        source = in_handler(EXHAUST).replace("    return", f"    {IF_THIRD}    return")
        _, posted, _ = serve(tmp_path, source, THREE_SERVED)
        assert posted[:2] == ["served", "served"]
        assert posted[2]["errorMessage"] == "reported"

    def test_descriptors_made_non_blocking(self, tmp_path: Path) -> None:
        """A function that makes all descriptors non-blocking does not keep the runtime from waiting, at any byte."""
        source = in_handler(
            """
            import os
            for number in range(3, 20):
                try:
                    os.set_blocking(number, False)
                except OSError:
                    pass
            """,
            then="return event",
        )
        second = event("2", json.dumps("x" * 100).encode())
        script = [answer(event("1")), read(), slowly(ACCEPTED), read(), slowly(second), answer(ACCEPTED), read()]
        _, api = run_until_complete(tmp_path, [script], source)
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]
        assert json.loads(api.requests[3].body) == "x" * 100

    def test_connection_is_not_inherited(self, tmp_path: Path) -> None:
        """A program which the handler starts does not hold the connection."""
        check = """
        import os, subprocess
        def handler(event, context):
            own = [n for n in os.listdir("/proc/self/fd") if is_socket(f"/proc/self/fd/{n}")]
            listing = subprocess.run(["ls", "-l", "/proc/self/fd"], capture_output=True, text=True, close_fds=False)
            return len(own), listing.stdout.count("socket:")
        def is_socket(path):
            return os.path.islink(path) and os.readlink(path).startswith("socket:")
        """
        _, posted, _ = serve(tmp_path, check)
        assert posted == [[1, 0]] * 2

    def test_descriptor_that_became_the_users(self, tmp_path: Path) -> None:
        """A handler that closes the connection's descriptor and gets its number for a file keeps that file."""
        source = in_handler(
            """
            import os
            global file
            os.closerange(3, 100)
            file = open("mine", "w")
        """,
            then="file.write(event['id']); file.flush(); return 'served'",
        )
        first = (answer(event("1", b'{"id": "a"}')),)
        second = (answer(ACCEPTED), answer(event("2", b'{"id": "b"}')), answer(ACCEPTED), read())
        with ScriptedApi(first, second).listen() as api, function(api, tmp_path, source) as running:
            running.stop_when_complete()
        assert (tmp_path / "mine").read_text() == "ab"

    def test_descriptor_that_became_a_quiet_one(self, tmp_path: Path) -> None:
        """The same with a pipe, of which nothing tells that it is no connection until something is sent."""
        source = in_handler(
            """
            global os, ends
            import os
            os.closerange(3, 100)
            ends = os.pipe()
        """,
            then="os.write(ends[1], b'mine'); return os.read(ends[0], 4).decode()",
        )
        scripts = [[answer(event("1"))], [answer(ACCEPTED), answer(event("2")), answer(ACCEPTED), read()]]
        _, api = run_until_complete(tmp_path, scripts, source)
        assert [request.body for request in api.requests if request.method == "POST"] == [b'"mine"'] * 2
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]

    @pytest.mark.parametrize("value", ["99", "abc", ""])
    def test_telemetry_descriptor_that_is_none(self, tmp_path: Path, value: str) -> None:
        """A log descriptor that is not open is named in one line, and the function is served without it."""
        outcome, posted, _ = serve(tmp_path, in_handler("print('log')"), _LAMBDA_TELEMETRY_LOG_FD=value)
        assert posted == ["served", "served"]
        assert outcome.stdout == "log\n"
        assert outcome.stderr == f"ric: _LAMBDA_TELEMETRY_LOG_FD is {value!r}, which is no open descriptor\n"


def slowly(data: bytes) -> Step:
    """Sends the bytes in a few pieces, as a slow server does; the client has to wait for each."""

    def step(peer: Peer) -> None:
        for start in range(0, len(data), 60):
            time.sleep(0.02)
            peer.connection.sendall(data[start : start + 60])

    return step


class TestSurroundings:
    """Streams, directories and limits that user code takes away."""

    @pytest.mark.parametrize(
        "statements",
        [
            "import sys; sys.stdout = None",
            "import sys; sys.stdout = sys.stderr = None",
            "import sys; sys.stdout.close()",
            "import sys; sys.stdout.close(); sys.stderr.close()",
            "import sys; del sys.stdout, sys.stderr",
            "import sys, io; sys.stdout = io.StringIO(); sys.stdout.close()",
            "import sys; sys.stdout = object()",
            "import os; os.close(1)",
            "import sys, io; sys.stdout = io.TextIOWrapper(open('/dev/full', 'wb', 0), write_through=True)",
        ],
    )
    @pytest.mark.parametrize("when", ["import", "handler"])
    def test_streams(self, tmp_path: Path, statements: str, when: str) -> None:
        """Without a usable standard output an error is posted all the same."""
        source = in_handler(f"{statements}\nraise ValueError('é reported')")
        if when == "import":
            source = f"{statements}\n" + in_handler("raise ValueError('é reported')")
        _, (document, second), _ = serve(tmp_path, source)
        assert document["errorMessage"] == "é reported"
        assert second == "served"

    def test_error_is_logged_without_stdout(self, tmp_path: Path) -> None:
        """With sys.stdout gone the log goes to the descriptor behind it."""
        outcome, _, _ = serve(tmp_path, in_handler("import sys; sys.stdout = None; raise ValueError('the message')"))
        assert "ValueError: the message" in outcome.stdout

    @pytest.mark.parametrize("when", ["import", "handler"])
    def test_deleted_working_directory(self, tmp_path: Path, when: str) -> None:
        """A working directory that no longer exists does not keep an error from being reported."""
        (tmp_path / "gone").mkdir()
        statements = f"import os; os.chdir({str(tmp_path / 'gone')!r}); os.rmdir(os.getcwd())"
        source = in_handler(f"{statements}\nraise ValueError('reported')")
        if when == "import":
            source = f"{statements}\n" + in_handler("raise ValueError('reported')")
        _, (document, second), _ = serve(tmp_path, source)
        assert document["errorMessage"] == "reported"
        assert second == "served"

    @pytest.mark.parametrize("failure", ["raise ValueError('reported')", "return 'served'", "handler(event, context)"])
    def test_low_recursion_limit(self, tmp_path: Path, failure: str) -> None:
        """A function that lowers the recursion limit gets its results and errors posted."""
        source = in_handler(f"import sys; sys.setrecursionlimit(60)\n{failure}")
        _, (first, second), _ = serve(tmp_path, source)
        expected = {"raise": "reported", "return": "served", "handler": "recursion"}[failure.split("(")[0].split()[0]]
        assert expected in (first if isinstance(first, str) else first["errorMessage"])
        assert second == "served"

    def test_recursion_error(self, tmp_path: Path) -> None:
        """Endless recursion is an error like any other; its trace fits what the platform takes."""
        source = "def handler(event, context):\n    return handler(event, context)\n"
        _, (first, second), api = serve(tmp_path, source)
        assert first["errorType"] == second["errorType"] == "RecursionError"
        cause = api.requests[1].headers["lambda-runtime-function-xray-error-cause"]
        assert len(cause) <= 64 * 1024
        assert json.loads(cause)["exceptions"][0]["type"] == "RecursionError"

    def test_non_ascii_trace_id_where_the_locale_is_ascii(self, tmp_path: Path) -> None:
        """A trace id that the locale of the process cannot express does not end it."""
        odd = event("1", b"{}", b"Lambda-Runtime-Trace-Id: Root=\xc3\xa9\xff")
        ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
        source = "def handler(event, context):\n    return 'served'\n"
        _, posted, _ = serve(tmp_path, source, [answer(odd), *TWO_SERVED[1:]], **ascii_only)
        assert posted == ["served", "served"]

    def test_threads_that_linger(self, tmp_path: Path) -> None:
        """Threads of the function, daemons or not, do not disturb the next invocation."""
        source = f"""
        import threading, time
        def handler(event, context):
            for is_daemon in (True, False):
                threading.Thread(target=time.sleep, args=({TIMEOUT_S},), daemon=is_daemon).start()
            return "served"
        """
        _, posted, _ = serve(tmp_path, source)
        assert posted == ["served", "served"]


class TestLogging:
    """The set-up of logging, whenever and however it is imported."""

    @pytest.mark.parametrize(
        "look",
        [
            "import importlib.util; importlib.util.find_spec('logging')",
            "import importlib.util; importlib.util.find_spec('logging').loader.get_source('logging')",
        ],
    )
    def test_looking_for_logging_is_not_importing_it(self, tmp_path: Path, look: str) -> None:
        """Whoever only looks for the module does not keep it from being set up when it is imported."""
        source = in_handler(f"{look}\nimport logging\nlogging.warning('text')")
        outcome, posted, _ = serve(tmp_path, source)
        assert posted == ["served", "served"]
        assert outcome.stdout.startswith("[WARNING]\t")
        assert outcome.stdout.endswith("\t1\ttext\n")

    def test_other_finders_are_asked(self, tmp_path: Path) -> None:
        """A finder that somebody installed to watch imports hears of logging, too."""
        source = """
        import sys
        asked = []
        class Watcher:
            def find_spec(self, name, path=None, target=None):
                asked.append(name)
        sys.meta_path.insert(1, Watcher())
        def handler(event, context):
            import logging
            return [asked.count("logging"), len(logging.getLogger().handlers)]
        """
        _, posted, _ = serve(tmp_path, textwrap.dedent(source), (*ONE_SERVED, read()))
        assert posted == [[1, 1]]

    def test_errors_in_json_without_a_clock(self, tmp_path: Path) -> None:
        """A function that replaces what the time is told with, as tests do, gets its errors logged and reported."""
        source = in_handler("import time; time.strftime = time.gmtime = time.time_ns = None; raise ValueError('x')")
        outcome, (document, _), _ = serve(tmp_path, source, AWS_LAMBDA_LOG_FORMAT="JSON")
        assert document["errorMessage"] == "x"
        assert json.loads(outcome.stdout)["errorMessage"] == "x"

    def test_context_log_without_logging(self, tmp_path: Path) -> None:
        """context.log() reaches the log of a function that never imported logging and took stdout away."""
        outcome, posted, _ = serve(tmp_path, in_handler("import sys; sys.stdout = None; context.log('text')"))
        assert posted == ["served", "served"]
        assert outcome.stdout == "text"


class TestThirdParties:
    """Parts that others put in the place of ours, and that break."""

    @pytest.mark.parametrize(
        "returned", ["(5, 'application/json')", "('{}', None)", "('{}', 'a/b\\r\\nX-Injected: yes')"]
    )
    def test_marshaller_that_breaks_its_protocol(self, tmp_path: Path, returned: str) -> None:
        """What no answer can be made of is reported to the caller as a marshalling error."""
        source = f"""
        from ric.api.client import LambdaRuntimeClient
        class Marshaller:
            def unmarshal_request(self, request, content_type="application/json"):
                return request
            def marshal_response(self, response):
                return {returned} if response == "odd" else ("1", "application/json")
        LambdaRuntimeClient.marshaller = Marshaller()
        def handler(event, context):
            return "odd" if context.aws_request_id == "1" else "fine"
        """
        _, posted, api = serve(tmp_path, textwrap.dedent(source))
        assert posted[0]["errorType"] == "Runtime.MarshalError"
        assert api.paths == [NEXT, error_path("1"), NEXT, response_path("2"), NEXT]

    def test_post_that_breaks(self, tmp_path: Path) -> None:
        """A replaced post method that raises costs the invocation it raised in, and no other."""
        source = """
        from ric.api.client import LambdaRuntimeClient
        post = LambdaRuntimeClient.post_invocation_result
        def broken(self, invoke_id, *args):
            if invoke_id == "1":
                raise KeyError("tracker")
            post(self, invoke_id, *args)
        LambdaRuntimeClient.post_invocation_result = broken
        def handler(event, context):
            return "served"
        """
        script = (answer(event("1")), answer(event("2")), answer(ACCEPTED), read())
        outcome, _, api = serve(tmp_path, textwrap.dedent(source), script)
        assert api.paths == [NEXT, NEXT, response_path("2"), NEXT]
        assert outcome.stdout.startswith("[ERROR] KeyError: 'tracker'")

    def test_module_that_keeps_traceback_from_loading(self, tmp_path: Path) -> None:
        """A token.py of the function's own that fails does not end the process between two events."""
        (tmp_path / "token.py").write_text("raise KeyError('mine')\n")
        _, posted, _ = serve(tmp_path, "def handler(event, context):\n    return 'served'\n")
        assert posted == ["served", "served"]


class TestForks:
    """Children that a handler forks and that run on into the runtime."""

    @pytest.mark.parametrize(
        "in_child",
        ["return 'child'", "raise ValueError('child')", "import sys; sys.exit(0)", "raise KeyboardInterrupt"],
    )
    def test_child_posts_nothing(self, tmp_path: Path, in_child: str) -> None:
        """A child that returns, raises or exits posts nothing and polls nothing; the parent is served on."""
        source = in_handler(f"import os\npid = os.fork()\nif not pid:\n    {in_child}\nos.waitpid(pid, 0)")
        _, posted, api = serve(tmp_path, source)
        assert posted == ["served", "served"]
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]

    def test_child_that_exits_is_silent(self, tmp_path: Path) -> None:
        """A child that ends with sys.exit() leaves no error behind, and runs no exit handlers of its parent."""
        source = in_handler(
            "import os, sys\npid = os.fork()\nif not pid:\n    sys.exit(5)\n"
            "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
        )
        outcome, posted, _ = serve(tmp_path, "import atexit\natexit.register(print, 'at exit')\n" + source)
        assert posted == ["served", "served"]
        assert outcome.stdout == "5\n"

    def test_child_of_the_import(self, tmp_path: Path) -> None:
        """A child forked while the module was imported that runs on says what it did wrong, and ends."""
        source = "import os\npid = os.fork()\ndef handler(event, context):\n    return os.waitpid(pid, 0)[1]\n"
        outcome, posted, api = serve(tmp_path, source, (answer(event("1")), answer(ACCEPTED), read()))
        assert posted == [256]
        assert api.paths == [NEXT, response_path("1"), NEXT]
        assert "forked by the handler" in outcome.stdout
        assert outcome.stderr == ""

    def test_child_after_the_connection_was_lost(self, tmp_path: Path) -> None:
        """A child opens no connection of its own either."""
        source = in_handler("import os\nos.closerange(3, 1000)\npid = os.fork()\nif pid:\n    os.waitpid(pid, 0)")
        scripts = [[answer(event("1"))], [answer(ACCEPTED), *TWO_SERVED[2:]]]
        with ScriptedApi(*scripts).listen() as api, function(api, tmp_path, source) as running:
            running.stop_when_complete()
            assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]
            assert api.unexpected == b""


class TestErrors:
    """Exceptions that are hard to report."""

    @pytest.mark.parametrize(
        ("statements", "error_type"),
        [
            ("class E(Exception):\n    def __str__(self): raise RuntimeError\nraise E", "E"),
            ("class E(Exception):\n    def __str__(self): return 5\nraise E", "E"),
            ("class E(Exception):\n    def __str__(self): return None\nraise E", "E"),
            ("class E(Exception):\n    def __str__(self): return str(self)\nraise E", "E"),
            ("class E(Exception):\n    def __str__(self): raise SystemExit(9)\nraise E", "E"),
            ("class S(str): pass\nclass E(Exception):\n    def __str__(self): return S('x')\nraise E", "E"),
            ("class E(Exception):\n    def __repr__(self): raise RuntimeError\nraise E", "E"),
            ("class E(Exception):\n    __traceback__ = None\nraise E", "E"),
            ("raise type('Bad\\r\\nName: é', (Exception,), {})", "Bad\r\nName: é"),
            ("raise type('É', (Exception,), {})", "É"),
            ("raise ValueError('lone \\ud800 surrogate')", "ValueError"),
            ("raise ValueError('日本語 é \\u2028 \\x7f \\x00 \\r\\n')", "ValueError"),
            ("raise ValueError('x' * 1_000_000)", "ValueError"),
            ("raise ValueError(b'\\xff')", "ValueError"),
            ("e = ValueError('circle'); e.__cause__ = e; raise e", "ValueError"),
            ("exec(compile('raise ValueError', '<\\ud800>', 'exec'))", "ValueError"),
            ("exec('raise ValueError')", "ValueError"),
            ("raise StopIteration", "StopIteration"),
            ("raise MemoryError", "MemoryError"),
            ("import socket; raise socket.timeout('user timeout')", "TimeoutError"),
            ("raise ConnectionResetError('of the user')", "ConnectionResetError"),
            ("eval('1 +')", "SyntaxError"),
        ],
    )
    @pytest.mark.parametrize("environment", ["AWS_Lambda_python3.11", "AWS_Lambda_python3.12"])
    def test_reported(self, tmp_path: Path, statements: str, error_type: str, environment: str) -> None:
        """The error arrives as JSON with its type, whatever its message, and the next invocation is served."""
        outcome, (document, second), api = serve(tmp_path, in_handler(statements), AWS_EXECUTION_ENV=environment)
        assert document["errorType"] == error_type
        assert document["requestId"] == "1"
        assert second == "served"
        assert "[ERROR]" in outcome.stdout
        headers = api.requests[1].headers
        assert json.loads(headers["lambda-runtime-function-xray-error-cause"])["exceptions"]
        assert headers["lambda-runtime-function-error-type"].startswith("Function.")

    @pytest.mark.parametrize("environment", ["AWS_Lambda_python3.11", "AWS_Lambda_python3.12"])
    def test_lone_surrogate_in_a_result(self, tmp_path: Path, environment: str) -> None:
        """A lone surrogate in a result reaches the caller as the JSON escape for it."""
        outcome, api = run_until_complete(
            tmp_path, [TWO_SERVED], in_handler("return 'a\\ud800b'"), variables={"AWS_EXECUTION_ENV": environment}
        )
        assert api.requests[1].body == b'"a\\ud800b"'
        assert outcome.stdout == ""

    @pytest.mark.parametrize(
        "result",
        ["object()", "{1, 2}", "bytearray(b'x')", "{(1, 2): 3}", "(a := []).append(a) or a", "float"],
    )
    def test_results_that_are_no_json(self, tmp_path: Path, result: str) -> None:
        """A result that JSON cannot express is an error of its invocation."""
        _, (document, second), _ = serve(tmp_path, in_handler(f"return {result}"))
        assert document["errorType"] == "Runtime.MarshalError"
        assert second == "served"

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"{} {}"])
    def test_events_that_are_no_json(self, tmp_path: Path, body: bytes) -> None:
        """An event that is announced as JSON and is none is an error of its invocation; the handler does not run."""
        source = "def handler(event, context):\n    print('run')\n    return 'served'\n"
        outcome, (document, second), _ = serve(tmp_path, source, [answer(event("1", body)), *TWO_SERVED[1:]])
        assert document["errorType"] == "Runtime.UnmarshalError"
        assert second == "served"
        assert outcome.stdout.count("run\n") == 1


EXITS = [
    ("sys.exit(3)", "SystemExit", 3),
    ("sys.exit(0)", "SystemExit", 0),
    ("sys.exit()", "SystemExit", 0),
    ("sys.exit(None)", "SystemExit", 0),
    ("sys.exit('text')", "SystemExit", 1),
    ("exit(4)", "SystemExit", 4),
    ("raise SystemExit(256 + 5)", "SystemExit", 5),
    ("raise type('Own', (SystemExit,), {})(6)", "Own", 6),
    ("raise KeyboardInterrupt", "KeyboardInterrupt", 130),
    ("raise GeneratorExit", "GeneratorExit", 1),
    ("import asyncio; raise asyncio.CancelledError", "CancelledError", 1),
    ("raise BaseException('base')", "BaseException", 1),
    pytest.param(
        "raise BaseExceptionGroup('group', [KeyboardInterrupt(), ValueError()])",
        "BaseExceptionGroup",
        1,
        marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11"),
    ),
]


class TestExits:
    """Exceptions that end the process."""

    @pytest.mark.parametrize(("statement", "error_type", "exit_code"), EXITS)
    def test_in_the_handler(self, tmp_path: Path, statement: str, error_type: str, exit_code: int) -> None:
        """It is posted as the error of the invocation; then the process ends with the code asked for."""
        source = "import sys\n" + in_handler(statement)
        outcome, api = run_to_its_end(tmp_path, [ONE_SERVED], source)
        assert api.paths == [NEXT, error_path("1")]
        assert json.loads(api.requests[1].body)["errorType"] == error_type
        assert outcome.exit_code == exit_code
        assert outcome.stderr == ("text\n" if "text" in statement else "")
        assert outcome.stdout.startswith(f"[ERROR] {error_type}")

    @pytest.mark.parametrize(("statement", "error_type", "exit_code"), EXITS)
    def test_at_import(self, tmp_path: Path, statement: str, error_type: str, exit_code: int) -> None:
        """It is posted as an init error; then the process ends with the code asked for."""
        outcome, api = run_to_its_end(tmp_path, [ONE_SERVED[1:]], f"import sys\n{statement}\n")
        assert api.paths == [INIT_ERROR]
        assert json.loads(api.requests[0].body)["errorType"] == error_type
        assert outcome.exit_code == exit_code
        assert outcome.stderr == ("text\n" if "text" in statement else "")
        assert f"[ERROR] {error_type}" in outcome.stdout

    def test_refused_report_keeps_the_code(self, tmp_path: Path) -> None:
        """The process ends with the code asked for although the report was refused, which is logged."""
        refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
        source = "import sys\n" + in_handler("sys.exit(3)")
        outcome, _ = run_to_its_end(tmp_path, [[answer(event()), answer(refusal)]], source)
        assert outcome.exit_code == 3
        assert "'403'" in outcome.stdout

    def test_exit_handlers_run(self, tmp_path: Path) -> None:
        """Functions registered with atexit run when the process ends by sys.exit."""
        source = "import atexit, sys\natexit.register(print, 'at exit')\n" + in_handler("sys.exit(3)")
        outcome, _ = run_to_its_end(tmp_path, [ONE_SERVED], source)
        assert outcome.exit_code == 3
        assert outcome.stdout.endswith("at exit\n")


class TestImports:
    """Modules that fail while they are imported, in surroundings that they spoiled."""

    @pytest.mark.parametrize(
        ("source", "error_type", "message"),
        [
            ("import sys; sys.stdout = sys.stderr = None; raise ValueError('why')", "ValueError", "why"),
            ("import os; os.close(1); os.close(2); raise ValueError('why')", "ValueError", "why"),
            ("import os; os.environ.clear(); raise ValueError('why')", "ValueError", "why"),
            ("import sys; sys.setrecursionlimit(150); raise ValueError('why')", "ValueError", "why"),
            ("raise ValueError('lone \\ud800')", "ValueError", "lone \ud800"),
            ("class E(Exception):\n    def __str__(self): raise E\nraise E", "E", ""),
            ("def f(): f()\nf()", "RecursionError", "recursion"),
            ("import socket; socket.socket = None; raise ValueError('why')", "ValueError", "why"),
            ("x = (", "Runtime.UserCodeSyntaxError", "app"),
            ("import no_such_module", "Runtime.ImportModuleError", "no_such_module"),
            ("raise ImportError", "Runtime.ImportModuleError", "app"),
            ("handle = None", "Runtime.HandlerNotFound", "handler"),
        ],
    )
    def test_reported(self, tmp_path: Path, source: str, error_type: str, message: str) -> None:
        """The error is posted as init error with its type and message, and the process ends with 1."""
        outcome, api = run_to_its_end(tmp_path, [ONE_SERVED[1:]], source + "\n")
        document = json.loads(api.requests[0].body)
        assert api.paths == [INIT_ERROR]
        assert document["errorType"] == error_type
        assert message in document["errorMessage"]
        assert outcome.exit_code == 1

    def test_no_descriptors_left(self, tmp_path: Path) -> None:
        """With no descriptor left nothing can be posted, but the error is in the log and the exit code above 0."""
        source = EXHAUST.replace("global kept\n", "") + "raise ValueError('why')\n"
        with contextlib.ExitStack() as stack:
            api = stack.enter_context(ScriptedApi().listen())
            outcome = stack.enter_context(function(api, tmp_path, source)).wait()
        assert outcome.exit_code == 1
        assert "ValueError: why" in outcome.stdout + outcome.stderr


FORKED = """
import atexit, os, sys
atexit.register(lambda: os.mkdir("cleaned-up-%d" % os.getpid()))
def handler(event, context):
    if context.aws_request_id == "1":
        pid = os.fork()
        if pid == 0:
            {breaking}
            {ending}
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return os.listdir()
"""


@pytest.mark.parametrize(
    "breaking",
    [
        "os.close(1); os.close(2); sys.stdout.stream.write('x')",
        "full = os.open('/dev/full', os.O_WRONLY); os.dup2(full, 1); os.dup2(full, 2); sys.stdout.stream.write('x')",
        "sys.stdout.close(); sys.stderr.close()",
        "sys.stdout = sys.stderr = object()",
        "sys.stdout = sys.stderr = None",
    ],
)
@pytest.mark.parametrize(("ending", "status"), [("sys.exit(0)", 0), ("sys.exit(5)", 5), ("sys.exit('why')", 1)])
def test_a_forked_child_that_cannot_write_ends_at_once(tmp_path: Path, breaking: str, ending: str, status: int) -> None:
    """It runs nothing that its parent registered for its own end, and its status is what it asked for."""
    _, posted, _ = serve(tmp_path, FORKED.format(breaking=breaking, ending=ending))
    assert posted[0] == status
    assert not [name for name in posted[1] if name.startswith("cleaned-up")]


@pytest.mark.parametrize(("ending", "exit_code"), [("sys.exit(3)", 3), ("raise KeyboardInterrupt", 130)])
def test_the_exit_code_where_the_logs_descriptor_was_closed(tmp_path: Path, ending: str, exit_code: int) -> None:
    """A function that closes every descriptor still ends with the code that it asks for."""
    (tmp_path / "sitecustomize.py").write_text(
        # O_RDWR | O_CREAT, under a number that no later connection gets.
        "import os\nos.environ['_LAMBDA_TELEMETRY_LOG_FD'] = str(os.dup2(os.open('frames', 66), 200))\n"
    )
    source = f"import os, sys\ndef handler(event, context):\n    os.closerange(3, 256)\n    {ending}\n"
    script = [[answer(event("1"))], [answer(ACCEPTED)]]
    outcome, api = run_to_its_end(tmp_path, script, source, variables={"PYTHONPATH": str(tmp_path)})
    assert outcome.exit_code == exit_code, outcome.stderr
    assert api.paths[-1] == error_path("1")
