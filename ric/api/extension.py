"""An internal extension, which exists for one reason: only environments that have an extension get SIGTERM.

It asks for no events and lives in the runtime's own process. Source: "Lambda Extensions API", Lambda developer guide.
"""

from __future__ import annotations

from ric.api import protocol
from ric.api.address import Address
from ric.api.transport import Connection
from ric.errors import LambdaRuntimeClientError, MalformedResponseError

NAME = "ric-shutdown"

_EXTENSION = "/2020-01-01/extension"
_REGISTER = f"{_EXTENSION}/register"
_NEXT_EVENT = f"{_EXTENSION}/event/next"
_NAME_FIELD = "Lambda-Extension-Name"
_IDENTIFIER_FIELD = "Lambda-Extension-Identifier"
_NO_EVENTS = b'{"events":[]}'


class InternalExtension:
    """The extension, on a connection of its own.

    Args:
        address: The value of ``AWS_LAMBDA_RUNTIME_API``.

    Raises:
        InvalidAddressError: The address does not name a server.
    """

    def __init__(self, address: str) -> None:
        self._connection = Connection(Address(address))
        self._identifier = ""

    def register(self) -> None:
        """Makes the extension known, which Lambda allows until the runtime asks for its first event.

        Raises:
            RuntimeApiError: The call failed or was refused.
        """
        fields = [(protocol.CONTENT_TYPE, "application/json"), (_NAME_FIELD, NAME)]
        head = self._connection.head("POST", _REGISTER, fields, len(_NO_EVENTS))
        response = self._connection.exchange(head, _NO_EVENTS)
        if response.status != 200:
            raise LambdaRuntimeClientError(_REGISTER, response.status, response.body)
        identifier = response.headers.get(_IDENTIFIER_FIELD.lower().encode(), b"")
        if not identifier.isascii():
            raise MalformedResponseError(f"{_IDENTIFIER_FIELD} is not ASCII")
        self._identifier = identifier.decode("ascii")

    def wait(self) -> None:
        """Asks for the next event and waits for it, for as long as the environment lives.

        Raises:
            RuntimeApiError: The call failed.
        """
        self._connection.exchange(self._question())

    def ask(self) -> None:
        """Asks for the next event without waiting for it; the answer stays unread, the connection open.

        Raises:
            TransportError: There is no connection.
        """
        self._connection.begin()
        self._connection.send_now([self._question()])

    def close(self) -> None:
        """Closes this process's end of the connection."""
        self._connection.close()

    def _question(self) -> bytes:
        return self._connection.head("GET", _NEXT_EVENT, [(_IDENTIFIER_FIELD, self._identifier)])
