"""The client that the loop drives: the calls of the Runtime API with their failure policy, under upstream's names.

Rules: every method is a class attribute and looked up when called, because error trackers and tests replace them, in
either class. A call that is refused raises; the loop above survives it.
"""

from __future__ import annotations

from time import monotonic

from ric.api import protocol
from ric.api.marshal import LambdaMarshaller, encode_json, to_json
from ric.api.retry import Backoff, post, was_held
from ric.api.runtime_api import RuntimeApi, error_type_of
from ric.errors import (
    FaultException,
    LambdaRuntimeClientError,
    NoConnectionError,
    RuntimeApiError,
    RuntimeApiUnavailableError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable
    from typing import Any, NoReturn

    from ric.api.upload import ChunkedUpload

__all__ = [
    "BaseLambdaRuntimeClient",
    "FaultException",
    "InvocationRequest",
    "LambdaMarshaller",
    "LambdaRuntimeClient",
    "LambdaRuntimeClientError",
    "to_json",
]


class InvocationRequest:
    """One invocation, as ``/next`` gave it.

    Attributes:
        invoke_id: The request id.
        x_amzn_trace_id: X-Ray trace id, or None.
        invoked_function_arn: ARN of the function; ``""`` where none came.
        deadline_time_in_ms: When the invocation times out, in ms since the epoch; 0 where no deadline came, and the
            text itself where it is not a number.
        client_context: JSON, or None.
        cognito_identity: JSON, or None.
        tenant_id: Tenant of a tenant-isolated function, or None.
        content_type: Media type of the event, or None.
        event_body: The event.
        invocation_id: To be echoed with the answer, or None.
    """

    invoke_id: str
    x_amzn_trace_id: str | None
    invoked_function_arn: str
    deadline_time_in_ms: int | str
    client_context: str | None
    cognito_identity: str | None
    tenant_id: str | None
    content_type: str | None
    event_body: bytes
    invocation_id: str | None

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InvocationRequest) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]


