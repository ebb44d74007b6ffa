"""The list of differences in docs/trust.md is the one that the comparison goes by."""

from __future__ import annotations

import pytest

from tests.fuzz.answer_differences import ANSWER_DIFFERENCES
from tests.fuzz.differences import ACCEPTS, READS_OTHERWISE, Difference, explain, verdict
from tests.fuzz.readings import Message, Refused
from tests.fuzz.request_differences import REQUEST_DIFFERENCES
from tests.image import REPOSITORY

MESSAGE = Message((200,), {}, b"", None, True)


@pytest.mark.parametrize("known", [ANSWER_DIFFERENCES, REQUEST_DIFFERENCES])
def test_all_differences_are_on_the_page(known: tuple[Difference, ...]) -> None:
    """One line for each, in this order."""
    page = (REPOSITORY / "docs" / "trust.md").read_text(encoding="utf-8")
    assert "".join(f"| {each.verdict} | {each.reason} |\n" for each in known) in page


def test_what_no_difference_explains_fails() -> None:
    """A disagreement is excused by a feature of the bytes and in one direction only, and only as far as it goes."""
    other = MESSAGE._replace(body=b"x", is_reusable=False)
    folded = Difference(
        READS_OTHERWISE, "", lambda data: b"fold" in data, apart_from_it=lambda each: each._replace(body=b"")
    )
    accepts = Difference(ACCEPTS, "", lambda data: True, "no field")
    assert verdict(MESSAGE, other) == READS_OTHERWISE
    assert explain(b"", MESSAGE, MESSAGE, ()) == []
    assert explain(b"fold", MESSAGE, other._replace(is_reusable=True), (folded,)) == [folded]
    for data, ours, theirs in (
        (b"", MESSAGE, other),
        (b"", MESSAGE, other._replace(is_reusable=True)),
        (b"fold", MESSAGE, other),
        (b"fold", MESSAGE, Refused("")),
        (b"fold", Refused(""), MESSAGE),
    ):
        with pytest.raises(AssertionError):
            explain(data, ours, theirs, (folded,))
    assert explain(b"", MESSAGE, Refused("it is no field"), (accepts,)) == [accepts]
    for ours, theirs in ((MESSAGE, Refused("no number")), (Refused("no field"), MESSAGE)):
        with pytest.raises(AssertionError):
            explain(b"", ours, theirs, (accepts,))
