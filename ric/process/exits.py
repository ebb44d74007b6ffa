"""How a process ended, in Lambda's words, which dashboards and alarms look for."""

from __future__ import annotations

import signal


def describe_exit(status: int) -> str:
    """Returns how a process ended.

    Args:
        status: Its exit status, negative for a signal, as ``os.waitstatus_to_exitcode`` has it.
    """
    if status == 0:
        return "Runtime exited without providing a reason"
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    name = signal.strsignal(-status) or f"{-status}"
    return f"Runtime exited with error: signal: {name.lower()}"
