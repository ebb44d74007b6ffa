"""Streamed responses as bytes: what each kind of handler sends, when, and what happens when the server objects."""

from __future__ import annotations

import base64
import json
import os
import re
import threading
import time
from pathlib import Path

import pytest

from tests.scripted_api import (
    ACCEPTED,
    NEXT,
    TIMEOUT_S,
    Request,
    ScriptedApi,
    Step,
    answer,
    answer_stream,
    close,
    error_path,
    event,
    function,
    read,
    read_head,
    read_until,
    reset,
    response_path,
    run_until_complete,
    send,
    skim_stream,
    status,
    tell,
    wait_for,
    wait_for_close,
)

OCTETS = "application/octet-stream"
HTTP = "application/vnd.awslambda.http-integration-response"
PRELUDE_END = b"\0" * 8
# The invocation that follows a stream: it shows that the function goes on.
SERVED_AGAIN = (answer(event("2")), answer(ACCEPTED), read())
# The invocation that follows a stream: it shows that the function goes on.


def kinds(pieces: str, head: str = "") -> dict[str, str]:
    """Returns functions that stream the same pieces, one for each way to write a streaming handler."""
    wrapped = f"StreamingResponse(body(){head})" if head else None
    plain = {
        "generator": f"def main(event, context):\n    yield from {pieces}\n",
        "async generator": f"async def main(event, context):\n    for piece in {pieces}:\n        yield piece\n",
    }
    http = {
        "def": f"def main(event, context):\n    return {wrapped}\n",
        "async def": f"async def main(event, context):\n    return {wrapped}\n",
    }
    bodies = {
        "iterable": f"def body():\n    return {pieces}\n",
        "generator": f"def body():\n    yield from {pieces}\n",
        "async generator": f"async def body():\n    for piece in {pieces}:\n        yield piece\n",
    }
    writes = f"def main(event, context):\n    with response_stream(context{head}) as stream:\n"
    writes += f"        for piece in {pieces}:\n            stream.write(piece)\n"
    made = {f"{kind} of {name}": body + source for kind, source in http.items() for name, body in bodies.items()}
    return {**(made if wrapped else plain), "response_stream": writes}


def with_imports(source: str) -> str:
    """Returns the function's module; its handler is what ``main`` is."""
    return f"from ric import StreamingResponse, response_stream\n{source}\nhandler = main\n"


def chunks(body: bytes) -> tuple[list[bytes], dict[str, str]]:
    """Takes a chunked body apart, to the letter; returns its chunks and its trailers."""
    found = []
    while match := re.match(rb"([0-9a-f]+)\r\n", body):
        size = int(match[1], 16)
        body = body[match.end() :]
        if not size:
            break
        found.append(body[:size])
        assert body[size : size + 2] == b"\r\n"
        body = body[size + 2 :]
    *lines, last, nothing = body.split(b"\r\n")
    assert (last, nothing) == (b"", b""), f"{body!r} is no end of a chunked body"
    return found, dict(line.decode().split(": ") for line in lines)


def streamed(directory: Path, source: str, *fields: bytes) -> Request:
    """Runs a function on one event, and returns what it streamed; the same connection asks for the next event."""
    script = [answer(event("1", b"{}", *fields)), answer_stream(ACCEPTED), read()]
    outcome, api = run_until_complete(directory, [script], with_imports(source))
    assert outcome.stderr == ""
    assert api.paths == [NEXT, response_path("1"), NEXT]
    return api.requests[1]


PLAIN_KINDS = kinds('["a\\u00e9", b"\\x00\\xff", "", bytearray(b"c"), memoryview(b"d")]')
HTTP_HEAD = ', status_code=201, headers={"Content-Type": "text/plain"}, cookies=["a=1", "b=2; HttpOnly"]'
HTTP_KINDS = kinds('["a\\u00e9", b"\\x00\\xff", "", bytearray(b"c"), memoryview(b"d")]', HTTP_HEAD)
PIECES = ["a\u00e9".encode(), b"\x00\xff", b"c", b"d"]


