"""A duplicate of standard error that user code does not know of.

Rules: writing never fails and never needs a stream, a lock or the logging of user code. The descriptor is closed in
programs that the handler starts, and is never one of the standard three.
"""

from __future__ import annotations

import os
from fcntl import F_DUPFD_CLOEXEC, fcntl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

NO_DESCRIPTOR = -1

# User code that closes all descriptors and opens files of its own gets low numbers: with a high one, what is written
# before renew() does not land in one of those files. The second is for tables too small for the first.
_LOWEST_NUMBERS = (200, 3)
# Standard output is the way out where standard error was closed before the start.
_SOURCES = (2, 1)


class OwnStderr:
    """The duplicate; its ``number`` is ``NO_DESCRIPTOR`` while there is nothing to duplicate."""

    def __init__(self) -> None:
        self.number = NO_DESCRIPTOR
        self._identity: tuple[int, int] | None = None
        self.renew()

    def renew(self) -> None:
        """Makes another duplicate if user code closed this one; its number may have become another's by now."""
        if self._identity is None or _identity_of(self.number) != self._identity:
            self.number = next(_duplicates(), NO_DESCRIPTOR)
            self._identity = _identity_of(self.number)

    def write(self, text: str) -> None:
        """Writes the text, as UTF-8."""
        rest = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            while rest:
                rest = rest[os.write(self.number, rest) :]
        except OSError:
            pass  # closed: there is nowhere to say so


def _duplicates() -> Iterator[int]:
    for source in _SOURCES:
        for lowest_number in _LOWEST_NUMBERS:
            try:
                yield fcntl(source, F_DUPFD_CLOEXEC, lowest_number)
            except OSError:
                continue


def _identity_of(descriptor: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino
