"""mangum with FastAPI: the handler is an object, it runs an event loop of its own for each invocation."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.function_run import invocation

from .conftest import RunOnBoth
from .http_events import SOURCES, http_event
from .launch import LAUNCHES, MODULE, Launch
from .running import Function

FUNCTION = Function("asgi", "asgi")


@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
@pytest.mark.parametrize("source", SOURCES)
def test_requests(source: str, launch: Launch, run_on_both: RunOnBoth) -> None:
    """Paths, queries, bodies, cookies, binary bodies, validation and unhandled errors come through as they are."""
    _, ours = run_on_both(
        launch,
        FUNCTION,
        [
            invocation(http_event(source, "GET", "/orders/7"), 1),
            invocation(http_event(source, "POST", "/orders", {"name": "tëapot"}), 2),
            invocation(http_event(source, "POST", "/orders", {"count": "many"}), 3),
            invocation(http_event(source, "GET", "/orders/404"), 4),
            invocation(http_event(source, "GET", "/picture"), 5),
            invocation(http_event(source, "GET", "/broken"), 6),
            invocation({"no": "http"}, 7),
        ],
    )

    answers: list[dict[str, Any]] = [json.loads(post.body) for post in ours.posts("/response")]
    assert [answer["statusCode"] for answer in answers] == [200, 200, 422, 404, 200, 500]
    read = json.loads(answers[0]["body"])
    assert (read["number"], read["request_id"], read["é"]) == (7, "request-1", "ü")
    assert json.loads(answers[1]["body"]) == {"name": "tëapot", "count": 1}
    assert answers[4]["isBase64Encoded"]
    assert base64.b64decode(answers[4]["body"]) == b"\x89PNG\x00"
    assert [json.loads(post.body)["errorType"] for post in ours.posts("/error")] == ["RuntimeError"]
    assert "order 7" in ours.stdout
    assert "no database" in ours.stdout + ours.stderr


@pytest.mark.parametrize("source", SOURCES)
def test_what_the_documentation_shows(source: str, run_on_both: RunOnBoth) -> None:
    """The application of docs/how-to/web-frameworks.md answers, and what it would stream comes in one piece."""
    function = Function("asgi", "asgi", "shop.handler")
    events = [http_event(source, "GET", path) for path in ("/orders/7", "/words")]
    script = [invocation(event, number) for number, event in enumerate(events, 1)]
    _, ours = run_on_both(MODULE, function, script)

    answers: list[dict[str, Any]] = [json.loads(post.body) for post in ours.posts("/response")]
    assert json.loads(answers[0]["body"])["number"] == 7
    assert answers[1]["body"] == "one by one"
