"""The codec, in memory: what answers it understands and refuses, and that requests cannot be broken up."""

from __future__ import annotations

import time

import pytest

from ric.api import http11
from ric.api.http11 import (
    CHUNKED,
    MAX_HEAD_BYTES,
    UNTIL_CLOSE,
    ChunkedDecoder,
    find_head_end,
    parse_response_head,
    render_request_head,
)
from ric.errors import MalformedResponseError, UnsafeHeaderError

OK = b"HTTP/1.1 200 OK\r\n"


class TestRequestHead:
    """What is written."""

    def test_bytes(self) -> None:
        """The head is the request line, Host, the fields in order, the length and a blank line, with CRLF."""
        head = render_request_head("POST", "/base/x", "[::1]:1", [("A", "1"), ("B", "2 3")], 5)
        assert head == b"POST /base/x HTTP/1.1\r\nHost: [::1]:1\r\nA: 1\r\nB: 2 3\r\nContent-Length: 5\r\n\r\n"

    def test_no_body_has_no_length(self) -> None:
        """A GET announces no body; an empty POST announces one of no bytes."""
        assert b"Content-Length" not in render_request_head("GET", "/", "h", [])
        assert render_request_head("POST", "/", "h", [], 0).endswith(b"\r\nContent-Length: 0\r\n\r\n")

    @pytest.mark.parametrize("character", ["\r", "\n", "\0", "\x7f", "\x1b", "\x85", "é", "\u2028", "\ud800", "😀"])
    def test_values_cannot_end_their_line(self, character: str) -> None:
        """A value with a control or non-ASCII character is refused, and the error names the field."""
        with pytest.raises(UnsafeHeaderError) as refusal:
            render_request_head("GET", "/", "h", [("X-Field", f"a{character}b")])
        assert refusal.value.name == "X-Field"
        assert str(refusal.value).isprintable()


class TestHeadEnd:
    """Where a head ends."""

    @pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\r\n\n", b"\n\r\n"])
    def test_every_line_end(self, end: bytes) -> None:
        """The blank line is found with CRLF and with bare LF, and what follows it is left."""
        head = b"HTTP/1.1 200 OK" + end
        assert find_head_end(head + b"body\n\n\r\n\r\n") == len(head)

    def test_byte_by_byte(self) -> None:
        """No prefix of a head is taken for a complete one."""
        head = OK + b"A: b\r\n\r\n"
        assert [find_head_end(head[:length]) for length in range(len(head))] == [-1] * len(head)
        for searched in range(len(head)):
            assert find_head_end(head, searched) == len(head)
        assert find_head_end(head) == len(head)


