"""Checks for cases in which ric is meant to differ: what ric does there, put together from small sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .documented import ERROR_TYPE_HEADER
from .model import Better, Request, Segment
from .normalise import XRAY_HEADER

# The platform crops the X-Ray cause above this.
XRAY_LIMIT_BYTES = 64 * 1024

_REPEATED = re.compile(rb"repeated \d+ more times")
_OWN_FRAME = re.compile(rb'  File "<client>\.py", line 0, in \S+\n    <source>\n')


def responds(reason: str, body: bytes, content_type: bytes = b"application/json") -> Better:
    """Say that ric posts that response and goes on."""

    def check(official: Segment, ours: Segment) -> None:
        request = ours.sole_request_to("/response")
        assert request.body == body, f"body {request.body!r}"
        assert request.header("content-type") == content_type
        assert ours.goes_on, "ric does not go on"

    return Better(reason, check)


def reports(reason: str, error_type: str, message: str | None = None, end: str = "") -> Better:
    """Say that ric posts an error of that type, and then goes on or ends in that way."""

    def check(official: Segment, ours: Segment) -> None:
        document = _document(ours)
        assert document["errorType"] == error_type, f"type {document['errorType']}"
        assert message is None or document["errorMessage"] == message, f"message {document['errorMessage']!r}"
        request = ours.sole_request_to("/error")
        for name in (XRAY_HEADER, ERROR_TYPE_HEADER):
            assert (request.header(name) or b"").isascii(), f"{name} is not ASCII"
        json.loads(request.header(XRAY_HEADER) or b"none was sent")
        assert ours.end == end, f"end {ours.end!r}"
        assert end or ours.goes_on, "ric does not go on"

    return Better(reason, check)


def fails_to_start(reason: str, error_type: str, message: str | None = None, end: str = "exit code 1") -> Better:
    """Say that ric posts an init error of that type and ends in that way."""

    def check(official: Segment, ours: Segment) -> None:
        request = ours.sole_request_to("/init/error")
        document = json.loads(request.body)
        assert document["errorType"] == error_type, f"type {document['errorType']}"
        assert message is None or document["errorMessage"] == message, f"message {document['errorMessage']!r}"
        assert request.header(ERROR_TYPE_HEADER), "no error type in the headers"
        assert ours.end == end, f"end {ours.end!r}"

    return Better(reason, check)


def goes_on(reason: str) -> Better:
    """Say that ric asks for the next invocation."""

    def check(official: Segment, ours: Segment) -> None:
        assert ours.goes_on, "ric does not go on"
        assert not ours.stderr, "ric writes to stderr"

    return Better(reason, check)


def frames_of_bootstrap_stay(depth: int) -> Better:
    """Say that the frames of a user's file called bootstrap.py are there, in a stack of that depth."""

    def check(official: Segment, ours: Segment) -> None:
        stack = _document(ours)["stackTrace"]
        assert len(stack) == depth, f"{len(stack)} frames"
        assert any("/bootstrap.py" in frame for frame in stack), "no frame of bootstrap.py"
        cause = json.loads(ours.sole_request_to("/error").header(XRAY_HEADER) or b"")
        assert len(cause["exceptions"][0]["stack"]) == depth

    return Better("frames of a user's bootstrap.py stay", check)


def xray_is_shortened() -> Better:
    """Say that only the X-Ray cause differs, and is below what the platform takes."""

    def check(official: Segment, ours: Segment) -> None:
        theirs, mine = (segment.sole_request_to("/error") for segment in (official, ours))
        # How often a recursion goes round depends on how deep the client's own stack is.
        assert _REPEATED.sub(b"", mine.body) == _REPEATED.sub(b"", theirs.body), "the documents differ"
        assert _REPEATED.sub(b"", ours.stdout) == _REPEATED.sub(b"", official.stdout), "the logs differ"
        cause = mine.header(XRAY_HEADER) or b""
        assert len(cause) <= XRAY_LIMIT_BYTES, f"{len(cause)} bytes of X-Ray cause"
        exception = json.loads(cause)["exceptions"][0]
        assert exception["type"] == json.loads(mine.body)["errorType"]

    return Better("the X-Ray cause is shortened to what the platform takes", check)


def tells_more(*types: str, notes: tuple[str, ...] = ()) -> Better:
    """Say that all of upstream's is there to the byte, and behind it the exceptions of these types, or notes.

    Args:
        types: what is behind the error, in the order of the log.
        notes: notes on the error itself.
    """

    def check(official: Segment, ours: Segment) -> None:
        theirs, mine = (_error_of(segment) for segment in (official, ours))
        added = set(json.loads(mine.body)) - set(json.loads(theirs.body))
        assert added == ({"notes"} if notes else set()) | ({"cause"} if types else set()), f"added {added}"
        assert mine.body.startswith(theirs.body[:-1] + b", "), "upstream's part of the document differs"
        assert json.loads(mine.body).get("notes", []) == list(notes)
        assert tuple(_types_behind(json.loads(mine.body))) == types
        if theirs.header(XRAY_HEADER):
            _check_xray(theirs.header(XRAY_HEADER) or b"", mine.header(XRAY_HEADER) or b"", sorted(types))
        _check_log(official, ours, types, notes)
        assert ours.end == official.end, f"end {ours.end!r}"
        assert ours.stderr == official.stderr, "stderr differs"

    return Better("what is behind the error is told, too", check)


