"""Names and limits of the Lambda Runtime API (version 2018-06-01).

Paths, header names and the platform's sizes stand here together, and nowhere else in the runtime. Source: "Using the
Lambda runtime API" in the Lambda developer guide, completed by what AWS's own runtime clients send.
"""

from __future__ import annotations

import sys

from ric import __version__
from ric.errors import UnsafeHeaderError

RUNTIME = "/2018-06-01/runtime"
NEXT = f"{RUNTIME}/invocation/next"
INIT_ERROR = f"{RUNTIME}/init/error"
RESTORE_NEXT = f"{RUNTIME}/restore/next"
RESTORE_ERROR = f"{RUNTIME}/restore/error"

REQUEST_ID = "Lambda-Runtime-Aws-Request-Id"
DEADLINE_MS = "Lambda-Runtime-Deadline-Ms"
FUNCTION_ARN = "Lambda-Runtime-Invoked-Function-Arn"
TRACE_ID = "Lambda-Runtime-Trace-Id"
CLIENT_CONTEXT = "Lambda-Runtime-Client-Context"
COGNITO_IDENTITY = "Lambda-Runtime-Cognito-Identity"
TENANT_ID = "Lambda-Runtime-Aws-Tenant-Id"
INVOCATION_ID = "Lambda-Runtime-Invocation-Id"
CONTENT_TYPE = "Content-Type"
RESPONSE_MODE = "Lambda-Runtime-Function-Response-Mode"
ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
XRAY_ERROR_CAUSE = "Lambda-Runtime-Function-XRay-Error-Cause"

OCTET_STREAM = "application/octet-stream"
"""The media type of a stream of plain bytes."""

HTTP_INTEGRATION_TYPE = "application/vnd.awslambda.http-integration-response"
"""The media type of a stream that begins with a prelude: status, headers and cookies of an HTTP response."""

PRELUDE_END = b"\0" * 8
MAX_PRELUDE_BYTES = 16 * 1024
"""The platform looks for the end of the prelude no further than this."""

# Headers of /next that the runtime uses, by the lower-case form in which the parser gives them.
NEXT_HEADERS = {
    name.lower().encode(): name
    for name in (
        REQUEST_ID,
        DEADLINE_MS,
        FUNCTION_ARN,
        TRACE_ID,
        CLIENT_CONTEXT,
        COGNITO_IDENTITY,
        TENANT_ID,
        INVOCATION_ID,
        CONTENT_TYPE,
    )
}

MAX_RESPONSE_BYTES = 6_291_556
"""The largest buffered response that Lambda accepts: 6 MiB and 100 bytes."""

MAX_STREAMED_BYTES = 200 * 1024 * 1024
"""Lambda's quota for a streamed response."""

MAX_XRAY_CAUSE_BYTES = 64 * 1024
"""The platform crops a longer X-Ray cause, which leaves no JSON."""

MAX_TRAILER_BYTES = 4000
"""The platform reads trailers through a buffer of 4,096 bytes, and fails a response with longer ones."""

# RFC 9110 token characters, less "%" and "#", which would change the meaning of the path an id stands in.
_ID_CHARACTERS = frozenset("!$&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

# A header has to stay one that every server takes; longer names of classes are nobody's.
_MAX_ERROR_TYPE_CHARACTERS = 256

_BLANKS = str.maketrans("\t\n\r", "   ")


def user_agent() -> str:
    """Returns the User-Agent in upstream's form, with ric's own version."""
    major, minor, micro = sys.version_info[:3]
    return f"aws-lambda-python/{major}.{minor}.{micro}-{__version__}"


def check_request_id(invoke_id: str) -> str:
    """Returns the request id unchanged if it may stand as one segment of a path.

    Raises:
        UnsafeHeaderError: It is empty, or could reach another path or header.
    """
    if not invoke_id or ".." in invoke_id or invoke_id == "." or not _ID_CHARACTERS.issuperset(invoke_id):
        raise UnsafeHeaderError("request id", invoke_id)
    return invoke_id


def response_path(invoke_id: str) -> str:
    """Returns the path that takes the invocation's result."""
    return f"{RUNTIME}/invocation/{check_request_id(invoke_id)}/response"


def error_path(invoke_id: str) -> str:
    """Returns the path that takes the invocation's error document."""
    return f"{RUNTIME}/invocation/{check_request_id(invoke_id)}/error"


def error_type_header(error_type: str) -> str:
    """Returns the error type in the form that the platform's telemetry accepts.

    The platform keeps types that match ``(Runtime|Function)\\.[A-Z][a-zA-Z]+`` and shows every other as Unknown, as
    this function does with names that are too long for a header.

    Args:
        error_type: ``errorType`` of an error document: a ``Runtime.*`` type or the name of an exception class.
    """
    origin, dot, name = error_type.partition(".")
    if not dot or origin not in ("Runtime", "Function"):
        origin, name = "Function", error_type
    if name.isascii() and name.isalpha() and name[0].isupper() and 1 < len(name) <= _MAX_ERROR_TYPE_CHARACTERS:
        return f"{origin}.{name}"
    return f"{origin}.Unknown"


def ascii_json(document: str) -> str:
    """Returns the JSON document on one line and with all but printable ASCII escaped, as a header value must be."""
    if document.isascii() and document.isprintable():
        return document
    # What JSON has outside of strings is printable ASCII and white space; within them \\uXXXX is any UTF-16 unit.
    units = document.translate(_BLANKS).encode("utf-16-be", "surrogatepass")
    return "".join(
        chr(low) if not high and 0x20 <= low < 0x7F else f"\\u{high:02x}{low:02x}"
        for high, low in zip(units[::2], units[1::2], strict=True)
    )
