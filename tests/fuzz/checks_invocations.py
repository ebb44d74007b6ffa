"""Rules for one invocation, from the bytes of ``/next`` to those of the answer."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from typing import Any

from ric import bootstrap
from ric.api import client as client_module
from ric.api.client import LambdaRuntimeClient
from ric.api.runtime_api import RuntimeApi
from ric.errors import RuntimeApiError
from ric.process.sinks import StandardLogSink
from tests.fuzz.checks_sending import ACCEPTED, sent_request
from tests.fuzz.network import network
from tests.fuzz.readings import Message
from tests.fuzz.wire import Wire

_PATHS = {kind: f"/2018-06-01/runtime/invocation/{{}}/{kind}" for kind in ("response", "error")}
_DOCUMENT_FIELDS = ["errorMessage", "errorType", "requestId", "stackTrace"]


def echo(event: object, context: Any) -> object:
    """A handler that looks at everything and returns the event."""
    assert context.aws_request_id in repr(context)
    assert context.get_remaining_time_in_millis() >= 0
    assert all(isinstance(value, str) for value in context.w3c().values())
    return event


def fail(event: object, context: Any) -> object:
    """A handler whose error has the event in it."""
    raise ValueError(event, str(context))


class _FirstAnswer:
    """Stands where third parties put upstream's compiled module: one event, and the real calls for all the rest."""

    def __init__(self, api: RuntimeApi, answer: object) -> None:
        self._api = api
        self._answer = answer

    def next(self) -> object:
        return self._answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)


def check_invocation(data: bytes, handler: Callable[[Any, Any], object]) -> str:
    """Runs a handler on what a server sends for ``/next``.

    Whatever that is: it is refused as an answer, or the one invocation that it names is answered once, with the result
    or an error document, at its own path; the log has at most one record, of one line.

    Args:
        data: The answer to ``/next``.
        handler: The user's function.

    Returns:
        What became of it: ``none``, ``response`` or ``error``.
    """
    posted = Wire([ACCEPTED])
    api = RuntimeApi("127.0.0.1:9")
    with network(Wire([data]), posted), contextlib.redirect_stdout(io.StringIO()) as log:
        try:
            answer = api.next()
        except RuntimeApiError:
            return "none"
        if answer is None:
            return "none"
        client_module.__dict__["runtime_client"] = _FirstAnswer(api, answer)
        try:
            client = LambdaRuntimeClient("127.0.0.1:9")
            invocation = client.wait_next_invocation()
            bootstrap.handle_event_request(
                client,
                handler,
                invocation.invoke_id,
                invocation.event_body,
                invocation.content_type,
                invocation.client_context,
                invocation.cognito_identity,
                invocation.invoked_function_arn,
                invocation.deadline_time_in_ms,
                invocation.tenant_id,
                StandardLogSink("TEXT"),
                invocation.invocation_id,
            )
        finally:
            del client_module.__dict__["runtime_client"]
    request = sent_request(posted)
    kind = "error" if request.start[1] == _PATHS["error"].format(invocation.invoke_id).encode() else "response"
    assert request.start == (b"POST", _PATHS[kind].format(invocation.invoke_id).encode())
    assert request.headers.get(b"lambda-runtime-invocation-id") == _encoded(invocation.invocation_id)
    if kind == "response":
        _check_result(request, invocation.event_body)
    else:
        _check_document(request, invocation.invoke_id)
    assert log.getvalue().count("\n") == (kind == "error"), log.getvalue()
    return kind


def _check_result(request: Message, event_body: bytes) -> None:
    if request.headers[b"content-type"] == b"application/json":
        # As text, since NaN is not equal to itself. simplejson, like upstream, takes a byte order mark.
        assert json.dumps(json.loads(request.body)) == json.dumps(json.loads(event_body.decode("utf-8-sig")))
    else:
        assert request.body == event_body


def _check_document(request: Message, invoke_id: str) -> None:
    document = json.loads(request.body)
    assert list(document)[:4] == _DOCUMENT_FIELDS
    assert document["requestId"] == invoke_id
    assert all(isinstance(document[name], str) for name in _DOCUMENT_FIELDS[:3])
    assert all(isinstance(frame, str) for frame in document["stackTrace"])
    error_type = request.headers[b"lambda-runtime-function-error-type"]
    assert error_type.partition(b".")[0] in (b"Function", b"Runtime")
    cause = json.loads(request.headers[b"lambda-runtime-function-xray-error-cause"])
    assert cause["exceptions"][0]["type"] in (document["errorType"], "LambdaValidationError")


def _encoded(value: str | None) -> bytes | None:
    return None if value is None else value.encode()
