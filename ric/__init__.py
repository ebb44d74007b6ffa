"""ric: a Python Runtime Interface Client for AWS Lambda.

The names that functions use are below, each imported from its module when it is first asked for: every start of the
runtime imports this package, and few functions need any of them.

* :class:`LambdaContext`: the handler's second argument; :func:`trace_id`: the invocation's X-Ray trace id.
* :class:`StreamingResponse` and :func:`response_stream`: responses that are sent while they are produced.
* :func:`on_shutdown`: what is to be done before the environment ends.
* :func:`register_pre_fork` and :func:`register_after_fork`: what a preloaded function does around the forks of workers.
* :class:`LambdaRuntimeClient`: its attribute ``marshaller`` decodes events and encodes results.
* :class:`Marshaller`: what can be assigned there; :class:`OrjsonMarshaller`: one that uses orjson.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ric.api.client import LambdaRuntimeClient
    from ric.api.marshaller import Marshaller
    from ric.api.orjson_marshaller import OrjsonMarshaller
    from ric.function.context import LambdaContext
    from ric.function.response_stream import ResponseStream, response_stream
    from ric.function.streaming import StreamingResponse
    from ric.identity import trace_id
    from ric.process.fork_hooks import register_after_fork, register_pre_fork
    from ric.process.shutdown import on_shutdown

__all__ = [
    "LambdaContext",
    "LambdaRuntimeClient",
    "Marshaller",
    "OrjsonMarshaller",
    "ResponseStream",
    "StreamingResponse",
    "on_shutdown",
    "register_after_fork",
    "register_pre_fork",
    "response_stream",
    "trace_id",
]

_HOMES = {
    "LambdaContext": "function.context",
    "LambdaRuntimeClient": "api.client",
    "Marshaller": "api.marshaller",
    "OrjsonMarshaller": "api.orjson_marshaller",
    "ResponseStream": "function.response_stream",
    "StreamingResponse": "function.streaming",
    "on_shutdown": "process.shutdown",
    "register_after_fork": "process.fork_hooks",
    "register_pre_fork": "process.fork_hooks",
    "response_stream": "function.response_stream",
    "trace_id": "identity",
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
