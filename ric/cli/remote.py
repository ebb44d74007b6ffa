"""``ric invoke --url``: one invocation of a function that something else serves.

Understood are the Invoke API, which ``ric dev``, AWS's emulator in images and ``sam local start-lambda`` offer, and
function URLs, real or local. Which one it is the URL says: without a path it is the Invoke API, unless the host is one
that Lambda gives to function URLs.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import requests

from ric.cli.exit_codes import FUNCTION_ERROR, NOT_INVOKED
from ric.cli.failure import CommandError
from ric.cli.invoke import describe_error
from ric.cli.output import ResultOutput, say
from ric.local.invoke.invoke_listener import INVOKE_PATH, INVOKE_PATHS
from ric.local.json_documents import JSON_TYPE, parse_object

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_TIMEOUT_SECONDS = 900.0
"""As long as Lambda lets any function run."""

_CONNECT_TIMEOUT_SECONDS = 10.0
_STREAM_PATHS = re.compile(r"/2021-11-15/functions/")
_FUNCTION_URL_HOST = re.compile(r"[a-z0-9]+\.lambda-url\.[a-z0-9-]+\.on\.aws")
# Error documents are shorter: Lambda crops them.
_MAX_ERROR_BYTES = 256 * 1024
_ERROR_KEYS = {"errorMessage", "errorType", "requestId", "stackTrace", "trace", "cause", "notes", "causesLeftOut"}
_TIMEOUT_TEXT = re.compile(rb".*Task timed out after [0-9.]+ seconds\s*", re.DOTALL)


def complete_url(url: str) -> str:
    """Returns the URL to post to.

    Args:
        url: What the user gave; without a path it is that of an endpoint of the Invoke API.

    Raises:
        CommandError: It is not a URL that can be posted to.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise CommandError(f"{url!r} is not a URL to invoke; write it like http://127.0.0.1:8080")
    if _STREAM_PATHS.match(parts.path):
        raise CommandError("--url takes no response-streaming-invocations; use the function URL to see a stream")
    if parts.path in ("", "/") and not _FUNCTION_URL_HOST.fullmatch(parts.hostname or ""):
        parts = parts._replace(path=INVOKE_PATH)
    return urlunsplit(parts)


def invoke_there(url: str, event: bytes, client_context: str | None, timeout_s: float | None) -> int:
    """Posts the event, and writes the answer to standard output as it comes.

    Args:
        url: Where to.
        event: JSON.
        client_context: A JSON object, or None.
        timeout_s: How long to wait for the next bytes of the answer; None for as long as Lambda could take.

    Returns:
        The exit code.

    Raises:
        CommandError: There is no answer, or it is a refusal.
    """
    target = complete_url(url)
    headers = {"Content-Type": JSON_TYPE}
    if client_context is not None:
        headers["X-Amz-Client-Context"] = base64.b64encode(client_context.encode()).decode()
    patience_s = DEFAULT_TIMEOUT_SECONDS if timeout_s is None else timeout_s
    with requests.Session() as session:
        # A proxy of the environment has no business between two processes of one machine.
        session.trust_env = not _is_this_machine(urlsplit(target).hostname or "")
        try:
            response = session.post(
                target, data=event, headers=headers, stream=True, timeout=(_CONNECT_TIMEOUT_SECONDS, patience_s)
            )
            with response:
                if INVOKE_PATHS.fullmatch(urlsplit(target).path):
                    return _deliver_invocation(target, response)
                return _deliver_page(target, response)
        except requests.Timeout:
            advice = "raise --timeout if it needs longer" if timeout_s is not None else "is the function stuck?"
            raise CommandError(f"{target} did not answer in {patience_s:g} s; {advice}", NOT_INVOKED) from None
        except requests.ConnectionError:
            advice = "start one with ric dev HANDLER, or correct --url"
            raise CommandError(f"nothing answers at {target}; {advice}", NOT_INVOKED) from None
        except requests.RequestException as error:
            raise CommandError(f"{target} could not be invoked: {error}", NOT_INVOKED) from None


def _deliver_invocation(url: str, response: requests.Response) -> int:
    if response.status_code >= 400:
        raise CommandError(f"{url} refused: {_describe_refusal(response)}", NOT_INVOKED)
    beginning = _write(response)
    failed = response.headers.get("X-Amz-Function-Error") is not None
    # AWS's emulator does not flag errors, so its answers have to be recognised.
    if failed or _looks_like_error(beginning):
        say(f"the function failed: {describe_error(beginning)}")
        return FUNCTION_ERROR
    return 0


def _deliver_page(url: str, response: requests.Response) -> int:
    _write(response)
    if response.status_code >= 400:
        say(f"{url} answered {response.status_code} {response.reason or ''}")
        return FUNCTION_ERROR
    return 0


def _write(response: requests.Response) -> bytes:
    """Passes the body on, and returns its beginning."""
    output = ResultOutput()
    beginning = b""
    for block in _blocks(response):
        output.write(block)
        if len(beginning) <= _MAX_ERROR_BYTES:
            beginning += block
    output.finish()
    return beginning


def _blocks(response: requests.Response) -> Iterator[bytes]:
    # None: whatever has arrived, rather than a full buffer. A body of known length would then come in one piece.
    is_chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
    yield from response.iter_content(chunk_size=None if is_chunked else 64 * 1024)


def _looks_like_error(body: bytes) -> bool:
    if len(body) > _MAX_ERROR_BYTES:
        return False
    document = parse_object(body)
    if document is None:
        return bool(_TIMEOUT_TEXT.fullmatch(body))
    return "errorMessage" in document and document.keys() <= _ERROR_KEYS


def _describe_refusal(response: requests.Response) -> str:
    kind = response.headers.get("x-amzn-errortype", "").partition(":")[0]
    document = parse_object(response.content)
    told = response.text[:500] if document is None else document.get("Message") or document.get("message")
    message = told if isinstance(told, str) else ""
    status = f"{response.status_code} {response.reason or ''}".strip()
    return ": ".join(part for part in (status, kind, message) if part)


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
