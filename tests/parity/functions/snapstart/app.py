"""Registers hooks around a snapshot; PARITY_HOOK names the one that fails."""

# ruff: noqa: T201 - a function on Lambda logs by printing, too

from __future__ import annotations

import os
import sys
from typing import Any

from snapshot_restore_py import register_after_restore, register_before_snapshot

failing = os.environ.get("PARITY_HOOK", "")


def hook(name: str, *, suffix: str = "") -> None:
    """Say that it ran, and fail when it is the one that shall."""
    print(f"{name}{suffix}")
    if name == failing:
        raise ValueError(f"{name} failed: é")
    if f"{name} exits" == failing:
        sys.exit(7)


register_before_snapshot(hook, "before 1")
register_before_snapshot(hook, "before 2", suffix="!")
register_after_restore(hook, "after 1")
register_after_restore(hook, "after 2", suffix="!")


def handler(event: Any, context: Any) -> Any:
    """Return the event."""
    print("handler")
    return event
