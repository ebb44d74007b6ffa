"""How soon a dead worker is replaced, and when to give up.

A worker that had served something is replaced at once. One that dies before it served anything leaves its successor a
delay that doubles, and after so many of them in the same place the environment is given up: something is wrong that a
new process does not mend.
"""

from __future__ import annotations

MAX_CRASHES = 8
"""After so many deaths in a row in one place, with nothing served, the environment ends: after about 13 s."""

_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 5.0


class Crashes:
    """The deaths in one place.

    Attributes:
        count: How many in a row served nothing.
    """

    def __init__(self) -> None:
        self.count = 0

    def note_death(self, served: int) -> None:
        """Notes that a worker died.

        Args:
            served: How many invocations it had served.
        """
        self.count = 0 if served else self.count + 1

    @property
    def delay_s(self) -> float:
        """After how many seconds the next worker may start."""
        if self.count <= 1:
            return 0.0
        return min(_FIRST_DELAY_S * 2.0 ** (self.count - 2), _LONGEST_DELAY_S)

    @property
    def is_loop(self) -> bool:
        """Whether replacing the worker is pointless."""
        return self.count >= MAX_CRASHES
