"""Functions started for tests: each in a process of its own, behind an emulator, until the tests have ended."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ric.local import Emulator
from ric.local.handler_lookup import missing_in_new_interpreter
from ric.local.variables import search_path_variable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class EmulatorFactory:
    """Starts functions when called, and ends all of them when left as a context manager, the last one first."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._emulators: list[Emulator] = []

    def __enter__(self) -> EmulatorFactory:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __call__(
        self,
        handler: str,
        *,
        command: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Emulator:
        """Starts a function and returns its emulator once the function waits for its first event.

        The function finds the modules that the tests find. Its log goes to standard output, where pytest keeps it for
        tests that fail.

        Args:
            handler: ``module.function``.
            command: The program that runs it: ``ric`` in this interpreter unless given.
            env: Variables for the function, over those of this process.
            **options: As for :class:`ric.local.Emulator`: ``timeout_s``, ``memory_mb``, ``concurrency``, ...

        Raises:
            FunctionStartError: It did not start; the message says why.
        """
        variables = {**search_path_variable(missing_in_new_interpreter()), **(env or {})}
        emulator = Emulator(
            command or [sys.executable, "-m", "ric", handler], handler=handler, env=variables, **options
        )
        self._emulators.append(self._running.enter_context(emulator))
        return emulator

    def close(self) -> None:
        """Ends all functions that were started, each in the way of :meth:`ric.local.Emulator.close`."""
        self._running.close()

    def stop(self) -> None:
        """Asks all functions that were started to end at once."""
        for emulator in self._emulators:
            emulator.stop()
