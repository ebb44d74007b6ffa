"""Status, headers and cookies of an HTTP response, checked and encoded as a stream begins with them.

Source: "Response streaming" in "Building a custom runtime", Lambda developer guide.
"""

from __future__ import annotations

from ric.api import protocol
from ric.api.http11 import is_token
from ric.api.marshal import encode_json, to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any


def encode_prelude(status_code: object, headers: Mapping[Any, Any], cookies: list[Any]) -> bytes:
    """Returns the prelude, without the NUL bytes that end it.

    Args:
        status_code: The HTTP status.
        headers: Names and values.
        cookies: Values for ``Set-Cookie``.

    Raises:
        TypeError: One of them is of the wrong type.
        ValueError: It cannot stand in an HTTP response, or all together are larger than 16 KiB.
    """
    if isinstance(status_code, bool) or not isinstance(status_code, int):
        raise TypeError(f"status_code is a whole number, not {status_code!r}")
    if not 200 <= status_code <= 599:  # the others belong to responses that are not the last
        raise ValueError(f"status_code is one of 200 to 599, not {status_code}")
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"names and values of headers are str, not {name!r}: {value!r}")
        if not is_token(name.encode("utf-8", "replace")):
            raise ValueError(f"{name!r} is not the name of a header")
        _check_value(value, f"header {name}")
    for cookie in cookies:
        if not isinstance(cookie, str):
            raise TypeError(f"cookies are str, such as 'name=value; HttpOnly', not {cookie!r}")
        _check_value(cookie, "cookie")
    prelude = encode_json(to_json({"statusCode": int(status_code), "headers": headers, "cookies": cookies}))
    limit_bytes = protocol.MAX_PRELUDE_BYTES - len(protocol.PRELUDE_END)
    if len(prelude) > limit_bytes:
        raise ValueError(
            f"status, headers and cookies of a stream may take {limit_bytes} bytes, these are {len(prelude)}; "
            "send what is large in the body"
        )
    return prelude


def _check_value(value: str, what: str) -> None:
    if any((character < " " and character != "\t") or character == "\x7f" for character in value):
        raise ValueError(f"{what} is {value!r}, but a line break, NUL or other control character cannot be sent")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"{what} is {value!r}, but a lone surrogate cannot be sent")


def as_list(cookies: Iterable[str] | None) -> list[str]:
    """Returns cookies as a list.

    Raises:
        TypeError: They are one str, whose characters would be taken for cookies.
    """
    if isinstance(cookies, str):
        raise TypeError(f"cookies are a list of str, not one str; write [{cookies!r}]")
    return list(cookies or ())
