"""What can go wrong, by whose fault it is, and the exit codes that tell it.

    Exception
    └── RicError
        ├── FaultException                the user's function (or its event, or its result) is at fault
        │   └── StreamingError            it used the stream of its response in a way that cannot be
        ├── RuntimeApiError               the platform's side of the wire is at fault; also a RuntimeError
        │   ├── TransportError            no connection, or it broke; also an OSError
        │   │   └── NoConnectionError     it could not be made
        │   │       └── RefusedConnectionError  nothing listens there; also a ConnectionRefusedError
        │   ├── MalformedResponseError    bytes that are not a usable HTTP answer
        │   ├── LambdaRuntimeClientError  an answer whose status refuses the call
        │   │   └── ResponseTooLargeError 413: what was posted is larger than the platform takes
        │   └── RuntimeApiUnavailableError  no usable answer for so long that the process gives up
        ├── UnsafeHeaderError             a request id or header value that must not reach the wire
        ├── InvalidAddressError           AWS_LAMBDA_RUNTIME_API names no server; also a ValueError and an OSError
        └── ForkedProcessError            a forked child of a handler tried to speak for its parent

Each error keeps its data in attributes and words its message in ``__str__``.
"""

from __future__ import annotations

EXIT_FAILURE = 1
"""The function could not be loaded, or the Runtime API is gone."""

EXIT_BEFORE_SNAPSHOT = 64
"""A SnapStart before-snapshot hook failed."""

EXIT_AFTER_RESTORE = 65
"""A SnapStart after-restore hook failed."""

EXIT_INTERRUPTED = 130
"""Ended by SIGINT: 128 + 2, as shells report it."""

EXIT_TERMINATED = 143
"""Ended by SIGTERM: 128 + 15, as shells report it."""

_SHOWN_BODY_BYTES = 1000


class RicError(Exception):
    """Root of every error that ric itself raises."""


class FaultException(RicError):
    """The user's function, its event or its result is at fault.

    Args:
        exception_type: One of the ``Runtime.*`` types below; becomes ``errorType`` of the error document.
        msg: Becomes ``errorMessage``.
        trace: Lines for ``stackTrace``, or None for no trace.
    """

    MARSHAL_ERROR = "Runtime.MarshalError"
    UNMARSHAL_ERROR = "Runtime.UnmarshalError"
    USER_CODE_SYNTAX_ERROR = "Runtime.UserCodeSyntaxError"
    HANDLER_NOT_FOUND = "Runtime.HandlerNotFound"
    IMPORT_MODULE_ERROR = "Runtime.ImportModuleError"
    BUILT_IN_MODULE_CONFLICT = "Runtime.BuiltInModuleConflict"
    MALFORMED_HANDLER_NAME = "Runtime.MalformedHandlerName"
    BEFORE_SNAPSHOT_ERROR = "Runtime.BeforeSnapshotError"
    PRE_FORK_ERROR = "Runtime.PreForkError"
    AFTER_RESTORE_ERROR = "Runtime.AfterRestoreError"
    LAMBDA_CONTEXT_UNMARSHAL_ERROR = "Runtime.LambdaContextUnmarshalError"
    LAMBDA_RUNTIME_CLIENT_ERROR = "Runtime.LambdaRuntimeClientError"
    INVALID_STREAMING_OPERATION = "Runtime.InvalidStreamingOperation"

    def __init__(self, exception_type: str, msg: str, trace: list[str] | None = None) -> None:
        super().__init__(exception_type, msg, trace)
        self.exception_type = exception_type
        self.msg = msg
        self.trace = trace

    def __str__(self) -> str:
        return f"{self.exception_type}: {self.msg}"


class StreamingError(FaultException):
    """The function used the stream of its response in an impossible way.

    Unlike other faults it is raised within the user's code, so its report has the stack trace.

    Args:
        msg: What was wrong, and what to do instead.
        exception_type: ``Runtime.MarshalError`` where it is a value that no stream takes.
    """

    def __init__(self, msg: str, exception_type: str = FaultException.INVALID_STREAMING_OPERATION) -> None:
        super().__init__(exception_type, msg)


