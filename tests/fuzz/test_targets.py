"""The targets of ``make fuzz``, without atheris: what they start from breaks no rule."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import main
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name: str) -> None:
    """Each seed is checked, and there are some."""
    seeds = list(TARGETS[name].seeds)
    assert seeds
    for seed in seeds:
        TARGETS[name].check(seed)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("data", [b"", b"\0", b"\xff" * 8])
def test_inputs_that_are_too_short(name: str, data: bytes) -> None:
    """Inputs without a message break no rule either."""
    TARGETS[name].check(data)


def test_an_unknown_target(capsys: pytest.CaptureFixture[str]) -> None:
    """The command names the targets that it does not have."""
    with pytest.raises(SystemExit):
        main(["answer", "nonsense"])
    assert "no such target: nonsense" in capsys.readouterr().err
