"""Other people's software on ric, as far as its way of using awslambdaric can be played without installing it.

Each test does to the runtime what that software does, within a real function, and looks at what reaches the Runtime API
and the log. The names they rely on are listed in docs/compatibility.md.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.function_run import BOOTSTRAP_PY, ERROR, LAUNCHERS, PYTHON_M_AWSLAMBDARIC, invocation, run_function


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_scan_of_all_modules_for_the_client_class(launcher: str, tmp_path: Path) -> None:
    """logfire wraps the post methods of every ``LambdaRuntimeClient`` in ``sys.modules``, to flush before posts."""
    source = """
        import functools, sys

        def flushing(method):
            @functools.wraps(method)
            def wrapper(*args, **kwargs):
                print("flush before", method.__name__)
                return method(*args, **kwargs)
            return wrapper

        for module in list(sys.modules.values()):
            client = getattr(module, "LambdaRuntimeClient", None)
            if client is not None and not hasattr(client, "flushes"):
                client.flushes = True
                client.post_invocation_error = flushing(client.post_invocation_error)
                client.post_invocation_result = flushing(client.post_invocation_result)

        def handler(event, context):
            return 1 // event
    """
    run = run_function(tmp_path, source, [invocation(1, number=1), invocation(0, number=2)], launcher=launcher)

    assert [line for line in run.stdout.splitlines() if "flush" in line] == [
        "flush before post_invocation_result",
        "flush before post_invocation_error",
    ]
    assert run.results() == [1]
    assert len(run.posts(ERROR)) == 1


def test_the_handler_is_found_with_upstreams_function(tmp_path: Path) -> None:
    """lumigo-tracer and codeguru-profiler-agent find the user's own handler with ``bootstrap._get_handler``."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "inner.py").write_text("def handler(event, context):\n    return ['inner', event]\n")
    source = """
        def handler(event, context):
            from awslambdaric.bootstrap import _get_handler

            return _get_handler("package/inner.handler")(event, context)
    """
    assert run_function(tmp_path, source, [invocation(7)]).result() == ["inner", 7]