class TestResponseHead:
    """What is read."""

    def test_fields(self) -> None:
        """Names are lower-case, values lose their outer blanks, repeated fields are joined in order."""
        head = parse_response_head(OK + b"X-One:  a b \t\r\nx-one:c\r\nEmpty:\r\nCONTENT-length: 3\r\n\r\n")
        assert head.status == 200
        assert head.headers == {b"x-one": b"a b, c", b"empty": b"", b"content-length": b"3"}
        assert head.framing == 3
        assert head.keeps_alive

    def test_names_seen_before(self) -> None:
        """What the parser remembers of earlier heads changes nothing of a later one, and has a bound."""
        for number in range(1000):
            head = parse_response_head(b"HTTP/1.1 200 OK %d\r\nName-%d: x\r\nLENGTH: 1\r\n\r\n" % (number, number))
            assert head.headers == {b"name-%d" % number: b"x", b"length": b"1"}
        assert len(http11._lower_case) <= 64
        assert len(http11._status_lines) <= 64
        with pytest.raises(MalformedResponseError):
            parse_response_head(OK + b"LENGTH\r\n\r\n")

    def test_folded_lines_are_one_value(self) -> None:
        """Obsolete line folding becomes a blank, and cannot smuggle in a field."""
        head = parse_response_head(OK + b"X: a\r\n  b\r\n\tContent-Length: 9\r\nContent-Length: 1\r\n\r\n")
        assert head.headers[b"x"] == b"a b Content-Length: 9"
        assert head.framing == 1

    @pytest.mark.parametrize(
        ("lines", "value"),
        [
            (b"X: a \t\r\n \r\n\t b\r\n", b"a b"),
            (b"X:\r\n a\r\n", b"a"),
            (b"X: a\r\n \t\r\n", b"a"),
            (b"X: a\r\nx: b\n  c\r\nX: d\r\n", b"a, b c, d"),
        ],
    )
    def test_folding_and_repetition(self, lines: bytes, value: bytes) -> None:
        """Each fold is one blank, blank lines among them count for nothing, and a repeated field may be folded."""
        assert parse_response_head(OK + lines + b"\r\n").headers == {b"x": value}

    @pytest.mark.parametrize("line", [b" a\n", b"a:b\n"])
    def test_large_heads_take_no_more_time_for_their_size(self, line: bytes) -> None:
        """Eight times the lines take about eight times as long to read, not sixty-four times."""

        def seconds(count: int) -> float:
            head = OK + b"A: x\n" + line * count + b"\n"
            start_s = time.process_time()
            parse_response_head(head)
            return time.process_time() - start_s

        least = min(seconds(30_000) for _ in range(3))
        assert min(seconds(240_000) for _ in range(3)) < 24 * least

    def test_the_limit(self) -> None:
        """A head of the largest size is read, one that is a byte longer is not."""
        head = OK + b"X: " + b"x" * (MAX_HEAD_BYTES - len(OK) - 7) + b"\r\n\r\n"
        assert len(head) == MAX_HEAD_BYTES
        assert parse_response_head(head).status == 200
        with pytest.raises(MalformedResponseError):
            parse_response_head(head.replace(b"X: ", b"X: x"))

    def test_any_byte_in_a_value(self) -> None:
        """Values are bytes: what is not UTF-8 is kept as it came."""
        assert parse_response_head(OK + b"X: \xff\xfe\x80\r\n\r\n").headers[b"x"] == b"\xff\xfe\x80"

    @pytest.mark.parametrize("line", [b"HTTP/1.1 200\r\n", b"HTTP/1.1 200 \r\n", b"HTTP/1.1 200 Fine by \xff me\n"])
    def test_any_reason_phrase(self, line: bytes) -> None:
        """The reason phrase may be missing, empty or anything."""
        assert parse_response_head(line + b"\r\n").status == 200

    @pytest.mark.parametrize(
        "line",
        [
            b"",
            b"\r\n",
            b"HTTP/1.1\r\n",
            b"HTTP/1.1 20\r\n",
            b"HTTP/1.1 2000\r\n",
            b"HTTP/1.1 2 0\r\n",
            b"HTTP/1.1 +20 OK\r\n",
            b"HTTP/1.1 099 Low\r\n",
            b"HTTP/1.1 600 High\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\n",
            b"HTTP/2 200 OK\r\n",
            b"HTTP/0.9 200 OK\r\n",
            b"http/1.1 200 OK\r\n",
            b" HTTP/1.1 200 OK\r\n",
            b"ICY 200 OK\r\n",
            b"SSH-2.0-OpenSSH_9.6\r\n",
            b"\x16\x03\x01\x02\x00\r\n",
        ],
    )
    def test_other_status_lines(self, line: bytes) -> None:
        """What does not begin with an HTTP/1.1 status line is malformed, and the message shows it in one line."""
        with pytest.raises(MalformedResponseError) as refusal:
            parse_response_head(line + b"Content-Length: 0\r\n\r\n")
        assert "\n" not in str(refusal.value)

    @pytest.mark.parametrize(
        "line",
        [
            b"no colon",
            b": no name",
            b"blank : before the colon",
            b"na me: x",
            b"na\xefme: x",
            b"name\x00: x",
            b"Name: bare\rCR",
            b"Name: NUL\x00",
        ],
    )
    def test_broken_fields(self, line: bytes) -> None:
        """A line that is not a field makes the whole head malformed; nothing is guessed."""
        with pytest.raises(MalformedResponseError):
            parse_response_head(OK + line + b"\r\nContent-Length: 0\r\n\r\n")

    def test_fold_without_a_field(self) -> None:
        """A folded line right behind the status line continues nothing, and is malformed."""
        with pytest.raises(MalformedResponseError):
            parse_response_head(OK + b" Content-Length: 0\r\n\r\n")