class RuntimeApiError(RicError, RuntimeError):
    """The platform's side of the wire did not do what the Runtime API promises.

    A RuntimeError is what upstream's compiled module raises; code that drives the client catches that.
    """


class TransportError(RuntimeApiError, OSError):
    """The connection to the Runtime API could not be made, or broke.

    Args:
        reason: What happened, in the words of the system.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class NoConnectionError(TransportError):
    """No connection could be made."""


class RefusedConnectionError(NoConnectionError, ConnectionRefusedError):
    """Nothing listens at the address."""


class MalformedResponseError(RuntimeApiError):
    """The server's bytes are not a complete and consistent HTTP/1.1 answer (RFC 9112).

    Args:
        reason: Which rule they break.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"malformed answer: {self.reason}"


class LambdaRuntimeClientError(RuntimeApiError):
    """The Runtime API refused a call.

    Args:
        endpoint: The path that was called.
        response_code: The HTTP status of the refusal.
        response_body: Its body.
    """

    def __init__(self, endpoint: str, response_code: int, response_body: bytes) -> None:
        super().__init__(endpoint, response_code, response_body)
        self.endpoint = endpoint
        self.response_code = response_code
        self.response_body = response_body

    def __str__(self) -> str:
        return (
            f"Request to Lambda Runtime '{self.endpoint}' endpoint failed. "
            f"Reason: '{self.response_code}'. Response body: '{self.response_body[:_SHOWN_BODY_BYTES]!r}'"
        )


class ResponseTooLargeError(LambdaRuntimeClientError):
    """What was posted is larger than the platform takes (status 413).

    Args:
        endpoint: The path that was called.
        response_body: The body of the refusal.
        size: How many bytes were posted.
        limit: How many the platform takes.
    """

    def __init__(self, endpoint: str, response_body: bytes, size: int, limit: int) -> None:
        super().__init__(endpoint, 413, response_body)
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"{self.size} bytes were posted to {self.endpoint}, and refused: Lambda takes {self.limit} bytes; "
            "store a larger result elsewhere and return a reference to it"
        )


class RuntimeApiUnavailableError(RuntimeApiError):
    """The Runtime API gave no usable answer for so long that the process gives up.

    Args:
        address: The value of ``AWS_LAMBDA_RUNTIME_API``.
        endpoint: The path that was called.
        attempts: How often.
        reason: Why the last attempt failed.
    """

    def __init__(self, address: str, endpoint: str, attempts: int, reason: Exception) -> None:
        super().__init__(address, endpoint, attempts, reason)
        self.address = address
        self.endpoint = endpoint
        self.attempts = attempts
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"the Runtime API at {self.address} does not answer {self.endpoint}, "
            f"given up after {self.attempts} attempts: {self.reason}"
        )


class UnsafeHeaderError(RicError):
    """A value that would break out of the path or header it is meant for; it is never sent.

    Args:
        name: The header, or what the value is.
        value: The offending value.
    """

    def __init__(self, name: str, value: str) -> None:
        super().__init__(name, value)
        self.name = name
        self.value = value

    def __str__(self) -> str:
        return f"{self.name} {self.value[:100]!r} holds characters that are not allowed there"


class InvalidAddressError(RicError, ValueError, OSError):
    """``AWS_LAMBDA_RUNTIME_API`` does not name a server; an OSError to code that drives upstream's client.

    Args:
        address: The value as found.
        reason: What is wrong with it.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)
        self.address = address
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"AWS_LAMBDA_RUNTIME_API is {self.address!r}, but {self.reason}; "
            "give it as host:port, for example 127.0.0.1:9001"
        )


class ForkedProcessError(RicError):
    """A child which the handler forked ran on into the runtime; only the parent speaks to the Runtime API."""

    def __str__(self) -> str:
        return (
            "a process forked by the handler returned into the runtime; "
            "end such a process with os._exit() before the handler returns"
        )