def test_a_context_built_by_keyword(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of functions everywhere build contexts themselves, by keyword, and subclass the class."""
    from awslambdaric.lambda_context import (  # type: ignore[import-untyped]
        Client,
        ClientContext,
        CognitoIdentity,
        LambdaContext,
    )

    class Context(LambdaContext):  # type: ignore[misc]
        pass

    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "mine")
    context = Context(
        invoke_id="id",
        client_context={"client": {"app_title": "title"}, "custom": {"a": 1}, "env": {"b": 2}},
        cognito_identity={"cognitoIdentityId": "identity", "cognitoIdentityPoolId": "pool"},
        epoch_deadline_time_in_ms=int(time.time() * 1000) + 60_000,
        invoked_function_arn="arn",
        tenant_id="blue",
    )

    assert isinstance(context, LambdaContext)
    assert isinstance(context.client_context, ClientContext)
    assert isinstance(context.client_context.client, Client)
    assert isinstance(context.identity, CognitoIdentity)
    assert (context.aws_request_id, context.function_name, context.tenant_id) == ("id", "mine", "blue")
    assert (context.client_context.client.app_title, context.client_context.custom) == ("title", {"a": 1})
    assert (context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id) == ("identity", "pool")
    assert 0 < context.get_remaining_time_in_millis() <= 60_000


def test_the_context_takes_attributes_and_shows_its_deadline(tmp_path: Path) -> None:
    """New Relic and powertools set attributes on it; the durable execution SDK reads the private deadline."""
    source = """
        from awslambdaric.lambda_context import LambdaContext

        def handler(event, context):
            context.tracer = "mine"
            return [
                isinstance(context, LambdaContext),
                context.tracer,
                context._epoch_deadline_time_in_ms,
                context.identity.cognito_identity_id,
                context.tenant_id,
                context.client_context,
            ]
    """
    run = run_function(tmp_path, source, [invocation(Lambda_Runtime_Deadline_Ms="4102444800000")])

    assert run.result() == [True, "mine", 4102444800000, None, None, None]


@pytest.mark.parametrize("launcher", [PYTHON_M_AWSLAMBDARIC, BOOTSTRAP_PY])
def test_the_runtime_is_started_from_the_handler_module_unless_it_runs(launcher: str, tmp_path: Path) -> None:
    """lambdarado starts the runtime from a module that is a script, and is the handler's module once that runs."""
    (tmp_path / "rado.py").write_text(_RADO)
    source = """
        import rado

        rado.start()
        handler = rado.handler
    """
    run = run_function(tmp_path, source, [invocation(1), invocation(2, number=2)], launcher=launcher)

    assert run.results() == [["rado", 1], ["rado", 2]]
    assert run.stdout == "the runtime runs\n"


def test_the_runtime_is_started_from_a_script_of_the_users_own(tmp_path: Path) -> None:
    """There lambdarado calls ``awslambdaric.__main__.main`` with None as program, and the loop imports the script."""
    (tmp_path / "rado.py").write_text(_RADO)
    program = """
        import runpy, sys

        sys.path.insert(0, "")
        runpy.run_module("app", run_name="__main__")
    """
    source = """
        import rado

        rado.start()
        handler = rado.handler
    """
    run = run_function(tmp_path, source, [invocation(1), invocation(2, number=2)], launcher=program)

    assert run.results() == [["rado", 1], ["rado", 2]]
    assert run.stdout == "start\nthe runtime runs\n"


_RADO = """
import sys
from pathlib import Path


def runs():
    frame = sys._getframe()
    while frame is not None:
        if Path(frame.f_code.co_filename).parent.name == "awslambdaric":
            return True
        frame = frame.f_back
    return False


def start():
    if runs():
        print("the runtime runs")
        return
    print("start")
    from awslambdaric.__main__ import main

    main((None, "app.handler"))


def handler(event, context):
    return ["rado", event]
"""


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_the_trace_id_is_fresh_for_each_invocation(launcher: str, tmp_path: Path) -> None:
    """aws-xray-sdk reads ``_X_AMZN_TRACE_ID`` at each invocation; without a trace there must be none."""
    source = """
        import os

        at_import = os.environ.get("_X_AMZN_TRACE_ID")

        def handler(event, context):
            return [at_import, os.environ.get("_X_AMZN_TRACE_ID")]
    """
    run = run_function(
        tmp_path,
        source,
        [
            invocation(number=1, Lambda_Runtime_Trace_Id="Root=1;Sampled=1"),
            invocation(number=2, Lambda_Runtime_Trace_Id=""),
            invocation(number=3, Lambda_Runtime_Trace_Id="Root=3;Sampled=0"),
        ],
        launcher=launcher,
    )

    assert run.results() == [[None, "Root=1;Sampled=1"], [None, None], [None, "Root=3;Sampled=0"]]


def test_requests_of_the_runtime_are_not_traced(tmp_path: Path) -> None:
    """``aws_xray_sdk.patch(["httplib"])`` and socket patches see none of the runtime's own requests."""
    source = """
        import http.client, socket

        def refuse(*args, **kwargs):
            raise AssertionError("the runtime's requests pass here")

        http.client.HTTPConnection.request = refuse
        http.client.HTTPConnection.connect = refuse
        socket.socket = refuse
        socket.create_connection = refuse
        socket.getaddrinfo = refuse
        socket.setdefaulttimeout(0.001)

        def handler(event, context):
            return 1 // event
    """
    run = run_function(tmp_path, source, [invocation(1, number=1), invocation(0, number=2)])

    assert run.results() == [1]
    assert json.loads(run.posts(ERROR)[0].body)["errorType"] == "ZeroDivisionError"


def test_a_handler_that_is_replaced_while_its_module_loads(tmp_path: Path) -> None:
    """elastic-apm and the OpenTelemetry layer replace the handler attribute at the end of the module's import."""
    (tmp_path / "sitecustomize.py").write_text(
        """
import importlib.machinery

original = importlib.machinery.SourceFileLoader.exec_module


def exec_module(self, module):
    original(self, module)
    if module.__name__ == "app":
        inner = module.handler
        module.handler = lambda event, context: ["traced", inner(event, context)]


importlib.machinery.SourceFileLoader.exec_module = exec_module
"""
    )
    source = """
        def handler(event, context):
            return event
    """
    run = run_function(tmp_path, source, [invocation(5)], environment={"PYTHONPATH": str(tmp_path)})

    assert run.result() == ["traced", 5]


def test_the_handler_attribute_is_read_once(tmp_path: Path) -> None:
    """A wrapper that puts another function there later, as elastic-apm does, is not called for what it wrapped."""
    source = """
        def handler(event, context):
            global handler
            handler = None
            return event
    """
    run = run_function(tmp_path, source, [invocation(1), invocation(2, number=2)])

    assert run.results() == [1, 2]


def test_a_wrapper_that_rewrites_the_handler_variable(tmp_path: Path) -> None:
    """The OpenTelemetry layer's wrapper exports another ``_HANDLER``; its handler finds the original in a variable."""
    (tmp_path / "otel_wrapper.py").write_text(
        """
import os
from importlib import import_module

module, _, name = os.environ["ORIG_HANDLER"].rpartition(".")
original = getattr(import_module(module), name)


def lambda_handler(event, context):
    return ["traced", original(event, context)]
"""
    )
    source = """
        def handler(event, context):
            return event
    """
    run = run_function(
        tmp_path,
        source,
        [invocation(3)],
        launcher=f"""
            import os, runpy

            os.environ["ORIG_HANDLER"], os.environ["_HANDLER"] = "app.handler", "otel_wrapper.lambda_handler"
            os.environ["LAMBDA_TASK_ROOT"] = os.getcwd()
            runpy.run_path({str(Path(__file__).parents[1] / "bootstrap.py")!r}, run_name="__main__")
        """,
    )

    assert run.result() == ["traced", 3]


@pytest.mark.parametrize("environment", [{}, {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.12"}])
def test_an_alarm_before_the_timeout(environment: dict[str, str], tmp_path: Path) -> None:
    """ddtrace arms SIGALRM for the time that remains; it must arrive in the handler, which is on the main thread."""
    source = """
        import signal, threading

        class TimeIsUp(Exception):
            pass

        def on_alarm(number, frame):
            raise TimeIsUp

        def handler(event, context):
            assert threading.current_thread() is threading.main_thread()
            signal.signal(signal.SIGALRM, on_alarm)
            signal.setitimer(signal.ITIMER_REAL, context.get_remaining_time_in_millis() / 1e15 + 0.001)
            try:
                while True:
                    signal.pause()
            except TimeIsUp:
                return "flushed in time"
    """
    assert run_function(tmp_path, source, environment=environment).result() == "flushed in time"


def test_the_loop_is_wrapped_for_each_invocation(tmp_path: Path) -> None:
    """A version of ddtrace wraps ``handle_event_request`` while the loop runs already."""
    source = """
        def handler(event, context):
            import awslambdaric.bootstrap as bootstrap

            if event == "wrap":
                original = bootstrap.handle_event_request

                def wrapper(*args, **kwargs):
                    print("span", args[2])
                    return original(*args, **kwargs)

                bootstrap.handle_event_request = wrapper
            return event
    """
    run = run_function(tmp_path, source, [invocation("wrap"), invocation("wrapped", number=2)])

    assert run.results() == ["wrap", "wrapped"]
    assert run.stdout == "span request-2\n"


def test_the_base_class_is_patched_where_the_version_is_right(tmp_path: Path) -> None:
    """xoto3 compares the version, then replaces the post methods of the base class."""
    source = """
        import awslambdaric
        from awslambdaric.lambda_runtime_client import BaseLambdaRuntimeClient

        if awslambdaric.__version__.startswith("4."):
            original = BaseLambdaRuntimeClient.post_invocation_result

            def post_invocation_result(self, invoke_id, result_data, *args, **kwargs):
                print("before the response of", invoke_id)
                return original(self, invoke_id, result_data, *args, **kwargs)

            BaseLambdaRuntimeClient.post_invocation_result = post_invocation_result

        def handler(event, context):
            return event
    """
    run = run_function(tmp_path, source, [invocation(1)])

    assert run.stdout == "before the response of request-1\n"
    assert run.result() == 1


def test_a_marshaller_of_ones_own(tmp_path: Path) -> None:
    """Functions subclass ``LambdaMarshaller`` and assign it to the client class, the documented way."""
    source = """
        from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
        from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

        class Marshaller(LambdaMarshaller):
            def marshal_response(self, response):
                text, content_type = super().marshal_response(response)
                return text.upper(), content_type

        LambdaRuntimeClient.marshaller = Marshaller()

        def handler(event, context):
            return event
    """
    assert run_function(tmp_path, source, [invocation("a text")]).result() == "A TEXT"


def test_the_variables_that_tools_read_are_there(tmp_path: Path) -> None:
    """powertools and the X-Ray SDK read these while they are imported."""
    source = """
        import os

        seen = [os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE"), os.environ.get("LAMBDA_TASK_ROOT") == os.getcwd()]

        def handler(event, context):
            return seen
    """
    run = run_function(
        tmp_path, source, launcher=BOOTSTRAP_PY, environment={"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}
    )

    assert run.result() == ["on-demand", True]


_WRAPPED = {
    "plain": ("def handler(event, context):\n    return 1 // event", ["tracked", "handler"]),
    "async": ("async def handler(event, context):\n    return 1 // event", ["tracked", "handler"]),
    "without parameters": ("def handler():\n    return 1", ["tracked"]),
}


@pytest.mark.parametrize("kind", _WRAPPED)
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_the_runtime_does_not_show_between_a_tracker_and_the_handler(launcher: str, kind: str, tmp_path: Path) -> None:
    """Behind what sentry-sdk and others put around the handler comes the handler in all stacks, as with upstream."""
    source, functions = _WRAPPED[kind]
    tracker = """
import awslambdaric.bootstrap as bootstrap

original = bootstrap.handle_event_request

def handle_event_request(client, handler, *args, **kwargs):
    def tracked(event, context):
        return handler(event, context)

    return original(client, tracked, *args, **kwargs)

bootstrap.handle_event_request = handle_event_request

"""
    run = run_function(tmp_path, tracker + source, [invocation(0)], launcher=launcher)

    (post,) = run.posts(ERROR)
    shown = [frame.split(", in ")[1].split("\n")[0] for frame in json.loads(post.body)["stackTrace"]]
    assert [name for name in shown if name in ("tracked", "handler")] == functions
    assert [frame for frame in json.loads(post.body)["stackTrace"] if "/ric/" in frame] == []
    assert b"/ric/" not in (post.header("lambda-runtime-function-xray-error-cause") or b"")
    assert "/ric/" not in run.stdout
