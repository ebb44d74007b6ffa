"""Differences to h11 in the reading of requests by the emulator."""

from __future__ import annotations

from tests.fuzz.differences import (
    ACCEPTS,
    BLANKS_BEFORE_AN_EXTENSION,
    READS_OTHERWISE,
    REFUSES,
    Difference,
    matching,
    not_reusable,
)

_METHODS = rb"(?:GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) "

REQUEST_DIFFERENCES = (
    Difference(
        REFUSES,
        "a version other than HTTP/1.x, with status 505",
        matching(rb" HTTP/(?!1\.)\d\.\d\r?$"),
        "is not spoken here",
    ),
    Difference(
        REFUSES,
        "a method that neither Lambda's API nor function URLs have, with status 501",
        matching(rb"^(?-i:(?!" + _METHODS + rb"))[^ \n]+ [^ \n]+ HTTP/1\.\d\r?$"),
        "Unsupported method",
    ),
    Difference(
        REFUSES,
        "a folded line, with status 400, as RFC 9112 section 5.2 allows a server; nobody sends one to it on purpose",
        matching(rb"\n[ \t]"),
        "is not a field",
    ),
    Difference(
        REFUSES,
        "control characters in a value, which RFC 9110 section 5.5 calls invalid: most values are passed on",
        matching(rb"^[^:\n]+:[^\n]*[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"),
        "is not a field",
    ),
    Difference(
        REFUSES,
        "both Content-Length and Transfer-Encoding: one of them lies, and RFC 9112 section 6.3 calls it an attack",
        matching(rb"(?s:^content-length:.*^transfer-encoding:|^transfer-encoding:.*^content-length:)"),
        "without a Content-Length",
    ),
    Difference(
        REFUSES,
        "chunks in HTTP/1.0, which has none (RFC 9112 section 6.1 says to treat the framing as faulty)",
        matching(rb"(?s: HTTP/1\.0\r?$.*^transfer-encoding:)"),
        "HTTP/1.0 has no",
    ),
    Difference(
        REFUSES,
        "a length or a chunk size of more than 15 digits, also zeros: h11 takes 20",
        matching(rb"^content-length:.*[0-9]{16}|^[0-9a-f]{16,20}[ \t]*[;\r]"),
        "is not the one number|does not begin with its size",
    ),
    Difference(REFUSES, "a chunk-size line of more than 4096 bytes", matching(rb"^[^\n]{4095}"), "begin with its size"),
    Difference(REFUSES, "more than a hundred fields, with status 431", lambda data: data.count(b"\n") > 100, "fields"),
    Difference(
        REFUSES,
        "callers who are a page of the web or mean another server, by Host, Origin or Sec-Fetch-Site",
        matching(rb"^(?:host|origin|sec-fetch-site):"),
        "is not this server|are not served",
    ),
    Difference(
        ACCEPTS,
        "HTTP/1.1 without Host: people type requests, and nothing is decided by a Host that is not there",
        matching(rb" HTTP/1\.[1-9]\r?$"),
        "Missing mandatory Host",
    ),
    Difference(
        ACCEPTS,
        "a target with bytes above 0x7f: clients send what people type, and functions get it as it came",
        matching(rb"^[^ \n]+ [^ \n]*[\x80-\xff][^ \n]* HTTP/"),
        "illegal request line",
    ),
    BLANKS_BEFORE_AN_EXTENSION,
    Difference(
        ACCEPTS,
        "Transfer-Encoding and Content-Length as trailers: they mean nothing there (RFC 9110 section 6.5.1)",
        matching(rb"(?s:^transfer-encoding:.*^0+[ \t]*(?:;[^\n]*)?\r\n.*^(?:transfer-encoding|content-length):)"),
        "Transfer-Encoding|Content-Length",
    ),
    Difference(
        READS_OTHERWISE,
        "Connection: keep-alive in HTTP/1.0 is honoured; h11 never does",
        matching(rb"(?s: HTTP/1\.0\r?$.*^connection:.*keep-alive)"),
        apart_from_it=not_reusable,
    ),
)
