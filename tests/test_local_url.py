"""The function URL: payload format 2.0 in both directions, as values and over HTTP with ``requests``."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
import requests

from ric.local import Emulator
from ric.local.invoke.function_url import InvalidResponseError, UrlRequest, build_event, parse_prelude, parse_result
from tests.emulator_running import TIMEOUT_SECONDS, emulated

PNG = b"\x89PNG\r\n\x1a\n\x00"

FUNCTION = """
import base64, json

def handler(event, context):
    path = event["rawPath"]
    if path == "/raise":
        raise ValueError("secret")
    if path == "/binary":
        data = base64.b64decode(event["body"])
        return {"statusCode": 200, "headers": {"Content-Type": "image/png"}, "isBase64Encoded": True,
                "body": base64.b64encode(data).decode()}
    if path == "/cookies":
        return {"statusCode": 302, "headers": {"Location": "/", "X-Name": "Zo\\u00eb \\u00c5"},
                "cookies": ["a=1; Path=/", "b=2"]}
    if path == "/empty":
        return {"statusCode": 204}
    if path == "/plain":
        return "just text"
    if path == "/broken":
        return {"statusCode": "none"}
    return event
"""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A function that answers by path, and else returns its event."""
    with emulated(tmp_path_factory.mktemp("url"), FUNCTION) as (emulator, _):
        yield emulator


@pytest.fixture(scope="module")
def http() -> Iterator[requests.Session]:
    """A client that goes straight to this machine."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def make_event(**fields: Any) -> dict[str, Any]:
    """Returns the event for a request with these fields, and else nothing special."""
    request: dict[str, Any] = {
        "method": "GET",
        "target": "/",
        "headers": [("Host", "localhost:8080")],
        "body": b"",
        "source_ip": "127.0.0.1",
        "request_id": "id",
        "moment": datetime(2026, 1, 2, 3, 4, 5, 678000, timezone.utc),
    }
    return build_event(UrlRequest(**{**request, **fields}))


class TestEvents:
    """From a request to the event."""

    def test_everything_lambda_has(self) -> None:
        """All fields of the format are there, in Lambda's words."""
        headers = [("Host", "localhost:8080"), ("User-Agent", "curl/8"), ("X-A", "1"), ("x-a", "2")]
        event = make_event(target="/a%20b/c?x=1&y=%C3%A9&x=2&empty=", headers=headers)
        assert event == {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": "/a%20b/c",
            "rawQueryString": "x=1&y=%C3%A9&x=2&empty=",
            "headers": {"host": "localhost:8080", "user-agent": "curl/8", "x-a": "1,2"},
            "queryStringParameters": {"x": "1,2", "y": "é", "empty": ""},
            "requestContext": {
                "accountId": "anonymous",
                "apiId": "localhost:8080",
                "domainName": "localhost:8080",
                "domainPrefix": "localhost:8080",
                "http": {
                    "method": "GET",
                    "path": "/a%20b/c",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "curl/8",
                },
                "requestId": "id",
                "routeKey": "$default",
                "stage": "$default",
                "time": "02/Jan/2026:03:04:05 +0000",
                "timeEpoch": 1767323045678,
            },
            "isBase64Encoded": False,
        }

    def test_cookies_are_a_list_of_their_own(self) -> None:
        """All cookies of all Cookie fields are in the list, and not among the headers."""
        event = make_event(headers=[("Cookie", "a=1; b=2"), ("cookie", "c=3")])
        assert event["cookies"] == ["a=1", "b=2", "c=3"]
        assert event["headers"] == {}

    @pytest.mark.parametrize(
        "content_type",
        ["application/json", "text/plain; charset=utf-8", "application/problem+json", "image/svg+xml", ""],
    )
    def test_text_is_text(self, content_type: str) -> None:
        """Bodies of text types, and those of no type that are UTF-8, are strings."""
        event = make_event(headers=[("Content-Type", content_type)], body="é".encode())
        assert (event["body"], event["isBase64Encoded"]) == ("é", False)

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [("image/png", PNG), ("application/x-www-form-urlencoded", b"a=1"), ("text/plain", b"\xff"), ("", b"\xff")],
    )
    def test_everything_else_is_base64(self, content_type: str, body: bytes) -> None:
        """Binary types, form data, and text that is not UTF-8 are base64."""
        event = make_event(headers=[("Content-Type", content_type)], body=body)
        assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (body, True)


