"""Who may call: programs on this machine, and pages that the emulator itself served, but no page of the web.

A web page must not be able to invoke a function that someone develops on the same machine, nor to meddle with
its Runtime API. Browsers name the page in ``Origin`` where it could read the answer, tell in ``Sec-Fetch-Site``
whether another site is behind a request of any kind (an image suffices to send one), and send the name they
resolved in ``Host``. A foreign origin or site is refused, and so is a host name that merely points to this
machine (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from email.message import Message

# "none" is an address typed by the user; "same-site" includes every other port of localhost.
_OWN_SITES = ("same-origin", "none")


def find_objection(headers: Message, bound_host: str) -> str | None:
    """Returns why a request must not be served, None if it may be.

    Args:
        headers: The request's.
        bound_host: The address that the listener is bound to. If that is all addresses, as a container needs, its
            names are unknown; then IP addresses, ``localhost`` and names without a dot are accepted, which no page of
            the web has.
    """
    host = headers.get("Host")
    if host is not None and not _names_this_machine(host, bound_host):
        return f"Host {host!r} is not this server"
    origin = headers.get("Origin")
    if origin is not None and _network_location(origin) != host:
        return f"requests from pages of {origin!r} are not served"
    site = headers.get("Sec-Fetch-Site")
    if site is not None and site.strip().lower() not in _OWN_SITES:
        return f"requests from pages of another site ({site}) are not served; open the address directly"
    return None


def _names_this_machine(host_header: str, bound_host: str) -> bool:
    try:
        name = urlsplit(f"//{host_header}").hostname or ""
    except ValueError:
        return False
    if name in ("localhost", bound_host.lower()):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return is_unspecified(bound_host) and bool(name) and "." not in name
    return address.is_loopback or is_unspecified(bound_host)


def is_unspecified(host: str) -> bool:
    """Whether binding this address means all addresses."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _network_location(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None
