"""Strategies for HTTP messages: most nearly right, made of parts that parsers are known to disagree about."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAME_CHARACTERS = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

ODD_FIELDS = (
    b"X:",
    b"X: \xff\xfe",
    b"X: \x0b",
    b"X: a\x0cb",
    b"X: \x01\x7f",
    b"X: \x85\xa0",
    b" folded",
    b"\tfolded",
    b" ",
    b" Content-Length: 1",
    b"Blank : x",
    b": no name",
    b"no colon",
    b"X: a\rb",
    b"X: a\rContent-Length: 1",
    b"X: \0",
    b"From x",
    b"\xef\xbb\xbfX: 1",
    b"Connection: close",
    b"Connection: keep-alive",
    b"Connection: x, Close",
    b"Connection: Keep-Alive, TE",
    b"Connection: disclosed",
)
ODD_FRAMING = (
    b"Content-Length: 5",
    b"Content-Length: 0",
    b"Content-Length: 005",
    b"Content-Length: 5, 5",
    b"Content-Length: 5, 6",
    b"Content-Length: 5,",
    b"Content-Length:",
    b"Content-Length: -1",
    b"Content-Length: +5",
    b"Content-Length: 0x5",
    b"Content-Length: 5 5",
    b"Content-Length: \xa05",
    b"Content-Length: \xb2",
    b"Content-Length: 0000000000000005",
    b"Content-Length: 999999999999999",
    b"Content-Length : 5",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: Chunked ",
    b"transfer-encoding:chunked",
    b"Transfer-Encoding:",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: \xa0chunked",
    b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding : chunked",
)
ODD_CHUNKS = (
    b"5\r\nhello\r\n",
    b"005\r\nhello\r\n",
    b"0000000000000005\r\nhello\r\n",
    b"5;name=value\r\nhello\r\n",
    b"5 ;name\r\nhello\r\n",
    b"5 \r\nhello\r\n",
    b" 5\r\nhello\r\n",
    b"5\nhello\r\n",
    b"5\r\nhello\n",
    b"6\r\nhello\r\n",
    b"4\r\nhello\r\n",
    b"5;\n\r\nhello\r\n",
    b"1\r\n\n\r\n",
    b"-5\r\nhello\r\n",
    b"0x5\r\nhello\r\n",
    b"5_0\r\nhello\r\n",
    b"\r\n",
)
ODD_ENDS = (
    b"0\r\n\r\n",
    b"00;x\r\n\r\n",
    b"0\r\nTrailer: x\r\nTrailer: y\r\n\r\n",
    b"0\r\nTrailer: x\r\n folded\r\n\r\n",
    b"0\r\nTrailer: x\n\n",
    b"0\r\nno trailer\r\n\r\n",
    b"0\r\n folded\r\n\r\n",
    b"0\r\nA : b\r\n\r\n",
    b"0\r\nContent-Length: x\r\n\r\n",
    b"0\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"0\n\r\n",
    b"0\r\n\n",
    b"0\r\n",
    b"",
)

_VISIBLE = st.binary(max_size=12).map(lambda data: bytes(0x21 + byte % 94 for byte in data))


def odd(ordinary: st.SearchStrategy[Any], special: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    """Returns a strategy for what is right, and now and then for one of the special values."""
    return st.one_of(ordinary, ordinary, ordinary, ordinary, st.sampled_from(special))


def fields() -> st.SearchStrategy[bytes]:
    """Returns a strategy for header lines without their ends."""
    name = st.text(NAME_CHARACTERS, min_size=1, max_size=8).map(str.encode)
    return odd(st.builds(lambda name, value: name + b": " + value, name, _VISIBLE), ODD_FIELDS)


def chunks() -> st.SearchStrategy[bytes]:
    """Returns a strategy for chunked bodies."""
    chunk = st.binary(min_size=1, max_size=20).map(lambda data: b"%x\r\n%b\r\n" % (len(data), data))
    body = st.lists(odd(chunk, ODD_CHUNKS), max_size=3).map(b"".join)
    return st.builds(bytes.__add__, body, odd(st.just(b"0\r\n\r\n"), ODD_ENDS))


@st.composite
def messages(draw: st.DrawFn, start_lines: st.SearchStrategy[bytes]) -> bytes:
    """Draws one message, whole and in order or not."""
    lines = draw(st.lists(fields(), max_size=3))
    framing = draw(st.sampled_from(("length", "chunks", "odd", "none")))
    if framing == "length":
        body = draw(st.binary(max_size=20))
        lines.append(b"Content-Length: %d" % len(body))
    elif framing == "chunks":
        body = draw(chunks())
        lines.append(b"Transfer-Encoding: chunked")
    else:
        body = draw(st.one_of(st.binary(max_size=20), chunks()))
        if framing == "odd":
            lines += draw(st.lists(st.sampled_from(ODD_FRAMING), min_size=1, max_size=2))
    lines = draw(st.permutations(lines))
    line_end = draw(st.sampled_from((b"\r\n", b"\r\n", b"\r\n", b"\n")))
    return line_end.join([draw(start_lines), *lines, b"", body])


@st.composite
def broken(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Draws a message and breaks it in one or two places, or cuts it off; or leaves it as it is."""
    data = draw(whole)
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 3)))
        piece = draw(
            st.one_of(
                st.sampled_from((b"", b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b",", b";", b"0", b"\x0b")),
                st.just(data[start:end] * 2),
                st.binary(max_size=3),
            )
        )
        data = data[:start] + piece + data[end:]
    if draw(st.sampled_from((False, False, False, True))):
        data = data[: draw(st.integers(0, len(data)))]
    return data