class TestResponses:
    """From the function's result to the response."""

    def test_a_whole_description(self) -> None:
        """Status, headers of all kinds of values, cookies and body are what the function says."""
        result = {"statusCode": "404", "headers": {"X-N": 7, "X-B": True}, "cookies": ["a=1"], "body": "é"}
        response = parse_result(json.dumps(result).encode())
        assert (response.status, response.body) == (404, "é".encode())
        fields = [("X-N", "7"), ("X-B", "true"), ("Content-Type", "application/json"), ("Set-Cookie", "a=1")]
        assert response.fields == fields

    @pytest.mark.parametrize("payload", [b'"text"', b"[1]", b"null", b'{"a": 1}'])
    def test_anything_else_is_the_body(self, payload: bytes) -> None:
        """A result without statusCode is sent as JSON with status 200."""
        response = parse_result(payload)
        assert (response.status, response.body) == (200, payload)
        assert response.fields == [("Content-Type", "application/json")]

    def test_an_object_as_body_becomes_json(self) -> None:
        """A body that is no string is encoded rather than refused."""
        assert parse_result(b'{"statusCode": 200, "body": {"a": 1}}').body == b'{"a": 1}'

    @pytest.mark.parametrize(
        "result",
        [
            b"\xff",
            b'{"statusCode": "x"}',
            b'{"statusCode": null}',
            b'{"statusCode": 99}',
            b'{"statusCode": 100}',
            b'{"statusCode": 200, "headers": []}',
            b'{"statusCode": 200, "headers": {"a b": "c"}}',
            b'{"statusCode": 200, "headers": {"": "c"}}',
            b'{"statusCode": 200, "cookies": "a=1"}',
            b'{"statusCode": 200, "isBase64Encoded": true, "body": "%"}',
        ],
    )
    def test_what_is_no_response(self, result: bytes) -> None:
        """A description that cannot be followed is an error, not a guess."""
        with pytest.raises(InvalidResponseError):
            parse_result(result)

    def test_a_header_cannot_bring_another(self) -> None:
        """Line breaks in a value do not begin a header of their own; framing is the server's business."""
        head = {"headers": {"X-A": "b\r\nX-Evil: 1", "Transfer-Encoding": "chunked", "content-length": "3"}}
        response = parse_prelude(json.dumps(head).encode())
        assert response.fields == [("X-A", "b X-Evil: 1"), ("Content-Type", "application/json")]


class TestOverHttp:
    """The same with a real function and a real client."""

    def send(self, http: requests.Session, emulator: Emulator, path: str, method: str = "GET", **options: Any) -> Any:
        """Sends a request to the function URL."""
        url = emulator.base_url + path
        return http.request(method, url, timeout=TIMEOUT_SECONDS, allow_redirects=False, **options)

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_any_method_and_path(self, emulator: Emulator, http: requests.Session, method: str) -> None:
        """All methods and paths but those of the Lambda API reach the function."""
        answer = self.send(http, emulator, "/a/b?c=d", method, headers={"Cookie": "e=f"})
        event = answer.json()
        assert (event["rawPath"], event["rawQueryString"], event["cookies"]) == ("/a/b", "c=d", ["e=f"])
        assert event["requestContext"]["http"]["method"] == method
        assert event["requestContext"]["requestId"] == answer.headers["X-Amzn-RequestId"]

    def test_head_has_no_body(self, emulator: Emulator, http: requests.Session) -> None:
        """HEAD is answered with the head alone, and the connection goes on to serve."""
        answer = self.send(http, emulator, "/plain", "HEAD")
        assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "11")
        assert self.send(http, emulator, "/plain").json() == "just text"

    def test_binary_both_ways(self, emulator: Emulator, http: requests.Session) -> None:
        """Bytes go through base64 and come back as they were."""
        answer = self.send(http, emulator, "/binary", "POST", data=PNG, headers={"Content-Type": "image/png"})
        assert (answer.content, answer.headers["Content-Type"]) == (PNG, "image/png")

    def test_cookies_and_redirects(self, emulator: Emulator, http: requests.Session) -> None:
        """Each cookie is a field of its own; a header beyond ASCII is sent as UTF-8, whatever its bytes."""
        answer = self.send(http, emulator, "/cookies")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/")
        assert answer.headers["X-Name"].encode("latin-1").decode() == "Zoë Å"
        assert answer.raw.headers.getlist("Set-Cookie") == ["a=1; Path=/", "b=2"]
        http.cookies.clear()

    def test_no_content(self, emulator: Emulator, http: requests.Session) -> None:
        """204 has neither body nor length, and the connection goes on to serve."""
        answer = self.send(http, emulator, "/empty")
        assert (answer.status_code, answer.content) == (204, b"")
        assert "Content-Length" not in answer.headers
        assert self.send(http, emulator, "/plain").status_code == 200

    @pytest.mark.parametrize("path", ["/raise", "/broken"])
    def test_a_function_that_fails_is_502(self, emulator: Emulator, http: requests.Session, path: str) -> None:
        """An error of the function, and a result that is no response, are a bad gateway without details."""
        answer = self.send(http, emulator, path)
        assert answer.status_code == 502
        assert answer.json()["Message"].startswith("Internal Server Error")
        assert "secret" not in answer.text