class BaseLambdaRuntimeClient:
    """The calls that the loop makes.

    Args:
        lambda_runtime_address: The value of ``AWS_LAMBDA_RUNTIME_API``.
        use_thread_for_polling_next: Accepted for upstream's sake and not needed: signal handlers run while polling.

    Raises:
        InvalidAddressError: The address does not name a server.
    """

    marshaller: Any = LambdaMarshaller()
    """Decodes events and encodes results. Assign an object with ``unmarshal_request`` and ``marshal_response``."""

    def __init__(self, lambda_runtime_address: str, use_thread_for_polling_next: bool = False) -> None:
        self.lambda_runtime_address = lambda_runtime_address
        self.use_thread_for_polling_next = use_thread_for_polling_next
        self._own_api = RuntimeApi(lambda_runtime_address)
        self._streamed: tuple[str, ChunkedUpload] | None = None

    def wait_idle_with(self, idle_wait: Callable[[int], None]) -> None:
        """Sets how the wait for the next invocation is made, see ``RuntimeApi.idle_wait``."""
        self._own_api.idle_wait = idle_wait

    def follow_connections(self, on_connect: Callable[[_socket.socket], None]) -> None:
        """Calls a function with each connection to the Runtime API that is opened from now on."""
        self._own_api.follow_connections(on_connect)

    def wait_next_invocation(self) -> InvocationRequest:
        """Waits for the next invocation, and through short outages of the Runtime API.

        Raises:
            RuntimeApiUnavailableError: The Runtime API has not answered properly for 15 s, idling apart.
        """
        event_body, headers = self._poll()
        get = headers.get
        return InvocationRequest(
            invoke_id=get(protocol.REQUEST_ID),
            x_amzn_trace_id=get(protocol.TRACE_ID),
            invoked_function_arn=get(protocol.FUNCTION_ARN, ""),
            deadline_time_in_ms=get(protocol.DEADLINE_MS, 0),
            client_context=get(protocol.CLIENT_CONTEXT),
            cognito_identity=get(protocol.COGNITO_IDENTITY),
            tenant_id=get(protocol.TENANT_ID),
            content_type=get(protocol.CONTENT_TYPE),
            event_body=event_body,
            invocation_id=get(protocol.INVOCATION_ID),
        )

    def start_response(self, invoke_id: str, content_type: str, invocation_id: str | None = None) -> ChunkedUpload:
        """Starts a result that is sent while it is produced.

        ``post_invocation_result`` and ``post_invocation_error`` with the same request id end it. So those who replace
        these two hear of the end of each invocation, however it is answered.

        Args:
            invoke_id: The request id.
            content_type: Media type of the result.
            invocation_id: Echoed if one came with the invocation.

        Raises:
            RuntimeApiError: There is no connection.
            UnsafeHeaderError: An argument cannot stand in a path or header.
        """
        upload = post(lambda: self._own_api.start_response(invoke_id, content_type, invocation_id))
        self._streamed = (invoke_id, upload)
        return upload

    def post_invocation_result(
        self,
        invoke_id: str,
        result_data: str | bytes,
        content_type: str = "application/json",
        invocation_id: str | None = None,
    ) -> None:
        """Posts the result of an invocation.

        Args:
            invoke_id: The request id.
            result_data: The encoded result; text goes out as UTF-8. Not used if the result was streamed.
            content_type: Its media type.
            invocation_id: Echoed if one came with the invocation.

        Raises:
            RuntimeApiError: The call failed or was refused.
            UnsafeHeaderError: An argument cannot stand in a path or header.
        """
        upload = self._take_streamed(invoke_id)
        content = encode_json(result_data)
        try:
            if upload is not None:
                upload.finish()
            else:
                post(lambda: self._api().post_invocation_result(invoke_id, content, content_type, invocation_id))
        except Exception as error:  # noqa: BLE001 - the hook that subclasses override gets every one
            self.handle_exception(error)

    def post_invocation_error(
        self,
        invoke_id: str,
        error_response_data: str,
        xray_fault: str,
        invocation_id: str | None = None,
    ) -> None:
        """Posts that an invocation failed; in the trailers of its result if that was begun already.

        Args:
            invoke_id: The request id.
            error_response_data: The error document, as JSON.
            xray_fault: The X-Ray error cause, as JSON; one that the platform would crop is left out.
            invocation_id: Echoed if one came with the invocation.

        Raises:
            RuntimeApiError: The call failed or was refused.
            UnsafeHeaderError: An argument cannot stand in a path or header.
        """
        upload = self._take_streamed(invoke_id)
        cause = protocol.ascii_json(xray_fault)
        if len(cause) > protocol.MAX_XRAY_CAUSE_BYTES:
            cause = ""
        try:
            if upload is not None:
                upload.finish(_trailers_of(encode_json(error_response_data)))
            else:
                post(lambda: self._api().post_error(invoke_id, error_response_data, cause, invocation_id))
        except Exception as error:  # noqa: BLE001 - the hook that subclasses override gets every one
            self.handle_exception(error)

    def post_init_error(self, error_response_data: dict[str, Any], error_type_override: str | None = None) -> None:
        """Posts that the function could not be initialised.

        Args:
            error_response_data: The error document.
            error_type_override: Sent as error type instead of the document's own.

        Raises:
            RuntimeApiError: The call failed or was refused.
        """
        error_type = error_type_override or error_response_data["errorType"]
        try:
            self.call_rapid("POST", protocol.INIT_ERROR, 202, error_response_data, {protocol.ERROR_TYPE: error_type})
        except Exception as error:  # noqa: BLE001 - as above
            self.handle_init_error(error)

    def restore_next(self) -> None:
        """Waits until the snapshot of this process was restored (SnapStart).

        Raises:
            RuntimeApiError: The call failed or was refused.
        """
        self.call_rapid("GET", protocol.RESTORE_NEXT, 200)

    def report_restore_error(self, restore_error_data: dict[str, Any]) -> None:
        """Posts that an after-restore hook failed (SnapStart).

        Raises:
            RuntimeApiError: The call failed or was refused.
        """
        headers = {protocol.ERROR_TYPE: FaultException.AFTER_RESTORE_ERROR}
        self.call_rapid("POST", protocol.RESTORE_ERROR, 202, restore_error_data, headers)

    def call_rapid(
        self,
        http_method: str,
        endpoint: str,
        expected_http_code: int,
        payload: object = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Makes a call that happens at most once in a process.

        Args:
            http_method: ``GET`` or ``POST``.
            endpoint: The path.
            expected_http_code: The status that means success.
            payload: The document to post; not used by GET.
            headers: May hold ``Lambda-Runtime-Function-Error-Type``.

        Raises:
            LambdaRuntimeClientError: The status is another one.
            RuntimeApiError: There was no answer.
        """
        body = None if http_method == "GET" else encode_json(to_json(payload))
        error_type = (headers or {}).get(protocol.ERROR_TYPE)

        def call() -> None:
            response = self._own_api.call(http_method, endpoint, body, error_type)
            if response.status != expected_http_code:
                raise LambdaRuntimeClientError(endpoint, response.status, response.body)

        post(call)

    def handle_init_error(self, exc: Exception) -> None:
        """What becomes of a failed ``post_init_error``; subclasses decide."""
        raise NotImplementedError

    def handle_exception(
        self, exc: Exception, func_to_retry: Callable[[], Any] | None = None, use_backoff: bool = False
    ) -> Any:
        """What becomes of a failed post; subclasses decide."""
        raise NotImplementedError

    def _poll(self) -> tuple[bytes, dict[str, Any]]:
        backoff = Backoff()
        while True:
            began_s = monotonic()
            try:
                answer: tuple[bytes, dict[str, Any]] | None = self._api().next()
            except RuntimeApiError as error:
                if was_held(began_s) and not isinstance(error, NoConnectionError):
                    backoff = Backoff()  # the function idled: what ended the wait is the first failure
                if not backoff.count_failure():
                    raise RuntimeApiUnavailableError(
                        self.lambda_runtime_address, protocol.NEXT, backoff.attempts, error
                    ) from error
            else:
                if answer is not None:
                    return answer
                backoff = Backoff()  # the API is there: failures from before do not count any more
            backoff.wait()

    def _take_streamed(self, invoke_id: str) -> ChunkedUpload | None:
        """Returns the result that was begun for this invocation, if one was, for the one call that ends it."""
        streamed, self._streamed = self._streamed, None
        return streamed[1] if streamed is not None and streamed[0] == invoke_id else None

    def _api(self) -> Any:
        # Third parties put a stand-in for upstream's compiled module here; it is used if there is one.
        return globals().get("runtime_client") or self._own_api


def _trailers_of(document: bytes) -> list[tuple[str, str]]:
    from ric.api.trailers import error_trailers

    return error_trailers(document, error_type_of(document))


class LambdaRuntimeClient(BaseLambdaRuntimeClient):
    """The client of a process that serves one invocation at a time: what fails is raised."""

    def handle_init_error(self, exc: Exception) -> NoReturn:
        """Raises the error."""
        raise exc

    def handle_exception(
        self, exc: Exception, func_to_retry: Callable[[], Any] | None = None, use_backoff: bool = False
    ) -> NoReturn:
        """Raises the error."""
        raise exc
