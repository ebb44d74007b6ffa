"""A real browser against the emulator: pages of the function work, pages of others cannot run it."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ric.local import Emulator, InvocationStart
from tests.emulator_running import Recorder
from tests.local_server import clean_environment

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# The last ones keep it from calling home, where a closed network would make it wait.
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--virtual-time-budget=5000", "--dump-dom"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"),
)
TIMEOUT_S = 60

FUNCTION = """
def handler(event, context):
    if event["rawPath"] == "/greeting":
        return {"method": event["requestContext"]["http"]["method"], "cookies": event.get("cookies")}
    return {
        "statusCode": 200,
        "headers": {"content-type": "text/html; charset=utf-8"},
        "cookies": ["visitor=1"],
        "body": "<h1>Gr\u00fcezi</h1><p id=out></p><script>fetch('/greeting', {method: 'POST', body: 'x'})"
        ".then(answer => answer.text()).then(text => out.textContent = text)</script>",
    }
"""
FOREIGN_PAGE = """<p id=out></p><img src="%(url)s/image"><script>
const send = (path, options) => fetch("%(url)s" + path, {mode: "no-cors", ...options});
Promise.allSettled([send("/2015-03-31/functions/function/invocations", {method: "POST", body: "{}"}), send("/page")])
  .then(() => out.textContent = "tried everything")
</script>"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the path")


@pytest.fixture
def recorder() -> Recorder:
    """Hears of every invocation."""
    return Recorder()


@pytest.fixture
def url(tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the function is served."""
    (tmp_path / "app.py").write_text(FUNCTION, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-m", "ric", "app.handler"]
    with Emulator(command, handler="app.handler", env=clean_environment(), observer=recorder) as emulator:
        yield emulator.base_url


def visit(url: str) -> str:
    """Returns the page as it is once its scripts have run."""
    with tempfile.TemporaryDirectory() as profile:
        command = [str(CHROMIUM), *OPTIONS, f"--user-data-dir={profile}", url]
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True).stdout


def test_a_page_of_the_function(url: str) -> None:
    """The function URL serves a page, its cookie comes back, and its own script may call the function."""
    page = visit(f"{url}/page")
    assert "<h1>Gr\u00fcezi</h1>" in page
    assert '{"method": "POST", "cookies": ["visitor=1"]}' in page


def test_a_page_from_elsewhere(url: str, recorder: Recorder, tmp_path: Path) -> None:
    """A page of another origin, open in the same browser, cannot run the function by any kind of request."""
    (tmp_path / "foreign.html").write_text(FOREIGN_PAGE % {"url": url})
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = visit(f"http://127.0.0.1:{server.server_port}/foreign.html")
        server.shutdown()
    assert "tried everything" in page
    assert recorder.of(InvocationStart) == []