@pytest.mark.parametrize("kind", PLAIN_KINDS)
def test_plain_streams(tmp_path: Path, kind: str) -> None:
    """Each piece is a chunk of its own; text is UTF-8; an empty piece, which would end the body, is left out."""
    request = streamed(tmp_path, PLAIN_KINDS[kind])
    headers = request.headers
    assert headers["content-type"] == OCTETS
    assert headers["lambda-runtime-function-response-mode"] == "streaming"
    assert headers["transfer-encoding"] == "chunked"
    assert headers["trailer"] == "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
    assert "content-length" not in headers
    assert chunks(request.body) == (PIECES, {})


@pytest.mark.parametrize("kind", HTTP_KINDS)
def test_http_streams(tmp_path: Path, kind: str) -> None:
    """An HTTP response begins with its prelude and eight NUL bytes, each a chunk of its own."""
    request = streamed(tmp_path, HTTP_KINDS[kind])
    assert request.headers["content-type"] == HTTP
    (prelude, end, *pieces), trailers = chunks(request.body)
    assert json.loads(prelude) == {
        "statusCode": 201,
        "headers": {"Content-Type": "text/plain"},
        "cookies": ["a=1", "b=2; HttpOnly"],
    }
    assert b"\0" not in prelude
    assert (end, pieces, trailers) == (PRELUDE_END, PIECES, {})


EMPTY_KINDS = {f"plain {kind}": source for kind, source in kinds("()").items()}
EMPTY_KINDS |= {f"http {kind}": source for kind, source in kinds("()", ", status_code=204").items()}
EMPTY_KINDS["no body"] = "def main(event, context):\n    return StreamingResponse(None, 204)\n"


@pytest.mark.parametrize("kind", EMPTY_KINDS)
def test_empty_streams(tmp_path: Path, kind: str) -> None:
    """A stream without a piece is a response too, and an HTTP response has its prelude all the same."""
    request = streamed(tmp_path, EMPTY_KINDS[kind])
    found, trailers = chunks(request.body)
    assert trailers == {}
    if kind.startswith("plain"):
        assert found == []
    else:
        assert [json.loads(found[0])["statusCode"], *found[1:]] == [204, PRELUDE_END]


def test_the_invocation_id_is_echoed(tmp_path: Path) -> None:
    """The platform knows a stale stream by it."""
    source = "def main(event, context):\n    yield 'a'\n"
    assert streamed(tmp_path, source, b"Lambda-Runtime-Invocation-Id: token").headers[
        "lambda-runtime-invocation-id"
    ] == ("token")


STEPWISE = {
    "generator": """
def main(event, context):
    for number in range(3):
        wait(number)
        yield f"piece {number};"
""",
    "async generator": """
async def main(event, context):
    for number in range(3):
        await asyncio.to_thread(wait, number)
        yield f"piece {number};"
""",
    "response_stream": """
def main(event, context):
    with response_stream(context) as stream:
        for number in range(3):
            wait(number)
            stream.write(f"piece {number};")
""",
    "StreamingResponse": """
def main(event, context):
    def body():
        for number in range(3):
            wait(number)
            yield f"piece {number};"
    return StreamingResponse(body(), headers={"x": "y"})
""",
}


@pytest.mark.parametrize("kind", STEPWISE)
def test_a_piece_arrives_before_the_next_is_made(tmp_path: Path, kind: str) -> None:
    """The function makes its next piece only when the test, which waits for the one before, has told it to."""
    source = f"""
import asyncio, pathlib
fifo = pathlib.Path("go")
def wait(number):
    assert fifo.read_text() == str(number)
{STEPWISE[kind]}
"""
    os.mkfifo(tmp_path / "go")
    go = [lambda peer, number=number: (tmp_path / "go").write_text(str(number)) and None for number in range(3)]
    # The prelude of an HTTP response is there before anything of the body is made.
    first = [read_until(PRELUDE_END + b"\r\n")] if kind == "StreamingResponse" else []
    lazily = [] if first else [go[0]]
    script: list[Step] = [answer(event("1")), *lazily, read_head(), *first, *([go[0]] if first else [])]
    for number in range(3):
        script.append(read_until(b"piece %d;\r\n" % number))
        if number < 2:
            script.append(go[number + 1])
    script += [read_until(b"0\r\n\r\n"), send(ACCEPTED), read()]
    run_until_complete(tmp_path, [script], with_imports(source))


