"""Rules for the reading of answers."""

from __future__ import annotations

import tracemalloc

from tests.fuzz import reading_with_h11
from tests.fuzz.answer_differences import ANSWER_DIFFERENCES
from tests.fuzz.differences import Difference, explain
from tests.fuzz.reading_answers import read_answer
from tests.fuzz.readings import Reading, Refused
from tests.fuzz.wire import cut, single_bytes

# What tiny header fields cost as objects of Python, and what the test itself needs.
MEMORY_FACTOR = 100
MEMORY_BYTES = 256 * 1024
_MEMORY_PIECE_BYTES = 1000
_LARGE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"


def check_answer(data: bytes, places: list[int], *, is_closed: bool) -> tuple[Reading, list[Difference]]:
    """Reads an answer in one piece, in pieces and byte by byte: always the same comes out, and it is what h11 reads.

    Args:
        data: What the server sends.
        places: Where it is cut into pieces.
        is_closed: Whether the server closes the connection then.

    Returns:
        What ric reads, and the documented differences to h11 if there are any.
    """
    reading = read_answer([data], is_closed=is_closed)
    for pieces in (cut(data, places), single_bytes(data)):
        in_pieces = read_answer(pieces, is_closed=is_closed)
        same = type(in_pieces) is type(reading) if isinstance(reading, Refused) else in_pieces == reading
        assert same, f"{pieces} is read as {in_pieces}, in one piece as {reading}"
    theirs = reading_with_h11.read_answer(data, is_closed=is_closed)
    return reading, explain(data, reading, theirs, ANSWER_DIFFERENCES)


def check_memory(data: bytes) -> None:
    """Reads bytes, and takes no more memory than is in proportion to what has come, whatever they announce."""
    pieces = cut(data, range(0, len(data), _MEMORY_PIECE_BYTES))
    read_answer([_LARGE_HEAD], is_closed=True)  # ric allocates something once, when it first hears of a large body
    tracemalloc.start()
    try:
        read_answer(pieces, is_closed=True)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < MEMORY_BYTES + MEMORY_FACTOR * len(data), f"{peak_bytes} bytes for {data[:1000]!r}"
