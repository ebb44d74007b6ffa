"""Function URLs: an HTTP request as an event, and the function's result as an HTTP response. No I/O.

The format is API Gateway's payload 2.0. Specification: "Invoking Lambda function URLs" in the Lambda developer
guide, section "Request and response payloads", and for streams "Response streaming with function URLs".
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from ric.api.http11 import is_token
from ric.local.json_documents import JSON_TYPE, parse_object

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

# What Lambda hands over as text. All else is base64, form data included.
_TEXT_TYPE = re.compile(r"text/.*|application/(json|javascript|xml)|[\w.+-]+/.*\+(json|xml)")
# They describe one connection, and the body as this server frames it.
_OWN_FIELDS = frozenset(
    {"connection", "content-length", "date", "keep-alive", "server", "te", "trailer", "transfer-encoding", "upgrade"}
)
_FINAL_STATUSES = range(200, 600)


class InvalidResponseError(ValueError):
    """The function's result is no HTTP response; callers see status 502."""


@dataclass(frozen=True)
class UrlRequest:
    """A request to the function URL.

    Args:
        method: Its method.
        target: Path and query, as sent.
        headers: Its fields, in order.
        body: Its body.
        source_ip: Who sent it.
        request_id: The invocation's id.
        moment: When it came.
        protocol: HTTP version.
    """

    method: str
    target: str
    headers: Iterable[tuple[str, str]]
    body: bytes
    source_ip: str
    request_id: str
    moment: datetime
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True)
class UrlResponse:
    """An HTTP response as the function wants it.

    Args:
        status: Its status.
        fields: Its fields, cookies among them, safe to be sent.
        body: Its body; empty when it is streamed.
    """

    status: int = 200
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


def build_event(request: UrlRequest) -> dict[str, Any]:
    """Returns the event for a request, in payload format 2.0."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in request.headers:
        key = name.lower()
        if key == "cookie":
            cookies += [cookie.strip() for cookie in value.split(";") if cookie.strip()]
        else:
            headers[key] = f"{headers[key]},{value}" if key in headers else value
    path, _, query = request.target.partition("?")
    host = headers.get("host", "localhost")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": _request_context(request, path, host, headers.get("user-agent", "")),
    }
    if cookies:
        event["cookies"] = cookies
    if parameters := _query_parameters(query):
        event["queryStringParameters"] = parameters
    return event | _encode_body(request.body, headers.get("content-type", ""))


def parse_result(payload: bytes) -> UrlResponse:
    """Returns the response that a function's result describes; one without ``statusCode`` is itself the body.

    Raises:
        InvalidResponseError: It is not JSON, or a field of it is not what it must be.
    """
    try:
        result = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise InvalidResponseError("the result is not JSON") from error
    if not isinstance(result, dict) or "statusCode" not in result:
        return UrlResponse(fields=[("Content-Type", JSON_TYPE)], body=payload)
    response = _parse_head(result)
    body = result.get("body")
    if body is None:
        return response
    text = body if isinstance(body, str) else json.dumps(body)
    if not result.get("isBase64Encoded"):
        return UrlResponse(response.status, response.fields, text.encode("utf-8", "surrogatepass"))
    try:
        return UrlResponse(response.status, response.fields, base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise InvalidResponseError("isBase64Encoded is set, but the body is not base64") from error


def parse_prelude(prelude: bytes) -> UrlResponse:
    """Returns the response that the beginning of a stream describes.

    Raises:
        InvalidResponseError: It is no JSON object, or a field of it is not what it must be.
    """
    head = parse_object(prelude)
    if head is None:
        raise InvalidResponseError("the prelude is not a JSON object")
    return _parse_head(head)


def _request_context(request: UrlRequest, path: str, host: str, user_agent: str) -> dict[str, Any]:
    return {
        "accountId": "anonymous",
        "apiId": host.partition(".")[0],
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "http": {
            "method": request.method,
            "path": path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": user_agent,
        },
        "requestId": request.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": request.moment.strftime("%d/%b/%Y:%H:%M:%S %z"),
        "timeEpoch": int(request.moment.timestamp() * 1000),
    }


def _query_parameters(query: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return parameters


def _encode_body(body: bytes, content_type: str) -> dict[str, Any]:
    if not body:
        return {"isBase64Encoded": False}
    media_type = content_type.partition(";")[0].strip().lower()
    if not media_type or _TEXT_TYPE.fullmatch(media_type):
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _parse_head(head: dict[str, Any]) -> UrlResponse:
    try:
        status = int(head.get("statusCode", 200))
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidResponseError(f"statusCode {head['statusCode']!r} is not a number") from error
    if status not in _FINAL_STATUSES:
        raise InvalidResponseError(f"statusCode {status} is not the status of a final response")
    headers = {} if head.get("headers") is None else head["headers"]
    cookies = [] if head.get("cookies") is None else head["cookies"]
    if not isinstance(headers, dict) or not isinstance(cookies, list):
        raise InvalidResponseError("headers must be an object, cookies a list")
    fields = [(name, _field_value(value)) for name, value in headers.items() if name.lower() not in _OWN_FIELDS]
    if unusable := [name for name, _ in fields if not is_token(name.encode("utf-8", "replace"))]:
        raise InvalidResponseError(f"{unusable[0]!r} is not the name of a header")
    if not any(name.lower() == "content-type" for name, _ in fields):
        fields.append(("Content-Type", JSON_TYPE))
    return UrlResponse(status, fields + [("Set-Cookie", _field_value(cookie)) for cookie in cookies])


def _field_value(value: Any) -> str:
    """Returns a value as the characters of its UTF-8 bytes, which is how http.server sends fields."""
    if isinstance(value, list):
        value = ",".join(str(item) for item in value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return " ".join(text.splitlines()).replace("\0", "").encode("utf-8", "replace").decode("latin-1")
