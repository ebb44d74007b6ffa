"""What a fault is, what was observed of a client that met it, and the words for what became of it.

Rules:
* a fault is tried in a process of its own; before or behind it everything is in order;
* the invocation that the fault is about has the id and the event ``fault``, the one behind it ``next``;
* all of it is plain, immutable data: nothing here runs anything.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.scripted_api import Step

FAULT = "fault"
NEXT = "next"

Steps = tuple["Step", ...]

LIMIT_S = 8.0
"""How long an ordinary fault may take; what has not got to its end then hangs."""

PATIENCE_LIMIT_S = 30.0
"""The same where the Runtime API does not come back, which a client may wait for."""


class Due(enum.Enum):
    """What the caller of the faulty invocation has to get."""

    RESULT = "what the handler returned"
    ERROR = "an error document"
    ANSWER = "one of the two"
    NOTHING = "there is no invocation that the handler may see"
    REFUSED = "the platform takes no answer; the log has to say so"


class Kind(enum.Enum):
    """What became of a fault, in the words of the table."""

    SERVED = "served"
    ENDED = "ended, told"
    LOST = "invocation lost"
    DOUBLED = "answered twice"
    WRONG = "wrong answer"
    FALSE_EVENT = "false event"
    RAN_TWICE = "ran twice"
    UNTOLD = "served, nothing told"
    NOT_SERVED = "ended, next not served"
    SILENT = "ended, reason not told"
    CRASHED = "crashed"
    HUNG = "hung"


SERVED = frozenset({Kind.SERVED})
ENDED = frozenset({Kind.ENDED})
EITHER = SERVED | ENDED


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: What happens, as the table tells it.
        source: The function.
        connections: What is done with the first connections, before anything is read from them.
        polls: What the first polls get, once they were read; behind them comes the invocation ``next``.
        posts: What the first answers to the faulty invocation get, once their heads were read; then they are accepted.
        init: What the report of an init error gets, once its head was read.
        lasting: What every poll gets, if the fault does not pass.
        late_s: How long the server does not listen, in seconds.
        listens: Whether it ever does.
        due: What the caller has to get.
        result: What RESULT is.
        seen: The event as the handler sees it.
        wanted: Which outcomes are good ones.
        told: Pattern of what the log has to name where the invocation or the process is lost.
        why: Why it cannot be survived, for those which cannot.
        expected: What becomes of it all the same, for those; several where chance decides.
        limit_s: How long the client has, in seconds.
        environment: Variables of the process.
    """

    name: str
    source: str = ""
    connections: Sequence[Steps] = ()
    polls: Sequence[Steps] = ()
    posts: Sequence[Steps] = ()
    init: Steps | None = None
    lasting: Steps | None = None
    late_s: float = 0.0
    listens: bool = True
    due: Due = Due.RESULT
    result: object = FAULT
    seen: object = FAULT
    wanted: frozenset[Kind] = SERVED
    told: str = ""
    why: str = ""
    expected: tuple[str, ...] = ()
    limit_s: float = LIMIT_S
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """Faults that belong together."""

    title: str
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Post:
    """One answer or report of a client.

    Attributes:
        request_id: The invocation; empty for an init error.
        is_error: Whether it is an error document.
        body: What was posted.
    """

    request_id: str
    is_error: bool
    body: bytes


@dataclass(frozen=True)
class Observation:
    """What was seen of a client.

    Attributes:
        posts: What the server took in and accepted, in order.
        polled_again: Whether the client asked for another invocation behind ``next``.
        exit_status: How it ended by itself, negative for a signal; None if it had to be ended.
        stdout: Its output.
        stderr: Its error output.
    """

    posts: tuple[Post, ...] = ()
    polled_again: bool = False
    exit_status: int | None = None
    stdout: str = ""
    stderr: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a fault.

    Attributes:
        kind: The word for it.
        detail: The exit status or signal, or what was told; empty if there is nothing to add.
    """

    kind: Kind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value} ({self.detail})" if self.detail else self.kind.value
