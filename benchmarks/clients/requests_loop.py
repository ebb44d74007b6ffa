"""A runtime client as one would write it with requests; ``python requests_loop.py app.handler``."""

import importlib
import json
import os
import sys

import requests


class Context:
    """What the handler gets."""


def main() -> None:
    """Serves for ever."""
    module, _, name = sys.argv[1].rpartition(".")
    sys.path.insert(0, "")
    handler = getattr(importlib.import_module(module), name)
    base = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
    session = requests.Session()
    session.trust_env = False
    while True:
        event = session.get(f"{base}/next", timeout=None)
        request_id = event.headers["Lambda-Runtime-Aws-Request-Id"]
        result = json.dumps(handler(json.loads(event.content), Context()))
        session.post(f"{base}/{request_id}/response", data=result.encode())


main()
