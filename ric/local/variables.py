"""The environment, on the developer's side: read and written here and nowhere else in ``ric.local``.

The runtime inherits the developer's environment. Over it go the variables that follow from the emulator's own
settings, over those what the caller gave explicitly, and the address of the Runtime API over all. Where nothing
is set, the variables which Lambda always sets and code relies on are added.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ric.local.names import NAME_IN_WORDS, REGION_IN_WORDS, is_function_name, is_region

FUNCTION_NAME = "function"
DEFAULT_PORT = 8080
PORT_VARIABLE = "RIC_PORT"
DEFAULT_MEMORY_MB = 3008
"""What AWS's own emulator tells a function."""

MAX_TIMEOUT_SECONDS = 86_400
"""A day: more than anybody waits for, and a number that clocks can add."""

# The account which AWS's own emulator shows in names of resources.
_ACCOUNT = "012345678912"
# More than any of the numbers can mean, and no more digits than Python makes a number of.
_MAX_NUMBER = 999_999_999
_NAME = "AWS_LAMBDA_FUNCTION_NAME"
_MAX_CONCURRENCY = "AWS_LAMBDA_MAX_CONCURRENCY"
_INITIALIZATION_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE"
_SNAP_START = "snap-start"


class InvalidSettingError(ValueError):
    """A setting of the emulator is not what it should be.

    Args:
        name: The option, the argument or the variable of the environment.
        value: What it is.
        wanted: What it should be.
    """

    def __init__(self, name: str, value: object, wanted: str) -> None:
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
        function_name: The function's name, unless the variables have another one.
        memory_mb: The memory that it is said to have; nothing enforces it.
        timeout_s: How long an invocation may take; None for as long as it takes.
        max_concurrency: How many invocations its runtime may have at once, unless the variables say it; None for one,
            in the ordinary way.
        snap_start: Whether the runtime is to be restored from a snapshot; also if the variables say it.
        variables: Environment variables, over all others but the address of the Runtime API.

    Raises:
        InvalidSettingError: There can be no such time-out, function name or region, or concurrency, or two are given.
        ValueError: No process can be given these variables.
    """

    handler: str
    function_name: str = FUNCTION_NAME
    memory_mb: int = 128
    timeout_s: float | None = None
    max_concurrency: int | None = None
    snap_start: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.timeout_s is not None and not 0 < self.timeout_s <= MAX_TIMEOUT_SECONDS:
            raise InvalidSettingError("timeout_s", self.timeout_s, f"above 0 and at most {MAX_TIMEOUT_SECONDS}")
        _check_variables(self.variables)
        if not is_function_name(self.name):
            source = _NAME if self.variables.get(_NAME) else "function_name"
            raise InvalidSettingError(source, self.name, NAME_IN_WORDS)
        region_source, region = _find_region(self.variables)
        if not is_region(region):
            raise InvalidSettingError(region_source, region, REGION_IN_WORDS)
        if self.max_concurrency is not None and self.slots != self.max_concurrency:
            wanted = f"{self.max_concurrency}, as the other setting of it, or unset"
            raise InvalidSettingError(_MAX_CONCURRENCY, self.variables[_MAX_CONCURRENCY], wanted)

    @property
    def slots(self) -> int | None:
        """How many invocations its runtime may have at once; None for one, in the ordinary way."""
        return max_concurrency_variable(self.variables) or self.max_concurrency

    @property
    def has_snapshot(self) -> bool:
        """Whether the runtime is to be restored from a snapshot."""
        return self.snap_start or self.variables.get(_INITIALIZATION_TYPE) == _SNAP_START

    @property
    def name(self) -> str:
        """The name that the function sees."""
        return self.variables.get(_NAME) or self.function_name

    @property
    def arn(self) -> str:
        """The name of the function among AWS's resources, in the form that Lambda gives it."""
        return f"arn:aws:lambda:{_find_region(self.variables)[1]}:{_ACCOUNT}:function:{self.name}"


