"""The faults of docs/trust.md, tried on ric: none ends badly, and the tables say what is so."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace

import pytest

from .faults.judge import is_good, judge
from .faults.model import ENDED, Due, Fault, Kind, Observation, Outcome, Post
from .faults.observe import RIC
from .faults.sections import FATAL, SECTIONS
from .faults.tables import cells_of_document, is_version_of_document
from .faults.trying import outcomes

_FAULTS = {f"{section.title}: {fault.name}": fault for section in (*SECTIONS, FATAL) for fault in section.faults}


@pytest.fixture(scope="module")
def tried() -> Iterator[dict[tuple[str, int], Future[Outcome]]]:
    """Begins to try all of them, a few at a time, while the tests look at the first ones."""
    with outcomes((RIC, fault) for fault in _FAULTS.values()) as futures:
        yield futures


@pytest.mark.parametrize("name", _FAULTS)
def test_outcome(tried: dict[tuple[str, int], Future[Outcome]], name: str) -> None:
    """It ends as it should, or as the page says where that cannot be; and the table has that outcome."""
    fault = _FAULTS[name]
    outcome = tried[RIC.name, id(fault)].result()
    assert is_good(fault, outcome), str(outcome)
    if is_version_of_document():
        assert cells_of_document()[name][0] in (str(outcome), *fault.expected), "the page is out of date: make faults"


def test_tables_are_complete() -> None:
    """The page lists these faults and no others, each by a name of its own."""
    assert len(_FAULTS) == sum(len(section.faults) for section in (*SECTIONS, FATAL))
    titles = {section.title for section in (*SECTIONS, FATAL)}
    listed = {name for name in cells_of_document() if name.partition(": ")[0] in titles and name.partition(": ")[2]}
    assert {name for name in listed if not name.endswith(": ---")} == set(_FAULTS)


_RESULT = Post("fault", False, b'"fault"')
_ERROR = Post("fault", True, b'{"errorType": "E"}')
_NEXT = Post("next", False, b'"next"')
_SERVED = Observation((_RESULT, _NEXT), polled_again=True)
_PLAIN = Fault("plain")
_FAILS = Fault("fails", due=Due.ERROR)
_UNSEEN = Fault("unseen", due=Due.NOTHING)
_REFUSED = Fault("refused", due=Due.REFUSED, told="403")
_ENDS = Fault("ends", due=Due.ERROR, wanted=ENDED)
_GONE = Fault("gone", due=Due.NOTHING, wanted=ENDED, told="reason")


class TestJudge:
    """The rules, on observations made by hand: a bad outcome is not taken for a good one."""

    @pytest.mark.parametrize(
        ("fault", "seen"),
        [
            (_PLAIN, _SERVED),
            (_FAILS, replace(_SERVED, posts=(_ERROR, _NEXT))),
            (_UNSEEN, replace(_SERVED, posts=(_NEXT,), stdout='run next "next"\n')),
            (_REFUSED, replace(_SERVED, posts=(_NEXT,), stdout="[ERROR] 403\n")),
            (_ENDS, Observation((_ERROR,), exit_status=3)),
            (_GONE, Observation(exit_status=1, stderr="the reason\n")),
        ],
    )
    def test_good(self, fault: Fault, seen: Observation) -> None:
        """What should be is good."""
        assert is_good(fault, judge(fault, seen))

    @pytest.mark.parametrize(
        ("fault", "seen", "kind"),
        [
            (_PLAIN, Observation(exit_status=-11), Kind.CRASHED),
            (_PLAIN, replace(_SERVED, exit_status=-6), Kind.CRASHED),
            (_PLAIN, Observation(), Kind.HUNG),
            (_PLAIN, Observation((_RESULT,)), Kind.HUNG),
            (_PLAIN, Observation((_RESULT,), exit_status=1), Kind.NOT_SERVED),
            (_PLAIN, Observation((_ERROR,), exit_status=0), Kind.NOT_SERVED),
            (_PLAIN, Observation(exit_status=1), Kind.LOST),
            (_PLAIN, replace(_SERVED, posts=(_NEXT,)), Kind.LOST),
            (_PLAIN, replace(_SERVED, posts=(_RESULT,)), Kind.LOST),
            (_PLAIN, replace(_SERVED, posts=(_RESULT, Post("next", True, b"{}"))), Kind.LOST),
            (_PLAIN, replace(_SERVED, posts=(_RESULT, _NEXT, _NEXT)), Kind.LOST),
            (_PLAIN, replace(_SERVED, posts=(_RESULT, _RESULT, _NEXT)), Kind.DOUBLED),
            (_PLAIN, replace(_SERVED, posts=(_ERROR, _NEXT)), Kind.WRONG),
            (_PLAIN, replace(_SERVED, posts=(Post("fault", False, b'"other"'), _NEXT)), Kind.WRONG),
            (_PLAIN, replace(_SERVED, stdout='run fault "fault"\nrun fault "fault"\n'), Kind.RAN_TWICE),
            (_PLAIN, replace(_SERVED, stdout='run stray "stray"\n'), Kind.FALSE_EVENT),
            (_FAILS, _SERVED, Kind.WRONG),
            (_FAILS, replace(_SERVED, posts=(Post("fault", True, b"[]"), _NEXT)), Kind.WRONG),
            (_UNSEEN, replace(_SERVED, stdout='run fault "fault"\n'), Kind.FALSE_EVENT),
            (_UNSEEN, _SERVED, Kind.FALSE_EVENT),
            (_UNSEEN, Observation(exit_status=1, stderr="reason"), Kind.NOT_SERVED),
            (_REFUSED, replace(_SERVED, posts=(_NEXT,)), Kind.UNTOLD),
            (_ENDS, Observation(exit_status=3), Kind.LOST),
            (_ENDS, replace(_SERVED, posts=(_ERROR, _NEXT)), Kind.SERVED),
            (_GONE, Observation(exit_status=1, stderr="Traceback"), Kind.SILENT),
            (_GONE, Observation(), Kind.HUNG),
        ],
    )
    def test_bad(self, fault: Fault, seen: Observation, kind: Kind) -> None:
        """What should not be is told apart, and is not good."""
        outcome = judge(fault, seen)
        assert outcome.kind is kind
        assert not is_good(fault, outcome)

    def test_what_is_listed_is_held_to_its_word(self) -> None:
        """A fault that cannot be survived may end as the page says, and in no other way."""
        fatal = replace(_PLAIN, why="so it is", expected=("crashed (SIGKILL)",))
        assert is_good(fatal, judge(fatal, Observation(exit_status=-9)))
        assert not is_good(fatal, judge(fatal, Observation(exit_status=-11)))
        assert not is_good(fatal, judge(fatal, _SERVED))
