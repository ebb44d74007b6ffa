"""A second file for stack traces."""

from __future__ import annotations


def fail() -> None:
    """Raise, one frame deeper."""
    _fail_below("from the helper")


def _fail_below(message: str) -> None:
    raise RuntimeError(message)


class HelperError(Exception):
    """Has a message of its own making."""

    def __str__(self) -> str:
        return f"made of {self.args!r}"
