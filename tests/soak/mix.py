"""The invocations of a run, and what happens to their connections: random, and the same for the same seed."""

from __future__ import annotations

import enum
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FUNCTION = """
import logging

runs = 0


def handler(event, context):
    global runs
    runs += 1
    kind, text = event["kind"], event["text"]
    if kind == "error":
        raise ValueError(f"{runs} {text}")
    if kind == "bytes":
        return f"{runs} {text}".encode()
    if kind == "log":
        logging.warning(text)
        print(text)
    if "stream" in kind:
        from ric import response_stream
        with response_stream(context) as stream:
            for _ in range(event["pieces"]):
                stream.write(f"{runs} {text}")
            if kind == "broken stream":
                raise ValueError(f"{runs} {text}")
    return {"run": runs, "text": text}
"""
"""It counts its runs, so that every answer shows whether an earlier event was run twice, or not at all."""

_WEIGHTS = {"echo": 58, "error": 12, "stream": 12, "broken stream": 3, "bytes": 6, "log": 5, "large": 4}
KINDS = tuple(_WEIGHTS)

_CALM_SHARE = 0.9


class Disturbance(enum.Enum):
    """What the server does to an invocation's connection; at each of these points it is safe to try again."""

    NONE = "none"
    POLL_CLOSED = "closed in place of an event"
    POLL_RESET = "reset in place of an event"
    POLL_NO_CONTENT = "204 in place of an event"
    EVENT_TRUNCATED = "reset within the event"
    EVENT_AND_CLOSE = "closed behind the event"
    EVENT_AND_RESET = "reset behind the event"
    EVENT_ANNOUNCES_CLOSE = "event with Connection: close"
    POST_CLOSED = "closed in place of the answer to a result"
    POST_RESET = "reset in place of the answer to a result"
    POST_TAKEN_AND_RESET = "result taken, then reset"
    POST_OVERLOADED = "503 to a result"
    ACCEPTED_AND_CLOSE = "closed behind the answer to a result"
    ACCEPTED_AND_RESET = "reset behind the answer to a result"
    ACCEPTED_BYTE_BY_BYTE = "the answer to a result byte by byte"


_LOSES_RESULT = (
    # The function may have begun its answer by then.
    Disturbance.EVENT_AND_CLOSE,
    Disturbance.EVENT_AND_RESET,
    Disturbance.POST_CLOSED,
    Disturbance.POST_RESET,
    Disturbance.POST_TAKEN_AND_RESET,
    Disturbance.POST_OVERLOADED,
)


@dataclass(frozen=True)
class Invocation:
    """One invocation.

    Attributes:
        number: From 1; also its request id.
        kind: One of KINDS.
        text: What is in its event, and has to be in its answer.
        pieces: How many pieces a stream has.
        disturbance: What happens to its connection.
    """

    number: int
    kind: str
    text: str
    pieces: int
    disturbance: Disturbance

    def __str__(self) -> str:
        return f"invocation {self.number} ({self.kind}; {self.disturbance.value})"

    @property
    def event(self) -> bytes:
        """The event, as JSON."""
        return json.dumps({"kind": self.kind, "text": self.text, "pieces": self.pieces}).encode()

    @property
    def message(self) -> str:
        """What the function makes of it: the text, with the number of its run."""
        return f"{self.number} {self.text}"


def invocations(seed: int, count: int, kinds: Sequence[str] = KINDS, *, calm: bool = False) -> Iterator[Invocation]:
    """Returns the invocations of a run.

    Args:
        seed: Of the random numbers.
        count: How many.
        kinds: Of these.
        calm: Leave the connections alone.
    """
    chance = random.Random(seed)
    weights = [_WEIGHTS[kind] for kind in kinds]
    for number in range(1, count + 1):
        (kind,) = chance.choices(kinds, weights)
        size = chance.randint(200_000, 3_000_000) if kind == "large" else chance.randint(0, 2_000)
        text = (f"{number}\u00e9-" * (size // 4 + 1))[:size]
        disturbance = _disturbance(chance, kind) if not calm and chance.random() > _CALM_SHARE else Disturbance.NONE
        yield Invocation(number, kind, text, chance.randint(0, 5), disturbance)


def _disturbance(chance: random.Random, kind: str) -> Disturbance:
    # A stream is not kept, so one that was begun and lost cannot be sent again.
    lossless = [which for which in Disturbance if which not in _LOSES_RESULT]
    return chance.choice(lossless if "stream" in kind else list(Disturbance))
