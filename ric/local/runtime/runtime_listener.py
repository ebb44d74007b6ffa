"""The Runtime API as the function's runtime sees it, over HTTP.

``GET /runtime/invocation/next`` is answered when there is an invocation; ``POST .../{id}/response`` and
``.../{id}/error`` settle it; ``POST /runtime/init/error`` says that there will be none. Specification: "Using
the Lambda runtime API" in the Lambda developer guide. What a runtime may do wrong is answered by these rules:

======  =================================================================================================
status  when
======  =================================================================================================
400     the id is unknown or (with several invocations at once) was answered before; the length of the body or
        the response mode makes no sense
403     it was answered before, or this cannot be reported at this time
410     too late: the caller was told something else meanwhile, for example because the time was up
413     the response is too large; its caller is told
500     (several at once) more calls for the next invocation than there are slots
======  =================================================================================================
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from ric.api import protocol
from ric.local.invocation import Failure, Outcome
from ric.local.json_documents import JSON_TYPE, error_document
from ric.local.runtime.extensions_api import ExtensionRequests
from ric.local.runtime.responses import ResponseReader, too_large
from ric.local.runtime.running import AlreadyDoneError, LateAnswerError, Running, SurplusNextError, UnknownRequestError
from ric.local.runtime.startup import Startup
from ric.local.server.http_service import HttpService, ServiceConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ric.local.runtime.extensions import Extensions
    from ric.local.runtime.journal import Journal
    from ric.local.runtime.sandbox import Sandbox
    from ric.local.server.request_body import RequestBody

_ANSWER_PATH = re.compile(rf"{protocol.RUNTIME}/invocation/([^/]+)/(response|error)")


class RuntimeListener(HttpService):
    """The listener for the runtime of one sandbox, always on loopback and on a port of its own.

    Args:
        sandbox: What it gives out and settles.
        journal: Where it notes what happens.
        extensions: Those of the sandbox.
        function: What an extension is told about the function that it registers with.
    """

    def __init__(self, sandbox: Sandbox, journal: Journal, extensions: Extensions, function: dict[str, str]) -> None:
        self.sandbox = sandbox
        self.journal = journal
        self.extensions = extensions
        self.function = function
        super().__init__("127.0.0.1", 0, _RuntimeConnection)

    @property
    def address(self) -> str:
        """The value for ``AWS_LAMBDA_RUNTIME_API``."""
        return f"{self.host}:{self.port}"


class _RuntimeConnection(ServiceConnection):
    max_body_bytes = protocol.MAX_RESPONSE_BYTES
    server: RuntimeListener

    def setup(self) -> None:
        super().setup()
        # A program's own socket.setdefaulttimeout() is not for runtimes, who may take their time between two chunks.
        self.connection.settimeout(None)
        self.sandbox = self.server.sandbox
        self.startup = Startup(self.sandbox)
        self.journal = self.server.journal
        self.runtime_number = self.sandbox.runtime_number

    def serve(self, path: str, body: RequestBody) -> None:
        answered = _ANSWER_PATH.fullmatch(path)
        match self.command, path:
            case "GET", protocol.NEXT:
                self._give_next()
            case "POST", _ if answered:
                self._settle(answered[1], answered[2], body)
            case "POST", protocol.INIT_ERROR:
                self._note_failure(body.data)
            case "GET", protocol.RESTORE_NEXT:
                self._give_restore()
            case "POST", protocol.RESTORE_ERROR:
                self._note_failure(body.data, is_restore=True)
            case _:
                if not ExtensionRequests(self, self.server.extensions, self.server.function).serve(path, body.data):
                    self.refuse(404, "NotFound", f"the Runtime API has no {self.command} {path}")

    def serve_unread(self, path: str) -> bool:
        """Passes a streamed response on to a caller who takes chunks, as they come."""
        answered = _ANSWER_PATH.fullmatch(path)
        if self.command != "POST" or not answered or answered[2] != "response":
            return False
        reader = ResponseReader(self.headers, self.rfile)
        if not reader.is_streaming:
            return False
        running = self._claim(answered[1])
        if running is None:
            # The refusal is sent; what may still come is not worth reading.
            self.close_connection = True
            return True
        with self._never_silent(running):
            status, outcome = reader.pass_on(running)
        self._conclude(running, outcome)
        self.close_connection = self.close_connection or status != 202
        self._accept() if status == 202 else self.refuse(status, *outcome.error())
        return True

    def refuse(self, status: int, error_type: str, message: str) -> None:
        self.answer(status, error_document(error_type, message))

    def refuse_large_body(self, path: str, size_bytes: int) -> None:
        outcome = too_large(size_bytes, self.max_body_bytes)
        if answered := _ANSWER_PATH.fullmatch(path):
            running = self._claim(answered[1])
            if running is None:
                return
            self._conclude(running, outcome)
        self.refuse(413, "RequestEntityTooLarge", outcome.error()[1])

    def _give_next(self) -> None:
        asked = self.sandbox.ask(self.runtime_number)
        if asked.has_lingered:
            self.journal.handler_ended()
        if asked.given_up:
            self.journal.conclude([asked.given_up])
        if asked.init_duration_ms is not None:
            self.server.extensions.runtime_is_ready()
            self.journal.runtime_ready(asked.init_duration_ms)
        try:
            running = self.sandbox.calls.take(self.runtime_number, self.client_is_gone)
        except SurplusNextError:
            self.refuse(500, "InvalidStateTransition", "more calls for the next invocation than it may run at once")
            return
        if running is None:
            self.close_connection = True
            return
        with self._never_silent(running):
            self._hand_out(running)

    def _hand_out(self, running: Running) -> None:
        self.journal.invocation_started(running)
        self.server.extensions.announce_invocation(running)
        try:
            self.answer(200, running.invocation.payload, _next_headers(running).items())
        except ConnectionError:
            # It did not get the whole event, so it did not run it.
            self.sandbox.put_back(running)
            raise

    def _give_restore(self) -> None:
        try:
            init_duration_ms = self.startup.reach_snapshot(self.runtime_number)
        except AlreadyDoneError:
            self.refuse(403, "InvalidStateTransition", "there is no snapshot to be restored from, or not now")
            return
        if init_duration_ms is not None:
            self.server.extensions.runtime_is_ready()
            self.journal.runtime_ready(init_duration_ms)
        if self.startup.wait_for_restore(self.runtime_number):
            self.answer(200, b"")
        else:
            self.close_connection = True

    def _settle(self, request_id: str, kind: str, body: RequestBody) -> None:
        reader = ResponseReader(self.headers, self.rfile)
        if kind == "response" and reader.objection:
            self.refuse(400, "InvalidFunctionResponseMode", reader.objection)
            return
        is_error = kind == "error"
        content_type = JSON_TYPE if is_error else self.headers.get("Content-Type") or JSON_TYPE
        outcome = reader.outcome_of_trailers(body.trailers) or Outcome(body.data, content_type, is_error)
        running = self._claim(request_id)
        if running is None:
            return
        if self._conclude(running, outcome):
            self._accept()
        else:
            self.refuse(410, "ResourceGone", f"invocation {request_id} has ended meanwhile")

    def _claim(self, request_id: str) -> Running | None:
        """Reserves the invocation, or refuses the request."""
        token = self.headers.get(protocol.INVOCATION_ID)
        if token is not None and token != request_id:
            self.refuse(400, "InvalidInvocationID", f"{token} does not belong to the request {request_id}")
            return None
        try:
            return self.sandbox.claim(request_id)
        except LateAnswerError:
            self.refuse(410, "ResourceGone", f"invocation {request_id} has ended, its caller was told so")
        except AlreadyDoneError:
            status = 403 if self.sandbox.slots is None else 400
            self.refuse(status, "InvalidStateTransition", f"invocation {request_id} was answered before")
        except UnknownRequestError:
            self.refuse(400, "InvalidRequestID", f"{request_id} is not the current invocation")
        return None

    @contextlib.contextmanager
    def _never_silent(self, running: Running) -> Iterator[None]:
        """Ends an invocation, whose caller waits, with an error if anything is raised; what it was is shown, too."""
        try:
            yield
        except BaseException as error:
            failure = Failure("Sandbox.Failure", f"the emulator failed: {error!r}")
            self._conclude(running, failure.outcome(running.invocation.request_id))
            raise

    def _conclude(self, running: Running, outcome: Outcome) -> bool:
        settled = self.sandbox.settle(running, outcome)
        if settled:
            self.journal.conclude([settled])
        return settled is not None

    def _note_failure(self, document: bytes, *, is_restore: bool = False) -> None:
        report = self.startup.report_restore_failure if is_restore else self.startup.report_init_failure
        try:
            report(Failure.reported(document))
        except AlreadyDoneError:
            self.refuse(403, "InvalidStateTransition", "this was reported before, or cannot be at this time")
        else:
            self._accept()

    def _accept(self) -> None:
        self.answer(202, b'{"status":"OK"}')


def _next_headers(running: Running) -> dict[str, str]:
    invocation = running.invocation
    headers = {
        protocol.REQUEST_ID: invocation.request_id,
        protocol.DEADLINE_MS: str(running.deadline_ms),
        protocol.FUNCTION_ARN: invocation.function_arn,
        protocol.TRACE_ID: invocation.trace_id,
        protocol.CLIENT_CONTEXT: invocation.client_context,
        protocol.COGNITO_IDENTITY: invocation.cognito_identity,
        protocol.TENANT_ID: invocation.tenant_id,
        protocol.INVOCATION_ID: invocation.request_id,
    }
    return {name: value for name, value in headers.items() if value}
