"""The soak in short, and that it would see a client which loses, doubles or mixes up answers, or which grows."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from .faults.observe import RIC
from .scripted_api import NEXT, error_path, response_path
from .soak.growth import Sample, growth
from .soak.mix import KINDS, Disturbance, Invocation, invocations
from .soak.run import run
from .soak.server import Request, SoakApi, Violation, check

COUNT = 500
WARM_UP = 200
MEMORY_LIMIT_MB = 100.0
"""Large events come at random, so that in a short run memory grows late; ``make soak`` is long enough to tell."""


def test_each_is_answered_once(tmp_path: Path) -> None:
    """Invocations of every kind, over connections that fail at random."""
    done = run(RIC, tmp_path, COUNT, seed=2, samples_every=20)
    tally = done.tally
    assert done.failure is None
    assert sum(tally.answered.values()) == COUNT
    assert set(tally.answered) == set(KINDS)
    assert set(tally.disturbances) == set(Disturbance)
    assert tally.refused == tally.disturbances[Disturbance.POST_TAKEN_AND_RESET]
    assert done.errors_logged == tally.answered["error"] + tally.answered["broken stream"] + tally.refused
    assert done.stderr == ""
    grown = growth(done.samples, WARM_UP)
    assert (len(grown.descriptors), len(grown.threads)) == (1, 1)
    assert grown.peak_mb < MEMORY_LIMIT_MB


def test_the_mix_is_the_same_for_the_same_seed() -> None:
    """A run that failed can be run again; another seed gives another one."""
    first, again, other = (list(invocations(seed, 200)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert {invocation.disturbance for invocation in invocations(1, 200, calm=True)} == {Disturbance.NONE}


PLAIN = Invocation(7, "echo", "text", 2, Disturbance.NONE)
RESULT = Request("POST", response_path("7"), {}, json.dumps({"run": 7, "text": "text"}).encode())
ERROR = Request("POST", error_path("7"), {}, json.dumps({"errorMessage": "7 text"}).encode())
STREAM = Request("POST", response_path("7"), {}, b"7 text7 text")
BROKEN = replace(STREAM, headers={"lambda-runtime-function-error-type": "Function.ValueError"})


class TestCheck:
    """What is a right answer, and what is none."""

    @pytest.mark.parametrize(
        ("kind", "request_"),
        [
            ("echo", RESULT),
            ("large", RESULT),
            ("error", ERROR),
            ("bytes", replace(RESULT, body=b"7 text")),
            ("stream", STREAM),
            ("broken stream", BROKEN),
        ],
    )
    def test_right(self, kind: str, request_: Request) -> None:
        """The answer of that run, and of no other, is right."""
        check(replace(PLAIN, kind=kind), request_)

    @pytest.mark.parametrize(
        ("kind", "request_"),
        [
            ("echo", replace(RESULT, path=response_path("6"))),
            ("echo", replace(RESULT, body=b'{"run": 8, "text": "text"}')),
            ("echo", replace(RESULT, body=b'{"run": 7, "text": "tex"}')),
            ("echo", ERROR),
            ("error", RESULT),
            ("error", replace(ERROR, body=b'{"errorMessage": "6 text"}')),
            ("bytes", replace(RESULT, body=b"8 text")),
            ("stream", replace(STREAM, body=b"7 text")),
            ("stream", BROKEN),
            ("broken stream", STREAM),
        ],
    )
    def test_wrong(self, kind: str, request_: Request) -> None:
        """Another invocation's, another run's, a shorter one, or one that tells of no failure is not."""
        with pytest.raises(Violation):
            check(replace(PLAIN, kind=kind), request_)


@pytest.mark.parametrize("ending", ["lost", "doubled"])
def test_a_bad_client_is_seen(ending: str) -> None:
    """A client that polls again without an answer, or answers twice, ends the run."""
    poll = f"GET {NEXT} HTTP/1.1\r\n\r\n".encode()
    body = json.dumps({"run": 1, "text": "text"}).encode()
    post = f"POST {response_path('1')} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    given = [replace(PLAIN, number=1), replace(PLAIN, number=2)]
    with SoakApi(given, lambda answered: None) as api:
        host, _, port = api.address.partition(":")
        with socket.create_connection((host, int(port))) as connection:
            for request in [poll, poll] if ending == "lost" else [poll, post, post]:
                connection.sendall(request)
            assert api.over.wait(20)
    assert isinstance(api.failure, Violation)


class TestGrowth:
    """What counts as growth."""

    FLAT = tuple(Sample(number, 50.0, 4, 1) for number in range(0, 4000, 100))

    def test_flat(self) -> None:
        """Memory that stays, and what there was more of during the warm-up, is none."""
        assert growth([Sample(0, 90.0, 9, 3), *self.FLAT], 100).is_flat

    @pytest.mark.parametrize(
        "grown",
        [
            [replace(sample, memory_mb=50 + sample.answered / 1000) for sample in FLAT],
            [*FLAT[:-1], replace(FLAT[-1], descriptors=5)],
            [*FLAT[:-1], replace(FLAT[-1], threads=2)],
        ],
        ids=["memory", "descriptors", "threads"],
    )
    def test_growing(self, grown: list[Sample]) -> None:
        """A megabyte for each thousand invocations, a descriptor or a thread is."""
        assert not growth(grown, 1000).is_flat
