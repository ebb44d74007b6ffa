"""What the parent tells the Runtime API in the place of a worker that died.

The platform takes one answer for each request id. If the worker's own was first, the report is refused (400, 403 or
410), which is as good: the caller has an answer.
"""

from __future__ import annotations

from time import monotonic

from ric.api import protocol
from ric.api.marshal import encode_json, to_json
from ric.api.retry import post
from ric.api.runtime_api import RuntimeApi
from ric.errors import LambdaRuntimeClientError, RicError
from ric.function.faults import make_error
from ric.process.error_log import log_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

EXIT_ERROR = "Runtime.ExitError"
_CONTAINER_ERROR = 500
# An API that takes longer must not keep the parent from its other workers, or from its end.
_PATIENCE_S = 1.0
_SHORT_PATIENCE_S = 0.1


class Reporter:
    """Posts and logs the deaths of workers, over connections that are open only while they are used.

    Args:
        api_address: The value of ``AWS_LAMBDA_RUNTIME_API``.
        log_sink: Where they are logged.

    Attributes:
        is_refused_for_good: Whether the Runtime API answered with 500: the environment is to end.
    """

    def __init__(self, api_address: str, log_sink: Any) -> None:
        self._api = RuntimeApi(api_address)
        self._patience_s = _PATIENCE_S
        self._api.follow_connections(lambda connection: connection.settimeout(self._patience_s))
        self._log_sink = log_sink
        self.is_refused_for_good = False

    def report_invocation(self, request_id: str, invocation_id: str, how_it_ended: str) -> None:
        """Reports that an invocation ended with its worker."""
        document = make_error(f"RequestId: {request_id} Error: {how_it_ended}", EXIT_ERROR, [], request_id)
        log_error({**document, "stackTrace": None}, self._log_sink)
        body = to_json(document)
        self._post(request_id, lambda: self._api.post_error(request_id, body, "", invocation_id or None))

    def report_init(self, how_it_ended: str) -> None:
        """Reports that a worker died while it loaded the handler, and could not report itself."""
        document = make_error(how_it_ended, EXIT_ERROR, [])
        log_error({**document, "stackTrace": None}, self._log_sink)
        body = encode_json(to_json(document))
        self._post("", lambda: self._api.call("POST", protocol.INIT_ERROR, body, EXIT_ERROR))

    def log(self, message: str, request_id: str = "") -> None:
        """Writes an error into the log and posts nothing."""
        document = {"errorType": EXIT_ERROR, "errorMessage": message, "requestId": request_id}
        log_error(document, self._log_sink)

    def warn(self, message: str) -> None:
        """Writes a warning into the log."""
        self._log_sink.log(f"[WARNING] ric: {message}\n")

    def _post(self, request_id: str, call: Callable[[], object]) -> None:
        began_s = monotonic()
        try:
            # Once it kept the parent waiting, it has one try for each report, and a short one.
            post(call) if self._patience_s == _PATIENCE_S else call()
        except LambdaRuntimeClientError as refusal:
            if refusal.response_code == _CONTAINER_ERROR:
                self.is_refused_for_good = True
            if refusal.response_code >= _CONTAINER_ERROR:
                self.log(str(refusal), request_id)
        except RicError as error:
            self.log(f"the Runtime API was not told: {error}", request_id)
        finally:
            self._patience_s = _SHORT_PATIENCE_S if monotonic() - began_s >= self._patience_s else _PATIENCE_S
            # A worker that is forked later must not inherit it.
            self._api.close()
