"""docs/how-to/stream-a-chat-model.md: its generator for Bedrock, with boto3 and a server that answers as Bedrock."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from typing import Any

from pytest_httpserver import HTTPServer

from tests.doc_blocks import blocks
from tests.image import REPOSITORY, TIMEOUT_S, clean_environment

PAGE = (REPOSITORY / "docs/how-to/stream-a-chat-model.md").read_text()
DELTAS = [{"text": "GOOD "}, {"reasoningContent": {"text": "no part of the answer"}}, {"text": "MORNING"}]


def message(event_type: str, document: dict[str, Any]) -> bytes:
    """Returns a message of an AWS event stream: lengths, their sum, headers of strings, the document, another sum."""
    fields = {":message-type": "event", ":event-type": event_type, ":content-type": "application/json"}
    headers = b"".join(
        bytes([len(name)]) + name.encode() + struct.pack(">BH", 7, len(value)) + value.encode()
        for name, value in fields.items()
    )
    payload = json.dumps(document).encode()
    lengths = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    begun = lengths + struct.pack(">I", zlib.crc32(lengths)) + headers + payload
    return begun + struct.pack(">I", zlib.crc32(begun))


def test_the_generator_yields_the_text(httpserver: HTTPServer) -> None:
    """Pieces of text are yielded, in order; all else that a stream has is passed over."""
    (block,) = (block for block in blocks(PAGE) if "tests/test_docs_bedrock.py" in block.not_run)
    stream = [
        message("messageStart", {"role": "assistant"}),
        *(message("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta}) for delta in DELTAS),
        message("contentBlockStop", {"contentBlockIndex": 0}),
        message("messageStop", {"stopReason": "end_turn"}),
    ]
    httpserver.expect_request("/model/a-model/converse-stream", method="POST").respond_with_data(
        b"".join(stream), content_type="application/vnd.amazon.eventstream"
    )
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", f"{block.text}\nprint([*generate('good morning')])"],
        env=clean_environment(
            MODEL="a-model",
            AWS_ENDPOINT_URL_BEDROCK_RUNTIME=httpserver.url_for("").rstrip("/"),
            AWS_REGION="us-east-1",
            AWS_DEFAULT_REGION="us-east-1",
            AWS_ACCESS_KEY_ID="id",
            AWS_SECRET_ACCESS_KEY="secret",
        ),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "['GOOD ', 'MORNING']\n"), done.stderr
    (request, _) = httpserver.log[0]
    assert request.json["messages"] == [{"role": "user", "content": [{"text": "good morning"}]}]
