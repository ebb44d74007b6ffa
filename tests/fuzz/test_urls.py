"""Function URLs: what functions return and what callers send, in forms that nobody meant."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import event, example, given
from hypothesis import strategies as st

from tests.fuzz.checks_url import check_event, check_result
from tests.fuzz.messages import NAME_CHARACTERS, odd
from tests.fuzz.test_invocations import JSON

NAMES = odd(
    st.sampled_from(("Content-Type", "X-A", "x-a", "Set-Cookie")),
    ("Content-Length", "transfer-encoding", "Connection", "Date", "", "a b", "a:", "\r\nX", "\u00e9"),
)
DEEP = b'{"statusCode": 200, "headers": {"X": ' + b"[" * 990 + b"]" * 990 + b"}}"


@st.composite
def results(draw: st.DrawFn) -> dict[str, Any]:
    """Draws a function's result, with values of any type in the places that are looked at."""
    return draw(
        st.fixed_dictionaries(
            {"statusCode": odd(st.sampled_from((200, 404)), (204, 304, "201", 99, 600, 1e3, True, None, [], "x"))},
            optional={
                "headers": odd(st.dictionaries(NAMES, st.one_of(st.text(max_size=5), JSON), max_size=3), (None, 1, [])),
                "cookies": odd(st.lists(st.text(max_size=5), max_size=2), (None, 1, {}, [{}])),
                "body": st.one_of(st.text(max_size=10), JSON),
                "isBase64Encoded": st.booleans(),
            },
        )
    )


@given(
    st.one_of(results().map(lambda result: json.dumps(result).encode()), st.binary(max_size=20)),
    st.lists(st.binary(max_size=10), max_size=3),
    st.sampled_from((b"GET", b"HEAD")),
    st.sampled_from((b"1.1", b"1.0")),
)
@example('{"statusCode": 200, "headers": {"X": "\u00c5\\u0085\\u001c\\r\\nY: z"}}'.encode(), [], b"GET", b"1.1")
@example(DEEP, [b"x"], b"GET", b"1.1")
@example(b'{"statusCode": 200, "body": ' + b"[" * 990 + b"]" * 990 + b"}", [], b"GET", b"1.1")
def test_results_are_responses(payload: bytes, chunks: list[bytes], method: bytes, version: bytes) -> None:
    """A result is sent with its status, its fields and its body, or refused; it brings no field of its own along."""
    event(check_result(payload, chunks, method=method, version=version))


@given(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF), max_size=20),
    st.lists(st.tuples(st.text(NAME_CHARACTERS, min_size=1, max_size=5), st.text(max_size=5)), max_size=4),
    st.binary(max_size=20),
)
def test_requests_are_events(target: str, fields: list[tuple[str, str]], body: bytes) -> None:
    """Any target, any fields and any body make an event."""
    check_event("/" + target, fields, body)
