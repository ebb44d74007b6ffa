"""``make run``: a function served from end to end, in one terminal and without Docker.

Starts the embedded emulator, which starts ``bootstrap``, which runs the loop around
``examples/hello/app.py``; invokes it once with an example event, API Gateway's; shows what came back; and ends it all.
Exit code 0 means that the answer was right.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import IO, Any

from ric import events

EXAMPLES = Path(__file__).resolve().parent
FUNCTION = EXAMPLES / "hello"
EVENT = "apigw-v2"
BOOTSTRAP = EXAMPLES.parent / "bootstrap"

START_TIMEOUT_SECONDS = 30
ANSWER_TIMEOUT_SECONDS = 30
STOP_TIMEOUT_SECONDS = 10


def main() -> int:
    """Returns the exit code: 0 if the function gave the expected answer."""
    command = [sys.executable, "-m", "ric.local", "--port", "0", str(BOOTSTRAP), "app.handler"]
    show("command", f"python -m ric.local --port 0 ./{BOOTSTRAP.name} app.handler   (in {FUNCTION.name}/)")
    with subprocess.Popen(
        command,
        cwd=FUNCTION,
        env={**os.environ, "RIC_PYTHON": sys.executable, "LAMBDA_TASK_ROOT": str(FUNCTION)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as emulator:
        assert emulator.stdout  # noqa: S101 - for the type checker
        urls: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        reader = threading.Thread(target=follow, args=(emulator.stdout, urls))
        reader.start()
        answer = None
        try:
            if url := urls.get(timeout=START_TIMEOUT_SECONDS):
                answer = invoke(url, events.text(EVENT).encode())
        except (queue.Empty, OSError) as error:
            show("result", f"no answer: {error!r}")
        finally:
            stop(emulator)
            reader.join()
    if answer is None:
        show("result", "the function could not be invoked; the reason is in the log above")
        return 1
    show("response", json.dumps(answer, indent=2, ensure_ascii=False))
    correct = is_expected(answer)
    show("result", "the function answered as expected" if correct else "this is not the expected answer")
    return 0 if correct else 1


def follow(output: IO[str], urls: queue.SimpleQueue[str | None]) -> None:
    """Shows each line of the log, and passes on the URL to invoke; None when no more will come."""
    for line in output:
        show("log", line.rstrip("\n"))
        if line.startswith("ric: serving "):
            urls.put(line.split()[-1])
    urls.put(None)


def invoke(url: str, event: bytes) -> Any:
    """Posts the event to the function and returns its answer, decoded."""
    show("event", f"{EVENT} of ric.events, {len(event)} bytes, posted to {url}")
    # An empty handler keeps a proxy of the environment out of a conversation with this very machine.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data=event)  # noqa: S310 - the URL that the emulator printed
    with direct.open(request, timeout=ANSWER_TIMEOUT_SECONDS) as response:
        return json.load(response)


def is_expected(answer: Any) -> bool:
    """Whether the answer is the greeting for the name in the event."""
    try:
        return bool(answer["statusCode"] == 200 and json.loads(answer["body"])["greeting"] == "Hello, Zoë!")
    except (KeyError, TypeError, ValueError):
        return False


def stop(emulator: subprocess.Popen[str]) -> None:
    """Ends the emulator, which ends the function."""
    emulator.terminate()
    try:
        emulator.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        emulator.kill()


def show(label: str, text: str) -> None:
    """Prints text with a label in front of each line."""
    for line in text.splitlines() or [""]:
        print(f"{label:>8} | {line}", flush=True)  # noqa: T201 - made for the terminal


if __name__ == "__main__":
    sys.exit(main())
