"""What ric does not survive: measured as well, with the reason. Most of it no runtime client can survive."""

from __future__ import annotations

import sys

from .handlers import IDLE, hostile
from .model import Due, Fault, Section
from .steps import give

_HANG_S = 4.0


def fatal(name: str, statements: str, expected: str, why: str, *, or_else: str = "", **options: object) -> Fault:
    """Returns a handler that ends its process or makes it useless."""
    return hostile(name, statements, expected=tuple(filter(None, (expected, or_else))), why=why, **options)  # type: ignore[arg-type]


def fatal_import(name: str, statements: str, expected: str, why: str) -> Fault:
    """Returns a module that makes its process useless while it is imported."""
    source = f"{statements}\ndef handler(event, context):\n    return event\n"
    return Fault(name, source, polls=[give()], expected=(expected,), why=why)


FATAL = Section(
    "What cannot be survived",
    (
        fatal(
            "`os._exit(3)`",
            "import os; os._exit(3)",
            "invocation lost (exit status 3)",
            "The process ends at once, and no code of the client runs. Lambda reports it to the caller, as "
            "`Runtime.ExitError`.",
        ),
        fatal("`os.abort()`", "import os; os.abort()", "crashed (SIGABRT)", "As above."),
        fatal(
            "SIGKILL to itself, which is also what the kernel sends when memory is short",
            "import os; os.kill(os.getpid(), 9)",
            "crashed (SIGKILL)",
            "As above. Nothing in the process hears of this signal.",
        ),
        fatal(
            "read address 0 in C",
            "import ctypes; ctypes.string_at(0)",
            "crashed (SIGSEGV)",
            "As above. With `PYTHONFAULTHANDLER=1` the stack is in the log.",
        ),
        fatal(
            "endless recursion without a limit",
            """
            import sys
            sys.setrecursionlimit(10 ** 9)
            class Endless:
                def __getattr__(self, name):
                    return getattr(self, name)
            return Endless().attribute
            """,
            "crashed (SIGSEGV)" if sys.version_info < (3, 12) else "served",
            "The function took away what keeps the stack of C from overflowing. Python 3.12 and later have another "
            "guard: there it is an error like any other.",
            due=Due.ERROR,
        ),
        fatal(
            "a timer signal without a handler",
            "import signal; signal.setitimer(signal.ITIMER_REAL, 0.001); signal.pause()",
            "crashed (SIGALRM)",
            "The kernel ends the process: nobody said what else to do.",
        ),
        fatal(
            "`os._exit(3)` from a thread while the process is idle",
            "import os, threading; threading.Timer(0.2, os._exit, (3,)).start()",
            "ended, next not served (exit status 3)",
            "The process ends at once. Nothing was under way, and Lambda starts another environment.",
            polls=IDLE,
        ),
        fatal(
            "never return",
            "import threading; threading.Event().wait()",
            "hung",
            "Nobody can tell a long answer from none. Lambda ends the function at its time-out; `RIC_TIMEOUT_DUMP_MS` "
            "logs before what it was doing.",
            limit_s=_HANG_S,
        ),
        fatal(
            "keep the interpreter's lock in C",
            "import ctypes; ctypes.PyDLL(None).sleep(60)",
            "hung",
            "As above. No Python code can run.",
            limit_s=_HANG_S,
        ),
        fatal(
            "`sys.exit()`, and an exit handler that never returns",
            """
            import atexit, sys, threading
            atexit.register(threading.Event().wait)
            sys.exit(3)
            """,
            "hung",
            "The caller was told. Python calls the function's exit handlers at its end, and one does not return.",
            due=Due.ERROR,
            limit_s=_HANG_S,
        ),
        fatal(
            "close the connection and open a socket under its number",
            """
            import os, socket
            global kept
            os.closerange(3, 100)
            kept = [socket.socketpair() for _ in range(10)]
            """,
            "hung",
            "The number leads to another socket now. A file under the number is noticed, a socket is not: asking each "
            "time whose it is would cost every invocation a system call.",
            limit_s=_HANG_S,
        ),
        fatal(
            "read from all descriptors in threads",
            """
            import os, threading, time
            def read(number):
                try:
                    while os.read(number, 100):
                        pass
                except OSError:
                    pass
            for number in range(3, 20):
                threading.Thread(target=read, args=(number,), daemon=True).start()
            time.sleep(0.2)  # until they wait for what comes
            """,
            "hung",
            "A thread takes away the platform's answer. The socket of `awslambdaric` does not block, so there these "
            "threads end at once.",
            or_else="invocation lost (and the next one)",  # if the thread left a part of the answer
            limit_s=_HANG_S,
        ),
        fatal(
            "an audit hook that fails",
            """
            import sys
            def fail(*args):
                raise KeyError("mine")
            sys.addaudithook(fail)
            """,
            "invocation lost (exit status 1)",
            "Python asks the hook before each use of a socket, and a hook cannot be removed. `awslambdaric` sends from "
            "C++, where nobody asks. The log has the traceback.",
        ),
        fatal(
            "`builtins.len = builtins.isinstance = None`",
            "import builtins; builtins.len = builtins.isinstance = None",
            "invocation lost (exit status 1)",
            "All Python code needs these, the client's and the standard library's too. The log has the traceback.",
        ),
        fatal(
            "`os.environ = None`",
            "import os; os.environ = None",
            "invocation lost (exit status 1)",
            "Reading the environment fails, for the client as for everybody. `os.environ.clear()` is survived.",
        ),
        fatal_import(
            "`sys.modules.clear()` while the module is imported",
            "import sys; sys.modules.clear()",
            "invocation lost (exit status 1)",
            "What only an answer needs is imported after the function, so that the start is quick; here that fails. In "
            "a handler it is survived. The log has the traceback.",
        ),
        fatal_import(
            "`builtins.__import__ = None` while the module is imported",
            "import builtins; builtins.__import__ = None",
            "invocation lost (exit status 1)",
            "As above.",
        ),
    ),
)
