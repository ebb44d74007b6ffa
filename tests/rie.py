"""AWS's Runtime Interface Emulator as a running process, for tests that drive a whole function through it.

Rules: it listens on loopback only, on ports that were free a moment ago; every wait has an end; leaving the ``with``
block ends the emulator, and with it the runtime.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

from tests.fetch import rie_path, rie_unavailable_reason
from tests.image import TIMEOUT_S, clean_environment, private_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

_INVOKE_PATH = "/2015-03-31/functions/function/invocations"


def rie_refusal() -> str | None:
    """Return why the emulator cannot run here, as one line, or None when it can."""
    return rie_unavailable_reason() if rie_path() is None else None


class Rie:
    """One run of the emulator with one function, as a context manager.

    Args:
        command: The runtime and the handler, as an image has them in ENTRYPOINT and CMD.
        directory: The working directory; its file ``rie.log`` gets all output, the function's too.
        image: Runs everything inside this image (see ``private_image``), in ``/var/task``.
        interpreter: A Python installation that the image gets as ``/var/lang``.
        within: Turns the emulator's arguments into a command that runs it in an image (see ``image_build.running``).
        variables: Environment variables besides those of ``clean_environment``.
    """

    def __init__(
        self,
        command: list[str | Path],
        directory: Path,
        image: Path | None = None,
        interpreter: Path | None = None,
        within: Callable[[list[str | Path]], list[str | Path]] | None = None,
        **variables: str,
    ) -> None:
        emulator = rie_path()
        assert emulator is not None
        self._port, runtime_api_port = _free_ports()
        self._log = directory / "rie.log"
        listen = ["--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"]
        listen += ["--runtime-api-address", f"127.0.0.1:{runtime_api_port}"]
        everything: list[str | Path] = [*([] if within else [emulator]), *listen, *command]
        if interpreter:
            everything = ["bash", "-c", 'mount --bind "$0" /var/lang && exec "$@"', interpreter, *everything]
        if image:
            everything = private_image(image, everything)
        elif within:
            everything = within(everything)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                everything,
                cwd=directory,
                env=clean_environment(**variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Rie:
        try:
            self._wait_until_it_listens()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    @property
    def log(self) -> str:
        """Everything that the emulator and the function have written so far."""
        return self._log.read_text(errors="replace")

    def invoke(self, event: Any) -> Any:
        """Invoke the function with a JSON event and return its decoded answer."""
        return json.loads(self.invoke_raw(json.dumps(event).encode()))

    def invoke_raw(self, body: bytes) -> bytes:
        """Invoke the function with these bytes and return those of its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)
        try:
            connection.request("POST", _INVOKE_PATH, body)
            return connection.getresponse().read()
        finally:
            connection.close()

    def stop(self) -> int:
        """Send the emulator SIGTERM and return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(TIMEOUT_S)

    def _wait_until_it_listens(self) -> None:
        end = time.monotonic() + TIMEOUT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), TIMEOUT_S).close()
                return
            except ConnectionRefusedError:
                pass
            try:
                code = self._process.wait(0.01)
            except subprocess.TimeoutExpired:
                assert time.monotonic() < end, f"the emulator does not listen:\n{self.log}"
            else:
                raise AssertionError(f"the emulator ended with {code}:\n{self.log}")

    def _end(self) -> None:
        if self._process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def wait_for_end(pid: int, timeout_s: float) -> bool:
    """Wait for the end of a process that need not be a child; return whether it came in time."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], timeout_s)[0])
    finally:
        os.close(descriptor)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        for listener in (first, second):
            listener.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
