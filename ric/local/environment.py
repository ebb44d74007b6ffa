"""The environment, on the developer's side: read and written here and nowhere else in ``ric.local``.

The runtime inherits the developer's environment. Added are the address of the Runtime API and, where nothing
is set, the variables which Lambda always sets and code relies on.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FUNCTION_NAME = "function"
DEFAULT_PORT = 8080
PORT_VARIABLE = "RIC_PORT"

# The account which AWS's own emulator shows in names of resources.
_ACCOUNT = "012345678912"


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


def runtime_environment(api_address: str, handler: str) -> dict[str, str]:
    """Returns the environment for the runtime process.

    Args:
        api_address: ``host:port`` of the Runtime API.
        handler: The function's handler, for code that looks for its own in ``_HANDLER``.
    """
    name = _function_name()
    defaults = {
        "_HANDLER": handler,
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3008",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "$LATEST",
        "AWS_REGION": _region(),
    }
    return {**defaults, **os.environ, "AWS_LAMBDA_RUNTIME_API": api_address}


def export_search_path(entries: Sequence[str]) -> None:
    """Puts directories in front of ``PYTHONPATH``, where the runtime searches first."""
    if entries:
        inherited = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([*entries, *([inherited] if inherited else [])])


def function_arn() -> str:
    """Returns the name of the function among AWS's resources, in the form that Lambda gives it."""
    return f"arn:aws:lambda:{_region()}:{_ACCOUNT}:function:{_function_name()}"


def _function_name() -> str:
    return os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or FUNCTION_NAME


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
