"""Several invocations at once in one process: a thread for each, with a client and a turn of the loop of its own.

The main thread serves nothing: it waits for signals, and for a thread that cannot go on. A thread that waits for an
invocation waits for the end as well, by a pipe; an event that has come already is served first.
"""

from __future__ import annotations

import os
import sys
import threading

from ric.api.sockets import wait_for_input
from ric.errors import EXIT_FAILURE, EXIT_TERMINATED
from ric.process import shutdown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from ric.process.pool.client import LambdaMultiConcurrentRuntimeClient
    from ric.process.pool.place import Place

    Serve = Callable[[Any, Any, Any], Any]


class Threads:
    """A fixed number of threads that serve invocations.

    Args:
        clients: The client of each.
        places: The place of each.
        serve_invocations: Serves one invocation after the other; given handler, client and log sink.
    """

    def __init__(
        self,
        clients: Sequence[LambdaMultiConcurrentRuntimeClient],
        places: Sequence[Place],
        serve_invocations: Serve,
    ) -> None:
        self._clients = clients
        self._places = places
        self._serve_invocations = serve_invocations
        self._threads: list[threading.Thread] = []
        self._has_failed = False
        self._first_status: Any = None
        # One byte in each says it to all who wait, for nobody takes it.
        self._stop_out, self._stop_in = os.pipe()
        self._failure_out, self._failure_in = os.pipe()
        self._failing = threading.Lock()

    def serve(self, request_handler: Any, client: Any, log_sink: Any) -> NoReturn:
        """Serves invocations in all threads until one of them cannot go on, or a signal asks for the end.

        Args:
            request_handler: The user's function.
            client: The one that spoke for all while the function was loaded.
            log_sink: Where errors are logged.

        Raises:
            SystemExit: The process should end.
        """
        wait_for_signal = self._places[0].wait_first
        for place in self._places:
            place.wait_first = self._wait_for_event_or_end
        for number, own_client in enumerate(self._clients, 1):
            arguments = (request_handler, own_client, log_sink)
            thread = threading.Thread(target=self._run, args=arguments, name=f"ric-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)
        try:
            (wait_for_signal or wait_for_input)(self._failure_out)
        finally:
            os.write(self._stop_in, b"\0")
            if shutdown.is_requested():
                # Interrupted by a second signal when half of the time for it is over.
                for thread in self._threads:
                    thread.join()
        sys.exit(self._first_status)

    def _run(self, request_handler: Any, client: Any, log_sink: Any) -> None:
        status: Any = EXIT_FAILURE
        try:
            self._serve_invocations(request_handler, client, log_sink)
        except SystemExit as request:
            status = request.code
        except BaseException:  # noqa: BLE001 - a thread's last word, before its process ends
            sys.excepthook(*sys.exc_info())
        event_loop = sys.modules.get("ric.function.event_loop")
        if event_loop is not None:
            event_loop.close_for_thread()
        with self._failing:
            if not self._has_failed:
                self._has_failed = True
                self._first_status = status
                os.write(self._failure_in, b"\0")

    def _wait_for_event_or_end(self, descriptor: int) -> None:
        """Waits for an event, or for the end.

        Raises:
            SystemExit: The end came first.
        """
        if descriptor not in wait_for_input(descriptor, self._stop_out):
            raise SystemExit(EXIT_TERMINATED)
