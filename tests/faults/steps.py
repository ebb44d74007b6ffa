"""What a server does in a fault, besides the steps of ``tests.scripted_api``."""

from __future__ import annotations

import time

from tests.scripted_api import ACCEPTED, Peer, Step, event, flood

from .api import FaultyApi, read_rest
from .model import FAULT, Steps


def give(body: bytes = b'"fault"', *fields: bytes, content_type: bytes | None = b"application/json") -> Steps:
    """Answers a poll with the faulty invocation."""
    return (lambda peer: peer.connection.sendall(event(FAULT, body, *fields, content_type=content_type)),)


def take() -> Step:
    """Reads the body of the post whose head was read, which counts for nothing."""
    return read_rest


def note() -> Step:
    """Takes the post in, and says nothing."""
    return lambda peer: _api_of(peer).take_in(peer)


def accept(answer: bytes = ACCEPTED) -> Step:
    """Takes the post in and says so."""

    def step(peer: Peer) -> None:
        _api_of(peer).take_in(peer)
        peer.connection.sendall(answer)

    return step


def vanish() -> Step:
    """Ends the server for good."""
    return lambda peer: _api_of(peer).vanish()


def restart(after_s: float) -> Step:
    """Ends the server, and starts it again so many seconds later."""

    def step(peer: Peer) -> None:
        _api_of(peer).vanish()
        time.sleep(after_s)  # how long it is away, not a wait for something
        _api_of(peer).come_back()

    return step


def pause(duration_s: float) -> Step:
    """Does nothing for so many seconds."""
    return lambda peer: time.sleep(duration_s)


def unhurried(data: bytes) -> Step:
    """Sends the bytes in a hundred pieces, over half a second."""

    def step(peer: Peer) -> None:
        size = len(data) // 100 + 1
        for start in range(0, len(data), size):
            peer.connection.sendall(data[start : start + size])
            time.sleep(0.005)  # the slowness of this server, not a wait for something

    return step


def slow_reader() -> Step:
    """Reads a large post in small pieces with pauses, over about a second, before it is taken in."""

    def step(peer: Peer) -> None:
        for _ in range(100):
            peer.received += peer.connection.recv(20_000)
            time.sleep(0.01)  # as above

    return step


def many(text: bytes) -> Step:
    """Sends a line without end."""
    return flood(b"", text, [])


def _api_of(peer: Peer) -> FaultyApi:
    assert isinstance(peer.api, FaultyApi)
    return peer.api
