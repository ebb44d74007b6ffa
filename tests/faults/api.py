"""The Runtime API that has one fault: it answers what is asked, on whatever connection it is asked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence

from tests.scripted_api import ACCEPTED, NEXT, Peer, ScriptedApi, Step, event, wait_for_close

from . import model
from .model import Fault, Post, Steps

_MOST_CONNECTIONS = 200


class FaultyApi(ScriptedApi):
    """Serves one try of one fault; what it accepted stands in ``posts``."""

    def __init__(self, fault: Fault) -> None:
        self.posts: list[Post] = []
        self.polled_again = False
        self._fault = fault
        self._connection_steps = iter(fault.connections)
        self._poll_steps = iter(fault.polls)
        self._post_steps = iter(fault.posts)
        self._is_next_given = False
        self._turn = threading.RLock()
        super().__init__(*[[self._converse]] * _MOST_CONNECTIONS)
        # For those that go away and come back on the same port.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def wait_until_polled_again(self, limit_s: float) -> None:
        """Waits until the client asked for an invocation behind the last one, or its process has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self.polled_again or self.function_ended, limit_s)

    def vanish(self) -> None:
        """Refuses connections from now on, and ends those that there are."""
        for connection in [self._listener, *self._connections]:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is closed already

    def come_back(self) -> None:
        """Listens again on the same port."""
        address = self._listener.getsockname()
        self._listener.close()
        self._listener = socket.create_server(address)
        self._start(self._accept)

    def take_in(self, peer: Peer) -> None:
        """Reads the body of the post whose head was read, and notes the post as one that was accepted."""
        read_rest(peer)
        request = self.requests[-1]
        parts = request.path.split("/")
        request_id = parts[-2] if "/invocation/" in request.path else ""
        self.posts.append(Post(request_id, parts[-1] == "error", request.body))

    def _grant(self, peer: Peer) -> None:
        self.take_in(peer)
        peer.connection.sendall(ACCEPTED)

    def _converse(self, peer: Peer) -> None:
        self._follow_steps(peer, self._take(self._connection_steps) or ())
        while True:
            peer.read_head()
            path = self.requests[-1].path
            if path == NEXT:
                self._on_poll(peer)
            elif path.endswith("/init/error"):
                self._follow_steps(peer, self._fault.init or (self._grant,))
            elif f"/{model.FAULT}/" in path:
                self._follow_steps(peer, self._take(self._post_steps) or (self._grant,))
            else:
                self._grant(peer)

    def _on_poll(self, peer: Peer) -> None:
        steps = self._fault.lasting or self._take(self._poll_steps)
        if steps is not None:
            self._follow_steps(peer, steps)
        elif not self._is_next_given:
            self._is_next_given = True
            peer.connection.sendall(event(model.NEXT, b'"next"'))
        else:
            with self._changed:
                self.polled_again = True
                self._changed.notify_all()
            wait_for_close()(peer)

    def _take(self, steps: Iterator[Steps]) -> Steps | None:
        with self._turn:
            return next(steps, None)

    @staticmethod
    def _follow_steps(peer: Peer, steps: Sequence[Step]) -> None:
        for step in steps:
            step(peer)


def read_rest(peer: Peer) -> None:
    """Reads the body of the request whose head was read."""
    peer.read_body(int(peer.api.requests[-1].headers.get("content-length", 0)))
