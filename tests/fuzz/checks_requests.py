"""Rules for the reading of requests by the emulator."""

from __future__ import annotations

from itertools import zip_longest

from tests.fuzz import reading_with_h11
from tests.fuzz.differences import Difference, explain
from tests.fuzz.reading_requests import read_requests
from tests.fuzz.readings import Reading, Refused
from tests.fuzz.request_differences import REQUEST_DIFFERENCES
from tests.fuzz.wire import cut, single_bytes

# What a parser says by ending the connection without a word.
_ENDED = Refused("the connection ends")


def check_requests(data: bytes, places: list[int]) -> tuple[list[Reading], list[Difference]]:
    """Reads requests in one piece, in pieces and byte by byte: always the same come out, and they are what h11 reads.

    Both readers have to agree on where each request ends; else one takes for a request what the other has for a body.

    Args:
        data: What the client sends before it ends its side.
        places: Where it is cut into pieces.

    Returns:
        What the emulator reads, and the documented differences to h11 if there are any.
    """
    readings = read_requests([data])
    for pieces in (cut(data, places), single_bytes(data)):
        in_pieces = read_requests(pieces)
        assert in_pieces == readings, f"{pieces} is read as {in_pieces}, in one piece as {readings}"
    theirs = reading_with_h11.read_requests(data)
    differences: list[Difference] = []
    for our, their in zip_longest(readings, theirs, fillvalue=_ENDED):
        differences += explain(data, our, their, REQUEST_DIFFERENCES)
        if differences or isinstance(our, Refused):
            break  # from here on they are not at the same place any more
    return readings, differences
