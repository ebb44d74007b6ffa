"""What others replace through the alias at run time acts on real invocations, whichever name they use.

Each test plays a third party: the function's module replaces something when it is imported, and what then goes over the
wire to the Runtime API tells whether it acted.
"""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.function_run import ERROR, INIT_ERROR, RESPONSE, Run, invocation, run_function

FAILING = """
def handler(event, context):
    raise ValueError("boom")
"""
ECHO = """
def handler(event, context):
    return event
"""


@dataclass(frozen=True)
class Patch:
    """A replacement, and where it shows.

    Attributes:
        module: The alias's module that holds the target.
        code: Replaces attributes of ``target``, the object under test.
        handler: The function's handler.
        shows_in: End of the path of the post that shows it; ``"log"`` for the function's log.
        header: The header of that post that shows it; None for its body.
        client_context: Sent with the event.
    """

    module: str
    code: str
    handler: str
    shows_in: str
    header: str | None = None
    client_context: str = ""


RIC_NAMES = {"bootstrap": "ric.bootstrap", "lambda_runtime_client": "ric.api.client"}

FUNCTIONS = {
    "handle_event_request": Patch(
        "bootstrap",
        """
        original = target.handle_event_request
        def replacement(client, handler, *args, **kwargs):
            return original(client, lambda event, context: "patched", *args, **kwargs)
        target.handle_event_request = replacement
        """,
        ECHO,
        RESPONSE,
    ),
    "to_json": Patch("bootstrap", "target.to_json = lambda document: '[\"patched\"]'", FAILING, ERROR),
    "log_error": Patch("bootstrap", "target.log_error = lambda document, sink: print('patched')", FAILING, "log"),
    "make_error": Patch(
        "bootstrap",
        "target.make_error = lambda *args, **kwargs: {'errorMessage': 'patched', 'errorType': 'E'}",
        FAILING,
        ERROR,
    ),
    "make_error, for a fault": Patch(
        "bootstrap",
        "target.make_error = lambda *args, **kwargs: {'errorMessage': 'patched', 'errorType': 'E'}",
        ECHO,
        ERROR,
        client_context="no JSON",
    ),
    "make_error, at initialisation": Patch(
        "bootstrap",
        """
        target.make_error = lambda *args, **kwargs: {"errorMessage": "patched", "errorType": "E"}
        raise ValueError("boom")
        """,
        ECHO,
        INIT_ERROR,
    ),
    "build_fault_result": Patch(
        "bootstrap",
        "target.build_fault_result = lambda *args: {'errorMessage': 'patched', 'errorType': 'E'}",
        FAILING,
        ERROR,
    ),
    "make_xray_fault": Patch(
        "bootstrap",
        """
        target.make_xray_fault = lambda *args: {
            "working_directory": "patched", "exceptions": [{"message": "", "stack": []}], "paths": []
        }
        """,
        FAILING,
        ERROR,
        "lambda-runtime-function-xray-error-cause",
    ),
    "create_lambda_context": Patch(
        "bootstrap",
        "target.create_lambda_context = lambda *args: 'patched'",
        "handler = lambda event, context: context",
        RESPONSE,
    ),
    "update_xray_env_variable": Patch(
        "bootstrap",
        """
        import os
        target.update_xray_env_variable = lambda trace_id: os.environ.update(_X_AMZN_TRACE_ID="patched")
        """,
        "handler = lambda event, context: os.environ['_X_AMZN_TRACE_ID']",
        RESPONSE,
    ),
}

