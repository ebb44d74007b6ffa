"""How often, and how long, the client tries again.

Delays double from one attempt to the next, so that a server which comes back soon is met soon and one that does not
is not hammered: never 20 requests a second, and with the API gone for good the process ends within 30 s.
"""

from __future__ import annotations

from time import monotonic, sleep

from ric.errors import LambdaRuntimeClientError, TransportError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 2.0
_POLL_PATIENCE_S = 15.0
_OVERLOAD_DELAYS_S = (0.1, 0.2, 0.4)
_OVERLOADED = (502, 503, 504)


def was_held(began_s: float) -> bool:
    """Whether a poll that began then took so long that the server was there, and had no event.

    Args:
        began_s: When it began, by the monotonic clock.
    """
    return monotonic() - began_s > _POLL_PATIENCE_S


class Backoff:
    """Waits between the attempts of one poll for the next invocation.

    Attributes:
        attempts: How many attempts have failed.
    """

    def __init__(self) -> None:
        self.attempts = 0
        self._delay_s = _FIRST_DELAY_S
        self._first_failure_s: float | None = None

    def count_failure(self) -> bool:
        """Counts a failed attempt; returns whether another one should follow."""
        self.attempts += 1
        if self._first_failure_s is None:
            self._first_failure_s = monotonic()
        return monotonic() - self._first_failure_s <= _POLL_PATIENCE_S

    def wait(self) -> None:
        """Sleeps until the next attempt is due."""
        sleep(self._delay_s)
        self._delay_s = min(2 * self._delay_s, _LONGEST_DELAY_S)


def post(call: Callable[[], T]) -> T:
    """Makes a posting call and returns what it does.

    It is made once more if the connection was lost, and a few times more while the API is overloaded.

    The platform takes one answer for each request id and refuses a second one, so sending twice is safe.

    Raises:
        RuntimeApiError: The call failed in the end, or was refused.
    """
    delays_s = iter(_OVERLOAD_DELAYS_S)
    was_lost = False
    while True:
        try:
            return call()
        except TransportError:
            if was_lost:
                raise
            was_lost = True
        except LambdaRuntimeClientError as refusal:
            delay_s = next(delays_s, None)
            if refusal.response_code not in _OVERLOADED or delay_s is None:
                raise
            sleep(delay_s)
