"""Requests, as the emulator reads them: the same as h11, one after the other, whatever the segments."""

from __future__ import annotations

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from tests.fuzz import reading_with_h11
from tests.fuzz.checks_requests import check_requests
from tests.fuzz.messages import places, requests
from tests.fuzz.reading_requests import read_requests
from tests.fuzz.readings import Message, Refused

HEAD = b"POST / HTTP/1.1\r\nHost: h\r\n"


@settings(max_examples=150)
@given(requests(), places())
@example(HEAD + b"Content-Length : 4\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", [])
@example(HEAD + b"A: b\rContent-Length: 4\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", [])
@example(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n", [])
@example(HEAD + b"Content-Le", [])
def test_requests_are_read_as_h11_reads_them(data: bytes, places: list[int]) -> None:
    """Methods, targets, headers, bodies and trailers are h11's, and so is where each request ends."""
    readings, differences = check_requests(data, places)
    event(", ".join(type(reading).__name__ for reading in readings))
    for difference in differences:
        event(f"{difference.verdict}: {difference.reason}")


@settings(max_examples=20)
@given(requests())
def test_every_place_to_cut(data: bytes) -> None:
    """Two segments are read as one, wherever they meet."""
    whole = read_requests([data])
    for place in range(len(data)):
        assert read_requests([data[:place], data[place:]]) == whole


@given(st.binary(max_size=60), places())
def test_noise(data: bytes, places: list[int]) -> None:
    """What is no HTTP at all is refused."""
    readings, _ = check_requests(data, places)
    assert not any(isinstance(reading, Message) for reading in readings)


def test_the_judge_accepts_and_refuses() -> None:
    """The comparison is able to fail: h11 itself reads two requests, and refuses a third that is none."""
    readings = reading_with_h11.read_requests(HEAD + b"\r\n" + HEAD + b"Content-Length: 1\r\n\r\nxnone\r\n\r\n")
    assert [type(reading) for reading in readings] == [Message, Message, Refused]
