"""A chat that answers word by word, as a language model would, with a page that shows the words as they come.

``ric dev app.handler`` in this directory serves it: ``/`` is the page, ``/chat?message=...`` the answer, as in
``curl -N 'http://127.0.0.1:8080/chat?message=hello'``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from ric import StreamingResponse

PAGE = Path(__file__).with_name("page.html")
WORDS = "You said {message!r}. Each of these words was sent on its own, as soon as it was there."
SECONDS_PER_WORD = 0.15


async def answer(message: str) -> AsyncIterator[str]:
    """Yields an answer, word by word; put the stream of a real model here."""
    try:
        for word in WORDS.format(message=message).split():
            await asyncio.sleep(SECONDS_PER_WORD)
            yield f"{word} "
    finally:
        # Also when the caller's connection is lost, or the environment ends: the place to close the model's stream.
        print(f"finished answering {message!r}")  # noqa: T201 - the function's log


async def handler(event: dict[str, Any], context: Any) -> StreamingResponse:
    """Answers a function URL.

    Args:
        event: A request in API Gateway's payload format 2.0.
        context: What Lambda knows of the invocation.
    """
    if event["rawPath"] != "/chat":
        return StreamingResponse(PAGE.open("rb"), headers={"content-type": "text/html; charset=utf-8"})
    message = event.get("queryStringParameters", {}).get("message", "")
    return StreamingResponse(answer(message), headers={"content-type": "text/plain; charset=utf-8"})
