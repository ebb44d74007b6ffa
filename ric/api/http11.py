"""HTTP/1.1 as a client needs it: bytes in, values out, no sockets (RFC 9110, RFC 9112).

Rules: a message that is incomplete, contradicts itself or could be read in two ways is an error, never a guess.
Heads and the lines among chunks are bounded; a body is as long as its sender says. Nothing that is written can
break out of its line.
"""

from __future__ import annotations

from ric.errors import MalformedResponseError, UnsafeHeaderError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_HEAD_BYTES = 1024 * 1024
"""Client contexts travel in headers, so heads can be large; a MiB is far above what the platform allows."""

_MAX_CHUNK_LINE_BYTES = 4096
_MAX_LENGTH_DIGITS = 15

# A server sends the same few field names with every answer; each is checked and put in lower case once.
_MAX_REMEMBERED_NAMES = 64
_MAX_REMEMBERED_NAME_BYTES = 64
_lower_case: dict[bytes, bytes] = {}
_status_lines: dict[bytes, tuple[bool, int]] = {}

TOKEN_BYTES = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What field names and methods are made of (RFC 9110 section 5.6.2)."""

CHUNKED = -1
"""Body framing: chunks follow (RFC 9112 section 7.1)."""

UNTIL_CLOSE = -2
"""Body framing: everything up to the end of the connection (RFC 9112 section 6.3, rule 8)."""


class ResponseHead:
    """Status line and header fields of an answer.

    Attributes:
        status: The status code.
        headers: Values by lower-case name; repeated fields are joined with a comma (RFC 9110 section 5.3).
        framing: The body's length in bytes, or CHUNKED, or UNTIL_CLOSE.
        keeps_alive: Whether the connection may carry another request.
    """

    __slots__ = ("framing", "headers", "keeps_alive", "status")

    def __init__(self, status: int, headers: dict[bytes, bytes], *, is_http_1_0: bool) -> None:
        self.status = status
        self.headers = headers
        self.framing = _framing(status, headers, is_http_1_0=is_http_1_0)
        is_kept = not is_http_1_0
        if b"connection" in headers:
            options = headers[b"connection"].lower()
            is_kept = b"close" not in options and (is_kept or b"keep-alive" in options)
        self.keeps_alive = is_kept and self.framing != UNTIL_CLOSE

    @property
    def is_interim(self) -> bool:
        """Whether a further answer to the same request follows (RFC 9110 section 15.2)."""
        return self.status < 200


class Response:
    """A complete answer.

    Attributes:
        status: The status code.
        headers: Values by lower-case name.
        body: The decoded content.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, head: ResponseHead, body: bytes) -> None:
        self.status = head.status
        self.headers = head.headers
        self.body = body


def render_request_head(
    method: str, target: str, authority: str, fields: Iterable[tuple[str, str]], body_length: int | None = None
) -> bytes:
    """Returns the request line and header fields, with the blank line.

    Args:
        method: The HTTP method.
        target: The path.
        authority: The value of ``Host``.
        fields: Further header fields; names must be tokens of ours, values are checked.
        body_length: ``Content-Length`` in bytes; None for a request without a body, CHUNKED for one in chunks.

    Raises:
        UnsafeHeaderError: A value holds a control or non-ASCII character.
    """
    lines = [f"{method} {target} HTTP/1.1\r\nHost: {authority}\r\n"]
    for name, value in fields:
        if not (value.isascii() and value.isprintable()):
            raise UnsafeHeaderError(name, value)
        lines.append(f"{name}: {value}\r\n")
    if body_length is None:
        lines.append("\r\n")
    elif body_length == CHUNKED:
        lines.append("Transfer-Encoding: chunked\r\n\r\n")
    else:
        lines.append(f"Content-Length: {body_length}\r\n\r\n")
    return "".join(lines).encode("ascii")


def find_head_end(data: bytes | bytearray, searched: int = 0) -> int:
    """Returns the index just behind the blank line that ends a head, or -1 when it is not there yet.

    A line may end in a bare LF (RFC 9112 section 2.2).

    Args:
        data: What has come so far.
        searched: How much of it was looked through before without finding the end.
    """
    start = searched - 2 if searched > 2 else 0  # the blank line may have been cut in two
    index = data.find(b"\n\r\n", start)
    bare = data.find(b"\n\n", start, index + 1 if index >= 0 else len(data))
    if bare >= 0:
        return bare + 2
    return index + 3 if index >= 0 else -1


