"""ric against the official client, byte for byte: the cases of ``tests/parity`` under pytest, a process a test."""

from __future__ import annotations

import pytest

from . import fetch
from .parity.cases import GROUPS
from .parity.client_run import official_client, our_client
from .parity.compare import NOT_REACHED, Outcome, judge
from .parity.model import Better, Request, Segment
from .parity.runner import Run, compare_clients, runs_of

_RUNS = list(runs_of(GROUPS))

needs_the_official_client = pytest.mark.skipif(
    fetch.official_python() is None, reason=fetch.official_unavailable_reason()
)


@needs_the_official_client
@pytest.mark.parametrize("run", _RUNS, ids=[run.name for run in _RUNS])
def test_same_as_the_official_client(run: Run) -> None:
    """What a user, a log reader or the platform sees of ric is what the official client shows, or as documented."""
    verdicts = compare_clients(official_client(), our_client(), run)
    failed = [verdict for verdict in verdicts if not verdict.outcome.passed]
    assert not failed, "\n".join(f"{verdict.case}\n{verdict.detail}" for verdict in failed)


def test_run_names_are_unique() -> None:
    """A case that fails can be found by its name, and none is run twice."""
    names = [run.name for run in _RUNS]
    assert len(names) == len(set(names))


_POST = Request("POST", "/2018-06-01/runtime/invocation/1/response", (("content-type", b"a/b"),), b"1")
_SEEN = Segment((_POST,), b"out\n", b"err\n")


@pytest.mark.parametrize(
    "ours",
    [
        Segment((), b"out\n", b"err\n"),
        Segment((_POST, _POST), b"out\n", b"err\n"),
        Segment((_POST,), b"out", b"err\n"),
        Segment((_POST,), b"out\n", b"err"),
        Segment((_POST,), b"out\n", b"err\n", end="exit code 0"),
        Segment((Request("POST", _POST.path, _POST.headers, b"1 "),), b"out\n", b"err\n"),
        Segment((Request("POST", _POST.path, (("content-type", b"a/c"),), b"1"),), b"out\n", b"err\n"),
        Segment((Request("POST", "/2018-06-01/runtime/x", _POST.headers, b"1"),), b"out\n", b"err\n"),
        NOT_REACHED,
    ],
)
def test_any_difference_is_seen(ours: Segment) -> None:
    """The comparison itself does not overlook a difference of one byte, and shows it."""
    verdict = judge("case", _SEEN, ours)
    assert verdict.outcome is Outcome.DIFFERS
    assert verdict.detail


def test_case_that_neither_client_reached_fails() -> None:
    """Two clients that died before a case are not taken for equal in it."""
    assert judge("case", NOT_REACHED, NOT_REACHED).outcome is Outcome.DIFFERS


def test_wanted_difference_is_checked() -> None:
    """A case in which ric is meant to differ fails when ric does something else than is written there."""

    def check(official: Segment, ours: Segment) -> None:
        assert ours.stdout == b"wanted"

    better = Better("because", check)
    assert judge("case", _SEEN, Segment(stdout=b"wanted"), better).outcome is Outcome.BETTER
    assert judge("case", _SEEN, Segment(stdout=b"other"), better).outcome is Outcome.DIFFERS
