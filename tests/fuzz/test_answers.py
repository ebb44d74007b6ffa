"""Answers, as the client reads them: the same as h11, whatever the segments, in bounded time and memory."""

from __future__ import annotations

import socket
import time
from typing import cast

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from ric.api.http11 import MAX_HEAD_BYTES
from ric.api.transport import Connection
from tests.fuzz import reading_with_h11
from tests.fuzz.checks_answers import check_answer, check_memory
from tests.fuzz.messages import answers, places
from tests.fuzz.reading_answers import ADDRESS, message_of, read_answer
from tests.fuzz.readings import Message, Refused
from tests.fuzz.wire import single_bytes

OK = b"HTTP/1.1 200 OK\r\n"


@settings(max_examples=200)
@given(answers(), places(), st.booleans())
@example(OK + b"Transfer-Encoding: chunked\r\n\r\n6\r\nhello\r\n0\r\n\r\n", [], True)
def test_answers_are_read_as_h11_reads_them(data: bytes, places: list[int], is_closed: bool) -> None:
    """Status, headers, body and the fate of the connection are h11's, apart from the documented differences."""
    reading, differences = check_answer(data, places, is_closed=is_closed)
    event(type(reading).__name__)
    for difference in differences:
        event(f"{difference.verdict}: {difference.reason}")


@settings(max_examples=20)
@given(answers())
def test_every_place_to_cut(data: bytes) -> None:
    """Two segments are read as one, wherever they meet."""
    whole = read_answer([data], is_closed=True)
    for place in range(len(data)):
        halves = read_answer([data[:place], data[place:]], is_closed=True)
        assert halves == whole or (isinstance(whole, Refused) and isinstance(halves, Refused))


@settings(max_examples=30)
@given(answers())
def test_memory_is_in_proportion(data: bytes) -> None:
    """Lengths that are only announced take none."""
    check_memory(data)


@pytest.mark.parametrize(
    "data",
    [
        OK + b"a:\n" * 30_000 + b"\n",
        OK + b"".join(b"%x:\n" % number for number in range(30_000)) + b"\n",
        OK + b"a:\n" + b" b\n" * 30_000 + b"\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 30_000 + b"0\r\n\r\n",
        OK + b"Content-Length: 999999999999999\r\n\r\n",
    ],
    ids=["repeated", "many", "folded", "chunks", "announced"],
)
def test_memory_of_the_worst_cases(data: bytes) -> None:
    """The rule holds for bytes that are made to take much."""
    check_memory(data)


@pytest.mark.parametrize(
    ("start", "filling"),
    [
        (OK, b"A: " + b"x" * 30 + b"\r\n"),
        (OK, b"a:\n"),
        (OK + b"A: b\r\n", b" c\n"),
        (OK + b"\r\n", b"body"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\nab\r\n"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n"),
    ],
    ids=["head", "repeated", "folded", "body", "chunks", "trailers"],
)
def test_time_is_in_proportion(start: bytes, filling: bytes) -> None:
    """Eight times the bytes, one at a time, take about eight times as long, not sixty-four times."""

    def seconds(size: int) -> float:
        pieces = single_bytes(start + filling * (size // len(filling)))
        start_s = time.process_time()
        assert not isinstance(read_answer(pieces, is_closed=False), Message)
        return time.process_time() - start_s

    least = min(seconds(4 * 1024) for _ in range(3))
    assert min(seconds(32 * 1024) for _ in range(2)) < 24 * least


@pytest.mark.parametrize("over", [0, 1])
def test_the_limit_of_heads_does_not_depend_on_segments(over: int) -> None:
    """A head of the largest size is read, one that is a byte longer is not, however they come."""
    head = OK + b"X: " + b"x" * (MAX_HEAD_BYTES - len(OK) - 7 + over) + b"\r\n\r\n"
    for step in (len(head), 65536, 65537, 1000):
        pieces = [head[start : start + step] for start in range(0, len(head), step)]
        assert isinstance(read_answer(pieces, is_closed=True), Refused if over else Message)


@settings(max_examples=30)
@given(answers())
def test_the_wire_is_like_a_socket(data: bytes) -> None:
    """What comes over a real connection is read as what comes over the tests' own."""
    client, server = socket.socketpair()
    with client, server:
        server.sendall(data)
        server.shutdown(socket.SHUT_WR)
        connection = Connection(ADDRESS)
        connection.adopt(cast("socket.socket", client))
        try:
            response = connection.receive(is_sent=True)
        except Exception as error:  # noqa: BLE001 - compared with what the other one raises
            assert read_answer([data], is_closed=True) == Refused(str(error))
        else:
            reading = read_answer([data], is_closed=True)
            assert isinstance(reading, Message)
            assert message_of(response, is_reusable=reading.is_reusable) == reading


def test_the_judge_accepts_and_refuses() -> None:
    """The comparison is able to fail: h11 itself reads a message, and refuses what is none."""
    assert isinstance(reading_with_h11.read_answer(OK + b"Content-Length: 0\r\n\r\n", is_closed=True), Message)
    assert isinstance(reading_with_h11.read_answer(OK + b"Content-Length: x\r\n\r\n", is_closed=True), Refused)
