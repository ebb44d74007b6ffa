"""Names of upstream's modules that ric keeps elsewhere, or has no use for itself.

They are looked up when somebody asks for one (see ric.upstream), so that they neither cost the start nor stand in the
middle of the modules that others read. docs/compatibility.md lists who asks for which.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from ric import config
from ric.api import client as client_module
from ric.api.retry import Backoff
from ric.api.runtime_api import RuntimeApi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LOGS = "ric.process.logs"
_LOG_NAMES = "ric.upstream.log_names"
_SINKS = "ric.process.sinks"

# A place is a module, with the name there if that is another. Upstream's bootstrap imports these from its log module.
_OF_LOGS = {
    "LogFormat": _LOG_NAMES,
    "_DATETIME_FORMAT": _LOG_NAMES,
    "_DEFAULT_FRAME_TYPE": _LOG_NAMES,
    "_JSON_FRAME_TYPES": f"{_LOGS}:JSON_FRAME_TYPES",
    "_TEXT_FRAME_TYPES": f"{_LOGS}:TEXT_FRAME_TYPES",
    "_format_log_level": f"{_LOGS}:rounded_level",
    "_get_log_level_from_env_var": "ric.config:level_name",
}

# For each module of ric that stands in for one of upstream's: the names that have another place.
_MOVED = {
    "ric.bootstrap": {
        **_OF_LOGS,
        "AWS_LAMBDA_INITIALIZATION_TYPE": __name__,
        "FaultException": "ric.errors",
        "ERROR_LOG_IDENT": "ric.process.error_log",
        "ERROR_LOG_LINE_TERMINATE": _SINKS,
        "FramedTelemetryLogSink": _SINKS,
        "INIT_TYPE_SNAP_START": "ric.config:SNAP_START",
        "JsonFormatter": _LOGS,
        "LambdaLoggerFilter": _LOGS,
        "LambdaLoggerHandler": _LOGS,
        "LambdaLoggerHandlerWithFrameType": _LOGS,
        "PREVIEW_RUNTIME_ENVS": "ric.config",
        "StandardLogSink": _SINKS,
        "Unbuffered": _SINKS,
        "_ERROR_FRAME_TYPE": _LOG_NAMES,
        "_setup_logging": _LOG_NAMES,
        "extract_traceback": "ric.function.traces",
        "init_logging": _LOG_NAMES,
        "on_init_complete": "ric.process.snapstart",
        "parse_json_header": "ric.function.context",
        "replace_line_indentation": "ric.process.error_log",
    },
    "ric.api.client": {
        "ERROR_TYPE_HEADER": "ric.api.protocol:ERROR_TYPE",
        "DEFAULT_RETRY_MAX_ATTEMPTS": __name__,
        "DEFAULT_RETRY_INITIAL_DELAY": __name__,
        "DEFAULT_RETRY_BACKOFF_FACTOR": __name__,
        "LambdaMultiConcurrentRuntimeClient": "ric.process.workers",
        "_user_agent": "ric.api.protocol:user_agent",
        "runtime_client": f"{__name__}:compiled_module",
    },
    "ric.api.marshal": {"Encoder": "ric.api.json_codec", "json": "ric.api.json_codec:_simplejson"},
    "ric.process.logs": _OF_LOGS,
}

AWS_LAMBDA_INITIALIZATION_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE"
DEFAULT_RETRY_MAX_ATTEMPTS = 5
DEFAULT_RETRY_INITIAL_DELAY = 0.1
DEFAULT_RETRY_BACKOFF_FACTOR = 2.0


def find(module_name: str, name: str) -> Any:
    """Returns what upstream's module has under a name that ric's module does not have.

    Args:
        module_name: Name of ric's module.
        name: The name asked for.

    Raises:
        AttributeError: Upstream has no such name either.
    """
    if module_name == "ric.bootstrap" and name in _SETTINGS:
        return _SETTINGS[name]()
    place = _MOVED.get(module_name, {}).get(name)
    if place is None:
        raise AttributeError(f"module {module_name!r} has no attribute {name!r}")
    module, _, real_name = place.partition(":")
    return getattr(importlib.import_module(module), real_name or name)


def _current_identity(index: int) -> str | None:
    from ric import identity

    return identity.current()[index]


def _log_format() -> int:
    from ric.upstream.log_names import LogFormat

    return LogFormat.from_str(config.log_format())


# Values that upstream keeps in globals of its bootstrap module and ric finds out when asked.
_SETTINGS: dict[str, Any] = {
    "_AWS_LAMBDA_LOG_FORMAT": _log_format,
    "_AWS_LAMBDA_LOG_LEVEL": config.log_level,
    "_GLOBAL_AWS_REQUEST_ID": lambda: _current_identity(0),
    "_GLOBAL_TENANT_ID": lambda: _current_identity(1),
}

_COMPILED_FUNCTIONS = ("initialize_client", "next", "post_invocation_result", "post_error")


class _CompiledModule(ModuleType):
    """Our transport in the dress of upstream's compiled module ``runtime_client``.

    Whoever drives it talks to the server that the environment names. Whoever replaces one of its functions, or the
    whole, finds that the client uses the replacement from then on.
    """

    def __init__(self) -> None:
        super().__init__("runtime_client", type(self).__doc__)
        self.__dict__["_api"] = None

    def initialize_client(self, user_agent: str) -> None:
        """Does nothing: the client is ready, and names itself."""

    def next(self) -> tuple[bytes, dict[str, Any]]:
        """Waits for the next invocation; returns the event and the headers by name."""
        backoff = Backoff()
        while (answer := self._calls().next()) is None:
            backoff.wait()
        return answer

    def post_invocation_result(self, *args: Any, **kwargs: Any) -> None:
        """Posts a result; arguments as ``RuntimeApi.post_invocation_result``."""
        self._calls().post_invocation_result(*args, **kwargs)

    def post_error(self, *args: Any, **kwargs: Any) -> None:
        """Posts an error; arguments as ``RuntimeApi.post_error``."""
        self._calls().post_error(*args, **kwargs)

    def _calls(self) -> RuntimeApi:
        if self.__dict__["_api"] is None:
            self.__dict__["_api"] = RuntimeApi(config.runtime_api_address())
        api: RuntimeApi = self.__dict__["_api"]
        return api

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if not name.startswith("__"):  # the import system sets those
            vars(client_module)["runtime_client"] = self

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if not any(other in vars(self) for other in _COMPILED_FUNCTIONS):
            vars(client_module).pop("runtime_client", None)  # the last replacement was taken back


compiled_module = _CompiledModule()
