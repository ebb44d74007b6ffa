"""A runtime client as one would write it with http.client; ``python http_client_loop.py app.handler``."""

import http.client
import importlib
import json
import os
import sys


class Context:
    """What the handler gets."""


def main() -> None:
    """Serves for ever."""
    module, _, name = sys.argv[1].rpartition(".")
    sys.path.insert(0, "")
    handler = getattr(importlib.import_module(module), name)
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    base = "/2018-06-01/runtime/invocation"
    while True:
        connection.request("GET", f"{base}/next")
        event = connection.getresponse()
        result = json.dumps(handler(json.loads(event.read()), Context()))
        request_id = event.getheader("Lambda-Runtime-Aws-Request-Id")
        connection.request("POST", f"{base}/{request_id}/response", result.encode())
        connection.getresponse().read()


main()
