"""examples/streaming through ``ric dev``: read with curl, with requests, and by its page in a real browser."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
import requests

from tests.cli_run import Running, running
from tests.image import REPOSITORY
from tests.local_server import TIMEOUT_SECONDS
from tests.test_browser import CHROMIUM, visit
from tests.test_cli_dev import url_of

EXAMPLE = REPOSITORY / "examples" / "streaming"
CURL = shutil.which("curl")
ANSWER = "You said 'hi'. Each of these words was sent on its own, as soon as it was there. "
# Words are 0.15 s apart; a busy machine may see some of them together, but not most.
SEVERAL = len(ANSWER.split()) // 2


@pytest.fixture
def command() -> Iterator[Running]:
    """``ric dev`` with the example."""
    with running(["dev", "app.handler", "--port", "0"], EXAMPLE) as command:
        yield command


def count_reads(descriptor: int) -> tuple[int, bytes]:
    """Returns how often something came from a pipe, and all of it."""
    count, text = 0, b""
    while data := os.read(descriptor, 65536):
        count += 1
        text += data
    return count, text


@pytest.mark.skipif(CURL is None, reason="there is no curl on the path")
def test_curl_sees_words_one_by_one(command: Running) -> None:
    """``curl -N`` writes each word when it comes, not all at the end."""
    url = f"{url_of(command)}/chat?message=hi"
    with subprocess.Popen([str(CURL), "-sN", "--noproxy", "*", url], stdout=subprocess.PIPE) as curl:
        assert curl.stdout is not None
        reads, text = count_reads(curl.stdout.fileno())
    assert (curl.returncode, text.decode()) == (0, ANSWER)
    assert reads >= SEVERAL
    command.wait_for("finished answering 'hi'")


def test_requests_sees_words_one_by_one(command: Running) -> None:
    """A program that reads the response as it comes gets the words as they come."""
    with requests.Session() as session:
        session.trust_env = False
        url = f"{url_of(command)}/chat"
        with session.get(url, params={"message": "hi"}, stream=True, timeout=TIMEOUT_SECONDS) as response:
            assert response.headers["content-type"] == "text/plain; charset=utf-8"
            parts = list(response.iter_content(None))
    assert b"".join(parts).decode() == ANSWER
    assert len(parts) >= SEVERAL


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the path")
def test_the_page_shows_words_one_by_one(command: Running) -> None:
    """The page puts each part that it reads into an element of its own, and there are many."""
    page = visit(url_of(command))
    assert 'data-complete="yes"' in page
    parts = re.findall(r"<span>(.*?)</span>", page)
    assert "".join(parts) == ANSWER.replace("'hi'", "'hello'")
    assert len(parts) >= SEVERAL