FAILING = {
    "generator": "def main(event, context):\n    yield 'half'\n    fail()\n",
    "async generator": "async def main(event, context):\n    yield 'half'\n    fail()\n",
    "StreamingResponse": "def main(event, context):\n    def body():\n        yield 'half'\n        fail()\n"
    "    return StreamingResponse(body())\n",
    "async StreamingResponse": "async def main(event, context):\n    async def body():\n"
    "        yield 'half'\n        fail()\n"
    "    return StreamingResponse(body())\n",
    "response_stream": "def main(event, context):\n    with response_stream(context) as stream:\n"
    "        stream.write('half')\n        fail()\n",
    "response_stream, swallowed": "def main(event, context):\n    try:\n"
    "        with response_stream(context) as stream:\n            stream.write('half')\n            fail()\n"
    "    except ValueError:\n        pass\n",
    "after an open stream": "def main(event, context):\n    stream = response_stream(context)\n"
    "    stream.write('half')\n    fail()\n",
}


@pytest.mark.parametrize("kind", FAILING)
def test_a_failure_in_the_middle(tmp_path: Path, kind: str) -> None:
    """The stream ends with trailers that hold the error document, the log has it too, and the next event is served."""
    source = f"""
from ric import StreamingResponse, response_stream
def fail():
    raise ValueError("no more \\u20ac")
{FAILING[kind]}
first, count = main, 0
def plain(event, context):
    return "served"
def handler(event, context):
    return "served" if context.aws_request_id == "2" else first(event, context)
handler.__wrapped__ = main
"""
    script = [answer(event("1")), answer_stream(ACCEPTED), *SERVED_AGAIN]
    outcome, api = run_until_complete(tmp_path, [script], source)
    found, trailers = chunks(api.requests[1].body)
    assert found[-1] == b"half"
    assert trailers["Lambda-Runtime-Function-Error-Type"] == "Function.ValueError"
    document = json.loads(base64.b64decode(trailers["Lambda-Runtime-Function-Error-Body"], validate=True))
    assert (document["errorType"], document["errorMessage"], document["requestId"]) == (
        "ValueError",
        "no more \u20ac",
        "1",
    )
    assert [re.findall(r"in (\w+)\n", frame) for frame in document["stackTrace"]][-1] == ["fail"]
    assert all('/app.py"' in frame for frame in document["stackTrace"]), "frames that are not the user's"
    assert "[ERROR] ValueError: no more \u20ac" in outcome.stdout
    assert outcome.stderr == ""
    assert json.loads(api.requests[3].body) == "served"


def test_a_failure_before_the_first_piece(tmp_path: Path) -> None:
    """With nothing sent yet it is an error like any other."""
    source = "def main(event, context):\n    raise ValueError('early')\n    yield\n"
    script = [answer(event("1")), answer(ACCEPTED), read()]
    _, api = run_until_complete(tmp_path, [script], with_imports(source))
    assert api.paths == [NEXT, error_path("1"), NEXT]
    assert json.loads(api.requests[1].body)["errorMessage"] == "early"


@pytest.mark.parametrize("failure", ["'x' * 2_000_000", "'\\ud800' * 3000"])
@pytest.mark.parametrize("depth", [1, 900])
def test_trailers_stay_below_what_the_platform_takes(tmp_path: Path, failure: str, depth: int) -> None:
    """A huge error is shortened to the 4,096 bytes that AWS's server reads; the log has it whole."""
    source = f"""
def dive(depth):
    if depth == 1:
        raise LookupError({failure})
    dive(depth - 1)
def main(event, context):
    yield "half"
    dive({depth})
"""
    request = streamed(tmp_path, source)
    trailer = request.body.partition(b"\r\n0\r\n")[2]
    assert len(trailer) < 4096
    _, trailers = chunks(request.body)
    document = json.loads(base64.b64decode(trailers["Lambda-Runtime-Function-Error-Body"]))
    assert list(document) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert document["errorType"] == "LookupError"
    assert len(document["errorMessage"]) > 100
    assert document["stackTrace"], "at least one frame fits"
    assert "in dive" in document["stackTrace"][-1]


