"""A user's file that has the same name as one of the runtime's."""

from __future__ import annotations


def fail() -> None:
    """Raise in a file called bootstrap.py."""
    raise RuntimeError("in the user's bootstrap.py")


def call(function: object) -> None:
    """Call a function from here."""
    function()  # type: ignore[operator]
