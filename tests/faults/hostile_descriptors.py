"""Handlers that meddle with descriptors and streams."""

from __future__ import annotations

from .handlers import EXHAUST, hostile, raising
from .model import Section

DESCRIPTORS = Section(
    "Handlers that meddle with descriptors and streams",
    (
        hostile(
            "close descriptors 0 to 2",
            """
            import os
            for n in range(3):
                os.close(n)
            """,
        ),
        raising(
            "close descriptors 0 to 2, then fail",
            """
            import os
            for n in range(3):
                os.close(n)
            raise ValueError
            """,
        ),
        hostile(
            "close every descriptor",
            """
            import os
            os.closerange(0, 1000)
            """,
        ),
        hostile(
            "close every descriptor and open files under their numbers",
            """
            import os
            global kept
            os.closerange(3, 1000)
            kept = [open('/dev/null') for _ in range(20)]
            """,
        ),
        hostile(
            "make every descriptor non-blocking",
            """
            import os
            for n in os.listdir('/proc/self/fd'):
                try:
                    os.set_blocking(int(n), False)
                except OSError:
                    pass
            """,
        ),
        hostile(
            "shut the connection down",
            """
            import os, socket
            for n in range(3, 100):
                try:
                    socket.socket(fileno=os.dup(n)).shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            """,
        ),
        hostile("use up all descriptors", EXHAUST),
        raising("use up all descriptors, then fail", EXHAUST + "raise ValueError"),
        hostile(
            "point 0 to 2 at /dev/full and print",
            """
            import os
            n = os.open('/dev/full', os.O_RDWR)
            for m in range(3):
                os.dup2(n, m)
            try:
                print('x')
            except OSError:
                pass
            """,
        ),
        raising(
            "`sys.stdout = None`, then fail",
            """
            import sys
            sys.stdout = sys.stderr = None
            raise ValueError
            """,
        ),
        raising(
            "close `sys.stdout` and `sys.stderr`, then fail",
            """
            import sys
            sys.stdout.close()
            sys.stderr.close()
            raise ValueError
            """,
        ),
        raising(
            "`sys.stdout` whose `write()` fails",
            """
            import sys
            class S:
                def write(self, text):
                    raise KeyError('mine')
            sys.stdout = sys.stderr = S()
            raise ValueError
            """,
        ),
        raising(
            "detach `sys.stdout`, then fail",
            """
            import sys
            sys.stdout.detach()
            raise ValueError
            """,
        ),
        hostile("print a line of 1 MB", "print('x' * 1_000_000)"),
        hostile(
            "print a lone surrogate",
            """
            try:
                print('\\ud800')
            except UnicodeError:
                pass
            """,
        ),
    ),
)
