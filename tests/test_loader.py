"""From a handler string to the handler, with the garbage collector looking away."""

from __future__ import annotations

import gc
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ric.errors import FaultException
from ric.function.loader import load_handler


@pytest.fixture(autouse=True)
def collector() -> Iterator[tuple[int, int, int]]:
    """The thresholds as they are before; the collector is put back afterwards."""
    before = gc.get_threshold()
    yield before
    gc.unfreeze()
    gc.enable()
    gc.set_threshold(*before)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a handler module that can be imported as ``function_under_test``."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "function_under_test.py"
    sys.modules.pop("function_under_test", None)


def test_collector_pauses_and_what_lives_is_frozen(module: Path, collector: tuple[int, int, int]) -> None:
    """No collection runs while the module loads; afterwards the thresholds are back and its objects are frozen."""
    module.write_text(
        "import gc\nbefore = gc.get_stats()[0]['collections']\nkept = [[] for _ in range(100_000)]\n"
        "collections = gc.get_stats()[0]['collections'] - before\ndef handler(event, context): pass\n"
    )
    handler = load_handler("function_under_test.handler")
    assert inspect.unwrap(handler).__globals__["collections"] == 0  # type: ignore[attr-defined]
    assert gc.get_threshold() == collector
    assert gc.get_freeze_count() > 100_000


@pytest.mark.parametrize(
    ("configuration", "threshold", "is_enabled"),
    [
        ("gc.set_threshold(50_000, 20, 30)", (50_000, 20, 30), True),
        ("gc.set_threshold(0)", None, True),
        ("gc.disable()", None, False),
    ],
)
def test_a_module_that_configures_the_collector_is_respected(
    module: Path, configuration: str, threshold: tuple[int, int, int] | None, is_enabled: bool
) -> None:
    """What the module sets stays set."""
    module.write_text(f"import gc\n{configuration}\ndef handler(event, context): pass\n")
    load_handler("function_under_test.handler")
    assert gc.isenabled() is is_enabled
    if threshold:
        assert gc.get_threshold() == threshold
    if "(0)" in configuration:
        assert gc.get_threshold()[0] == 0


def test_collector_is_back_after_a_failed_import(module: Path, collector: tuple[int, int, int]) -> None:
    """A module that cannot be loaded leaves the thresholds as they were."""
    module.write_text("import a_module_that_is_not_there\n")
    with pytest.raises(FaultException, match=r"Runtime\.ImportModuleError"):
        load_handler("function_under_test.handler")
    assert gc.get_threshold() == collector


def test_the_attribute_is_read_after_the_import(module: Path) -> None:
    """A module may replace its handler while it loads, as tracing wrappers do."""
    module.write_text("def handler(event, context): return 'first'\nhandler = lambda event, context: 'second'\n")
    assert load_handler("function_under_test.handler")(None, None) == "second"
