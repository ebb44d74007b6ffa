"""A function that tells about the image it runs in."""

from __future__ import annotations

import os
import sys
from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Greets, and tells what it runs on.

    Args:
        event: May have a ``name``.
        context: What Lambda knows of the invocation.

    Returns:
        The greeting, the interpreter and its version, the processor, and the user that the function runs as.
    """
    return {
        "greeting": f"Hello, {event.get('name', 'world')}!",
        "python": f"{sys.executable} {sys.version.split()[0]}",
        "machine": os.uname().machine,
        "user": os.getuid(),
    }