METHODS = {
    "post_invocation_result": Patch(
        "lambda_runtime_client",
        """
        original = target.post_invocation_result
        def replacement(self, invoke_id, result_data, *args, **kwargs):
            return original(self, invoke_id, '"patched"', *args, **kwargs)
        target.post_invocation_result = replacement
        """,
        ECHO,
        RESPONSE,
    ),
    "post_invocation_error": Patch(
        "lambda_runtime_client",
        """
        original = target.post_invocation_error
        def replacement(self, invoke_id, error_response_data, *args, **kwargs):
            return original(self, invoke_id, '"patched"', *args, **kwargs)
        target.post_invocation_error = replacement
        """,
        FAILING,
        ERROR,
    ),
    "post_init_error": Patch(
        "lambda_runtime_client",
        """
        import sys
        original = target.post_init_error
        def replacement(self, document, error_type_override=None):
            handled = sys.exc_info()[0].__name__
            return original(self, {**document, "errorMessage": f"patched, within {handled}"}, error_type_override)
        target.post_init_error = replacement
        raise ValueError("boom")
        """,
        ECHO,
        INIT_ERROR,
    ),
    "wait_next_invocation": Patch(
        "lambda_runtime_client",
        """
        original = target.wait_next_invocation
        def replacement(self):
            request = original(self)
            request.event_body = b'"patched"'
            return request
        target.wait_next_invocation = replacement
        """,
        ECHO,
        RESPONSE,
    ),
    "marshaller": Patch(
        "lambda_runtime_client",
        """
        class Marshaller:
            def unmarshal_request(self, body, content_type):
                return body.decode()
            def marshal_response(self, response):
                return '"patched"', "application/x-patched"
        target.marshaller = Marshaller()
        """,
        ECHO,
        RESPONSE,
    ),
}


def run_patched(tmp_path: Path, module_name: str, target: str, patch: Patch) -> Run:
    """Runs a function whose module replaces something of the object ``target`` in the module."""
    source = "\n".join(
        [
            f"import {module_name} as module",
            f"target = {target}",
            textwrap.dedent(patch.code),
            textwrap.dedent(patch.handler),
        ]
    )
    return run_function(tmp_path, source, [invocation("event", Lambda_Runtime_Client_Context=patch.client_context)])


def shown(run: Run, patch: Patch) -> str:
    """Returns the text in which the replacement shows."""
    if patch.shows_in == "log":
        return run.stdout
    posts = run.posts(patch.shows_in)
    assert len(posts) == 1, run
    return (posts[0].body if patch.header is None else posts[0].header(patch.header) or b"").decode()