def _error_of(segment: Segment) -> Request:
    return next(request for request in segment.requests if request.path.endswith("/error"))


def _types_behind(document: Any) -> Iterator[str]:
    cause = document.get("cause", [])
    for told in cause if isinstance(cause, list) else [cause]:
        assert set(told) >= {"errorType", "errorMessage", "stackTrace"}
        yield told["errorType"]
        yield from _types_behind(told)


def _check_xray(theirs: bytes, mine: bytes, types: list[str]) -> None:
    expected, found = json.loads(theirs), json.loads(mine)
    assert found["exceptions"][:1] == expected["exceptions"], "the first exception of the X-Ray cause differs"
    assert sorted(exception["type"] for exception in found["exceptions"][1:]) == types
    assert set(found["paths"]) >= set(expected["paths"])


def _check_log(official: Segment, ours: Segment, types: tuple[str, ...], notes: tuple[str, ...]) -> None:
    assert [frame.kind for frame in ours.frames] == [frame.kind for frame in official.frames], "the frames differ"
    theirs, mine = (
        b"".join([segment.stdout, *(frame.payload for frame in segment.frames)]) for segment in (official, ours)
    )
    record = mine.rstrip(b"\n").rsplit(b"\n", 1)[-1]
    if record.startswith(b"{"):
        assert mine.startswith(theirs.rstrip(b"\n")[:-1] + b", "), "upstream's part of the record differs"
        assert tuple(_types_behind(json.loads(record))) == types
        return
    # Records on stdout have carriage returns for line ends, frames line feeds.
    line_end = b"\n" if ours.frames else b"\r"
    assert mine.startswith(theirs.rstrip(b"\n") + line_end), "upstream's part of the record differs"
    assert mine.endswith(b"\n") is theirs.endswith(b"\n")
    more = mine[len(theirs.rstrip(b"\n")) :].rstrip(b"\n").decode().split(line_end.decode())
    assert more[1 : 1 + len(notes)] == list(notes)
    assert re.findall(r"Caused by ([^:\n]+)", "\n".join(more)) == list(types)
    assert ours.frames or mine.count(b"\n") == theirs.count(b"\n"), "it is not one record"


def ends_the_record() -> Better:
    """Say that ric ends each text record with one newline, where the official client leaves one with exc_info open."""

    def check(official: Segment, ours: Segment) -> None:
        assert ours.requests == official.requests, "the requests differ"
        assert ours.stderr == official.stderr, "stderr differs"
        for theirs, mine in _streams(official, ours):
            assert mine.endswith(b"\n"), "the last record is still open"
            # Where the ends of records differ is found by taking all ends of lines away; then nothing may differ.
            assert mine.replace(b"\n", b"") == theirs.replace(b"\n", b""), "more than ends of lines differ"
            added = mine.count(b"\n") - theirs.count(b"\n")
            records = mine.count(b"Traceback (most") + mine.count(b"NoneType: None") + mine.count(b"Stack (most")
            assert 0 < added <= records, f"{added} newlines more, with {records} open records"

    return Better("a text record with exc_info or stack_info ends with a newline", check)


def survives_a_wrong_call() -> Better:
    """Say that ric tells of a log call that cannot be written on standard error, and responds."""

    def check(official: Segment, ours: Segment) -> None:
        assert ours.sole_request_to("/response").body == b"null"
        assert ours.goes_on, "ric does not go on"
        assert ours.stderr.startswith(b"--- Logging error ---"), f"stderr {ours.stderr!r}"

    return Better("a log call that cannot be written does not fail the invocation", check)


def logs_the_record() -> Better:
    """Say that ric writes a record, in text with its newline, over which the official client fails in JSON."""
    newline = ends_the_record()

    def check(official: Segment, ours: Segment) -> None:
        assert ours.sole_request_to("/response").body == b"null"
        assert ours.goes_on, "ric does not go on"
        if official.requests == ours.requests:
            newline.check(official, ours)
            return
        text = b"".join([ours.stdout, *(frame.payload for frame in ours.frames)])
        assert json.loads(text)["message"] == "nothing caught"

    return Better("exc_info without an exception is logged, to the end of its line", check)


def _streams(official: Segment, ours: Segment) -> list[tuple[bytes, bytes]]:
    frames = zip(official.frames, ours.frames, strict=True)
    pairs = [(official.stdout, ours.stdout), *((theirs.payload, mine.payload) for theirs, mine in frames)]
    # stack_info shows the whole stack, so also how a client is made.
    pairs = [(_OWN_FRAME.sub(b"", theirs), _OWN_FRAME.sub(b"", mine)) for theirs, mine in pairs]
    return [(theirs, mine) for theirs, mine in pairs if theirs != mine]


def _document(segment: Segment) -> Any:
    return json.loads(segment.sole_request_to("/error").body)
