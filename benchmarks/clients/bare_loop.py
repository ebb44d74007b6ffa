"""The floor: what a runtime client in Python cannot do without; ``python -m bare_loop app.handler``.

One file on the C modules of sockets, simplejson as the drop-in promise asks for, and loaded while waiting for the first
event. No context, no checks, no errors, no logs, no signals; an answer has to come in one piece.
"""

import _socket
import os
import sys
from importlib import import_module


def main() -> None:
    """Serves for ever."""
    module, _, name = sys.argv[1].rpartition(".")
    handler = getattr(import_module(module), name)
    address = os.environ["AWS_LAMBDA_RUNTIME_API"]
    host, _, port = address.partition(":")
    connection = _socket.socket()
    connection.connect((host, int(port)))
    connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    ask = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: %s\r\n\r\n" % address.encode()
    connection.send(ask)
    import simplejson

    while True:
        head, _, event = connection.recv(65536).partition(b"\r\n\r\n")
        request_id = head.partition(b"Lambda-Runtime-Aws-Request-Id: ")[2].partition(b"\r\n")[0]
        result = simplejson.dumps(handler(simplejson.loads(event), None)).encode()
        connection.send(
            b"POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s"
            % (request_id, address.encode(), len(result), result)
        )
        connection.recv(65536)
        connection.send(ask)


main()
