"""How a runtime gets ready, and how it can fail to: its init error, its snapshot, its restoration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ric.local.runtime.running import AlreadyDoneError
from ric.local.runtime.sandbox import Phase

if TYPE_CHECKING:
    from ric.local.invocation import Failure
    from ric.local.runtime.sandbox import Sandbox


class Startup:
    """What a runtime may tell before its first invocation.

    Args:
        sandbox: The state.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._changed = sandbox.queue.changed

    def report_init_failure(self, failure: Failure) -> None:
        """Records why the runtime cannot start.

        Raises:
            AlreadyDoneError: It started, or has reported before.
        """
        self._report(failure, Phase.STARTING)

    def report_restore_failure(self, failure: Failure) -> None:
        """Records why the runtime cannot go on after it was restored.

        Raises:
            AlreadyDoneError: It was not just restored, or has reported before.
        """
        self._report(failure, Phase.RESTORING)

    def reach_snapshot(self, runtime_number: int) -> float | None:
        """Notes that the runtime may be frozen now.

        Returns:
            How long its start took, in ms; None if it is no longer the one that counts.

        Raises:
            AlreadyDoneError: There is no snapshot to be taken, or not at this time.
        """
        sandbox = self._sandbox
        with self._changed:
            if not sandbox.counts(runtime_number):
                return None
            if not sandbox.snap_start or sandbox.phase is not Phase.STARTING:
                raise AlreadyDoneError
            return sandbox.enter(Phase.SNAPSHOT)

    def wait_for_restore(self, runtime_number: int) -> bool:
        """Waits until there is an invocation to restore for; returns whether the runtime that asks still counts."""
        sandbox = self._sandbox
        with self._changed:
            self._changed.wait_for(
                lambda: runtime_number != sandbox.number or (sandbox.queue.is_waiting and not sandbox.is_draining)
            )
            is_current = runtime_number == sandbox.number
            if is_current and sandbox.phase is Phase.SNAPSHOT:
                sandbox.enter(Phase.RESTORING)
            return is_current

    def _report(self, failure: Failure, expected: Phase) -> None:
        with self._changed:
            if self._sandbox.phase is not expected or self._sandbox.init_failure:
                raise AlreadyDoneError
            self._sandbox.init_failure = failure
            self._changed.notify_all()
