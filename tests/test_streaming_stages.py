"""A streamed response whose answer fails, is strange or comes early: logged once, and the next event is served."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scripted_api import (
    ACCEPTED,
    NEXT,
    Step,
    answer,
    close,
    drip,
    event,
    flood,
    half_close,
    read,
    read_head,
    read_stream,
    read_until,
    reset,
    response_path,
    run_until_complete,
    send,
    status,
    wait_for_close,
)

STREAMING = """
from ric import response_stream
def handler(event, context):
    if context.aws_request_id == "2":
        return "served"
    with response_stream(context) as stream:
        stream.write("first")
        stream.write("second")
"""
CHUNKS = b"5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n"
SERVED_AGAIN = (answer(event("2")), answer(ACCEPTED), read())
PATHS = [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]
STRAY = event("stray", b'"stray"')
REST = read_until(b"\r\n0\r\n\r\n")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    "end",
    [
        [read_head(), close()],
        [read_head(), reset()],
        [read_head(), read_until(b"first"), close()],
        [read_head(), read_until(b"first"), reset()],
        [read_stream(), close()],
        [read_stream(), reset()],
        [read_stream(), half_close(), wait_for_close()],
        [read_stream(), send(ACCEPTED[:10]), close()],
        [read_stream(), send(ACCEPTED[:40]), reset()],
        [read_stream(), send(ACCEPTED[:-1]), close()],
        [read_stream(), send(b"garbage\r\n\r\n"), wait_for_close()],
        [read_stream(), send(b"HTTP/1.1 202 A\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"), wait_for_close()],
        [read_stream(), send(b"HTTP/1.1 202 A\r\n"), flood(b"", b"X-Field: value\r\n", [])],
        [read_stream(), flood(b"", CONTINUE, [])],
    ],
    ids=[
        "closed behind the head",
        "reset behind the head",
        "closed in the body",
        "reset in the body",
        "closed behind the body",
        "reset behind the body",
        "half-closed behind the body",
        "closed in the status line",
        "reset in the head",
        "closed in the answer's body",
        "garbage",
        "two lengths",
        "endless head",
        "endless interim answers",
    ],
)
def test_lost_or_refused(tmp_path: Path, end: list[Step]) -> None:
    """What was begun and lost cannot be sent again: the log has one record of it, and nothing is posted twice."""
    outcome, api = run_until_complete(tmp_path, [[answer(event("1")), *end], SERVED_AGAIN], STREAMING)
    assert api.paths == PATHS
    assert outcome.stdout.count("[ERROR]") == 1
    assert outcome.stderr == ""


def test_accepted_too_early(tmp_path: Path) -> None:
    """A server that takes half a response for a whole one is told so, by the log and by the end of the connection."""
    endless = STREAMING.replace('stream.write("second")', 'while True: stream.write("x" * 1000)')
    early = [answer(event("1")), read_head(), read_until(b"x"), send(ACCEPTED), wait_for_close()]
    outcome, api = run_until_complete(tmp_path, [early, SERVED_AGAIN], endless)
    assert api.paths == PATHS
    assert outcome.stdout.count("[ERROR]") == outcome.stdout.count("before its end") == 1


@pytest.mark.parametrize("code", [302, 429, 502, 503, 504])
def test_refused_at_the_end(tmp_path: Path, code: int) -> None:
    """A refusal of the whole is logged, also of a kind that is tried again elsewhere, and the connection is used on."""
    script = [answer(event("1")), read_stream(), send(status(code)), *SERVED_AGAIN]
    outcome, api = run_until_complete(tmp_path, [script], STREAMING)
    assert api.paths == PATHS
    assert outcome.stdout.count(f"'{code}'") == outcome.stdout.count("[ERROR]") == 1


@pytest.mark.parametrize(
    ("end", "is_kept"),
    [
        ([read_stream(), drip(ACCEPTED)], True),
        ([read_stream(), send(CONTINUE + ACCEPTED)], True),
        (
            [
                read_head(),
                send(CONTINUE),
                read_until(b"first"),
                send(CONTINUE),
                read_until(b"0\r\n\r\n"),
                send(ACCEPTED),
            ],
            True,
        ),
        ([read_stream(), send(b"HTTP/1.1 202 A\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")], True),
        ([read_stream(), send(ACCEPTED + STRAY), wait_for_close()], False),
        ([read_stream(), send(status(202, b"", b"Connection: close")), wait_for_close()], False),
        ([read_stream(), send(b"HTTP/1.1 202 A\r\n\r\n{}"), close()], False),
        ([read_stream(), send(ACCEPTED), reset()], False),
    ],
    ids=[
        "byte by byte",
        "continue",
        "continue in the middle",
        "chunks",
        "stray",
        "announced close",
        "no length",
        "reset",
    ],
)
def test_accepted(tmp_path: Path, end: list[Step], is_kept: bool) -> None:
    """An answer that means yes is understood in every form, and the body is whole."""
    first = [answer(event("1")), *end]
    script = [[*first, *SERVED_AGAIN]] if is_kept else [first, SERVED_AGAIN]
    outcome, api = run_until_complete(tmp_path, script, STREAMING)
    assert api.paths == PATHS
    assert api.requests[1].body == CHUNKS
    assert outcome.stdout == ""
