"""What a parity case is, and what is observed when a client runs it.

Rules:
* a group is one process: one function, one environment, a script of invocations; each invocation is a case;
* an observation is cut at each ``GET /next``, so that each case has its own requests, output and frames;
* all of it is plain, immutable data: nothing here runs anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

REQUEST_ID_HEADER = "Lambda-Runtime-Aws-Request-Id"

# Far enough away for the remaining time to be positive, and fixed, so that both clients are told the same.
FAR_DEADLINE_MS = "4102444800000"

DEFAULT_HEADERS: Mapping[str, str] = {
    "Content-Type": "application/json",
    "Lambda-Runtime-Deadline-Ms": FAR_DEADLINE_MS,
    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:123456789012:function:parity",
    "Lambda-Runtime-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
}


@dataclass(frozen=True)
class Request:
    """One request as a client sent it."""

    method: str
    path: str
    headers: tuple[tuple[str, bytes], ...]
    """In the order sent, names in lower case."""
    body: bytes

    def header(self, name: str) -> bytes | None:
        """Return the value of the first header of that lower-case name, or None."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True)
class Frame:
    """One frame from the telemetry descriptor; its time stamp was checked when it was read."""

    kind: str
    payload: bytes


@dataclass(frozen=True)
class Segment:
    """What a client did from one answer to ``/next`` (or from its start) up to its next ``GET /next``, or its end."""

    requests: tuple[Request, ...] = ()
    stdout: bytes = b""
    stderr: bytes = b""
    frames: tuple[Frame, ...] = ()
    end: str = ""
    """Empty when the client went on to the next invocation, else how its process ended."""

    @property
    def goes_on(self) -> bool:
        """Tell whether the client asked for another invocation."""
        return not self.end and bool(self.requests) and self.requests[-1].path.endswith("/invocation/next")

    def sole_request_to(self, suffix: str) -> Request:
        """Return the only request whose path has that end.

        Raises:
            AssertionError: there is none, or more than one.
        """
        found = [request for request in self.requests if request.path.endswith(suffix)]
        assert len(found) == 1, f"{len(found)} requests to {suffix}, expected 1"
        return found[0]


Check = Callable[[Segment, Segment], None]
"""Called with what the official client did and what ric did; raises AssertionError when ric did not do as wanted."""


@dataclass(frozen=True)
class Better:
    """A difference that is wanted: why, and what ric has to do."""

    reason: str
    check: Check


@dataclass(frozen=True)
class Case:
    """One invocation."""

    name: str
    event: bytes = b"null"
    headers: Mapping[str, str | None] = field(default_factory=dict)
    """Added to the default headers of ``/next``; None removes one."""
    raw_answer: bytes | None = None
    """Complete bytes of the answer to ``/next`` in place of one made from event and headers."""
    post_status: int = 202
    """Answer to the client's ``/response`` or ``/error``."""
    better: Better | None = None
    alone: bool = False
    """Gets a process of its own, because one of the clients does not survive it."""

    def headers_for(self, request_id: str) -> dict[str, str]:
        """Return the headers of the answer to ``/next``."""
        merged = {REQUEST_ID_HEADER: request_id, **DEFAULT_HEADERS, **self.headers}
        return {name: value for name, value in merged.items() if value is not None}


@dataclass(frozen=True)
class Variant:
    """An environment in which a group is run."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    framed: bool = False
    """Logs go to a telemetry descriptor rather than to stdout."""


@dataclass(frozen=True)
class Group:
    """A function and the invocations it gets. Without cases, what is compared is how the client starts (and ends)."""

    name: str
    cases: tuple[Case, ...] = ()
    handler: str = "app.handler"
    function: str | None = None
    """Directory below ``functions/`` that is copied to the task root."""
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    """Further files of the task root: those that no linter could read, or too small for a directory."""
    environment: Mapping[str, str] = field(default_factory=dict)
    variants: tuple[Variant, ...] = ()
    better: Better | None = None
    """A wanted difference in the start."""


_PYTHON_312 = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.12"}
_JSON = {"AWS_LAMBDA_LOG_FORMAT": "JSON"}

PLAIN = Variant("text")
PLAIN_312 = Variant("3.12, text", _PYTHON_312)
JSON_LOGS = Variant("JSON", _JSON)
JSON_LOGS_312 = Variant("3.12, JSON", _PYTHON_312 | _JSON)
FRAMED = Variant("text, framed", {}, framed=True)
FRAMED_312 = Variant("3.12, text, framed", _PYTHON_312, framed=True)
FRAMED_JSON = Variant("JSON, framed", _JSON, framed=True)
FRAMED_JSON_312 = Variant("3.12, JSON, framed", _PYTHON_312 | _JSON, framed=True)

BOTH_ENVIRONMENTS = (PLAIN, PLAIN_312)
FOUR_VARIANTS = (PLAIN, FRAMED_312, JSON_LOGS_312, FRAMED_JSON)
ALL_VARIANTS = (
    PLAIN,
    PLAIN_312,
    JSON_LOGS,
    JSON_LOGS_312,
    FRAMED,
    FRAMED_312,
    FRAMED_JSON,
    FRAMED_JSON_312,
)


def calls(*names: str) -> tuple[Case, ...]:
    """Return a case for each function of the group's ``app.py`` that is named; the event is that name."""
    return tuple(call(name) for name in names)


def call(name: str, **options: object) -> Case:
    """Return the case that calls one function of the group's ``app.py``, with further fields of Case as keywords."""
    return Case(name.replace("_", " "), json.dumps(name).encode(), **options)  # type: ignore[arg-type]
