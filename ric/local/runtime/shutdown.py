"""How a runtime is ended: SIGTERM and time to react only where Lambda gives them.

Lambda ends an environment without extensions by SIGKILL at once. An internal extension gives the runtime
SIGTERM and 500 ms; an external one gives it SIGTERM and 300 ms, then the extension its SHUTDOWN event and what
remains of 2 s. Source: "Shutdown phase" in "Lambda execution environment lifecycle", Lambda developer guide.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ric.local.runtime.extensions import Extensions
    from ric.local.runtime.runtime_process import RuntimeProcess

INTERNAL_GRACE_SECONDS = 0.5
EXTERNAL_RUNTIME_GRACE_SECONDS = 0.3
EXTERNAL_GRACE_SECONDS = 2.0


def shut_down(process: RuntimeProcess, extensions: Extensions, reason: str) -> None:
    """Ends a runtime with all that it started, and returns when it has ended.

    Args:
        process: The runtime, which may have ended already.
        extensions: Its extensions.
        reason: ``spindown``, ``timeout`` or ``failure``; only the first leaves the runtime time of its own.
    """
    began = time.monotonic()
    if reason == "spindown" and extensions.has_any:
        process.terminate()
        process.wait(EXTERNAL_RUNTIME_GRACE_SECONDS if extensions.has_external else INTERNAL_GRACE_SECONDS)
    if extensions.has_external:
        process.kill()
        remaining_s = EXTERNAL_GRACE_SECONDS - (time.monotonic() - began)
        extensions.announce_shutdown(reason, remaining_s)
        # The extension's end cannot be waited for, since it is nobody's child; but nobody is left then who holds the
        # pipes of the log.
        process.log.wait_for_end(remaining_s)
    process.kill_group()
