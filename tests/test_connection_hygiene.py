"""The connection and what is read from it: kept alive, left when in doubt, and never the source of a false event."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scripted_api import (
    ACCEPTED,
    NEXT,
    TIMEOUT_S,
    ScriptedApi,
    Step,
    answer,
    close,
    drip,
    error_path,
    event,
    flood,
    function,
    half_close,
    read,
    reset,
    response_path,
    run_until_complete,
    send,
    status,
    tell,
    wait_for,
    wait_for_close,
)

ECHO = """
def handler(event, context):
    print("run", context.aws_request_id, type(event).__name__)
    return event
"""
SERVED = (answer(ACCEPTED), read())
SERVED_AGAIN = (answer(event("2")), *SERVED)
HEAD = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\n"


class TestKeepAlive:
    """One connection serves everything, for as long as both sides want it."""

    def test_one_connection_for_everything(self, tmp_path: Path) -> None:
        """Many invocations, results and errors go over one connection."""
        source = """
        def handler(event, context):
            if context.aws_request_id == "3":
                raise ValueError
        """
        rounds = [step for number in range(20) for step in (answer(event(str(number))), answer(ACCEPTED))]
        _, api = run_until_complete(tmp_path, [[*rounds, read()]], source)
        assert {request.connection for request in api.requests} == {0}
        assert error_path("3") in api.paths
        assert len(api.requests) == 41

    @pytest.mark.parametrize("end", [[close()], [reset()], [half_close(), wait_for_close()]])
    def test_closed_while_the_handler_runs(self, tmp_path: Path, end: list[Step]) -> None:
        """A connection that the server closed while the handler ran is replaced; the handler does not run again."""
        source = """
        import pathlib, time
        def handler(event, context):
            print("run", context.aws_request_id)
            while context.aws_request_id == "1" and not pathlib.Path("closed").exists():
                time.sleep(0.005)
            return {}
        """
        note = touch(tmp_path / "closed")
        # A half-closed connection is only left by the client once it has seen that, so the note comes first there.
        steps = [*end, note] if len(end) == 1 else [end[0], note, end[1]]
        outcome, api = run_until_complete(
            tmp_path, [[answer(event("1")), *steps], [*SERVED[:1], *SERVED_AGAIN]], source
        )
        assert outcome.stdout == "run 1\nrun 2\n"
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]

    @pytest.mark.parametrize("end", [[close()], [reset()]])
    def test_closed_between_post_and_poll(self, tmp_path: Path, end: list[Step]) -> None:
        """A connection that is closed right behind the answer to a post costs nothing but a new one."""
        scripts = [[answer(event("1")), answer(ACCEPTED), *end], SERVED_AGAIN]
        outcome, _ = run_until_complete(tmp_path, scripts)
        assert outcome.stdout == ""

    @pytest.mark.parametrize("field", [b"Connection: close", b"connection: Close", b"Connection: x, close"])
    def test_announced_close(self, tmp_path: Path, field: bytes) -> None:
        """After Connection: close the client leaves by itself and goes on with a new connection."""
        scripts = [
            [answer(event("1", b"{}", field)), wait_for_close()],
            [answer(status(202, b"", field)), wait_for_close()],
            SERVED_AGAIN,
        ]
        outcome, _ = run_until_complete(tmp_path, scripts, ECHO)
        assert outcome.stdout == "run 1 dict\nrun 2 dict\n"

    def test_http_1_0(self, tmp_path: Path) -> None:
        """A server that speaks HTTP/1.0 is served with a connection for each call, with and without a length."""
        with_length = event("1").replace(b"HTTP/1.1", b"HTTP/1.0")
        without = b"HTTP/1.0 200 OK\r\nLambda-Runtime-Aws-Request-Id: 2\r\n\r\n[1, 2]"
        accepted = b"HTTP/1.0 202 Accepted\r\n\r\n"
        scripts = [[answer(data), close()] for data in (with_length, accepted, without, accepted)]
        outcome, api = run_until_complete(tmp_path, [*scripts, [read()]], ECHO)
        assert outcome.stdout == "run 1 dict\nrun 2 list\n"
        assert api.requests[3].body == b"[1, 2]"

    def test_http_1_0_keep_alive(self, tmp_path: Path) -> None:
        """HTTP/1.0 with keep-alive and a length keeps the connection."""
        accepted = b"HTTP/1.0 202 Accepted\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"
        kept = event("1", b"{}", b"Connection: Keep-Alive").replace(b"HTTP/1.1", b"HTTP/1.0")
        run_until_complete(tmp_path, [[answer(kept), answer(accepted), read()]])


class TestReading:
    """Answers in every form that means the same."""

    @pytest.mark.parametrize(
        "data",
        [
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\n[1, \r\n2;x=y\r\n2]\r\n0\r\nTrailer: x\r\n\r\n",
            HEAD + b"Content-Length: 6\r\n\r\n[1, 2]",
            HEAD.replace(b"\r\n", b"\n") + b"Content-Length: 6\n\n[1, 2]",
            b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 6\r\n\r\n[1, 2]",
            b"HTTP/1.1 103 Early Hints\r\nLambda-Runtime-Aws-Request-Id: 9\r\nContent-Length: 7\r\n\r\n" * 2
            + HEAD
            + b"Content-Length: 6\r\n\r\n[1, 2]",
            HEAD.replace(b": 1", b":\t\r\n  1") + b"Content-Length: 6\r\n\r\n[1, 2]",
        ],
        ids=["chunked", "length", "bare-lf", "continue", "early-hints", "folded"],
    )
    @pytest.mark.parametrize("how", [send, drip])
    def test_forms(self, tmp_path: Path, data: bytes, how: Callable[[bytes], Step]) -> None:
        """Chunks, interim answers, folded lines and bare line feeds are understood, whole and byte by byte."""
        _, api = run_until_complete(tmp_path, [[read(), how(data), *SERVED]])
        assert api.paths == [NEXT, response_path("1"), NEXT]
        assert api.requests[1].body == b"[1, 2]"
        assert {request.connection for request in api.requests} == {0}

    def test_until_close(self, tmp_path: Path) -> None:
        """Without a length the body reaches to the end of the connection."""
        data = HEAD + b"\r\n" + json.dumps("x" * 300_000).encode()
        _, api = run_until_complete(tmp_path, [[answer(data), close()], SERVED])
        assert len(api.requests[1].body) == 300_002

    def test_large_event(self, tmp_path: Path) -> None:
        """6 MB in and out arrive unchanged."""
        body = json.dumps("é" * 1_000_000).encode()
        _, api = run_until_complete(tmp_path, [[answer(event("1", body)), *SERVED]])
        assert api.requests[1].body == body

    @pytest.mark.parametrize(
        ("content_type", "kind"),
        [
            (None, "dict"),
            (b"", "dict"),
            (b" \t", "dict"),
            (b"application/json", "dict"),
            (b"application/json; charset=utf-8", "dict"),
            (b"application/json;charset=utf-8", "dict"),
            (b"Application/JSON", "dict"),
            (b"APPLICATION/JSON ;x", "dict"),
            (b"application/octet-stream", "bytes"),
            (b"text/plain; charset=utf-8", "bytes"),
            (b"application/json+x", "bytes"),
            (b"application/jsonl", "bytes"),
            (b"\xff", "bytes"),
        ],
    )
    def test_content_types(self, tmp_path: Path, content_type: bytes | None, kind: str) -> None:
        """JSON is decoded however it is announced, and when nothing is; any other media type gives bytes."""
        script = [answer(event("1", b"{}", content_type=content_type)), *SERVED]
        outcome, api = run_until_complete(tmp_path, [script], ECHO)
        assert outcome.stdout == f"run 1 {kind}\n"
        assert api.requests[1].body == b"{}"
        assert api.requests[1].headers["content-type"] == (
            "application/json" if kind == "dict" else "application/unknown"
        )


class TestRefused:
    """Answers that no event may be taken from."""

    @pytest.mark.parametrize(
        "request_id",
        [
            b"",
            b" ",
            b".",
            b"..",
            b"a/b",
            b"../../init/error",
            b"a\\b",
            b"a%2e%2e",
            b"%0d%0aX:y",
            b"a b",
            b"a\tb",
            b"a?b",
            b"a#b",
            b"a\r\n b",
            b"a\r\nLambda-Runtime-Aws-Request-Id: b",
            b"a\rX-Injected: y",
            b"\xc3\xa9",
            b"\xff",
            b"\x00",
            b"\x7f",
            None,
        ],
    )
    def test_request_ids(self, tmp_path: Path, request_id: bytes | None) -> None:
        """A request id that could change a path or a header, or none, never reaches the handler nor the wire."""
        line = b"" if request_id is None else b"Lambda-Runtime-Aws-Request-Id: " + request_id + b"\r\n"
        bad = answer(b"HTTP/1.1 200 OK\r\n" + line + b"Content-Length: 2\r\n\r\n{}")
        closes = request_id is not None and any(byte in request_id.replace(b"\r\n", b"") for byte in b"\r\0")
        scripts = [[bad, wait_for_close()], SERVED_AGAIN] if closes else [[bad, *SERVED_AGAIN]]
        outcome, api = run_until_complete(tmp_path, scripts, ECHO)
        assert outcome.stdout == "run 2 dict\n"
        assert api.paths == [NEXT, NEXT, response_path("2"), NEXT]

    @pytest.mark.parametrize(
        "data",
        [
            HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
            HEAD + b"Content-Length: 2, 3\r\n\r\n{} ",
            HEAD + b"Content-Length: -2\r\n\r\n{}",
            HEAD + b"Content-Length: 2x\r\n\r\n{}",
            HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}garbage\r\n0\r\n\r\n",
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\n{}\r\n0\r\n\r\n",
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n",
            HEAD + b"no field at all\r\nContent-Length: 2\r\n\r\n{}",
            HEAD + b"Blank : x\r\nContent-Length: 2\r\n\r\n{}",
            HEAD.replace(b"OK\r\n", b"OK\r\n folded\r\n") + b"Content-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 100 Continue\r\nTransfer-Encoding: x\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\n{}",
        ],
    )
    def test_contradictions(self, tmp_path: Path, data: bytes) -> None:
        """An answer that can be read in two ways is discarded with its connection, and the handler does not run."""
        outcome, _ = run_until_complete(tmp_path, [[answer(data), wait_for_close()], SERVED_AGAIN], ECHO)
        assert outcome.stdout == "run 2 dict\n"

    @pytest.mark.parametrize("line", [b"x", b"X-Field: 0123456789\r\n", b"HTTP/1.1 100 Continue\r\nX: y\r\n"])
    def test_endless_head(self, tmp_path: Path, line: bytes) -> None:
        """A head that does not end is given up after about a mebibyte."""
        amounts: list[int] = []
        outcome, _ = run_until_complete(
            tmp_path, [[read(), flood(b"HTTP/1.1 200 OK\r\n", line, amounts)], SERVED_AGAIN], ECHO
        )
        assert outcome.stdout == "run 2 dict\n"
        # What the kernel's buffers of both sides hold comes on top.
        assert 1_000_000 < amounts[0] < 20_000_000

    def test_endless_interim_answers(self, tmp_path: Path) -> None:
        """An answer that never comes, behind interim ones without end, is given up."""
        interim = flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n", [])
        outcome, _ = run_until_complete(tmp_path, [[read(), interim], SERVED_AGAIN], ECHO)
        assert outcome.stdout == "run 2 dict\n"

    def test_announced_length_is_not_allocated(self, tmp_path: Path) -> None:
        """A length of petabytes takes no memory; when the connection ends early the answer is discarded."""
        source = """
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (300_000_000, 300_000_000))
        def handler(event, context):
            print("run", context.aws_request_id)
        """
        lie = HEAD + b"Content-Length: 999999999999999\r\n\r\n{}"
        outcome, _ = run_until_complete(tmp_path, [[answer(lie), close()], SERVED_AGAIN], source)
        assert outcome.stdout == "run 2\n"

    def test_bytes_behind_the_body(self, tmp_path: Path) -> None:
        """A second answer in the same segment as the first is not taken for the answer to the post or the next poll."""
        stray = event("666", b'"stray"')
        scripts = [
            [answer(event("1") + stray), wait_for_close()],
            [answer(ACCEPTED + stray), wait_for_close()],
            SERVED_AGAIN,
        ]
        outcome, api = run_until_complete(tmp_path, scripts, ECHO)
        assert outcome.stdout == "run 1 dict\nrun 2 dict\n"
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]

    def test_bytes_that_come_later(self, tmp_path: Path) -> None:
        """Bytes that arrive while the handler runs are not taken for the answer to its result."""
        source = """
        import pathlib, time
        def handler(event, context):
            while not pathlib.Path("sent").exists():
                time.sleep(0.005)
            return context.aws_request_id
        """
        stray = [send(status(500)), touch(tmp_path / "sent"), wait_for_close()]
        _, api = run_until_complete(tmp_path, [[answer(event("1")), *stray], [*SERVED[:1], *SERVED_AGAIN]], source)
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]
        assert api.requests[3].body == b'"2"'

    def test_interim_headers_belong_to_the_interim_answer(self, tmp_path: Path) -> None:
        """A request id in an interim answer names no invocation."""
        hints = b"HTTP/1.1 103 Early Hints\r\nLambda-Runtime-Aws-Request-Id: 9\r\n\r\n"
        bad = answer(hints + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        outcome, _ = run_until_complete(tmp_path, [[bad, *SERVED_AGAIN]], ECHO)
        assert outcome.stdout == "run 2 dict\n"


class TestOddHeaders:
    """Headers that say something strange about an invocation which is otherwise in order."""

    @pytest.mark.parametrize(
        "field",
        [
            b"Lambda-Runtime-Deadline-Ms: soon",
            b"Lambda-Runtime-Client-Context: {",
            b"Lambda-Runtime-Client-Context: \xff\xfe",
            b'Lambda-Runtime-Client-Context: "text"',
            b"Lambda-Runtime-Client-Context: [1]",
            b'Lambda-Runtime-Client-Context: {"client": 5}',
            b'Lambda-Runtime-Client-Context: {"client": ["a"]}',
            b"Lambda-Runtime-Client-Context: " + b"[" * 100_000,
            b"Lambda-Runtime-Cognito-Identity: nonsense",
            b"Lambda-Runtime-Cognito-Identity: 7",
        ],
    )
    def test_cost_only_their_own_invocation(self, tmp_path: Path, field: bytes) -> None:
        """A context that cannot be read is reported as the error of its invocation, and the next one is served."""
        name = field.partition(b":")[0]
        odd = event("1", b"{}", field)
        if name == b"Lambda-Runtime-Deadline-Ms":
            odd = event("1").replace(name + b": 4102444800000", field)
        outcome, api = run_until_complete(tmp_path, [[answer(odd), answer(ACCEPTED), *SERVED_AGAIN]], ECHO)
        assert api.paths == [NEXT, error_path("1"), NEXT, response_path("2"), NEXT]
        assert json.loads(api.requests[1].body)["errorType"] == "Runtime.LambdaContextUnmarshalError"
        assert outcome.stdout.endswith("run 2 dict\n")

    @pytest.mark.parametrize(
        "fields",
        [
            [b"Lambda-Runtime-Trace-Id: Root=\xff\xfe"],
            [b"Lambda-Runtime-Aws-Tenant-Id: \xc3\xa9\xff"],
            [b"Lambda-Runtime-Invoked-Function-Arn: \xff"],
            [b"Lambda-Runtime-Client-Context: null"],
            [b'Lambda-Runtime-Client-Context: {"w3c": 1, "custom": 2, "env": null}'],
            [b'Lambda-Runtime-Client-Context: {"custom": "\xff"}'],
            [b"X-Unknown: \xff"],
            [b"X-Many: y"] * 1000,
            [b"Lambda-Runtime-Trace-Id: " + b"x" * 100_000],
        ],
        ids=["trace", "tenant", "arn", "null", "types", "utf-8", "unknown", "many", "long"],
    )
    def test_harmless(self, tmp_path: Path, fields: list[bytes]) -> None:
        """Strange values that nobody needs to understand do not disturb the invocation."""
        script = [answer(event("1", b"{}", *fields)), answer(ACCEPTED), *SERVED_AGAIN]
        outcome, _ = run_until_complete(tmp_path, [script], ECHO)
        assert outcome.stdout == "run 1 dict\nrun 2 dict\n"

    @pytest.mark.parametrize("deadline", [b"-5", b"1.5", b"1e3", b"9" * 30, b"0x10", b"1_0", b"\xc2\xb2", b"NaN"])
    def test_deadlines(self, tmp_path: Path, deadline: bytes) -> None:
        """A deadline that is no number of milliseconds ends at most its own invocation."""
        odd = event("1").replace(b": 4102444800000", b": " + deadline)
        source = """
        def handler(event, context):
            print("run", context.aws_request_id)
            return context.get_remaining_time_in_millis()
        """
        outcome, api = run_until_complete(tmp_path, [[answer(odd), answer(ACCEPTED), *SERVED_AGAIN]], source)
        assert api.paths in ([NEXT, path("1"), NEXT, response_path("2"), NEXT] for path in (response_path, error_path))
        assert outcome.stdout.endswith("run 2\n")

    @pytest.mark.parametrize("value", [b"a\xe9b", b"a\x10b", b"\x7f", b"a\tb"])
    def test_invocation_id_cannot_inject(self, tmp_path: Path, value: bytes) -> None:
        """An invocation id that is no legal header is not echoed; the answer goes out without it."""
        odd = event("1", b"{}", b"Lambda-Runtime-Invocation-Id: " + value)
        _, api = run_until_complete(tmp_path, [[answer(odd), answer(ACCEPTED), *SERVED_AGAIN]], ECHO)
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]
        assert "lambda-runtime-invocation-id" not in api.requests[1].headers


def test_options_of_the_socket(tmp_path: Path) -> None:
    """Small requests go out at once, waiting has no time-out, and programs that a handler starts do not inherit it."""
    source = """
    import os, socket, stat
    def handler(event, context):
        options = []
        for name in os.listdir("/proc/self/fd"):
            try:
                is_socket = stat.S_ISSOCK(os.stat(f"/proc/self/fd/{name}").st_mode)
            except OSError:
                continue
            if is_socket:
                with socket.socket(fileno=os.dup(int(name))) as copy:
                    if copy.family == socket.AF_INET:
                        no_delay = copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                        options.append([no_delay != 0, os.get_blocking(int(name)), os.get_inheritable(int(name))])
        return options
    """
    _, api = run_until_complete(tmp_path, [[answer(event("1")), *SERVED]], source)
    assert api.requests[1].body == b"[[true, true, false]]"


def test_wait_outlasts_a_default_timeout(tmp_path: Path) -> None:
    """However short a time-out user code sets for all sockets, the wait for the next invocation has none."""
    source = """
    import socket
    socket.setdefaulttimeout(0.01)
    def handler(event, context):
        return event
    """
    is_polled, is_overdue = threading.Event(), threading.Event()
    script = [read(), tell(is_polled), wait_for(is_overdue), send(event("1")), *SERVED]
    with ScriptedApi(script).listen() as api, function(api, tmp_path, source) as running:
        assert is_polled.wait(TIMEOUT_S)
        is_overdue.wait(0.3)  # thirty time-outs long, in which nothing may happen
        is_overdue.set()
        running.stop_when_complete()
        assert api.paths == [NEXT, response_path("1"), NEXT]


def touch(path: Path) -> Step:
    """Makes a file which the handler waits for."""
    return lambda peer: path.touch()
