"""pytest's fixtures, and nothing else.

pytest imports this file at the start of every run where ric is installed, also where no test needs it. So it imports
pytest, which is there already, and everything else within the fixture that needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ric.function.context import LambdaContext
    from ric.testing.emulators import EmulatorFactory
    from ric.testing.invocation import Invoker


@pytest.fixture
def lambda_context() -> LambdaContext:
    """A real context of an invocation with three seconds left; ``ric.testing.make_context`` makes others."""
    from ric.testing.context import make_context

    return make_context()


@pytest.fixture
def lambda_invoke(request: pytest.FixtureRequest) -> Invoker:
    """Runs a handler once, in process: ``lambda_invoke(handler, event).payload``; a failing test shows its log."""
    from ric.testing.invocation import Invoker

    # "\r" holds the lines of one record together in CloudWatch; on a terminal it would write them over each other.
    return Invoker(lambda log: request.node.add_report_section("call", "lambda log", log.replace("\r", "\n")))


@pytest.fixture
def lambda_emulator(request: pytest.FixtureRequest) -> Iterator[EmulatorFactory]:
    """Starts a function in a process of its own, until the test ends: ``lambda_emulator("app.handler").invoke({})``."""
    yield from _emulators(request.session)


@pytest.fixture(scope="session")
def session_lambda_emulator(request: pytest.FixtureRequest) -> Iterator[EmulatorFactory]:
    """The same until all tests have ended, for a session fixture that starts a function once for many tests."""
    yield from _emulators(request.session)


def _emulators(session: pytest.Session) -> Iterator[EmulatorFactory]:
    from ric.testing.emulators import EmulatorFactory

    with EmulatorFactory() as factory:
        yield factory
        # Ctrl-C is not raised here, and whoever pressed it does not want to wait.
        if session.exitstatus == pytest.ExitCode.INTERRUPTED:
            factory.stop()
