"""The environment, on the developer's side: read and written here and nowhere else in ``ric.local``.

The runtime inherits the developer's environment. Over it go the variables that follow from the emulator's own
settings, over those what the caller gave explicitly, and the address of the Runtime API over all. Where nothing
is set, the variables which Lambda always sets and code relies on are added.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

FUNCTION_NAME = "function"
DEFAULT_PORT = 8080
PORT_VARIABLE = "RIC_PORT"
DEFAULT_MEMORY_MB = 3008
"""What AWS's own emulator tells a function."""

# The account which AWS's own emulator shows in names of resources.
_ACCOUNT = "012345678912"
_MAX_CONCURRENCY = "AWS_LAMBDA_MAX_CONCURRENCY"
_INITIALIZATION_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE"


class InvalidPortError(ValueError):
    """A port is not a number between 0 and 65535.

    Args:
        source: Where it was given: an option or a variable.
        value: What was given.
    """

    def __init__(self, source: str, value: str) -> None:
        super().__init__(source, value)
        self.source = source
        self.value = value

    def __str__(self) -> str:
        return f"{self.source} must be a port, a number from 0 to 65535, not {self.value!r}"


class InvalidVariableError(ValueError):
    """A variable of the environment does not hold what it should.

    Args:
        name: The variable.
        value: What it holds.
        wanted: What it should hold.
    """

    def __init__(self, name: str, value: str, wanted: str) -> None:
        super().__init__(name, value, wanted)
        self.name = name
        self.value = value
        self.wanted = wanted

    def __str__(self) -> str:
        return f"{self.name} must be {self.wanted}, not {self.value!r}"


@dataclass(frozen=True)
class FunctionSettings:
    """What a function is told about itself.

    Args:
        handler: ``module.function``, for code that looks for its own in ``_HANDLER``.
        name: The function's name.
        memory_mb: The memory that it is said to have; nothing enforces it.
        timeout_s: How long an invocation may take; None for as long as it takes.
        max_concurrency: How many invocations its runtime may have at once; None for one, in the ordinary way.
        snap_start: Whether the runtime is to be restored from a snapshot.
        variables: Environment variables, over all others but the address of the Runtime API.
    """

    handler: str
    name: str = FUNCTION_NAME
    memory_mb: int = 128
    timeout_s: float | None = None
    max_concurrency: int | None = None
    snap_start: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The name of the function among AWS's resources, in the form that Lambda gives it."""
        return f"arn:aws:lambda:{_region(self.variables)}:{_ACCOUNT}:function:{self.name}"


def parse_port(value: str, source: str) -> int:
    """Returns the port that an option or variable asks for.

    Raises:
        InvalidPortError: It is not one.
    """
    if not (value.isascii() and value.isdigit() and int(value) <= 65535):
        raise InvalidPortError(source, value)
    return int(value)


def default_port() -> int:
    """Returns the port for callers: ``RIC_PORT``, else 8080.

    Raises:
        InvalidPortError: ``RIC_PORT`` is not a port.
    """
    value = os.environ.get(PORT_VARIABLE)
    return parse_port(value, PORT_VARIABLE) if value else DEFAULT_PORT


def handler_variable() -> str | None:
    """Returns the handler named by ``_HANDLER``, None if there is none."""
    return os.environ.get("_HANDLER") or None


def settings_from_variables(handler: str) -> FunctionSettings:
    """Returns the settings that the variables known from AWS's own emulator ask for.

    Args:
        handler: ``module.function``.

    Raises:
        InvalidVariableError: One of them does not hold a number above 0.
    """
    return FunctionSettings(
        handler,
        name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or FUNCTION_NAME,
        memory_mb=_number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") or DEFAULT_MEMORY_MB,
        timeout_s=_number("AWS_LAMBDA_FUNCTION_TIMEOUT"),
        max_concurrency=_number(_MAX_CONCURRENCY),
        snap_start=os.environ.get(_INITIALIZATION_TYPE) == "snap-start",
    )


def runtime_environment(api_address: str, settings: FunctionSettings) -> dict[str, str]:
    """Returns the environment for the runtime process.

    Args:
        api_address: ``host:port`` of the Runtime API.
        settings: What the function is told about itself.
    """
    defaults = {
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{settings.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "$LATEST",
        "AWS_REGION": _region(settings.variables),
    }
    own = {
        "_HANDLER": settings.handler,
        "AWS_LAMBDA_FUNCTION_NAME": settings.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings.memory_mb),
        _INITIALIZATION_TYPE: "snap-start" if settings.snap_start else "on-demand",
    }
    if settings.max_concurrency is not None:
        own |= {_MAX_CONCURRENCY: str(settings.max_concurrency), _INITIALIZATION_TYPE: "lambda-managed-instances"}
    inherited = {name: value for name, value in os.environ.items() if name != _MAX_CONCURRENCY}
    return {**defaults, **inherited, **own, **settings.variables, "AWS_LAMBDA_RUNTIME_API": api_address}


def search_path_variable(entries: Sequence[str]) -> dict[str, str]:
    """Returns ``PYTHONPATH`` with directories in front of what is in it; nothing if there are none.

    Args:
        entries: The directories, which the runtime searches first.
    """
    if not entries:
        return {}
    inherited = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([*entries, *([inherited] if inherited else [])])}


def export_search_path(entries: Sequence[str]) -> None:
    """Puts directories in front of this process's own ``PYTHONPATH``."""
    os.environ.update(search_path_variable(entries))


def _number(name: str) -> int | None:
    value = os.environ.get(name)
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise InvalidVariableError(name, value, "a whole number above 0")
    return int(value)


def _region(variables: Mapping[str, str]) -> str:
    for source in (variables, os.environ):
        if region := source.get("AWS_REGION") or source.get("AWS_DEFAULT_REGION"):
            return region
    return "us-east-1"