LATE = {
    "kept": """
kept = []
def main(event, context):
    stream = response_stream(context)
    stream.write(f"for {context.aws_request_id};")
    if kept:
        try:
            kept[0].write("SECRET")
        except Exception as error:
            print(type(error).__name__)
        stream.write("end")
    kept.append(stream)
""",
    "thread": """
import threading
go, gone = threading.Event(), threading.Event()
def late(stream):
    go.wait()
    try:
        stream.write("SECRET")
    except Exception as error:
        print(type(error).__name__)
    gone.set()
def main(event, context):
    stream = response_stream(context)
    stream.write(f"for {context.aws_request_id};")
    if context.aws_request_id == "1":
        threading.Thread(target=late, args=(stream,)).start()
    else:
        go.set()
        gone.wait()
        stream.write("end")
""",
    "task": """
import asyncio
async def late(stream):
    await gate.wait()
    try:
        stream.write("SECRET")
    except Exception as error:
        print(type(error).__name__)
async def main(event, context):
    global gate, task
    stream = response_stream(context)
    stream.write(f"for {context.aws_request_id};")
    if context.aws_request_id == "1":
        gate = asyncio.Event()
        task = asyncio.create_task(late(stream))
    else:
        gate.set()
        await task
        stream.write("end")
""",
}


