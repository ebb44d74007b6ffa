"""Flask through apig-wsgi and serverless-wsgi."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.function_run import invocation

from .conftest import RunOnBoth
from .http_events import http_event
from .launch import LAUNCHES, Launch
from .running import Function


@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
@pytest.mark.parametrize("adapter", ["apig", "serverless"])
@pytest.mark.parametrize("source", ["apigw-v1", "apigw-v2", "alb"])
def test_requests(source: str, adapter: str, launch: Launch, run_on_both: RunOnBoth) -> None:
    """Paths, queries, bodies, cookies, binary bodies and unhandled errors come through as they are."""
    _, ours = run_on_both(
        launch,
        Function("wsgi", "wsgi", f"{adapter}.handler"),
        [
            invocation(http_event(source, "GET", "/orders/7"), 1),
            invocation(http_event(source, "POST", "/orders", {"name": "tëapot"}), 2),
            invocation(http_event(source, "GET", "/orders/404"), 3),
            invocation(http_event(source, "GET", "/picture"), 4),
            invocation(http_event(source, "GET", "/broken"), 5),
        ],
    )

    answers: list[dict[str, Any]] = [json.loads(post.body) for post in ours.posts("/response")]
    assert [answer["statusCode"] for answer in answers] == [200, 201, 404, 200, 500]
    read = json.loads(_body(answers[0]))
    assert (read["number"], read["query"]["name"], read["word"]) == (7, "Zoë", "é")
    assert json.loads(_body(answers[1])) == {"name": "tëapot"}
    assert _body(answers[3]) == b"\x89PNG\x00"
    assert "order 7" in ours.stdout + ours.stderr
    assert "no database" in ours.stdout + ours.stderr


def _body(answer: dict[str, Any]) -> bytes:
    body: str = answer["body"]
    return base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
