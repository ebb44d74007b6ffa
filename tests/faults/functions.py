"""The functions that the faults of the Runtime API are tried with. Each prints the events that it is given."""

from __future__ import annotations

ECHO = """
import json
def handler(event, context):
    print("run", context.aws_request_id, json.dumps(event))
    return event
"""
FAILING = """
def handler(event, context):
    print("run", context.aws_request_id, '"' + event + '"')
    if event == "fault":
        raise ValueError("the handler's own")
    return event
"""
WAITING = """
import json, time
def handler(event, context):
    print("run", context.aws_request_id, json.dumps(event))
    if event == "fault":
        time.sleep(0.3)  # in which the connection suffers
    return event
"""
LARGE = """
def handler(event, context):
    print("run", context.aws_request_id, '"' + event + '"')
    return "x" * 6_000_000 if event == "fault" else event
"""
BROKEN = "import surely_not_there\n"
