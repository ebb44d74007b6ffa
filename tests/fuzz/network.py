"""The client's way to the network, replaced where it opens a socket: each connection is a wire of the test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ric.api import sockets
from ric.api.address import Address
from tests.fuzz.wire import Wire


@contextlib.contextmanager
def network(*wires: Wire) -> Iterator[None]:
    """Gives one wire for each connection that ric opens, in order; one more is an error of the network."""
    waiting = list(wires)

    def connect(address: Address) -> Wire:
        if not waiting:
            raise ConnectionRefusedError
        return waiting.pop(0)

    original = sockets.connect
    sockets.connect = connect  # type: ignore[assignment]
    try:
        yield
    finally:
        sockets.connect = original
        for wire in wires:
            wire.release()