class TestMisuse:
    """What cannot be done with a stream is said so, with the place in the user's code."""

    @pytest.mark.parametrize(
        ("body", "error_type", "message"),
        [
            ("yield 'half'\n    yield {'a': 1}", "Runtime.MarshalError", "a stream takes str or bytes, not dict"),
            ("yield 'half'\n    yield 5", "Runtime.MarshalError", "not int"),
            ("yield 'half'\n    yield None", "Runtime.MarshalError", "not NoneType"),
            ("yield 'half'\n    yield '\\ud800'", "Runtime.MarshalError", "surrogates not allowed"),
        ],
    )
    @pytest.mark.parametrize("keyword", ["def", "async def"])
    def test_pieces_of_the_wrong_type(
        self, tmp_path: Path, keyword: str, body: str, error_type: str, message: str
    ) -> None:
        """What is neither str nor bytes ends the stream with an error, and the generator is closed."""
        source = f"{keyword} main(event, context):\n  try:\n    {body}\n  finally:\n    print('cleaned up')\n"
        script = [answer(event("1")), answer_stream(ACCEPTED), read()]
        outcome, api = run_until_complete(tmp_path, [script], with_imports(source))
        found, trailers = chunks(api.requests[1].body)
        assert found == [b"half"]
        document = json.loads(base64.b64decode(trailers["Lambda-Runtime-Function-Error-Body"]))
        assert document["errorType"] == error_type
        assert message in document["errorMessage"]
        assert trailers["Lambda-Runtime-Function-Error-Type"] == error_type
        assert "cleaned up" in outcome.stdout

    @pytest.mark.parametrize(
        ("statements", "message"),
        [
            ("stream.write('a'); stream.send_head(200)", "come before the first byte"),
            ("stream.send_head(200); stream.send_head(200)", "come before the first byte"),
            ("stream.write('a'); response_stream(context)", "was begun before"),
            ("stream.write('a'); response_stream(context, 200)", "was begun before"),
            ("other = response_stream(context); stream.write('a'); other.write('b')", "was begun before"),
            ("stream.write('a'); stream.write(5)", "a stream takes str or bytes, not int"),
        ],
    )
    def test_within_the_stream(self, tmp_path: Path, statements: str, message: str) -> None:
        """The error is raised where the mistake is made, and reported in the trailers if nobody catches it."""
        source = f"def main(event, context):\n    with response_stream(context) as stream:\n        {statements}\n"
        _, trailers = chunks(streamed(tmp_path, source).body)
        document = json.loads(base64.b64decode(trailers["Lambda-Runtime-Function-Error-Body"]))
        assert document["errorType"] in ("Runtime.InvalidStreamingOperation", "Runtime.MarshalError")
        assert message in document["errorMessage"]
        assert '/app.py"' in document["stackTrace"][0]

    def test_after_the_end(self, tmp_path: Path) -> None:
        """Writing after the end raises in the handler; the caller has the whole response already."""
        source = """
def main(event, context):
    with response_stream(context) as stream:
        stream.write("all")
    assert stream.closed
    stream.close()
    stream.write("more")
"""
        script = [answer(event("1")), answer_stream(ACCEPTED), read()]
        outcome, api = run_until_complete(tmp_path, [script], with_imports(source))
        assert chunks(api.requests[1].body) == ([b"all"], {})
        assert "Runtime.InvalidStreamingOperation: the response has ended" in outcome.stdout
        assert api.unexpected == b""

    @pytest.mark.parametrize("kind", LATE)
    def test_a_stream_of_an_earlier_invocation(self, tmp_path: Path, kind: str) -> None:
        """A stream that was kept, by whatever means, never writes into the response to another caller."""
        script = [
            *(answer(event("1")), answer_stream(ACCEPTED)),
            *(answer(event("2")), answer_stream(ACCEPTED), read()),
        ]
        outcome, api = run_until_complete(tmp_path, [script], with_imports(LATE[kind]))
        assert chunks(api.requests[1].body)[0] == [b"for 1;"]
        assert chunks(api.requests[3].body)[0] == [b"for 2;", b"end"]
        assert outcome.stdout == "StreamingError\n"

    @pytest.mark.parametrize("kind", ["threads", "to_thread"])
    def test_many_threads_begin_it_together(self, tmp_path: Path, kind: str) -> None:
        """However many threads write first, there is one response, and each piece is whole."""
        sources = {
            "threads": """
import threading
def main(event, context):
    with response_stream(context) as stream:
        threads = [threading.Thread(target=stream.write, args=(f"piece {n};" * 1000,)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
""",
            "to_thread": """
import asyncio
async def main(event, context):
    with response_stream(context) as stream:
        await asyncio.gather(*(asyncio.to_thread(stream.write, f"piece {n};" * 1000) for n in range(20)))
""",
        }
        request = streamed(tmp_path, sources[kind])
        assert sorted(chunks(request.body)[0]) == sorted(b"piece %d;" % n * 1000 for n in range(20))

    def test_a_thread_of_the_handlers_own(self, tmp_path: Path) -> None:
        """A thread that carries no context may begin the stream with that of the handler."""
        source = """
import threading
def work(context):
    with response_stream(context) as stream:
        stream.write("from a thread")
def main(event, context):
    thread = threading.Thread(target=work, args=(context,))
    thread.start()
    thread.join()
"""
        assert chunks(streamed(tmp_path, source).body) == ([b"from a thread"], {})

    def test_nothing_is_no_first_byte(self, tmp_path: Path) -> None:
        """An empty piece does not begin the response, so status and headers may still come."""
        source = """
def main(event, context):
    with response_stream(context) as stream:
        stream.write("")
        stream.send_head(201)
"""
        assert streamed(tmp_path, source).headers["content-type"] == HTTP

    def test_a_time_out_around_the_stream(self, tmp_path: Path) -> None:
        """A stream that asyncio cancelled has failed, whatever the handler makes of that; the process lives."""
        source = """
import asyncio
async def main(event, context):
    async def inner():
        with response_stream(context) as stream:
            stream.write("half")
            await asyncio.Event().wait()
    try:
        await asyncio.wait_for(inner(), 0.05)
    except asyncio.TimeoutError:
        return "timed out"
"""
        _, trailers = chunks(streamed(tmp_path, source).body)
        assert trailers["Lambda-Runtime-Function-Error-Type"] == "Function.CancelledError"

    def test_a_context_of_another_invocation(self, tmp_path: Path) -> None:
        """A stream is not begun for an invocation that is over, whoever kept its context."""
        source = """
kept = []
def main(event, context):
    kept.append(context)
    with response_stream(kept[0]) as stream:
        stream.write("mine")
"""
        script = [
            *(answer(event("1")), answer_stream(ACCEPTED)),
            *(answer(event("2")), answer(ACCEPTED), read()),
        ]
        _, api = run_until_complete(tmp_path, [script], with_imports(source))
        assert api.paths[3] == error_path("2")
        assert json.loads(api.requests[3].body)["errorType"] == "Runtime.InvalidStreamingOperation"

    def test_a_task_that_outlives_its_invocation(self, tmp_path: Path) -> None:
        """What an invocation left behind cannot write into the response of the next one."""
        source = """
import asyncio
seen = []
async def late(context, gate):
    stream = response_stream(context)
    await gate.wait()
    for write in (stream.write, lambda data: response_stream(context)):
        try:
            write("late")
        except Exception as error:
            seen.append(str(error))
async def main(event, context):
    global task, gate
    if context.aws_request_id == "1":
        gate = asyncio.Event()
        task = asyncio.create_task(late(context, gate))
        await asyncio.sleep(0)
        return None
    gate.set()
    await task
    return seen
"""
        script = [answer(event("1")), answer(ACCEPTED), answer(event("2")), answer(ACCEPTED), read()]
        _, api = run_until_complete(tmp_path, [script], with_imports(source))
        of_write, of_call = json.loads(api.requests[3].body)
        assert "the response has ended" in of_write
        assert "invocation 1 is over" in of_call


