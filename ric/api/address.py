"""Where the Runtime API is: the value of ``AWS_LAMBDA_RUNTIME_API``, taken apart.

Lambda gives ``host:port``. Emulators also give ``http://host:port``, a base path (``127.0.0.1:9000/.rt``) and IPv6
(``[::1]:9001``); every call accepts all of them.
"""

from __future__ import annotations

from ric.errors import InvalidAddressError

_DEFAULT_PORT = 80


class Address:
    """A parsed Runtime API address.

    Args:
        address: ``[http://]host[:port][/base/path]``; an IPv6 host stands in brackets.

    Attributes:
        host: Host name or IP address, without brackets.
        port: TCP port.
        authority: Host and port as given, for the ``Host`` header.
        base_path: Put before each path of the API; ``""`` or a path that begins with a slash and ends without one.

    Raises:
        InvalidAddressError: The text does not name a server.
    """

    __slots__ = ("authority", "base_path", "host", "port", "text")

    def __init__(self, address: str) -> None:
        self.text = address
        scheme, separator, rest = address.partition("://")
        if not separator:
            rest = address
        elif scheme.lower() != "http":
            raise InvalidAddressError(address, f"the Runtime API speaks http, not {scheme}")
        self.authority, _, path = rest.partition("/")
        self.base_path = f"/{path}".rstrip("/")
        if not _is_visible_ascii(rest) or any(character in rest for character in "?#@"):
            raise InvalidAddressError(address, "it holds characters that an address cannot have")
        self.host, port = self._split_authority()
        if not self.host:
            raise InvalidAddressError(address, "the host is missing")
        if not port.isdigit() or not 0 < int(port) < 65536:
            raise InvalidAddressError(address, f"{port!r} is not a port")
        self.port = int(port)

    def __str__(self) -> str:
        return self.text

    def _split_authority(self) -> tuple[str, str]:
        if self.authority.startswith("["):
            host, bracket, port = self.authority[1:].partition("]")
            if not bracket or (port and not port.startswith(":")):
                raise InvalidAddressError(self.text, "its brackets are not closed properly")
            return host, port[1:] or str(_DEFAULT_PORT)
        host, colon, port = self.authority.partition(":")
        if ":" in port:
            raise InvalidAddressError(self.text, "an IPv6 host must stand in brackets, [::1]:9001")
        return host, port if colon else str(_DEFAULT_PORT)


def _is_visible_ascii(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
