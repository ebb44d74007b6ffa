"""How ``ric`` ends, for scripts. A signal gives 128 and its number, as everywhere."""

from __future__ import annotations

FUNCTION_ERROR = 1
"""The function was invoked and failed; its error document is on standard output."""

USAGE_ERROR = 2
"""The command line asks for something impossible; nothing was run."""

NOT_INVOKED = 3
"""The function did not start, or the endpoint did not answer or refused."""

SIGNAL_BASE = 128
