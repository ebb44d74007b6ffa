"""Handlers that change what is around them: modules, limits, directories, the interpreter."""

from __future__ import annotations

from tests.scripted_api import close

from .handlers import hostile, raising
from .model import EITHER, Due, Section
from .steps import accept

_FILL_MEMORY = """
import resource
global kept
kept = []
resource.setrlimit(resource.RLIMIT_AS, (600_000_000, 600_000_000))
size = 1 << 26
while size > 4096:
    try:
        kept.append(bytearray(size))
    except MemoryError:
        size //= 2
raise MemoryError("nothing is left")
"""

SURROUNDINGS = Section(
    "Handlers that change their surroundings",
    (
        raising(
            "clear `os.environ`, then fail",
            """
            import os
            os.environ.clear()
            raise ValueError
            """,
        ),
        raising(
            "change the directory, then fail",
            """
            import os
            os.chdir('/')
            raise ValueError
            """,
        ),
        raising(
            "delete the working directory, then fail",
            """
            import os, tempfile
            os.chdir(tempfile.mkdtemp())
            os.rmdir(os.getcwd())
            raise ValueError
            """,
        ),
        hostile(
            "set the umask to 777",
            """
            import os
            os.umask(0o777)
            """,
        ),
        raising("fill the memory that is allowed", _FILL_MEMORY, wanted=EITHER, told="MemoryError"),
        hostile(
            "`socket.setdefaulttimeout(0.001)`",
            """
            import socket
            socket.setdefaulttimeout(0.001)
            """,
            posts=[(accept(), close())],
        ),
        hostile(
            "`socket.socket = None`, and the connection is lost",
            """
            import socket
            socket.socket = socket.create_connection = socket.getaddrinfo = None
            """,
            posts=[(accept(), close())],
        ),
        hostile(
            "`http.client.HTTPConnection = None`",
            """
            import http.client
            http.client.HTTPConnection = None
            """,
        ),
        hostile(
            "`time.sleep = time.time = None`",
            """
            import time
            time.sleep = time.time = time.monotonic = None
            """,
        ),
        hostile(
            "`json.dumps = json.loads = None`",
            """
            import json
            json.dumps = json.loads = None
            """,
        ),
        hostile(
            "`simplejson.dumps = simplejson.loads = None`",
            """
            import simplejson
            simplejson.dumps = simplejson.loads = None
            """,
        ),
        raising(
            "`traceback.format_list = None`, then fail",
            """
            import traceback
            traceback.format_list = traceback.extract_tb = None
            raise ValueError
            """,
        ),
        raising(
            "`builtins.print = builtins.open = None`, then fail",
            """
            import builtins
            builtins.print = builtins.open = None
            raise ValueError
            """,
        ),
        hostile(
            "`builtins.__import__` that fails",
            """
            import builtins
            def fail(*args, **kwargs):
                raise ImportError('mine')
            builtins.__import__ = fail
            """,
        ),
        raising(
            "`sys.path.clear()`, `sys.meta_path.clear()`, then fail",
            """
            import sys
            sys.path.clear()
            sys.meta_path.clear()
            raise ValueError
            """,
        ),
        raising(
            "`sys.modules.clear()`, then fail",
            """
            import sys
            sys.modules.clear()
            raise ValueError
            """,
        ),
        hostile(
            "`sys.modules.clear()`",
            """
            import sys
            sys.modules.clear()
            """,
        ),
        hostile(
            "`sys.setrecursionlimit(60)`",
            """
            import sys
            sys.setrecursionlimit(60)
            """,
        ),
        raising(
            "`sys.setrecursionlimit(60)`, then fail",
            """
            import sys
            sys.setrecursionlimit(60)
            raise ValueError
            """,
        ),
        hostile(
            "a trace function that fails",
            """
            import sys
            sys.settrace(lambda *args: 1 / 0)
            """,
            due=Due.ANSWER,
        ),
        hostile(
            "a profile function that fails",
            """
            import sys
            sys.setprofile(lambda *args: 1 / 0)
            """,
            due=Due.ANSWER,
        ),
        raising(
            "warnings are errors, then fail",
            """
            import warnings
            warnings.simplefilter('error')
            raise ValueError
            """,
        ),
        hostile(
            "decimal context that traps everything",
            """
            import decimal
            decimal.getcontext().prec = 1
            for trap in decimal.getcontext().traps:
                decimal.getcontext().traps[trap] = True
            return [event, decimal.Decimal('1.25')]
            """,
            result=["fault", 1.25],
        ),
        raising(
            "`time.strftime = time.time_ns = None`, then fail, with logs in JSON",
            """
            import time
            time.strftime = time.gmtime = time.time_ns = None
            raise ValueError
            """,
            environment={"AWS_LAMBDA_LOG_FORMAT": "JSON"},
        ),
        raising(
            "`sys.stdout = os.write = None`, then fail",
            """
            import os, sys
            sys.stdout = os.write = None
            raise ValueError
            """,
        ),
        hostile(
            "`sys.exit = None`, then `KeyboardInterrupt`",
            """
            import sys
            sys.exit = None
            raise KeyboardInterrupt
            """,
            due=Due.ERROR,
            wanted=EITHER,
        ),
        hostile(
            "`gc.disable()`, `gc.set_threshold(0)`",
            """
            import gc
            gc.disable()
            gc.set_threshold(0)
            """,
        ),
    ),
)
