"""Handlers that return what is hard to send."""

from __future__ import annotations

from tests.scripted_api import send, status

from .handlers import ending, hostile, raising
from .model import Due, Section
from .steps import take

RESULTS = Section(
    "Handlers that return what is hard to send",
    (
        raising(
            "a list that holds itself",
            """
            a = []
            a.append(a)
            return a
            """,
        ),
        raising(
            "a dict that holds itself",
            """
            a = {}
            a['a'] = a
            return a
            """,
        ),
        raising(
            "10,000 lists deep",
            """
            a = []
            for _ in range(10_000):
                a = [a]
            return a
            """,
        ),
        raising(
            "10,000 dicts deep",
            """
            a = {}
            for _ in range(10_000):
                a = {'a': a}
            return a
            """,
        ),
        raising(
            "1,000,000 lists deep",
            """
            a = []
            for _ in range(1_000_000):
                a = [a]
            return a
            """,
        ),
        raising("an object", "return object()"),
        raising("a generator of a plain function", "return (n for n in range(3))"),
        raising("a dict with a tuple as key", "return {(1, 2): 3}"),
        raising(
            "a dict whose `items()` fails",
            """
            class D(dict):
                def items(self):
                    raise KeyError('mine')
                __iter__ = keys = items
            return D(a=1)
            """,
        ),
        ending(
            "a dict whose `items()` calls `sys.exit(3)`",
            """
            import sys
            class D(dict):
                def items(self):
                    sys.exit(3)
                __iter__ = keys = items
            return D(a=1)
            """,
        ),
        hostile("an int of 10,000 digits", "return 10 ** 10_000", due=Due.ANSWER),
        hostile("a lone surrogate", "return 'a\\ud800b'", result="a\ud800b"),
        hostile(
            "a lone surrogate, from Python 3.12 on",
            "return 'a\\ud800b'",
            result="a\ud800b",
            environment={"AWS_EXECUTION_ENV": "AWS_Lambda_python3.12"},
        ),
        hostile("6 MB", "return 'x' * 6_000_000", result="x" * 6_000_000),
        hostile(
            "more than 6 MB, which is refused with 413",
            "return 'x' * 7_000_000",
            posts=[(take(), send(status(413)))],
            due=Due.REFUSED,
            told=r"413|\d bytes",
        ),
    ),
)
