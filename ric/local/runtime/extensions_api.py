"""The Extensions API, version 2020-01-01, on the same address as the Runtime API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ric.local.json_documents import parse_object
from ric.local.runtime.extensions import Extensions, ExtensionStateError, UnknownExtensionError

if TYPE_CHECKING:
    from ric.local.server.http_service import ServiceConnection

_NAME = "Lambda-Extension-Name"
_IDENTIFIER = "Lambda-Extension-Identifier"


class ExtensionRequests:
    """Answers the requests of extensions on one connection.

    Args:
        connection: Where the request came from.
        extensions: Those of the sandbox.
        function: What an extension is told about the function that it registers with.
    """

    def __init__(self, connection: ServiceConnection, extensions: Extensions, function: dict[str, str]) -> None:
        self._connection = connection
        self._extensions = extensions
        self._function = function

    def serve(self, path: str, body: bytes) -> bool:
        """Answers a request; returns False if it is none of an extension."""
        connection = self._connection
        try:
            match connection.command, path:
                case "POST", "/2020-01-01/extension/register":
                    self._register(body)
                case "GET", "/2020-01-01/extension/event/next":
                    self._give_event()
                case "POST", "/2020-01-01/extension/init/error" | "/2020-01-01/extension/exit/error":
                    self._extensions.forget(self._identifier)
                    connection.answer(202, b'{"status":"OK"}')
                case _:
                    return False
        except UnknownExtensionError:
            connection.refuse(403, "Extension.UnknownExtensionIdentifier", f"{_IDENTIFIER} names no extension")
        return True

    def _register(self, body: bytes) -> None:
        connection = self._connection
        name = connection.headers.get(_NAME)
        if not name:
            connection.refuse(400, "Extension.InvalidExtensionName", f"{_NAME} is missing")
            return
        registration = parse_object(body or b"{}")
        wanted = None if registration is None else registration.get("events", [])
        if not isinstance(wanted, list):
            connection.refuse(400, "InvalidRequestFormat", "the body must name a list of events")
            return
        try:
            identifier = self._extensions.register(name, wanted)
        except ExtensionStateError:
            connection.refuse(403, "Extension.InvalidExtensionState", "extensions register while the runtime starts")
        except (ValueError, TypeError) as error:
            connection.refuse(400, "InvalidRequestFormat", f"the body must name a list of events: {error}")
        else:
            connection.answer(200, json.dumps(self._function).encode(), [(_IDENTIFIER, identifier)])

    def _give_event(self) -> None:
        event = self._extensions.next_event(self._identifier)
        if event is None:
            self._connection.close_connection = True
        else:
            self._connection.answer(200, json.dumps(event).encode())

    @property
    def _identifier(self) -> str:
        return str(self._connection.headers.get(_IDENTIFIER, ""))