def parse_response_head(head: bytes) -> ResponseHead:
    """Returns the status and header fields of a complete head.

    Args:
        head: The bytes up to and with the blank line.

    Raises:
        MalformedResponseError: The head breaks RFC 9112.
    """
    if len(head) > MAX_HEAD_BYTES:
        raise MalformedResponseError(f"a head of more than {MAX_HEAD_BYTES} bytes")
    return _parse_plain_head(head) or _parse_any_head(head)


def _parse_plain_head(head: bytes) -> ResponseHead | None:
    """Returns what is in a head as servers write it: all lines end in CRLF, each name is known and stands there once.

    Such heads are nearly all; None for any other. It saves a quarter of the time, twice for each invocation.
    """
    lines = head.split(b"\r\n")
    line_ends = len(lines) - 1
    if head.count(b"\n") != line_ends or head.count(b"\r") != line_ends or b"\0" in head:
        return None
    status_line = _status_lines.get(lines[0])
    if status_line is None:
        return None
    headers: dict[bytes, bytes] = {}
    lower_case = _lower_case.get
    for line in lines[1:-2]:
        spelling, colon, value = line.partition(b":")
        name = lower_case(spelling)
        if name is None or name in headers or not colon:
            return None
        headers[name] = value.strip(b" \t")
    is_http_1_0, status = status_line
    return ResponseHead(status, headers, is_http_1_0=is_http_1_0)


def _parse_any_head(head: bytes) -> ResponseHead:
    text = head.replace(b"\r\n", b"\n")
    if b"\r" in text or b"\0" in text:
        raise MalformedResponseError("a bare CR or a NUL in the head")
    lines = text[:-2].split(b"\n")
    if b"\n " in text or b"\n\t" in text:
        lines = _unfold(lines)
    is_http_1_0, status = _parse_status_line(lines[0])
    headers: dict[bytes, bytes] = {}
    repeated: dict[bytes, list[bytes]] = {}
    for line in lines[1:]:
        spelling, colon, value = line.partition(b":")
        if not colon:
            raise MalformedResponseError(f"{line[:100]!r} is not a header field")
        name = _check_name(spelling)
        value = value.strip(b" \t")
        if name in headers:
            repeated.setdefault(name, [headers[name]]).append(value)
        else:
            headers[name] = value
    for name, values in repeated.items():
        headers[name] = b", ".join(values)
    return ResponseHead(status, headers, is_http_1_0=is_http_1_0)


def _unfold(lines: list[bytes]) -> list[bytes]:
    """Makes one line of a field that continues on further ones, with a blank in each place (RFC 9112 section 5.2)."""
    unfolded: list[list[bytes]] = []
    for line in lines:
        if line[:1] not in (b" ", b"\t"):
            unfolded.append([line])
        elif len(unfolded) < 2:
            raise MalformedResponseError("a folded line without a field before it")
        elif continuation := line.strip(b" \t"):
            unfolded[-1].append(continuation)
    return [b" ".join([line.rstrip(b" \t"), *rest]) if rest else line for line, *rest in unfolded]


def is_token(name: bytes) -> bool:
    """Whether a name may be that of a field or method."""
    return bool(name) and not name.translate(None, TOKEN_BYTES)


def _check_name(spelling: bytes) -> bytes:
    """Returns a field name in lower case, and remembers it."""
    if not is_token(spelling):
        raise MalformedResponseError(f"{spelling[:100]!r} is not the name of a header field")
    name = spelling.lower()
    if len(_lower_case) < _MAX_REMEMBERED_NAMES and len(name) <= _MAX_REMEMBERED_NAME_BYTES:
        _lower_case[spelling] = name
    return name


def _parse_status_line(line: bytes) -> tuple[bool, int]:
    version, _, rest = line.partition(b" ")
    status = rest[:3]
    if (
        version not in (b"HTTP/1.1", b"HTTP/1.0")
        or not status.isdigit()
        or not 100 <= int(status) <= 599
        or rest[3:4] not in (b"", b" ")
    ):
        raise MalformedResponseError(f"{line[:100]!r} is not an HTTP/1.1 status line")
    if status == b"101":
        raise MalformedResponseError("101 Switching Protocols, which nobody asked for")
    parsed = (version == b"HTTP/1.0", int(status))
    if len(_status_lines) < _MAX_REMEMBERED_NAMES and len(line) <= _MAX_REMEMBERED_NAME_BYTES:
        _status_lines[line] = parsed
    return parsed


