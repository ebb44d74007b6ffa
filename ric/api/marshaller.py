"""What stands between the bytes of an invocation and the handler: the two methods of a marshaller.

Assign an object that has them to ``LambdaRuntimeClient.marshaller``, where the handler's module is imported. It is in
a module of its own because ``typing`` takes longer to import than the runtime: only who asks for the name pays for it.
"""

from __future__ import annotations

from typing import Any, Protocol


class Marshaller(Protocol):
    """Decodes events and encodes results.

    Both are called with positional arguments, on the handler's thread, once for each invocation. What either raises
    fails that invocation: a ``FaultException`` (``awslambdaric.lambda_runtime_exception``) with the error type that it
    names, anything else with the name of its class.
    """

    def unmarshal_request(self, request: bytes, content_type: str | None, /) -> Any:
        """Returns the event for the handler.

        Args:
            request: The body of the event.
            content_type: Its media type as it came, with parameters; None where none came.
        """

    def marshal_response(self, response: Any, /) -> tuple[str | bytes, str]:
        """Returns the result as it goes over the wire, and its media type.

        Args:
            response: What the handler returned.

        Returns:
            The body, where a str is sent as UTF-8, and the value for ``Content-Type``: printable ASCII.
        """
