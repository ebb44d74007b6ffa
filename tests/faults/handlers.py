"""Functions with a hostile handler, in its first invocation: the forms that they take."""

from __future__ import annotations

import textwrap

from tests.scripted_api import send

from .model import ENDED, Due, Fault
from .steps import give, pause


def hostile(name: str, statements: str, *, due: Due = Due.RESULT, **options: object) -> Fault:
    """Returns a handler that runs the statements in its first invocation, and then returns its event."""
    body = textwrap.indent(textwrap.dedent(statements).strip(), " " * 8)
    source = f"def handler(event, context):\n    if event == 'fault':\n{body}\n    return event\n"
    return Fault(name, source, **{"polls": [give()], "due": due, **options})  # type: ignore[arg-type]


def raising(name: str, statements: str, **options: object) -> Fault:
    """Returns a handler that fails."""
    return hostile(name, statements, due=Due.ERROR, **options)  # type: ignore[arg-type]


def ending(name: str, statements: str, **options: object) -> Fault:
    """Returns a handler that asks for the end of the process, which has to be told to the caller before."""
    return hostile(name, statements, due=Due.ERROR, wanted=ENDED, **options)  # type: ignore[arg-type]


def at_import(name: str, statements: str, told: str = "") -> Fault:
    """Returns a module that cannot be imported."""
    return Fault(name, textwrap.dedent(statements), due=Due.NOTHING, wanted=ENDED, told=told)


EXHAUST = """
import resource
global kept
kept = []
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        kept.append(open("/dev/null"))
except OSError:
    pass
"""
"""Uses up all descriptors, with little fuss."""

IDLE = (give(), (pause(0.5), send(b"HTTP/1.1 204 No Content\r\n\r\n")))
"""The faulty invocation, and half a second without another one."""
