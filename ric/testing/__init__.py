"""The developer's side: a function tested as Lambda would run it, in the test's own process or in one of its own.

* :func:`make_context` returns a real ``LambdaContext``, :func:`set_remaining_time` moves its deadline.
* :func:`invoke` runs a handler once, in process, through the runtime's own decoding, encoding and error reports.
* ``ric.testing.plugin`` has pytest's fixtures: ``lambda_context``, ``lambda_invoke``, ``lambda_emulator`` and
  ``session_lambda_emulator``. docs/testing.md shows all of it at work.

Nothing of the runtime imports this package. pytest imports it in every test run where ric is installed, so it loads
nothing until one of its names is asked for.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ric.testing.client import PostedError, PostedResult, RecordingClient
    from ric.testing.context import make_context, set_remaining_time
    from ric.testing.emulators import EmulatorFactory
    from ric.testing.invocation import Invoker, invoke
    from ric.testing.results import ErrorDocument, FunctionError, InvocationResult

__all__ = [
    "EmulatorFactory",
    "ErrorDocument",
    "FunctionError",
    "InvocationResult",
    "Invoker",
    "PostedError",
    "PostedResult",
    "RecordingClient",
    "invoke",
    "make_context",
    "set_remaining_time",
]

_HOMES = {
    "EmulatorFactory": "emulators",
    "ErrorDocument": "results",
    "FunctionError": "results",
    "InvocationResult": "results",
    "Invoker": "invocation",
    "PostedError": "client",
    "PostedResult": "client",
    "RecordingClient": "client",
    "invoke": "invocation",
    "make_context": "context",
    "set_remaining_time": "context",
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
