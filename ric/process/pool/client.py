"""The client of one worker among several, under upstream's name (see ``place`` for what the parent hears)."""

from __future__ import annotations

from ric.api.client import LambdaRuntimeClient
from ric.errors import LambdaRuntimeClientError, RuntimeApiUnavailableError
from ric.process.pool.slots import HOPELESS, REPORTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ric.api.client import InvocationRequest
    from ric.process.pool.place import Place

_FORBIDDEN = 403


class LambdaMultiConcurrentRuntimeClient(LambdaRuntimeClient):
    """The client of one worker among several; in a pool it keeps the parent informed."""

    _place: Place | None = None

    def represent(self, place: Place) -> None:
        """Reports the start of the process for a place whose own client comes later."""
        self._place = place

    def join(self, place: Place) -> None:
        """Takes a place in the pool."""
        self._place = place
        if place.connection is not None:
            self._own_api.resume(place.connection)
        self.follow_connections(place.follow)
        super().wait_idle_with(place.wait)

    def wait_idle_with(self, idle_wait: Callable[[int], None]) -> None:
        """Sets how the wait for the next invocation is made; the parent is kept informed all the same."""
        if self._place is None:
            super().wait_idle_with(idle_wait)
        else:
            self._place.wait_first = idle_wait

    def await_extension(self) -> None:
        """Returns when the extension is registered that makes Lambda send SIGTERM, which the parent does for all."""
        if self._place is not None:
            self._place.await_extension()

    def wait_next_invocation(self) -> InvocationRequest:
        """Waits for the next invocation; the one before is done with.

        Raises:
            RuntimeApiUnavailableError: The Runtime API has not answered properly for 15 s, idling apart.
        """
        self._release()
        try:
            return super().wait_next_invocation()
        except RuntimeApiUnavailableError:
            if self._place is not None:
                self._place.slot.enter(HOPELESS)
            raise

    def post_invocation_result(self, *args: Any, **kwargs: Any) -> None:
        """Posts the result of an invocation, which is then no longer the parent's concern."""
        super().post_invocation_result(*args, **kwargs)
        self._release()

    def post_invocation_error(self, *args: Any, **kwargs: Any) -> None:
        """Posts that an invocation failed, which is then no longer the parent's concern."""
        super().post_invocation_error(*args, **kwargs)
        self._release()

    def post_init_error(self, error_response_data: dict[str, Any], error_type_override: str | None = None) -> None:
        """Posts that the function could not be initialised.

        Raises:
            RuntimeApiError: The call failed or was refused.
        """
        super().post_init_error(error_response_data, error_type_override)
        if self._place is not None:
            self._place.slot.enter(REPORTED)

    def _release(self) -> None:
        if self._place is not None:
            self._place.slot.release()

    def handle_init_error(self, exc: Exception) -> None:  # type: ignore[override]
        """Raises the error, unless the platform refused it because another worker reported first."""
        if isinstance(exc, LambdaRuntimeClientError) and exc.response_code == _FORBIDDEN:
            return
        raise exc