GENERATORS = {
    "generator": """
def main(event, context):
    try:
        while True:
            yield "x" * 100_000
    finally:
        print("cleaned up")
""",
    "async generator": """
async def main(event, context):
    try:
        while True:
            yield "x" * 100_000
            await asyncio.sleep(0)
    finally:
        print("cleaned up")
""",
    "async generator that waits": """
async def main(event, context):
    try:
        yield "x"
        await asyncio.Event().wait()
    finally:
        print("cleaned up")
""",
    "StreamingResponse": """
def main(event, context):
    def body():
        try:
            while True:
                yield "x" * 100_000
        finally:
            print("cleaned up")
    return StreamingResponse(body())
""",
}
TWO_KINDS = """
import asyncio
{source}
first = main
def main(event, context):
    return "served" if context.aws_request_id == "2" else first(event, context)
main.__wrapped__ = first
"""


class TestRefusals:
    """A server that does not want the rest, or goes away: the generator is closed, and the next event is served."""

    @pytest.mark.parametrize("kind", GENERATORS)
    @pytest.mark.parametrize("code", [400, 403, 410, 413])
    def test_refused_in_the_middle(self, tmp_path: Path, kind: str, code: int) -> None:
        """A refusal is noticed while the stream goes on; it is logged, and nothing is posted to /error."""
        first = [answer(event("1")), read_head(), read_until(b"x"), send(status(code, b"refused"))]
        outcome, api = run_until_complete(
            tmp_path,
            [[*first, wait_for_close()], SERVED_AGAIN],
            with_imports(TWO_KINDS.format(source=GENERATORS[kind])),
        )
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]
        assert outcome.stdout.count("cleaned up") == 1
        assert outcome.stdout.count("[ERROR]") == 1
        assert ("ResponseTooLargeError" if code == 413 else f"Reason: '{code}'") in outcome.stdout
        assert "209715200 bytes" in outcome.stdout or code != 413
        assert outcome.stderr == ""

    def test_refused_at_the_end(self, tmp_path: Path) -> None:
        """A refusal of the whole is logged, and the connection is used on."""
        source = "def main(event, context):\n    yield 'a'\n"
        script = [answer(event("1")), answer_stream(status(403)), read()]
        outcome, api = run_until_complete(tmp_path, [script], with_imports(source))
        assert api.paths == [NEXT, response_path("1"), NEXT]
        assert "Reason: '403'" in outcome.stdout

    @pytest.mark.parametrize("kind", GENERATORS)
    @pytest.mark.parametrize("end", [close, reset], ids=["closed", "reset"])
    def test_a_connection_that_is_lost(self, tmp_path: Path, kind: str, end: type) -> None:
        """The generator is closed, the loss is logged, and the next event is asked for on a new connection."""
        first: list[Step] = [answer(event("1")), read_head(), read_until(b"x"), end()]
        outcome, api = run_until_complete(
            tmp_path, [first, SERVED_AGAIN], with_imports(TWO_KINDS.format(source=GENERATORS[kind]))
        )
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]
        assert outcome.stdout.count("cleaned up") == 1
        assert outcome.stdout.count("[ERROR]") == 1

    def test_container_error(self, tmp_path: Path) -> None:
        """500 in the middle of a stream ends the process promptly, as after any other post."""
        script = [answer(event("1")), read_head(), read_until(b"x"), send(status(500)), wait_for_close()]
        source = with_imports(GENERATORS["generator"])
        with ScriptedApi(script).listen() as api, function(api, tmp_path, source) as running:
            outcome = running.wait()
        assert outcome.exit_code == 1
        assert "Reason: '500'" in outcome.stdout
        assert api.paths == [NEXT, response_path("1")]

    def test_an_idle_connection_that_was_closed(self, tmp_path: Path) -> None:
        """A stream goes over a new connection if the old one was closed while the handler worked; nothing is lost."""
        source = """
import pathlib
def main(event, context):
    pathlib.Path("go").read_text()
    yield "a"
    yield "b"
"""
        os.mkfifo(tmp_path / "go")
        first: list[Step] = [answer(event("1")), close(), lambda peer: (tmp_path / "go").write_text("go") and None]
        _, api = run_until_complete(tmp_path, [first, [answer_stream(ACCEPTED), read()]], with_imports(source))
        assert chunks(api.requests[1].body) == ([b"a", b"b"], {})


