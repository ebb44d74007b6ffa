"""What every test starts from."""

from __future__ import annotations

import signal

# A shell that starts the tests in the background has them ignore these, and every child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
