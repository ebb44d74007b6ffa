"""Extensions of one execution environment: who registered, for what, and the events each still has to get.

Specification: "Lambda Extensions API" in the Lambda developer guide. One that asks for SHUTDOWN is taken for an
external extension, a process of its own; Lambda knows those by their file in ``/opt/extensions``, and does not
let internal ones have that event. Lambda also holds an invocation open until each extension asks for its next
event; here they may lag behind.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from ric.local.runtime.running import Running

_MAX_WAITING_EVENTS = 256
KNOWN_EVENTS = frozenset({"INVOKE", "SHUTDOWN"})


class ExtensionStateError(Exception):
    """The runtime has started already, and extensions may no longer register."""


class UnknownExtensionError(Exception):
    """No extension has this identifier."""


@dataclass
class _Extension:
    name: str
    wanted: frozenset[str]
    # Bounded for the sake of an extension that registers for invocations and never asks for one.
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_MAX_WAITING_EVENTS))


class Extensions:
    """The extensions that registered with the current runtime. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._extensions: dict[str, _Extension] = {}
        self._is_open = False

    def open(self) -> None:
        """Begins the time in which extensions may register, since a runtime starts."""
        with self._changed:
            self._is_open = True

    def runtime_is_ready(self) -> None:
        """Ends the time in which extensions may register."""
        with self._changed:
            self._is_open = False

    def forget_all(self) -> None:
        """Forgets all extensions, since their runtime has ended."""
        with self._changed:
            self._is_open = False
            self._extensions.clear()
            self._changed.notify_all()

    def register(self, name: str, wanted: Collection[str]) -> str:
        """Adds an extension.

        Args:
            name: What it calls itself.
            wanted: The kinds of events that it wants.

        Returns:
            Its identifier.

        Raises:
            ExtensionStateError: It is too late for that.
            ValueError: There is no such kind of event.
        """
        if unknown := set(wanted) - KNOWN_EVENTS:
            raise ValueError(f"there is no event {sorted(unknown)[0]}; known are INVOKE and SHUTDOWN")
        with self._changed:
            if not self._is_open:
                raise ExtensionStateError
            identifier = str(uuid.uuid4())
            self._extensions[identifier] = _Extension(name, frozenset(wanted))
            return identifier

    def next_event(self, identifier: str) -> dict[str, Any] | None:
        """Waits for the next event of an extension; returns None once its runtime is gone.

        Raises:
            UnknownExtensionError: There is no such extension.
        """
        with self._changed:
            extension = self._find(identifier)
            self._changed.wait_for(lambda: extension.events or self._extensions.get(identifier) is not extension)
            return extension.events.popleft() if extension.events else None

    def forget(self, identifier: str) -> None:
        """Removes an extension that reported that it ends.

        Raises:
            UnknownExtensionError: There is no such extension.
        """
        with self._changed:
            self._find(identifier)
            del self._extensions[identifier]
            self._changed.notify_all()

    def announce_invocation(self, running: Running) -> None:
        """Sends INVOKE to the extensions that registered for it."""
        invocation = running.invocation
        event: dict[str, Any] = {
            "eventType": "INVOKE",
            "deadlineMs": running.deadline_ms,
            "requestId": invocation.request_id,
            "invokedFunctionArn": invocation.function_arn,
        }
        if invocation.trace_id:
            event["tracing"] = {"type": "X-Amzn-Trace-Id", "value": invocation.trace_id}
        self._announce("INVOKE", event)

    def announce_shutdown(self, reason: str, grace_s: float) -> None:
        """Sends SHUTDOWN, with the seconds that are left, to the extensions that registered for it."""
        deadline_ms = int((time.time() + grace_s) * 1000)
        event = {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms}
        self._announce("SHUTDOWN", event)

    @property
    def has_any(self) -> bool:
        """Whether an extension is registered."""
        with self._changed:
            return bool(self._extensions)

    @property
    def has_external(self) -> bool:
        """Whether an extension is registered for SHUTDOWN, as only external ones can be."""
        with self._changed:
            return any("SHUTDOWN" in extension.wanted for extension in self._extensions.values())

    def _announce(self, kind: str, event: dict[str, Any]) -> None:
        with self._changed:
            for extension in self._extensions.values():
                if kind in extension.wanted:
                    extension.events.append(event)
            self._changed.notify_all()

    def _find(self, identifier: str) -> _Extension:
        extension = self._extensions.get(identifier)
        if extension is None:
            raise UnknownExtensionError
        return extension
