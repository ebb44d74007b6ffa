"""Handlers that fail in ways that are hard to tell."""

from __future__ import annotations

from .handlers import ending, raising
from .model import Section

ERRORS = Section(
    "Handlers that fail in ways that are hard to tell",
    (
        raising(
            "`str()` fails",
            """
            class E(Exception):
                def __str__(self):
                    raise RuntimeError
            raise E
            """,
        ),
        raising(
            "`str()` returns no str",
            """
            class E(Exception):
                def __str__(self):
                    return 5
            raise E
            """,
        ),
        raising(
            "`str()` calls itself",
            """
            class E(Exception):
                def __str__(self):
                    return str(self)
            raise E
            """,
        ),
        raising(
            "`str()` calls `sys.exit()`",
            """
            class E(Exception):
                def __str__(self):
                    raise SystemExit(9)
            raise E
            """,
        ),
        raising(
            "`repr()` fails",
            """
            class E(Exception):
                def __repr__(self):
                    raise RuntimeError
            raise E
            """,
        ),
        raising(
            "caused by itself",
            """
            e = ValueError('circle')
            e.__cause__ = e
            raise e
            """,
        ),
        raising(
            "a chain of 10,000 causes",
            """
            error = ValueError(0)
            for number in range(10_000):
                outer = ValueError(number)
                outer.__cause__, error = error, outer
            raise error
            """,
        ),
        raising(
            "a property for `__traceback__`",
            """
            class E(Exception):
                __traceback__ = property(lambda self: 1 / 0)
            raise E
            """,
        ),
        raising("a class name with a line break", "raise type('Bad\\r\\nName: x', (Exception,), {})"),
        raising("a class name that is not ASCII", "raise type('\\u00c9', (Exception,), {})"),
        raising("a class name of 200,000 characters", "raise type('E' * 200_000, (Exception,), {})"),
        raising("a message with a lone surrogate", "raise ValueError('\\ud800')"),
        raising("a message of 1 MB", "raise ValueError('x' * 1_000_000)"),
        raising("a message of 10 MB", "raise ValueError('x' * 10_000_000)"),
        raising("endless recursion", "return handler(event, context)"),
        raising("`MemoryError`", "raise MemoryError"),
        raising("`StopIteration`", "raise StopIteration"),
        raising("`ConnectionResetError` of its own", "raise ConnectionResetError('mine')"),
        ending(
            "`sys.exit(3)`",
            """
            import sys
            sys.exit(3)
            """,
        ),
        ending(
            "`sys.exit()` with something whose `str()` fails",
            """
            import sys
            class S:
                def __str__(self):
                    raise KeyError
            sys.exit(S())
            """,
        ),
        ending(
            "`sys.exit()` with a number of 100 digits",
            """
            import sys
            sys.exit(10 ** 100)
            """,
        ),
        ending("`KeyboardInterrupt`", "raise KeyboardInterrupt"),
        ending("`GeneratorExit`", "raise GeneratorExit"),
        ending(
            "`asyncio.CancelledError`",
            """
            import asyncio
            raise asyncio.CancelledError
            """,
        ),
        ending("`BaseException`", "raise BaseException('base')"),
        ending(
            "`sys.exit(3)`, and an atexit function that fails",
            """
            import atexit, sys
            atexit.register(lambda: 1 / 0)
            sys.exit(3)
            """,
        ),
    ),
)
