"""The calls of the Lambda Runtime API, one method each, over one connection.

The calls that every invocation makes either succeed or raise; whether to try again is decided above, in ``client``. The
methods that upstream's compiled module also has bear its names and signatures, so that code which drives or replaces
that module fits here. Source: "Using the Lambda runtime API" in the Lambda developer guide.
"""

from __future__ import annotations

from ric.api import protocol
from ric.api.address import Address
from ric.api.http11 import CHUNKED
from ric.api.marshal import codec, encode_json
from ric.api.transport import Connection
from ric.errors import LambdaRuntimeClientError, MalformedResponseError, ResponseTooLargeError, UnsafeHeaderError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable
    from typing import Any

    from ric.api.http11 import Response
    from ric.api.upload import ChunkedUpload

_NO_CONTENT = 204
_CONTENT_TOO_LARGE = 413


class RuntimeApi:
    """The Runtime API at one address.

    Args:
        address: The value of ``AWS_LAMBDA_RUNTIME_API``.

    Attributes:
        idle_wait: Called with the connection's descriptor when the next invocation was asked for; returns when there is
            something to be read, or raises to end the wait. None for a plain wait, which needs no further system call.

    Raises:
        InvalidAddressError: The address does not name a server.
    """

    def __init__(self, address: str) -> None:
        self.idle_wait: Callable[[int], None] | None = None
        self._connection = Connection(Address(address))
        self._next_request = self._connection.head("GET", protocol.NEXT)
        self._asked_before: _socket.socket | None = None
        self._late_imports = iter((_import_answer_path, _import_error_path))

    def follow_connections(self, on_connect: Callable[[_socket.socket], None]) -> None:
        """Calls a function with each connection that is opened from now on."""
        self._connection.on_connect = on_connect

    def resume(self, connection: _socket.socket) -> None:
        """Takes over a connection on which ``next`` was asked already, by another process; ``next`` only waits then."""
        self._asked_before = connection

    def close(self) -> None:
        """Closes the connection; the next call opens a new one."""
        self._connection.close()

    def next(self) -> tuple[bytes, dict[str, str | int]] | None:
        """Waits for the next invocation, for as long as it takes.

        Returns:
            The event and the headers of interest by their documented names (an empty value counts as absent, a
            numeric deadline is an int), or None when the server had nothing to give (204).

        Raises:
            RuntimeApiError: The call failed, or its answer names no usable request id.
        """
        if self._asked_before is not None:
            self._connection.adopt(self._asked_before)
            self._asked_before = None
            response = self._connection.receive(is_sent=True, meanwhile=self._meanwhile())
        else:
            response = self._connection.exchange(self._next_request, meanwhile=self._meanwhile())
        if response.status == _NO_CONTENT:
            return None
        _check(response, protocol.NEXT)
        return response.body, _headers_of_interest(response.headers)

    def post_invocation_result(
        self,
        invoke_id: str,
        content: bytes,
        content_type: str = "application/json",
        invocation_id: str | None = None,
    ) -> None:
        """Posts the result of an invocation.

        Args:
            invoke_id: The request id that came with the invocation.
            content: The encoded result.
            content_type: Its media type.
            invocation_id: ``Lambda-Runtime-Invocation-Id``, if one came; the platform refuses stale replies by it.

        Raises:
            RuntimeApiError: The call failed or was refused.
            UnsafeHeaderError: An argument cannot stand in a path or header.
        """
        fields = [(protocol.CONTENT_TYPE, content_type)]
        if invocation_id:
            fields.append((protocol.INVOCATION_ID, invocation_id))
        self._post(protocol.response_path(invoke_id), content, fields)

    def post_error(
        self,
        invoke_id: str,
        error_response_data: str | bytes,
        xray_fault: str,
        invocation_id: str | None = None,
    ) -> None:
        """Posts that an invocation failed.

        Args:
            invoke_id: The request id that came with the invocation.
            error_response_data: The error document, as JSON.
            xray_fault: The X-Ray error cause, as JSON; ``""`` sends none.
            invocation_id: ``Lambda-Runtime-Invocation-Id``, if one came.

        Raises:
            RuntimeApiError: The call failed or was refused.
            UnsafeHeaderError: An argument cannot stand in a path or header.
        """
        document = encode_json(error_response_data)
        fields = [
            (protocol.CONTENT_TYPE, "application/json"),
            (protocol.ERROR_TYPE, error_type_of(document)),
        ]
        if xray_fault:
            fields.append((protocol.XRAY_ERROR_CAUSE, protocol.ascii_json(xray_fault)))
        if invocation_id:
            fields.append((protocol.INVOCATION_ID, invocation_id))
        self._post(protocol.error_path(invoke_id), document, fields)

    def start_response(self, invoke_id: str, content_type: str, invocation_id: str | None = None) -> ChunkedUpload:
        """Starts to post the result of an invocation while it is produced ("Response streaming", custom runtimes).

        Args:
            invoke_id: The request id that came with the invocation.
            content_type: Its media type.
            invocation_id: ``Lambda-Runtime-Invocation-Id``, if one came.

        Returns:
            Takes the result, and ends it.

        Raises:
            TransportError: There is no connection.
            UnsafeHeaderError: An argument cannot stand in a path or header.
        """
        from ric.api.upload import ChunkedUpload

        endpoint = protocol.response_path(invoke_id)
        fields = [
            (protocol.CONTENT_TYPE, content_type),
            (protocol.RESPONSE_MODE, "streaming"),
            ("Trailer", f"{protocol.ERROR_TYPE}, {protocol.ERROR_BODY}"),
        ]
        if invocation_id:
            fields.append((protocol.INVOCATION_ID, invocation_id))

        def check(response: Response, posted_bytes: int) -> None:
            _check(response, endpoint, posted_bytes, protocol.MAX_STREAMED_BYTES)

        return ChunkedUpload(self._connection, self._connection.head("POST", endpoint, fields, CHUNKED), check)

    def call(self, method: str, endpoint: str, body: bytes | None, error_type: str | None = None) -> Response:
        """Makes one of the calls that happen at most once in a process: ``/init`` and ``/restore``.

        Args:
            method: ``GET`` or ``POST``.
            endpoint: The path.
            body: The error document of a POST.
            error_type: Sent with it in ``Lambda-Runtime-Function-Error-Type``.

        Returns:
            The answer, whatever its status.

        Raises:
            RuntimeApiError: There was no answer.
        """
        fields = [] if body is None else [(protocol.CONTENT_TYPE, "application/json")]
        if error_type is not None:
            fields.append((protocol.ERROR_TYPE, protocol.error_type_header(error_type)))
        return self._connection.exchange(self._connection.head(method, endpoint, fields, _length(body)), body or b"")

    def _post(self, endpoint: str, body: bytes, fields: list[tuple[str, str]]) -> None:
        response = self._connection.exchange(self._connection.head("POST", endpoint, fields, len(body)), body)
        _check(response, endpoint, len(body))

    def _meanwhile(self) -> Callable[[int], None] | None:
        """Returns what to do while the platform looks for an event: late imports, then ``idle_wait`` if it is set."""
        late_import = next(self._late_imports, None)
        if late_import is None:
            return self.idle_wait

        def import_and_wait(descriptor: int) -> None:
            late_import()
            if self.idle_wait is not None:
                self.idle_wait(descriptor)

        return import_and_wait