def places() -> st.SearchStrategy[list[int]]:
    """Returns a strategy for where data is cut into segments."""
    return st.lists(st.integers(0, 400), max_size=5)


_STATUS_LINES = odd(
    st.sampled_from((b"HTTP/1.1 200 OK", b"HTTP/1.1 202 Accepted", b"HTTP/1.1 500 x")),
    (
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 ",
        b"HTTP/1.0 200 OK",
        b"HTTP/1.1 204 No Content",
        b"HTTP/1.1 304 Not Modified",
        b"HTTP/1.1 100 Continue",
        b"HTTP/1.1 101 Switching Protocols",
        b"HTTP/1.1 099 Low",
        b"HTTP/1.1 600 High",
        b"HTTP/1.1 20 Short",
        b"HTTP/1.1 2000 Long",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1 200\tOK",
        b"HTTP/1.1 200 \x0b\xff",
        b"HTTP/1.2 200 OK",
        b"HTTP/2.0 200 OK",
        b"http/1.1 200 OK",
        b"ICY 200 OK",
        b"",
    ),
)
_INTERIM = messages(st.sampled_from((b"HTTP/1.1 100 Continue", b"HTTP/1.1 103 Early Hints"))).map(
    lambda data: data[: data.find(b"\n\r\n") + 3] if b"\n\r\n" in data else data
)


def answers() -> st.SearchStrategy[bytes]:
    """Returns a strategy for what a server sends: interim answers, the answer, and sometimes more than that."""
    stray = st.sampled_from((b"", b"", b"", b"x", b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    interim = st.lists(_INTERIM, max_size=2).map(b"".join)
    return broken(st.builds(lambda *parts: b"".join(parts), interim, messages(_STATUS_LINES), stray))


_REQUEST_LINES = odd(
    st.builds(
        lambda method, target: method + b" /" + target + b" HTTP/1.1",
        st.sampled_from((b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS")),
        _VISIBLE,
    ),
    (
        b"GET / HTTP/1.0",
        b"GET / HTTP/1.2",
        b"GET / HTTP/0.9",
        b"GET / HTTP/2.0",
        b"GET / HTTP/01.1",
        b"GET / HTTP/1",
        b"GET / HTTP/\xb2.1",
        b"GET /",
        b"GET",
        b"GET  / HTTP/1.1",
        b"GET\t/ HTTP/1.1",
        b"GET /\xa0HTTP/1.1",
        b"GET / x HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b" GET / HTTP/1.1",
        b"GET //double HTTP/1.1",
        b"GET /\xc3\xa9 HTTP/1.1",
        b"GET /a\x0bb HTTP/1.1",
        b"GET /a\rb HTTP/1.1",
        b"get / HTTP/1.1",
        b"TRACE / HTTP/1.1",
        b"",
    ),
)


def requests() -> st.SearchStrategy[bytes]:
    """Returns a strategy for what a client sends: one request, or several without waiting."""
    host = st.sampled_from((b"Host: h\r\n", b"Host: h\r\n", b"Host: h\r\n", b"", b"Host: h\r\nHost: h\r\n", b"Host:\n"))

    def with_host(request: bytes, host: bytes) -> bytes:
        line, end, rest = request.partition(b"\n")
        return line + end + host + rest

    one = st.builds(with_host, messages(_REQUEST_LINES), host)
    return broken(st.lists(one, min_size=1, max_size=2).map(b"".join))
