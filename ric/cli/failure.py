"""Errors that end a command with one sentence for the user."""

from __future__ import annotations

from ric.cli.exit_codes import USAGE_ERROR


class CommandError(Exception):
    """The command cannot go on.

    Args:
        message: One sentence that says what to do; shown after ``ric:``.
        exit_code: How the command ends.
    """

    def __init__(self, message: str, exit_code: int = USAGE_ERROR) -> None:
        super().__init__(message, exit_code)
        self.message = message
        self.exit_code = exit_code

    def __str__(self) -> str:
        return self.message