class TestFraming:
    """How long the body is (RFC 9112 section 6.3)."""

    @pytest.mark.parametrize(
        ("lines", "framing"),
        [
            (b"Content-Length: 0\r\n", 0),
            (b"Content-Length: 007\r\n", 7),
            (b"Content-Length: 5, 5\r\n", 5),
            (b"Content-Length: 5\r\nContent-Length: 5\r\n", 5),
            (b"Transfer-Encoding: chunked\r\n", CHUNKED),
            (b"Transfer-Encoding: Chunked \r\n", CHUNKED),
            (b"", UNTIL_CLOSE),
        ],
    )
    def test_lengths(self, lines: bytes, framing: int) -> None:
        """A length, chunks, or the end of the connection delimit the body."""
        head = parse_response_head(OK + lines + b"\r\n")
        assert head.framing == framing
        assert head.keeps_alive is (framing != UNTIL_CLOSE)

    @pytest.mark.parametrize(
        "lines",
        [
            b"Content-Length: 5\r\nContent-Length: 6\r\n",
            b"Content-Length: 5, 6\r\n",
            b"Content-Length: 5,\r\n",
            b"Content-Length:\r\n",
            b"Content-Length: -1\r\n",
            b"Content-Length: +5\r\n",
            b"Content-Length: 5 5\r\n",
            b"Content-Length: 5_0\r\n",
            b"Content-Length: 0x5\r\n",
            b"Content-Length: 5.0\r\n",
            b"Content-Length: \xb2\r\n",
            b"Content-Length: 1" + b"0" * 30 + b"\r\n",
            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: gzip\r\n",
            b"Transfer-Encoding: gzip, chunked\r\n",
            b"Transfer-Encoding: chunked, chunked\r\n",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: identity\r\n",
            b"Transfer-Encoding:\r\n",
            b"Transfer-Encoding: \x0bchunked\r\n",
        ],
    )
    def test_contradictions(self, lines: bytes) -> None:
        """A body whose length is invalid or can be read in two ways is refused."""
        with pytest.raises(MalformedResponseError):
            parse_response_head(OK + lines + b"\r\n")

    def test_chunks_in_http_1_0(self) -> None:
        """HTTP/1.0 has no chunks, so an answer that claims both is refused (RFC 9112 section 6.1)."""
        with pytest.raises(MalformedResponseError):
            parse_response_head(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")

    @pytest.mark.parametrize("status", [b"100", b"103", b"204", b"304"])
    def test_statuses_without_a_body(self, status: bytes) -> None:
        """These have no body whatever their fields announce."""
        head = parse_response_head(b"HTTP/1.1 " + status + b" X\r\nContent-Length: 9\r\n\r\n")
        assert head.framing == 0
        assert head.is_interim is (status < b"200")

    @pytest.mark.parametrize(
        ("version", "connection", "keeps_alive"),
        [
            (b"1.1", b"", True),
            (b"1.1", b"close", False),
            (b"1.1", b"x, Close", False),
            (b"1.1", b"keep-alive", True),
            (b"1.0", b"", False),
            (b"1.0", b"Keep-Alive", True),
            (b"1.0", b"keep-alive, close", False),
        ],
    )
    def test_keep_alive(self, version: bytes, connection: bytes, keeps_alive: bool) -> None:
        """The connection is used again only if both the version and the field allow it."""
        lines = b"Content-Length: 0\r\n" + (b"Connection: " + connection + b"\r\n" if connection else b"")
        assert parse_response_head(b"HTTP/" + version + b" 200 OK\r\n" + lines + b"\r\n").keeps_alive is keeps_alive


CHUNKS = b"5\r\nhello\r\n1;name=value\r\n \r\n00A \r\n0123456789\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n"
CONTENT = b"hello 0123456789"


class TestChunks:
    """Chunked bodies (RFC 9112 section 7.1)."""

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
    def test_any_segmentation(self, size: int) -> None:
        """The content is the same however the bytes arrive, and what follows the body is kept apart."""
        decoder = ChunkedDecoder()
        for start in range(0, len(CHUNKS), size):
            assert not decoder.complete
            decoder.feed(CHUNKS[start : start + size])
        assert decoder.complete
        assert (decoder.body(), decoder.rest) == (CONTENT, b"")

    @pytest.mark.parametrize("cut", range(len(CHUNKS)))
    def test_no_prefix_is_complete(self, cut: int) -> None:
        """A body that was cut short anywhere never counts as complete."""
        decoder = ChunkedDecoder()
        decoder.feed(CHUNKS[:cut])
        assert not decoder.complete

    def test_what_follows(self) -> None:
        """Bytes behind the last line are the rest, not content."""
        decoder = ChunkedDecoder()
        decoder.feed(CHUNKS + b"HTTP/1.1 200 OK\r\n")
        assert (decoder.body(), decoder.rest) == (CONTENT, b"HTTP/1.1 200 OK\r\n")

    def test_empty(self) -> None:
        """The last chunk alone is an empty body."""
        decoder = ChunkedDecoder()
        decoder.feed(b"0\r\n\r\n")
        assert (decoder.complete, decoder.body()) == (True, b"")

    @pytest.mark.parametrize("data", [b"2\nab\r\n0\r\n\r\n", b"2\r\nab\n0\r\n\r\n", b"2\r\nab\r\n0\n\r\n"])
    def test_bare_line_feeds(self, data: bytes) -> None:
        """Sizes and chunks end in CRLF (RFC 9112 section 7.1), not in a bare LF as the lines of a head may."""
        with pytest.raises(MalformedResponseError):
            ChunkedDecoder().feed(data)

    def test_one_byte_too_few(self) -> None:
        """A chunk that is a byte shorter than it said is refused; the CR behind it is not taken for its last byte."""
        with pytest.raises(MalformedResponseError):
            ChunkedDecoder().feed(b"6\r\nhello\r\n0\r\n\r\n")

    def test_bare_line_feeds_in_trailers(self) -> None:
        """The fields behind the last chunk are lines as in a head, which may end in a bare LF (section 2.2)."""
        decoder = ChunkedDecoder()
        decoder.feed(b"2\r\nab\r\n0\r\nTrailer: x\n\n")
        assert (decoder.complete, decoder.body()) == (True, b"ab")

    @pytest.mark.parametrize(
        "data",
        [
            b"\r\n",
            b"x\r\n",
            b"-1\r\n",
            b"+1\r\n",
            b"0x1\r\n",
            b"1_0\r\n",
            b"1 1\r\n",
            b";name\r\n",
            b"\xd9\xa1\r\n",
            b"f" * 16 + b"\r\n",
            b"2\r\nabc\r\n",
            b"2\r\nab0\r\n\r\n",
            b" 2\r\nab\r\n",
            b"\t0\r\n\r\n",
            b"1;" + b"x" * 5000,
            b"1;" + b"x" * 5000 + b"\r\n",
        ],
    )
    def test_no_chunks(self, data: bytes) -> None:
        """A size that is none, a chunk longer than it said and an endless line are refused."""
        with pytest.raises(MalformedResponseError):
            ChunkedDecoder().feed(data)

    def test_endless_trailers(self) -> None:
        """Trailers are bounded as heads are."""
        decoder = ChunkedDecoder()
        decoder.feed(b"0\r\n")
        line = b"X: " + b"x" * 1000 + b"\r\n"
        with pytest.raises(MalformedResponseError, match="trailers"):
            for _ in range(MAX_HEAD_BYTES // 1000 + 1):
                decoder.feed(line)
        assert not decoder.complete