@pytest.mark.parametrize("prefix", ["awslambdaric", "ric"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_replaced_function_of_bootstrap_is_called(name: str, prefix: str, tmp_path: Path) -> None:
    """Trackers, tracers and tests replace these globals of the loop's module by either of its names."""
    patch = FUNCTIONS[name]
    module = RIC_NAMES[patch.module] if prefix == "ric" else f"awslambdaric.{patch.module}"

    assert "patched" in shown(run_patched(tmp_path, module, "module", patch), patch)


@pytest.mark.parametrize("class_name", ["BaseLambdaRuntimeClient", "LambdaRuntimeClient"])
@pytest.mark.parametrize("module", ["awslambdaric.lambda_runtime_client", "ric.api.client"])
@pytest.mark.parametrize("name", METHODS)
def test_a_replaced_class_attribute_of_the_client_is_used(
    name: str, module: str, class_name: str, tmp_path: Path
) -> None:
    """Trackers replace the client's methods on either class, and nothing on the way holds on to the originals."""
    patch = METHODS[name]

    assert "patched" in shown(run_patched(tmp_path, module, f"module.{class_name}", patch), patch)


def test_post_init_error_is_called_while_the_exception_is_handled(tmp_path: Path) -> None:
    """A replaced ``post_init_error`` takes the exception from ``sys.exc_info()``."""
    patch = METHODS["post_init_error"]
    run = run_patched(tmp_path, "awslambdaric.lambda_runtime_client", "module.LambdaRuntimeClient", patch)

    assert "within ValueError" in shown(run, patch)


def test_a_fault_at_load_is_handled_while_post_init_error_is_called(tmp_path: Path) -> None:
    """So it is when the module cannot be imported, where the exception is the runtime's own."""
    source = """
        import sys
        from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

        original = LambdaRuntimeClient.post_init_error
        def replacement(self, document, *args):
            handled = sys.exc_info()
            return original(self, {**document, "errorMessage": f"{handled[0].__name__} {handled[2] is not None}"})
        LambdaRuntimeClient.post_init_error = replacement
        import no_such_module
    """
    run = run_function(tmp_path, source)

    assert json.loads(run.posts(INIT_ERROR)[0].body)["errorMessage"] == "FaultException True"
    assert run.exit_code == 1


def test_handle_event_request_gets_twelve_positional_arguments(tmp_path: Path) -> None:
    """A replacement that looks at its arguments by position finds upstream's order."""
    source = """
        import awslambdaric.bootstrap as bootstrap

        original = bootstrap.handle_event_request
        seen = []

        def replacement(*args, **kwargs):
            seen[:] = [
                type(args[0]).__name__, callable(args[1]), *args[2:10], hasattr(args[10], "log_error"), args[11], kwargs
            ]
            seen[3] = seen[3].decode()
            return original(*args, **kwargs)

        bootstrap.handle_event_request = replacement

        def handler(event, context):
            return seen
    """
    invoked = invocation(
        {"a": 1},
        Lambda_Runtime_Client_Context='{"custom": {}}',
        Lambda_Runtime_Cognito_Identity='{"cognitoIdentityId": "x"}',
        Lambda_Runtime_Deadline_Ms="4102444800000",
        Lambda_Runtime_Invoked_Function_Arn="arn:x",
        Lambda_Runtime_Aws_Tenant_Id="blue",
        Lambda_Runtime_Invocation_Id="invocation-1",
    )

    assert run_function(tmp_path, source, [invoked]).result() == [
        "LambdaRuntimeClient",
        True,
        "request-1",
        '{"a": 1}',
        "application/json",
        '{"custom": {}}',
        '{"cognitoIdentityId": "x"}',
        "arn:x",
        4102444800000,
        "blue",
        True,
        "invocation-1",
        {},
    ]


@pytest.mark.parametrize("class_name", ["BaseLambdaRuntimeClient", "LambdaRuntimeClient"])
def test_a_patch_with_three_arguments_serves(class_name: str, tmp_path: Path) -> None:
    """Patches from before upstream 4.1 know no invocation id, and get none where none came."""
    source = f"""
        from awslambdaric.lambda_runtime_client import {class_name} as client

        post_result, post_error = client.post_invocation_result, client.post_invocation_error

        def result(self, invoke_id, result_data, content_type="application/json"):
            return post_result(self, invoke_id, '"three"', content_type)

        def error(self, invoke_id, error_response_data, xray_fault):
            return post_error(self, invoke_id, '"three"', xray_fault)

        client.post_invocation_result, client.post_invocation_error = result, error

        def handler(event, context):
            return 1 // event
    """
    run = run_function(tmp_path, source, [invocation(1, number=1), invocation(0, number=2)])

    assert run.results() == ["three"]
    assert [post.body for post in run.posts(ERROR)] == [b'"three"']


def test_a_client_subclass_drives_the_loop(tmp_path: Path) -> None:
    """``bootstrap.run`` takes any client: one made by hand, with methods of its own."""
    program = """
        import os
        from awslambdaric import bootstrap
        from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

        class Client(LambdaRuntimeClient):
            def post_invocation_result(self, invoke_id, result_data, *args, **kwargs):
                super().post_invocation_result(invoke_id, '"from a subclass"', *args, **kwargs)

        bootstrap.run("app.handler", Client(os.environ["AWS_LAMBDA_RUNTIME_API"]))
    """
    assert run_function(tmp_path, ECHO, launcher=program).result() == "from a subclass"


def test_the_client_is_driven_by_hand(tmp_path: Path) -> None:
    """Code that polls and posts with the client itself, without the loop, works."""
    program = """
        import os
        from awslambdaric.lambda_runtime_client import LambdaRuntimeClient, LambdaRuntimeClientError

        client = LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])
        request = client.wait_next_invocation()
        client.post_invocation_result(request.invoke_id, request.event_body)
        try:
            client.call_rapid("POST", "/2018-06-01/runtime/init/error", 299, {"errorType": "E"}, {})
        except LambdaRuntimeClientError as error:
            print(error.response_code, error.endpoint)
    """
    run = run_function(tmp_path, ECHO, [invocation("by hand")], launcher=program)

    assert run.result() == "by hand"
    assert run.stdout == "202 /2018-06-01/runtime/init/error\n"
    assert run.exit_code == 0
