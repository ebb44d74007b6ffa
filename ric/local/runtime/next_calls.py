"""Calls for the next invocation, in which a runtime waits: as many at once as it may have invocations.

A worker that dies, or tries again on another connection, leaves a call behind that nobody hears. When one more comes
than there may be, all of them are asked whether they are still there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ric.local.runtime.running import SurplusNextError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ric.local.runtime.running import Running
    from ric.local.runtime.sandbox import Sandbox

_SURPLUS_PATIENCE_SECONDS = 1.0


class NextCalls:
    """The calls of one sandbox's runtime.

    Args:
        sandbox: What they take invocations for.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._changed = sandbox.queue.changed
        self._roll_calls = 0
        self.waiting = 0

    def take(self, runtime_number: int, is_gone: Callable[[], bool] = lambda: False) -> Running | None:
        """Waits for the next invocation.

        Args:
            runtime_number: Which runtime asks.
            is_gone: Whether it has hung up meanwhile; must not block.

        Returns:
            The invocation; None when the runtime that asks is no longer the one that counts, or is gone.

        Raises:
            SurplusNextError: As many calls as there are slots wait already.
        """
        with self._changed:
            self._make_room(runtime_number)
            self.waiting += 1
            self._changed.notify_all()
            try:
                return self._wait_for_work(runtime_number, is_gone)
            finally:
                self.waiting -= 1
                self._changed.notify_all()

    def _make_room(self, runtime_number: int) -> None:
        """Releases calls of dead workers that still wait, so that their successors find a place."""
        slots = self._sandbox.slots
        if slots is None or self.waiting < slots:
            return
        self._roll_calls += 1
        self._changed.notify_all()
        has_room = self._changed.wait_for(
            lambda: self.waiting < slots or not self._sandbox.counts(runtime_number), _SURPLUS_PATIENCE_SECONDS
        )
        if not has_room:
            raise SurplusNextError

    def _wait_for_work(self, runtime_number: int, is_gone: Callable[[], bool]) -> Running | None:
        sandbox = self._sandbox
        roll_call = self._roll_calls
        # Not until it counts no more: a runtime that waits when the emulator ends is ended, and not hung up on before.
        while runtime_number == sandbox.number:
            if self._roll_calls != roll_call:
                roll_call = self._roll_calls
                if is_gone():
                    return None
            if sandbox.queue.is_waiting and sandbox.may_start_another:
                return None if is_gone() else sandbox.start_invocation()
            self._changed.wait()
        return None
