"""Invocations that a runtime has, their ends, and what a runtime may do wrong with them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ric.local.invocation import Invocation, Outcome
    from ric.local.reply import Reply


class UnknownRequestError(Exception):
    """The runtime answers an invocation that it was not given."""


class AlreadyDoneError(Exception):
    """The runtime reports a second time what can be reported once, or at a time when it cannot be."""


class LateAnswerError(Exception):
    """The runtime answers an invocation whose caller was told something else meanwhile."""


class SurplusNextError(Exception):
    """The runtime asks for more invocations at once than it may have."""


@dataclass
class Running:
    """An invocation that a runtime has.

    Args:
        invocation: What it runs.
        reply: The promise to the caller.
        started_at: When it was handed out, by the sandbox's clock.
        deadline_ms: When its time is up, in milliseconds since 1970.
        init_duration_ms: How long the runtime took to start, if this is its first.
        restore_duration_ms: How long its restoration took, if this is the first after it.
        answered_at: When its answer ended, by the sandbox's clock.
    """

    invocation: Invocation
    reply: Reply
    started_at: float
    deadline_ms: int
    init_duration_ms: float | None = None
    restore_duration_ms: float | None = None
    answered_at: float = math.inf
    is_being_answered: bool = False
    is_announced: bool = False


@dataclass(frozen=True)
class Settled:
    """An invocation that is over, but whose caller does not know yet.

    Args:
        running: The invocation.
        outcome: How it ended.
        duration_ms: How long it ran.
        lingers: Whether its handler may go on: its runtime has answered, but not asked for the next one yet.
    """

    running: Running
    outcome: Outcome
    duration_ms: float
    lingers: bool = False


@dataclass(frozen=True)
class Overrun:
    """An invocation whose time was up after its answer, while its handler went on.

    Args:
        request_id: The invocation.
        message: What Lambda's log says of it.
    """

    request_id: str
    message: str


@dataclass(frozen=True)
class Asked:
    """What it meant that the runtime asked for the next invocation.

    Args:
        given_up: The invocation that it has thereby given up.
        has_lingered: Whether it has thereby ended an invocation that was answered before.
        init_duration_ms: How long it took to start, if it has only now.
    """

    given_up: Settled | None = None
    has_lingered: bool = False
    init_duration_ms: float | None = None
