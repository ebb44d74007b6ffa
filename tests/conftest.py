"""What every test starts from."""

from __future__ import annotations

import os
import signal

# A shell that starts the tests in the background has them ignore these, and every child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# What a machine has set for all of Python would decide what is tested here: when output is written, how a process ends
# that cannot write it, and whether a module that was changed is compiled anew.
for variable in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"):
    os.environ.pop(variable, None)
