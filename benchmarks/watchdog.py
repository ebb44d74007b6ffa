"""What RIC_TIMEOUT_DUMP_MS costs an invocation: ``python benchmarks/watchdog.py [SECONDS]``.

Two functions, one without the variable and one with it, are served by a scripted Runtime API on loopback, in turns of
some hundred invocations, so that whatever else happens on the machine happens to both. An invocation is measured from
sending the event to having read the next poll; the CPU time is that of the function's process.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

SECONDS = 6.0
INVOCATIONS_PER_TURN = 200
WARM_UP = 300
BEFORE_MS = 500
TIMEOUT_MS = 3_000

REPOSITORY = Path(__file__).resolve().parent.parent
HANDLER = "def handler(event, context):\n    return event\n"
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
EVENT = b'{"key": "value"}'
HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: {number}\r\n"
    "Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\nLambda-Runtime-Invoked-Function-Arn: arn:aws:lambda\r\n"
    "Content-Length: {length}\r\n\r\n"
)


class Function:
    """One function and the connection on which it is served."""

    def __init__(self, process: subprocess.Popen[bytes], connection: socket.socket) -> None:
        self._process = process
        self._connection = connection
        self._number = 0
        self.latencies_us: list[float] = []
        self.cpu_us: list[float] = []
        self._read_request()

    def serve(self, count: int) -> None:
        """Serves so many invocations and notes what they took."""
        cpu_before_ns = self._cpu_ns()
        for _ in range(count):
            self._number += 1
            deadline_ms = time.time_ns() // 1_000_000 + TIMEOUT_MS
            head = HEAD.format(number=self._number, deadline_ms=deadline_ms, length=len(EVENT)).encode()
            start_ns = time.perf_counter_ns()
            self._connection.sendall(head + EVENT)
            self._read_request()
            self._connection.sendall(ACCEPTED)
            self._read_request()
            self.latencies_us.append((time.perf_counter_ns() - start_ns) / 1000)
        self.cpu_us.append((self._cpu_ns() - cpu_before_ns) / 1000 / count)

    def _read_request(self) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._receive()
        head, _, body = received.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")), 0)
        while len(body) < length:
            body += self._receive()

    def _receive(self) -> bytes:
        data = self._connection.recv(65536)
        if not data:
            raise SystemExit(f"the function ended: {self._process.wait()}")
        return data

    def _cpu_ns(self) -> int:
        """Returns the CPU time that the process has used, in ns, with that of threads which ended."""
        # In ticks of 10 ms, which is coarse for one turn: the mean over all turns is what counts.
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


@contextmanager
def running(directory: str, **variables: str) -> Iterator[Function]:
    """Starts a function and accepts its connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "AWS_LAMBDA_RUNTIME_API": address}
        process = subprocess.Popen(
            [sys.executable, "-m", "ric", "app.handler"], cwd=directory, env={**environment, **variables}
        )
        try:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection:
                yield Function(process, connection)
        finally:
            process.kill()
            process.wait()


def main() -> None:
    """Prints the medians, their ratio and the means of the CPU time."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        Path(directory, "app.py").write_text(HANDLER)
        functions = {
            "unset": stack.enter_context(running(directory)),
            "set": stack.enter_context(running(directory, RIC_TIMEOUT_DUMP_MS=str(BEFORE_MS))),
        }
        for function in functions.values():
            function.serve(WARM_UP)
            function.latencies_us.clear()
            function.cpu_us.clear()
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            for function in functions.values():
                function.serve(INVOCATIONS_PER_TURN)
    report(functions)


def report(functions: dict[str, Function]) -> None:
    """Prints a line for each function and one that compares them."""
    latencies = {name: median(function.latencies_us) for name, function in functions.items()}
    cpu = {name: sum(function.cpu_us) / len(function.cpu_us) for name, function in functions.items()}
    lines = [
        f"{name:>6}: median {latencies[name]:6.1f} us, CPU {cpu[name]:6.1f} us, "
        f"{len(function.latencies_us)} invocations"
        for name, function in functions.items()
    ]
    lines.append(
        f"   set: {latencies['set'] - latencies['unset']:+.1f} us ({latencies['set'] / latencies['unset']:.2f} times), "
        f"CPU {cpu['set'] - cpu['unset']:+.1f} us ({cpu['set'] / cpu['unset']:.2f} times)"
    )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
