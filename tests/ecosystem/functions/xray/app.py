"""Subsegments of the function's own, and those of calls over a patched http.client."""

import http.client
import http.server
import os
import threading

from aws_xray_sdk.core import patch, xray_recorder

patch(["httplib"])


class Prices(http.server.BaseHTTPRequestHandler):
    """The service that the function asks, in a thread of its own here."""

    def do_GET(self):
        self.send_response(200 if "X-Amzn-Trace-Id" in self.headers else 400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        """Its log is not what this is about."""


service = http.server.HTTPServer(("127.0.0.1", 0), Prices)
threading.Thread(target=service.serve_forever, daemon=True).start()


@xray_recorder.capture("price")
def price(event):
    subsegment = xray_recorder.current_subsegment()
    subsegment.put_annotation("item", event["item"])
    subsegment.put_metadata("event", event)
    return 100 // event["quantity"]


def handler(event, context):
    with xray_recorder.in_subsegment("fetch"):
        connection = http.client.HTTPConnection("localhost", service.server_port)
        connection.request("GET", "/prices")
        status = connection.getresponse().status
        connection.close()
    return {"price": price(event), "status": status, "trace": os.environ["_X_AMZN_TRACE_ID"]}
