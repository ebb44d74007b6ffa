"""What the Runtime API client makes of an answer, through its whole transport."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from ric.api.address import Address
from ric.api.http11 import Response
from ric.api.transport import Connection
from ric.errors import MalformedResponseError, TransportError
from tests.fuzz.readings import Incomplete, Message, Reading, Refused, joined
from tests.fuzz.wire import Wire, WouldWaitError

if TYPE_CHECKING:
    import _socket

ADDRESS = Address("127.0.0.1:9")


def read_answer(segments: Iterable[bytes], *, is_closed: bool) -> Reading:
    """Returns what ric reads as the answer to a request that was sent before.

    Nothing but the two documented exceptions may come out of it.
    """
    wire = Wire(segments, is_closed=is_closed)
    connection = Connection(ADDRESS)
    connection.adopt(cast("_socket.socket", wire))
    try:
        response = connection.receive(is_sent=True)
    except (MalformedResponseError, TransportError) as error:
        assert not wire.is_open, "a connection in an unknown state was kept"
        assert str(error).isprintable()
        return Refused(str(error))
    except WouldWaitError:
        return Incomplete()
    finally:
        wire.release()
    # What is left on the wire is found before the next request, and the connection is given up then.
    return message_of(response, is_reusable=wire.is_open and not wire.unread)


def message_of(response: Response, *, is_reusable: bool) -> Message:
    """Returns an answer as a reading."""
    return Message((response.status,), joined(list(response.headers.items())), response.body, None, is_reusable)
