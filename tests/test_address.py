"""``AWS_LAMBDA_RUNTIME_API``: the forms that are understood, and what is said about the others."""

from __future__ import annotations

import pytest

from ric.api.address import Address
from ric.errors import InvalidAddressError


@pytest.mark.parametrize(
    ("text", "host", "port", "authority", "base_path"),
    [
        ("127.0.0.1:9001", "127.0.0.1", 9001, "127.0.0.1:9001", ""),
        ("localhost", "localhost", 80, "localhost", ""),
        ("localhost:65535", "localhost", 65535, "localhost:65535", ""),
        ("http://127.0.0.1:9001", "127.0.0.1", 9001, "127.0.0.1:9001", ""),
        ("HTTP://host:1/", "host", 1, "host:1", ""),
        ("127.0.0.1:9000/.rt", "127.0.0.1", 9000, "127.0.0.1:9000", "/.rt"),
        ("http://127.0.0.1:9000/.rt/", "127.0.0.1", 9000, "127.0.0.1:9000", "/.rt"),
        ("http://127.0.0.1:9000/a/b/c", "127.0.0.1", 9000, "127.0.0.1:9000", "/a/b/c"),
        ("[::1]:9001", "::1", 9001, "[::1]:9001", ""),
        ("http://[::1]", "::1", 80, "[::1]", ""),
        ("[fe80::1%eth0]:7/x", "fe80::1%eth0", 7, "[fe80::1%eth0]:7", "/x"),
    ],
)
def test_forms(text: str, host: str, port: int, authority: str, base_path: str) -> None:
    """Every form that Lambda or an emulator gives is taken apart into host, port, Host header and base path."""
    address = Address(text)
    assert (address.host, address.port, address.authority, address.base_path) == (host, port, authority, base_path)
    assert str(address) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "host is missing"),
        (":9001", "host is missing"),
        ("http://", "host is missing"),
        ("/path", "host is missing"),
        ("[]:9001", "host is missing"),
        ("https://127.0.0.1:9001", "speaks http, not https"),
        ("unix:///run/api", "speaks http, not unix"),
        ("127.0.0.1:", "'' is not a port"),
        ("127.0.0.1:0", "'0' is not a port"),
        ("127.0.0.1:65536", "'65536' is not a port"),
        ("127.0.0.1:-1", "'-1' is not a port"),
        ("127.0.0.1:http", "'http' is not a port"),
        ("127.0.0.1:\uff19\uff10", "characters"),
        ("::1", "brackets"),
        ("::1:9001", "brackets"),
        ("[::1:9001", "brackets"),
        ("[::1]9001", "brackets"),
        ("127.0.0.1:9001?x=1", "characters"),
        ("127.0.0.1:9001/#x", "characters"),
        ("user:secret@127.0.0.1:9001", "characters"),
        (" 127.0.0.1:9001", "characters"),
        ("127.0.0.1:9001\n", "characters"),
        ("127.0.0.1:9001/a b", "characters"),
        ("127.0.0.1:9001/\r\nX: y", "characters"),
        ("127.0.0.1:9001/\x7f", "characters"),
    ],
)
def test_refusals(text: str, reason: str) -> None:
    """What does not name a server is refused in words that show the value, the fault and the right form."""
    with pytest.raises(InvalidAddressError) as refusal:
        Address(text)
    message = str(refusal.value)
    assert reason in message
    assert repr(text) in message
    assert "host:port" in message
    assert "\n" not in message