def _length(body: bytes | None) -> int | None:
    return None if body is None else len(body)


def _check(
    response: Response, endpoint: str, posted_bytes: int = 0, limit_bytes: int = protocol.MAX_RESPONSE_BYTES
) -> None:
    if posted_bytes and response.status == _CONTENT_TOO_LARGE:
        raise ResponseTooLargeError(endpoint, response.body, posted_bytes, limit_bytes)
    if not 200 <= response.status < 300:
        raise LambdaRuntimeClientError(endpoint, response.status, response.body)


def _headers_of_interest(received: dict[bytes, bytes]) -> dict[str, str | int]:
    names = protocol.NEXT_HEADERS
    headers: dict[str, Any] = {
        names[name]: value.decode("utf-8", "replace") for name, value in received.items() if value and name in names
    }
    try:
        protocol.check_request_id(headers.get(protocol.REQUEST_ID, ""))
    except UnsafeHeaderError as error:
        raise MalformedResponseError(f"no usable {protocol.REQUEST_ID}: {error}") from error
    invocation_id = headers.get(protocol.INVOCATION_ID, "")
    if not (invocation_id.isascii() and invocation_id.isprintable()):
        del headers[protocol.INVOCATION_ID]  # it could not be echoed, and the answer is worth more without it
    deadline = headers.get(protocol.DEADLINE_MS, "")
    if deadline.isascii() and deadline.isdigit() and len(deadline) < 20:
        headers[protocol.DEADLINE_MS] = int(deadline)
    return headers


def error_type_of(document: bytes) -> str:
    """Returns the error type of an error document in the form that the platform accepts."""
    return protocol.error_type_header(_error_type_field(document))


def _error_type_field(document: bytes) -> str:
    try:
        error_type = codec().decode(document)["errorType"]
    except (ValueError, LookupError, TypeError):
        return ""  # somebody posts a document of another form, which is theirs to choose
    return error_type if isinstance(error_type, str) else ""


def _import_answer_path() -> None:
    """Imports what only an answer needs, while the platform is busy with the first event."""
    codec()


def _import_error_path() -> None:
    """Imports what an error needs, while the process waits for the second event.

    From then on reporting does not depend on imports, which an exhausted descriptor table or a changed ``sys.path``
    would break; before, it makes do without (see ``faults``).
    """
    try:
        import tokenize  # noqa: F401 - linecache imports it late
        import traceback  # noqa: F401
    except Exception:  # noqa: BLE001, S110 - whatever the handler did to imports, the event that is coming must not suffer
        pass
