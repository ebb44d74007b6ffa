"""Events and headers that are hostile, from ``/next`` to the answer: none lost, none doubled, nothing else happens."""

from __future__ import annotations

import json

from hypothesis import event, example, given
from hypothesis import strategies as st

from tests.fuzz.checks_invocations import check_invocation, echo, fail
from tests.fuzz.messages import broken

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)
ODD_JSON = (
    b"",
    b"\xef\xbb\xbf{}",
    b"{",
    b"nul",
    b'"\\ud800"',
    b'"\xed\xa0\x80"',
    b'"\xff"',
    b"1e999",
    b"9" * 5000,
    b"[" * 2000 + b"]" * 2000,
    b'{"a": 1, "a": 2}',
    b'"\\u2028\\u0085\\n"',
    b"-Infinity",
    b"{}\r",
)
TEXT = st.one_of(st.sampled_from((b"", b"x", b"\xff", b"null", b"[]", b'""', b"{}")), st.binary(max_size=10))


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Draws JSON, or what is nearly that."""
    if draw(st.sampled_from((True, False, False))):
        return draw(st.sampled_from(ODD_JSON))
    return json.dumps(draw(JSON), ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


@st.composite
def client_contexts(draw: st.DrawFn) -> bytes:
    """Draws a client context with values of any type in the places that the runtime looks at."""
    names = st.sampled_from(("client", "custom", "env", "w3c", "traceparent", "installation_id", "x"))
    return json.dumps(draw(st.dictionaries(names, st.one_of(JSON, st.dictionaries(names, JSON)), max_size=4))).encode()


@st.composite
def events(draw: st.DrawFn) -> bytes:
    """Draws an answer to ``/next`` with odd values in its fields and its body."""
    fields = [
        (b"Lambda-Runtime-Aws-Request-Id", st.sampled_from((b"1", b"8476a536-e9f4-11e8", b"a/b", b"..", b""))),
        (b"Lambda-Runtime-Deadline-Ms", st.sampled_from((b"4102444800000", b"0", b"-1", b"soon", b"9" * 25))),
        (b"Lambda-Runtime-Invoked-Function-Arn", TEXT),
        (b"Lambda-Runtime-Trace-Id", TEXT),
        (b"Lambda-Runtime-Client-Context", st.one_of(client_contexts(), TEXT)),
        (b"Lambda-Runtime-Cognito-Identity", st.one_of(documents(), TEXT)),
        (b"Lambda-Runtime-Aws-Tenant-Id", TEXT),
        (b"Lambda-Runtime-Invocation-Id", TEXT),
        (b"Content-Type", st.sampled_from((b"application/json", b"", b"text/plain", b"Application/JSON; x", b"\xff"))),
    ]
    first, second, *optional = fields
    chosen = [first, second, *draw(st.lists(st.sampled_from(optional), max_size=3, unique_by=lambda field: field[0]))]
    body = draw(documents())
    lines = [name + b": " + draw(value).translate(None, b"\r\n\0") for name, value in chosen]
    return b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"Content-Length: %d" % len(body), b"", body])


HEAD = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\n"


@given(events(), st.sampled_from((echo, fail)))
@example(HEAD + b"\r\n" + b"[" * 2000, echo)
@example(HEAD + b'\r\n{"a": "\\n\\u0085\\u2028[ERROR]"}', fail)
def test_each_invocation_is_answered_once(data: bytes, handler: object) -> None:
    """Result or error document, at its own path, and one record in the log if it failed."""
    event(check_invocation(data, handler))  # type: ignore[arg-type]


@given(broken(events()))
@example(HEAD + b"Lambda-Runtime-Invocation-Id: a\x10b\r\nContent-Length: 2\r\n\r\n{}")
def test_broken_answers_to_next(data: bytes) -> None:
    """What was damaged on the way is refused, or answered as what it has become."""
    event(check_invocation(data, echo))