def parse_port(value: str, source: str) -> int:
    """Returns the port that an option or variable asks for.

    Raises:
        InvalidSettingError: It is not one.
    """
    port = _parse_number(value)
    if port is None or port > 65535:
        raise InvalidSettingError(source, value, "a port, a number from 0 to 65535")
    return port


def default_port() -> int:
    """Returns the port for callers: ``RIC_PORT``, else 8080.

    Raises:
        InvalidSettingError: ``RIC_PORT`` is not a port.
    """
    value = os.environ.get(PORT_VARIABLE)
    return parse_port(value, PORT_VARIABLE) if value else DEFAULT_PORT


def handler_variable() -> str | None:
    """Returns the handler named by ``_HANDLER``, None if there is none."""
    return os.environ.get("_HANDLER") or None


def max_concurrency_variable(variables: Mapping[str, str]) -> int | None:
    """Returns how many invocations a runtime with these variables takes at once; None for one, in the ordinary way.

    Raises:
        InvalidSettingError: It is no such number.
    """
    return _read_number(variables, _MAX_CONCURRENCY)


def settings_from_variables(handler: str) -> FunctionSettings:
    """Returns the settings that the variables known from AWS's own emulator ask for.

    Args:
        handler: ``module.function``.

    Raises:
        InvalidSettingError: One of them does not hold what it should.
    """
    name = os.environ.get(_NAME) or FUNCTION_NAME
    if not is_function_name(name):
        raise InvalidSettingError(_NAME, name, NAME_IN_WORDS)
    return FunctionSettings(
        handler,
        name,
        memory_mb=_read_number(os.environ, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE") or DEFAULT_MEMORY_MB,
        timeout_s=_read_number(os.environ, "AWS_LAMBDA_FUNCTION_TIMEOUT", MAX_TIMEOUT_SECONDS),
        max_concurrency=max_concurrency_variable(os.environ),
        snap_start=os.environ.get(_INITIALIZATION_TYPE) == _SNAP_START,
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
        "AWS_REGION": _find_region(settings.variables)[1],
    }
    own = {
        "_HANDLER": settings.handler,
        _NAME: settings.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings.memory_mb),
        _INITIALIZATION_TYPE: _SNAP_START if settings.has_snapshot else "on-demand",
    }
    if settings.slots is not None:
        own |= {_MAX_CONCURRENCY: str(settings.slots), _INITIALIZATION_TYPE: "lambda-managed-instances"}
    # Emulator and runtime go by the number among our own; one in the developer's environment is for neither.
    inherited, given = (
        {name: value for name, value in variables.items() if name != _MAX_CONCURRENCY}
        for variables in (os.environ, settings.variables)
    )
    return {**defaults, **inherited, **own, **given, "AWS_LAMBDA_RUNTIME_API": api_address}


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


def _read_number(variables: Mapping[str, str], name: str, maximum: int = _MAX_NUMBER) -> int | None:
    value = variables.get(name)
    if not value:
        return None
    number = _parse_number(value)
    if not number or number > maximum:
        raise InvalidSettingError(name, value, f"a whole number from 1 to {maximum}")
    return number


def _parse_number(value: str) -> int | None:
    is_number = value.isascii() and value.isdigit() and len(value) <= len(str(_MAX_NUMBER))
    return int(value) if is_number else None


def _check_variables(variables: Mapping[str, object]) -> None:
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name:
            raise ValueError(f"{name!r} in env cannot be the name of a variable")
        if not isinstance(value, str) or "\0" in value:
            # Not shown, for it may be a secret.
            raise ValueError(f"the value of {name} in env must be text without null characters")


def _find_region(variables: Mapping[str, str]) -> tuple[str, str]:
    """Returns the variable that says in which region the function is, and the region."""
    for source in (variables, os.environ):
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            if region := source.get(name):
                return name, region
    return "AWS_REGION", "us-east-1"
