"""``runtime_client``, upstream's compiled module: drivers and tests use it, or replace it, in ric's place for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.function_run import ERROR, RESPONSE, invocation, run_function

ECHO = """
    def handler(event, context):
        return event
"""
BOTH_PLACES = ["import awslambdaric, runtime_client", "from awslambdaric.lambda_runtime_client import runtime_client"]


def test_both_places_hold_the_same_module(tmp_path: Path) -> None:
    """What is replaced on the top-level module is replaced where the client looks."""
    source = """
        import runtime_client
        import awslambdaric.lambda_runtime_client as client_module

        def handler(event, context):
            return client_module.runtime_client is runtime_client
    """
    assert run_function(tmp_path, source).result() is True


@pytest.mark.parametrize("place", BOTH_PLACES)
def test_a_driver_polls_and_posts_with_it(place: str, tmp_path: Path) -> None:
    """A loop of somebody's own on upstream's compiled module runs, with its names and argument order."""
    program = f"""
        {place}

        runtime_client.initialize_client("agent/1")
        body, headers = runtime_client.next()
        request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        runtime_client.post_invocation_result(request_id, body, headers["Content-Type"])
        runtime_client.post_error(request_id, '{{"errorType": "E"}}', "")
    """
    run = run_function(tmp_path, ECHO, [invocation("driven")], launcher=program)

    assert run.exit_code == 0, run.stderr
    assert run.result() == "driven"
    assert [post.body for post in run.posts(ERROR)] == [b'{"errorType": "E"}']


def test_the_users_own_module_of_that_name_wins(tmp_path: Path) -> None:
    """A function may have a ``runtime_client.py``; it gets its own, and the loop does not mind."""
    (tmp_path / "runtime_client.py").write_text("own = 'mine'\n")
    source = """
        import runtime_client

        def handler(event, context):
            return runtime_client.own
    """
    assert run_function(tmp_path, source).result() == "mine"


def test_a_stand_in_for_the_module_is_used(tmp_path: Path) -> None:
    """Tests replace the whole module where the client looks; polls and posts then go there."""
    source = """
        import awslambdaric.lambda_runtime_client as client_module

        class StandIn:
            compiled = client_module.runtime_client
            next = staticmethod(compiled.next)

            @staticmethod
            def post_invocation_result(invoke_id, content, content_type, invocation_id):
                StandIn.compiled.post_invocation_result(invoke_id, b'"stood in"', content_type, invocation_id)

        client_module.runtime_client = StandIn()

        def handler(event, context):
            return event
    """
    assert run_function(tmp_path, source).result() == "stood in"


@pytest.mark.parametrize("place", BOTH_PLACES)
def test_a_replaced_function_of_the_module_is_used(place: str, tmp_path: Path) -> None:
    """Tracers wrap single functions of the module; the others go on as they were."""
    source = f"""
        {place}

        original = runtime_client.post_invocation_result

        def wrapper(invoke_id, content, *args):
            return original(invoke_id, b'"wrapped"', *args)

        runtime_client.post_invocation_result = wrapper

        def handler(event, context):
            return event
    """
    run = run_function(tmp_path, source, [invocation(1, number=1), invocation(2, number=2)])

    assert run.results() == ["wrapped", "wrapped"]
    assert [post.path.split("/")[-2] for post in run.posts(RESPONSE)] == ["request-1", "request-2"]


@pytest.mark.parametrize(
    "patch",
    [
        "mock.patch.object(client_module.runtime_client, 'next', None)",
        "mock.patch('awslambdaric.lambda_runtime_client.runtime_client', None)",
        "mock.patch('awslambdaric.lambda_runtime_client.runtime_client.next', None)",
    ],
)
def test_a_patch_that_was_taken_back_changes_nothing(patch: str, tmp_path: Path) -> None:
    """After a test's patch the client uses its own connection again, although the environment names no server."""
    source = f"""
        import os
        from unittest import mock
        import awslambdaric.lambda_runtime_client as client_module

        with {patch}:
            pass
        del os.environ["AWS_LAMBDA_RUNTIME_API"]

        def handler(event, context):
            return event
    """
    assert run_function(tmp_path, source, [invocation("own")]).result() == "own"


def test_reading_it_changes_nothing(tmp_path: Path) -> None:
    """Whoever only looks at the module, as scanners of ``sys.modules`` do, leaves the client with its connection."""
    source = """
        import os
        import runtime_client
        import awslambdaric.lambda_runtime_client as client_module

        for module in (runtime_client, client_module, client_module.runtime_client):
            for name in dir(module):
                getattr(module, name)
        del os.environ["AWS_LAMBDA_RUNTIME_API"]

        def handler(event, context):
            return ["runtime_client" in vars(client_module), event]
    """
    assert run_function(tmp_path, source, [invocation("own")]).result() == [False, "own"]
