"""ric: a Python Runtime Interface Client for AWS Lambda.

What handlers may import is found here: ``StreamingResponse``, ``response_stream``, ``on_shutdown``.
Each name is imported when it is first asked for, because the runtime itself needs none of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ric.function.streaming import ResponseStream, StreamingResponse, response_stream
    from ric.process.shutdown import on_shutdown

__version__ = "0.1.0"

__all__ = [
    "ResponseStream",
    "StreamingResponse",
    "on_shutdown",
    "response_stream",
]

_HOMES = {
    "ResponseStream": "function.streaming",
    "StreamingResponse": "function.streaming",
    "on_shutdown": "process.shutdown",
    "response_stream": "function.streaming",
}

if not TYPE_CHECKING:  # a type checker would take it for the promise of every name

    def __getattr__(name: str) -> object:
        """Imports a name from its module the first time it is asked for (PEP 562)."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