STEADY = {
    "generator": """
def main(event, context):
    for number in range(1000):
        made.write(b".")
        yield b"x" * 100_000
""",
    "async generator": """
async def main(event, context):
    for number in range(1000):
        made.write(b".")
        yield b"x" * 100_000
""",
    "response_stream": """
def main(event, context):
    with response_stream(context) as stream:
        for number in range(1000):
            made.write(b".")
            stream.write(b"x" * 100_000)
""",
}


class TestBackPressure:
    """A server that does not read makes the function wait; nothing is piled up."""

    @pytest.mark.parametrize("kind", STEADY)
    def test_a_reader_that_pauses(self, tmp_path: Path, kind: str) -> None:
        """While nobody reads, the generator stands still far from its end; when all is read, all has come."""
        source = f"made = open('made', 'wb', 0)\n{STEADY[kind]}"
        paused, go = threading.Event(), threading.Event()
        received: list[int] = []
        script = [
            *(answer(event("1")), read_head(), read_until(b"x" * 100_000), tell(paused), wait_for(go)),
            *(skim_stream(received), send(ACCEPTED), read()),
        ]
        with ScriptedApi(script).listen() as api, function(api, tmp_path, with_imports(source)) as running:
            assert paused.wait(TIMEOUT_S)
            wait_until_it_waits(running.process.pid)
            made_so_far = (tmp_path / "made").stat().st_size
            go.set()
            running.stop_when_complete()
        assert made_so_far < 500, "it went on although nobody read"
        assert (tmp_path / "made").stat().st_size == 1000
        assert received[0] > 999 * 100_000


def wait_until_it_waits(pid: int) -> None:
    """Returns when a process has nothing to do until something comes from outside."""
    end_s = time.monotonic() + TIMEOUT_S
    while Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "S":
        assert time.monotonic() < end_s, "it does not come to rest"
        os.sched_yield()


@pytest.mark.parametrize("kind", ["generator", "async generator", "file"])
def test_200_megabytes_in_constant_memory(tmp_path: Path, kind: str) -> None:
    """A stream as large as Lambda takes adds less than a fifth to the memory of the idle process."""
    megabytes = 200
    with (tmp_path / "large").open("wb") as file:
        file.truncate(megabytes * 1024 * 1024)
    block = "b'\\0' * 65536"
    generator = f"def main(event, context):\n    for _ in range({megabytes * 16}):\n        yield {block}\n"
    sources = {
        "generator": generator,
        "async generator": f"async {generator}",
        "file": "def main(event, context):\n    return StreamingResponse(open('large', 'rb'))\n",
    }
    received: list[int] = []
    sizes: list[int] = []
    is_idle, is_done, is_noted = threading.Event(), threading.Event(), threading.Event()
    script: list[Step] = [
        *(read(), tell(is_idle), wait_for(is_noted), send(event("1"))),
        *(read_head(), skim_stream(received), send(ACCEPTED), read(), tell(is_done)),
    ]
    with ScriptedApi(script).listen() as api, function(api, tmp_path, with_imports(sources[kind])) as running:
        assert is_idle.wait(TIMEOUT_S)
        wait_until_it_waits(running.process.pid)
        sizes.append(peak_kilobytes(running.process.pid))
        is_noted.set()
        assert is_done.wait(TIMEOUT_S * 4)
        sizes.append(peak_kilobytes(running.process.pid))
        running.stop_when_complete()
    assert received[0] > megabytes * 1024 * 1024
    assert sizes[1] < 1.2 * sizes[0], f"{sizes} kB before and after"


def peak_kilobytes(pid: int) -> int:
    """Returns the most memory that a process has had so far, in kB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text)[1])  # type: ignore[index]
