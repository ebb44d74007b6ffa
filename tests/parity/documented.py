"""What ric does differently on purpose, as transformations of what the official client did.

Each turns an official observation into what ric has to do; the result is then compared to the byte. So these are
promises, too: a ric that stops keeping one is found out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from .model import Request, Segment
from .normalise import XRAY_HEADER

ERROR_TYPE_HEADER = "lambda-runtime-function-error-type"

# What the platform accepts as an error type; it replaces all others by Function.Unknown or Runtime.Unknown.
_ACCEPTED_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")

# The official client's frames between itself and a hook, in a JSON document and in a text log.
_FRAMES_TO_HOOKS = (
    re.compile(rb'"  File \\"<client>\.py\\", line 0, in run_(?:before_snapshot|after_restore)\\n[^"]*", '),
    re.compile(
        b'\xc2\xa0\xc2\xa0File "<client>\\.py", line 0, in run_(?:before_snapshot|after_restore)[\r\n][^\r\n]*[\r\n]'
    ),
)


# The beginning of an error's record in a text log: type and message, up to the traceback.
_MESSAGE_IN_LOG = re.compile(rb"\[ERROR\] (?:(?!\[ERROR\] ).)*?\rTraceback", re.DOTALL)


@dataclass(frozen=True)
class DocumentedDifference:
    """One way in which ric differs from the official client wherever the occasion arises."""

    name: str
    applied_to: Callable[[Segment], Segment]
    """Returns what ric has to do where the official client did this."""


def _to_each_request(transform: Callable[[Request], Request]) -> Callable[[Segment], Segment]:
    return lambda segment: replace(segment, requests=tuple(map(transform, segment.requests)))


def _is_error(request: Request) -> bool:
    return request.method == "POST" and request.path.endswith("/error")


def _with_header(request: Request, name: str, value: str) -> Request:
    others = [header for header in request.headers if header[0] != name]
    return replace(request, headers=tuple(sorted([*others, (name, value.encode())])))


def _with_error_type(request: Request) -> Request:
    if not _is_error(request):
        return request
    sent = request.header(ERROR_TYPE_HEADER)
    error_type = sent.decode() if sent is not None else json.loads(request.body)["errorType"]
    if not _ACCEPTED_TYPE.fullmatch(error_type):
        error_type = f"Function.{error_type}"
    if not _ACCEPTED_TYPE.fullmatch(error_type):
        error_type = "Function.Unknown"
    return _with_header(request, ERROR_TYPE_HEADER, error_type)


def _with_content_type(request: Request) -> Request:
    return _with_header(request, "content-type", "application/json") if _is_error(request) else request


def _in_utf8(request: Request) -> Request:
    if request.path.endswith(("/init/error", "/restore/error")):
        return replace(request, body=request.body.decode("latin-1").encode())
    return request


def _with_ascii_xray_cause(request: Request) -> Request:
    cause = request.header(XRAY_HEADER)
    return request if cause is None else _with_header(request, XRAY_HEADER, _escape_non_ascii(cause.decode()))


def _escape_non_ascii(text: str) -> str:
    # Delete is ASCII, but no more allowed in a header than what lies outside, and json.dumps leaves it alone.
    escaped = "".join(char if char.isascii() else json.dumps(char)[1:-1] for char in text)
    return escaped.replace("\x7f", r"\u007f")


def _with_message_in_the_record(segment: Segment) -> Segment:
    return replace(segment, stdout=_MESSAGE_IN_LOG.sub(lambda record: record[0].replace(b"\n", b"\r"), segment.stdout))


def _without_frames_to_hooks(segment: Segment) -> Segment:
    if not any(request.path.endswith(("/init/error", "/restore/error")) for request in segment.requests):
        return segment
    return replace(
        segment,
        requests=tuple(replace(request, body=_strip(request.body)) for request in segment.requests),
        stdout=_strip(segment.stdout),
        frames=tuple(replace(frame, payload=_strip(frame.payload)) for frame in segment.frames),
    )


def _strip(text: bytes) -> bytes:
    for pattern in _FRAMES_TO_HOOKS:
        text = pattern.sub(b"", text)
    return text


DOCUMENTED_DIFFERENCES = (
    DocumentedDifference("the error type is a header that the platform accepts", _to_each_request(_with_error_type)),
    DocumentedDifference("the X-Ray cause is a legal header", _to_each_request(_with_ascii_xray_cause)),
    DocumentedDifference("init and restore errors have a content type", _to_each_request(_with_content_type)),
    DocumentedDifference("init and restore errors are UTF-8, not Latin-1", _to_each_request(_in_utf8)),
    DocumentedDifference("line breaks of an error's message do not end its record", _with_message_in_the_record),
    DocumentedDifference("the client's own frames before a hook are left out", _without_frames_to_hooks),
)
