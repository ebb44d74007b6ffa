"""Makes equal what must differ between two runs of equal clients, and nothing else.

* times, which are checked first: one that lies outside the run (a wrong zone, for example) is left as it is, and so
  shows up as a difference;
* paths, line numbers and source of the client's own files, and the directory of installed packages;
* addresses of objects in ``repr`` texts;
* the order of ``paths`` in the X-Ray document, which the official client takes from a set;
* the version of the client in User-Agent, and headers that are about the connection.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from .model import Frame, Request, Segment

XRAY_HEADER = "lambda-runtime-function-xray-error-cause"

# A clock read before the run and one read in it may be a little apart, and the second is cut off in some texts.
_CLOCK_TOLERANCE_S = 1.5

_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
# The C++ part of the official client writes lines of its own, with milliseconds since the epoch.
_EPOCH_MS = re.compile(rb"\[\d{13}\](?= LAMBDA_RUNTIME )")
_PRODUCT_VERSION = re.compile(rb"^(aws-lambda-python/\d+\.\d+\.\d+)-[\w.+]+$")
_ADDRESS = re.compile(rb"0x[0-9a-f]{6,16}\b")
_XRAY_PATHS = re.compile(rb'"paths": (\[.*\])\}$')
# The line of source that follows such a frame, in JSON (where its end is escaped), in a text log and in plain text;
# carets below it are as long as it is.
_OWN_SOURCE = re.compile(
    rb'(?P<frame>File \\?"<client>\.py\\?", line 0, in \w+(?:\\n|[\r\n])(?:    |(?:\xc2\xa0){4}))'
    rb"(?:(?!\\n)[^\r\n])*(?P<end>\\n|[\r\n])(?:(?: |\xc2\xa0)+[~^]+(?:\\n|[\r\n]))?"
)
_FRAME_HEAD_BYTES = 16


class Normaliser:
    """Normalises what one run of one client left."""

    def __init__(self, own_directories: tuple[Path, ...], site_packages: Path, began_s: float) -> None:
        """Prepare for one run.

        Args:
            own_directories: where the client's own files are.
            site_packages: directory of installed packages in the client's environment.
            began_s: when the run began, in seconds since the epoch.
        """
        self._began_s = began_s
        own = b"|".join(re.escape(bytes(directory)) for directory in own_directories)
        file = rb"(?:" + own + rb")/[\w./]+\.py"
        # As in stackTrace ("File \"x\", line 1"), in the X-Ray cause ("path": "x", "line": 1) and in "location".
        self._own_line = re.compile(file + rb'(?P<between>\\?", line |", "line": |:\w+:)\d+')
        self._own_file = re.compile(file)
        self._site_packages = bytes(site_packages)

    def segment(self, segment: Segment) -> Segment:
        """Return the segment as it is to be compared."""
        return replace(
            segment,
            requests=tuple(self._request(request) for request in segment.requests),
            stdout=self._text(segment.stdout),
            stderr=self._text(segment.stderr),
            frames=tuple(replace(frame, payload=self._text(frame.payload)) for frame in segment.frames),
        )

    def _request(self, request: Request) -> Request:
        headers = sorted(
            (name, self._header_value(name, value))
            for name, value in request.headers
            if name == "content-type"
            or name.startswith("lambda-runtime-")
            # The official client's second HTTP stack, for init and restore, does not introduce itself.
            or (name == "user-agent" and "/invocation/" in request.path)
        )
        return replace(request, headers=tuple(headers), body=self._text(request.body))

    def _header_value(self, name: str, value: bytes) -> bytes:
        value = _PRODUCT_VERSION.sub(rb"\1-<version>", self._text(value))
        if name == XRAY_HEADER and (match := _XRAY_PATHS.search(value)):
            paths = json.dumps(sorted(json.loads(match[1])), ensure_ascii=False).encode()
            return value[: match.start(1)] + paths + value[match.end(1) :]
        return value

    def _text(self, text: bytes) -> bytes:
        text = self._own_line.sub(rb"<client>.py\g<between>0", text)
        text = self._own_file.sub(b"<client>.py", text)
        text = _OWN_SOURCE.sub(rb"\g<frame><source>\g<end>", text)
        text = text.replace(self._site_packages, b"<site-packages>")
        text = _EPOCH_MS.sub(b"[<now>]", _TIME.sub(self._time, text))
        return _ADDRESS.sub(b"<address>", text)

    def _time(self, match: re.Match[bytes]) -> bytes:
        form = "%Y-%m-%dT%H:%M:%S.%fZ" if match[1] else "%Y-%m-%dT%H:%M:%SZ"
        try:
            moment = datetime.strptime(match[0].decode(), form).replace(tzinfo=timezone.utc)
        except ValueError:
            return match[0]
        if not self._began_s - _CLOCK_TOLERANCE_S <= moment.timestamp() <= time.time() + _CLOCK_TOLERANCE_S:
            return match[0]
        return b"<now, milliseconds>" if match[1] else b"<now>"


def read_frames(data: bytes, began_s: float, ended_s: float) -> Iterator[Frame]:
    """Yield the frames of a telemetry stream: type and length of four bytes each, time of eight, payload.

    Args:
        data: what was written to the descriptor.
        began_s: earliest time that is right, in seconds since the epoch.
        ended_s: latest time that is right.

    Returns:
        Frames; what is no whole frame or has a wrong time comes as a frame whose type says so.
    """
    while data:
        length = int.from_bytes(data[4:8], "big")
        payload, rest = data[16 : 16 + length], data[16 + length :]
        written_s = int.from_bytes(data[8:16], "big") / 1_000_000
        kind = data[:4].hex()
        if len(data) < _FRAME_HEAD_BYTES + length:
            kind = "not a whole frame"
            payload, rest = data, b""
        elif not began_s - _CLOCK_TOLERANCE_S <= written_s <= ended_s + _CLOCK_TOLERANCE_S:
            kind += f" at the wrong time {written_s}"
        yield Frame(kind, payload)
        data = rest