def _framing(status: int, headers: dict[bytes, bytes], *, is_http_1_0: bool) -> int:
    """How long the body is, by the rules of RFC 9112 section 6.3 in their order."""
    length = headers.get(b"content-length")
    coding = headers.get(b"transfer-encoding")
    if coding is not None:
        if length is not None or is_http_1_0 or coding.lower() != b"chunked":
            raise MalformedResponseError("a Transfer-Encoding that is not understood or contradicts the head")
        return 0 if _has_no_body(status) else CHUNKED
    if length is None:
        return 0 if _has_no_body(status) else UNTIL_CLOSE
    digits = length
    if b"," in length:  # the same one, repeated
        digits, *others = {value.strip(b" \t") for value in length.split(b",")}
        if others:
            raise MalformedResponseError(f"Content-Length {length[:100]!r} is not one number")
    if not digits.isdigit() or len(digits) > _MAX_LENGTH_DIGITS:
        raise MalformedResponseError(f"Content-Length {length[:100]!r} is not one number")
    return 0 if _has_no_body(status) else int(digits)


def _has_no_body(status: int) -> bool:
    return status < 200 or status in (204, 304)


class ChunkedDecoder:
    """Takes a chunked body apart (RFC 9112 section 7.1); extensions and trailers are read over.

    Lines end in CRLF here, as the specification says. A bare LF, which heads may have, would make a whole chunk of one
    that is a byte too short: its CR is taken for data then.

    Feed it until ``complete``; then ``body()`` is the content and ``rest`` what followed it.
    """

    __slots__ = ("_pending", "_pieces", "_step", "_trailer_bytes", "_wanted", "complete")

    def __init__(self) -> None:
        self.complete = False
        self._pending = bytearray()
        self._pieces: list[bytes] = []
        self._wanted = 0
        self._trailer_bytes = 0
        self._step = self._read_size

    @property
    def rest(self) -> bytes:
        """What came behind the body."""
        return bytes(self._pending)

    def body(self) -> bytes:
        """Returns the decoded content."""
        return b"".join(self._pieces)

    def feed(self, data: bytes | bytearray) -> None:
        """Takes the next bytes of the connection.

        Raises:
            MalformedResponseError: They are no chunks.
        """
        self._pending += data
        while not self.complete and self._step():
            pass

    def _take_line(self) -> bytes | None:
        end = self._pending.find(b"\n")
        if end > _MAX_CHUNK_LINE_BYTES or (end < 0 and len(self._pending) > _MAX_CHUNK_LINE_BYTES):
            raise MalformedResponseError("an endless line among the chunks")
        if end < 0:
            return None
        line = bytes(self._pending[: end + 1])
        del self._pending[: end + 1]
        return line

    def _read_size(self) -> bool:
        line = self._take_line()
        if line is None:
            return False
        digits = line.removesuffix(b"\r\n").partition(b";")[0].rstrip(b" \t")
        is_number = 0 < len(digits) <= _MAX_LENGTH_DIGITS and not digits.translate(None, b"0123456789abcdefABCDEF")
        if not is_number or not line.endswith(b"\r\n"):
            raise MalformedResponseError(f"{line[:100]!r} is not a chunk size")
        self._wanted = int(digits, 16)
        self._step = self._read_data if self._wanted else self._read_trailer
        return True

    def _read_data(self) -> bool:
        piece = bytes(self._pending[: self._wanted])
        del self._pending[: len(piece)]
        self._pieces.append(piece)
        self._wanted -= len(piece)
        if self._wanted:
            return False
        self._step = self._read_data_end
        return True

    def _read_data_end(self) -> bool:
        line = self._take_line()
        if line is None:
            return False
        if line != b"\r\n":
            raise MalformedResponseError("a chunk that is not as long as it said")
        self._step = self._read_size
        return True

    def _read_trailer(self) -> bool:
        line = self._take_line()
        if line is None:
            return False
        self._trailer_bytes += len(line)
        if self._trailer_bytes > MAX_HEAD_BYTES:
            raise MalformedResponseError("endless trailers")
        self.complete = line in (b"\r\n", b"\n")
        return True
