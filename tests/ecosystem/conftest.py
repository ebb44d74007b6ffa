"""The two runtimes, and the fixture that runs a function on both of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import pytest

from tests.image import private_image_refusal
from tests.parity.model import Better
from tests.parity.server import ScriptedAnswer

from .environments import Runtime, official_runtime, our_runtime
from .launch import Launch
from .layers import run_in_image
from .running import Function, Seen, assert_same, run_function


class RunOnBoth(Protocol):
    """The fixture ``run_on_both``."""

    def __call__(
        self, launch: Launch, function: Function, script: Iterable[ScriptedAnswer], better: Better | None = None
    ) -> tuple[Seen, Seen]:
        """Returns what the official client and ric did.

        Args:
            launch: How they are started.
            function: What they run.
            script: The invocations, gone through for each of them.
            better: A difference that is wanted in this run.
        """


RunInBothImages = Callable[[Function, Iterable[ScriptedAnswer]], tuple[Seen, Seen]]


@pytest.fixture(scope="session")
def runtimes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Runtime, Runtime]:
    """The official client, and ric as its wheel has it."""
    return official_runtime(tmp_path_factory.mktemp("official")), our_runtime(tmp_path_factory.mktemp("ric"))


@pytest.fixture
def run_on_both(runtimes: tuple[Runtime, Runtime], tmp_path: Path) -> RunOnBoth:
    """Runs a function on the official client and on ric, asserts that they did the same, and returns what was seen."""

    def run(
        launch: Launch, function: Function, script: Iterable[ScriptedAnswer], better: Better | None = None
    ) -> tuple[Seen, Seen]:
        official, ours = (run_function(runtime, launch, function, script, tmp_path / "task") for runtime in runtimes)
        assert_same(official, ours, better)
        return official, ours

    return run


@pytest.fixture
def run_in_both_images(runtimes: tuple[Runtime, Runtime], tmp_path: Path) -> RunInBothImages:
    """Runs a function in an image with the official client and in one with ric, as ``run_on_both`` does."""
    if refusal := private_image_refusal(tmp_path):
        pytest.skip(refusal)

    def run(function: Function, script: Iterable[ScriptedAnswer]) -> tuple[Seen, Seen]:
        official, ours = (run_in_image(runtime, function, script, tmp_path / runtime.name) for runtime in runtimes)
        assert_same(official, ours)
        return official, ours

    return run
