"""Modules that cannot be imported."""

from __future__ import annotations

from .handlers import EXHAUST, at_import
from .model import Section

IMPORTS = Section(
    "Modules that cannot be imported",
    (
        at_import("a module that is missing", "import surely_not_there"),
        at_import("a syntax error", "x = ("),
        at_import("no handler", "y = 1"),
        at_import("an exception", "raise ValueError('why')"),
        at_import(
            "an exception whose `str()` fails",
            """
            class E(Exception):
                def __str__(self):
                    raise E
            raise E
            """,
        ),
        at_import("a lone surrogate in the message", "raise ValueError('\\ud800')"),
        at_import(
            "endless recursion",
            """
            def f():
                f()
            f()
            """,
        ),
        at_import(
            "`sys.exit(3)`",
            """
            import sys
            sys.exit(3)
            """,
        ),
        at_import("`KeyboardInterrupt`", "raise KeyboardInterrupt"),
        at_import(
            "an exception, with stdout and stderr gone",
            """
            import os, sys
            sys.stdout = sys.stderr = None
            os.close(1)
            os.close(2)
            raise ValueError('why')
            """,
        ),
        at_import(
            "an exception, with `os.environ` cleared",
            """
            import os
            os.environ.clear()
            raise ValueError('why')
            """,
        ),
        at_import(
            "an exception, with `socket.socket` gone",
            """
            import socket
            socket.socket = None
            raise ValueError('why')
            """,
        ),
        at_import(
            "an exception, with `sys.modules` cleared",
            """
            import sys
            sys.modules.clear()
            raise ValueError('why')
            """,
            told="ValueError: why",
        ),
        at_import(
            "an exception, with no descriptor left",
            EXHAUST.replace("global kept\n", "") + "raise ValueError('why')",
            told="ValueError: why",
        ),
    ),
)
