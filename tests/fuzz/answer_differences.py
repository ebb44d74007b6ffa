"""Differences to h11 in the reading of answers."""

from __future__ import annotations

from tests.fuzz.differences import (
    ACCEPTS,
    BLANKS_BEFORE_AN_EXTENSION,
    READS_OTHERWISE,
    REFUSES,
    REFUSES_EARLIER,
    WAITS,
    Difference,
    matching,
    not_reusable,
    with_single_blanks,
)

_CHUNKED = rb"^transfer-encoding:"

ANSWER_DIFFERENCES = (
    Difference(
        REFUSES,
        "a version other than HTTP/1.0 and HTTP/1.1: nobody speaks one, so it is no answer of the Runtime API",
        matching(rb"^HTTP/(?!1\.[01])\d\.\d "),
        "is not an HTTP/1.1 status line",
    ),
    Difference(
        REFUSES, "a status from 600 on, which HTTP does not have", matching(rb"^HTTP/\d\.\d [6-9]\d\d"), "status line"
    ),
    Difference(
        REFUSES, "101: ric asks for no other protocol", matching(rb"^HTTP/\d\.\d 101"), "^malformed answer: 101"
    ),
    Difference(
        REFUSES,
        "both Content-Length and Transfer-Encoding: one of them lies (RFC 9112 section 6.3 lets a client choose)",
        matching(rb"(?s:^content-length:.*^transfer-encoding:|^transfer-encoding:.*^content-length:)"),
        "contradicts the head",
    ),
    Difference(
        REFUSES,
        "chunks in HTTP/1.0, which has none (RFC 9112 section 6.1 says to treat the framing as faulty)",
        matching(rb"(?s:^HTTP/1\.0 .*^transfer-encoding:)"),
        "contradicts the head",
    ),
    Difference(
        REFUSES,
        "a length or a chunk size of more than 15 digits, also zeros: h11 takes 20",
        matching(rb"^content-length:.*[0-9]{16}|^[0-9a-f]{16,20}[ \t]*[;\r]"),
        "is not (one number|a chunk size)",
    ),
    Difference(
        REFUSES, "a chunk-size line or trailer of more than 4096 bytes", matching(rb"^[^\n]{4097}"), "endless line"
    ),
    Difference(
        REFUSES,
        "more than a hundred interim answers, which could follow each other for ever",
        lambda data: data.count(b"HTTP/1") > 100,
        "interim answers",
    ),
    Difference(
        ACCEPTS,
        "VT and FF in a value or reason phrase: they are ordinary control characters, which break no line",
        matching(rb"^(?:HTTP/|[^:\n]+:|[ \t])[^\n]*[\v\f]"),
        "illegal (header|status) line",
    ),
    Difference(
        ACCEPTS,
        "trailers of any form: they are read over, since no answer of the Runtime API has any",
        matching(rb"(?s:" + _CHUNKED + rb".*^0+[ \t]*(?:;[^\n]*)?\r?\n(?!\r?\n))"),
        "illegal header line|continuation line|Transfer-Encoding|Content-Length",
    ),
    BLANKS_BEFORE_AN_EXTENSION,
    Difference(
        REFUSES_EARLIER,
        "a chunk-size line that ends in LF alone: h11 looks for the next CRLF before it refuses",
        matching(rb"(?s:" + _CHUNKED + rb".*(?<!\r)\n)"),
        "is not a chunk size",
    ),
    Difference(
        WAITS,
        "a first byte below 0x21: ric looks at a head once it is whole",
        matching(rb"(?:\A|\n\r?\n)[\x00-\x20]"),
        "illegal request line|no response line",
    ),
    Difference(
        WAITS,
        "a chunk that is longer than announced: ric looks at the line behind it once that is whole",
        matching(rb"(?s:" + _CHUNKED + rb")"),
        "malformed chunk footer",
    ),
    Difference(
        READS_OTHERWISE,
        "a folded line: ric puts one blank in its place, h11 keeps those that stood before it",
        matching(rb"\n[ \t]"),
        apart_from_it=with_single_blanks,
    ),
    Difference(
        READS_OTHERWISE,
        "Connection: keep-alive in HTTP/1.0 is honoured; h11 never does",
        matching(rb"(?s:^HTTP/1\.0 .*^connection:.*keep-alive)"),
        apart_from_it=not_reusable,
    ),
    Difference(
        READS_OTHERWISE,
        "the letters close anywhere in Connection end it: at worst a connection is opened that need not be",
        matching(rb"^connection:.*close"),
        apart_from_it=not_reusable,
    ),
)
