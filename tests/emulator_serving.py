"""A function that an entry point serves by itself, with the built-in emulator, because there is no Runtime API."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.image import TIMEOUT_S, clean_environment


class Served:
    """A function that is being served.

    Attributes:
        process: What was started.
        line: What it said when it was ready.
        port: Where it listens.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        assert process.stderr is not None
        assert select.select([process.stderr], [], [], TIMEOUT_S)[0], "nothing was said in time"
        self.line = process.stderr.readline().decode()
        match = re.search(r"localhost:(\d+)/2015-03-31/functions/function/invocations", self.line)
        assert match, self.line
        self.port = int(match[1])

    def invoke(self, event: object, host: str = "127.0.0.1") -> Any:
        """Invoke the function and return its decoded answer."""
        connection = http.client.HTTPConnection(host, self.port, timeout=TIMEOUT_S)
        try:
            connection.request("POST", "/2015-03-31/functions/function/invocations", json.dumps(event))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


@contextmanager
def serve(command: list[str | Path], task: Path, **variables: str) -> Iterator[Served]:
    """Start a command that serves the function on a free port; it is ended with SIGTERM."""
    environment = clean_environment(RIC_PORT="0") | variables
    with subprocess.Popen(
        command, env=environment, cwd=task, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            yield Served(process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT_S) == 128 + signal.SIGTERM
        finally:
            # Only what a failure leaves behind; the runtime ends by itself when the emulator is gone.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
