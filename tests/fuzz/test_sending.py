"""What the client writes, read by h11, with a kernel that takes it in pieces and a server that answers too early."""

from __future__ import annotations

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.checks_sending import ACCEPTED, check_early_answer, check_error, check_result, check_stream
from tests.fuzz.messages import NAME_CHARACTERS, answers, places
from tests.fuzz.wire import cut

IDS = st.one_of(st.text(NAME_CHARACTERS, min_size=1, max_size=10), st.text(max_size=5))
VALUES = st.one_of(st.sampled_from(("application/json", "a b", " a ", "")), st.text(max_size=8))
ROOM = st.lists(st.integers(0, 60), max_size=8)


@given(IDS, st.binary(max_size=50), VALUES, VALUES, ROOM)
@example("a/b", b"", "", "", [])
@example("1", b"", "a\r\nX: b", "", [])
def test_results(invoke_id: str, content: bytes, content_type: str, invocation_id: str, room: list[int]) -> None:
    """A result is one request to the path of its invocation, with the fields that were given; or it is not sent."""
    event("sent" if check_result(invoke_id, content, content_type, invocation_id, room) else "refused")


@given(IDS, st.binary(max_size=50), st.text())
def test_errors(invoke_id: str, document: bytes, cause: str) -> None:
    """An error is one request to the path of its invocation, whatever is in document and cause."""
    event("sent" if check_error(invoke_id, document, cause) else "refused")


@given(st.lists(st.binary(max_size=40), max_size=5), st.one_of(st.none(), st.binary(max_size=50)), ROOM)
def test_streams(pieces: list[bytes], document: bytes | None, room: list[int]) -> None:
    """A stream is one body, also of empty pieces and when the kernel takes half a chunk."""
    check_stream(pieces, document, room)


@settings(max_examples=60)
@given(answers(), places(), st.lists(st.integers(0, 6), max_size=4), ROOM)
@example(ACCEPTED, [], [], [0])
@example(b"HTTP/1.1 100 Continue\r\n\r\n" + ACCEPTED, [3, 30, 50], [1, 2, 3, 4], [9, 0, 9, 0, 9])
def test_answers_that_come_too_early(data: bytes, places: list[int], arrivals: list[int], room: list[int]) -> None:
    """An answer counts the same whether it comes before the request is out or afterwards."""
    check_early_answer(data, cut(data, places), arrivals, room)
