"""The context object, the handler's second argument (Lambda developer guide, "Lambda context object in Python").

Class names, attributes and constructor arguments are public: tests of functions everywhere build contexts themselves,
and tracers set attributes on them.
"""

from __future__ import annotations

import sys
import time

from ric import config
from ric.errors import FaultException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_function: config.FunctionIdentity | None = None

W3C_ALLOWED_FIELDS = ("traceparent", "tracestate", "baggage")
"""The W3C trace context fields that a caller may pass on in the client context."""


class LambdaContext:
    """What the handler may know of its invocation.

    Args:
        invoke_id: The request id.
        client_context: What a mobile SDK sent along, decoded; its ``w3c`` part is taken out of it.
        cognito_identity: ``cognitoIdentityId`` and ``cognitoIdentityPoolId``, decoded.
        epoch_deadline_time_in_ms: When the invocation times out, in ms since the epoch.
        invoked_function_arn: The ARN that the caller used.
        tenant_id: Tenant of a tenant-isolated function.
    """

    def __init__(
        self,
        invoke_id: str,
        client_context: dict[str, Any] | None,
        cognito_identity: dict[str, Any] | None,
        epoch_deadline_time_in_ms: int,
        invoked_function_arn: str | None = None,
        tenant_id: str | None = None,
    ) -> None:
        self.aws_request_id = invoke_id
        (
            self.log_group_name,
            self.log_stream_name,
            self.function_name,
            self.memory_limit_in_mb,
            self.function_version,
        ) = _function or config.function_identity()
        self.invoked_function_arn = invoked_function_arn
        self.tenant_id = tenant_id
        self._w3c_fields = _take_w3c_fields(client_context)
        self.client_context: ClientContext | None = make_obj_from_dict(ClientContext, client_context)
        if self.client_context is not None:
            self.client_context.client = make_obj_from_dict(Client, self.client_context.client)
        self.identity = CognitoIdentity()
        identity = cognito_identity or {}
        self.identity.cognito_identity_id = identity.get("cognitoIdentityId")
        self.identity.cognito_identity_pool_id = identity.get("cognitoIdentityPoolId")
        self._epoch_deadline_time_in_ms = epoch_deadline_time_in_ms

    def get_remaining_time_in_millis(self) -> int:
        """Returns the time left before Lambda ends the invocation, in ms, never below 0."""
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def w3c(self) -> dict[str, str]:
        """Returns the W3C trace context that came with the invocation: ``traceparent``, ``tracestate``, ``baggage``."""
        return dict(self._w3c_fields)

    def log(self, msg: object) -> None:
        """Writes the message to the function's log as it is, without level, time or line end."""
        import logging  # which also puts the root handler in place, see process.log_setup

        for handler in logging.getLogger().handlers:
            if hasattr(handler, "log_sink"):
                handler.log_sink.log(str(msg))
                return
        sys.stdout.write(str(msg))

    def __repr__(self) -> str:
        return _describe(
            self,
            (
                "aws_request_id",
                "log_group_name",
                "log_stream_name",
                "function_name",
                "memory_limit_in_mb",
                "function_version",
                "invoked_function_arn",
                "client_context",
                "identity",
                "tenant_id",
            ),
        )


def remember_function() -> None:
    """Reads what the environment says of the function, once for all contexts of this process that are made later.

    The loop does so when the function is ready. It saves 3 to 8 us an invocation, and a function that clears its
    environment still finds its name in the context.
    """
    global _function
    _function = config.function_identity()


def create_lambda_context(
    client_context_json: str | None,
    cognito_identity_json: str | None,
    epoch_deadline_time_in_ms: int | str,
    invoke_id: str,
    invoked_function_arn: str,
    tenant_id: str | None,
) -> LambdaContext:
    """Returns the context of an invocation from what ``/next`` said of it.

    Args:
        client_context_json: JSON object, or None.
        cognito_identity_json: JSON object, or None.
        epoch_deadline_time_in_ms: When the invocation times out, in ms since the epoch.
        invoke_id: The request id.
        invoked_function_arn: The ARN that the caller used.
        tenant_id: Tenant of a tenant-isolated function, or None.

    Raises:
        FaultException: ``Runtime.LambdaContextUnmarshalError``: one of them cannot be read.
    """
    if isinstance(epoch_deadline_time_in_ms, str):
        raise _unreadable(f"deadline {epoch_deadline_time_in_ms!r}: it is not a number of milliseconds")
    client_context = parse_json_header(client_context_json, "Client Context") if client_context_json else None
    if client_context and not isinstance(client_context.get("client"), (dict, type(None))):
        raise _unreadable("Client Context JSON: its client is not an object")
    return LambdaContext(
        invoke_id,
        client_context,
        parse_json_header(cognito_identity_json, "Cognito Identity") if cognito_identity_json else None,
        epoch_deadline_time_in_ms,
        invoked_function_arn,
        tenant_id,
    )


def parse_json_header(header: str, name: str) -> Any:
    """Returns the JSON object in a header.

    Args:
        header: The header's value.
        name: What it is, for the message.

    Raises:
        FaultException: ``Runtime.LambdaContextUnmarshalError``: it is not a JSON object.
    """
    # Not simplejson: this one reads NaN too, and its messages are what upstream reports.
    import json

    try:
        value = json.loads(header)
    except Exception as error:
        raise _unreadable(f"{name} JSON: {error}") from error
    if value is not None and not isinstance(value, dict):
        raise _unreadable(f"{name} JSON: it is not an object")
    return value


def _unreadable(what: str) -> FaultException:
    return FaultException(FaultException.LAMBDA_CONTEXT_UNMARSHAL_ERROR, f"Unable to parse {what}")


class CognitoIdentity:
    """The Amazon Cognito identity that authorised the request, where one did."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    cognito_identity_id: str | None
    cognito_identity_pool_id: str | None

    def __repr__(self) -> str:
        return _describe(self, self.__slots__)


class Client:
    """The mobile application that sent the client context."""

    __slots__ = ("app_package_name", "app_title", "app_version_code", "app_version_name", "installation_id")

    app_package_name: str | None
    app_title: str | None
    app_version_code: str | None
    app_version_name: str | None
    installation_id: str | None

    def __repr__(self) -> str:
        return _describe(
            self,
            ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"),
        )


class ClientContext:
    """What a mobile SDK sent along: ``custom`` and ``env`` values and the ``client`` they come from."""

    __slots__ = ("client", "custom", "env")

    client: Client | None
    custom: dict[str, Any] | None
    env: dict[str, Any] | None

    def __repr__(self) -> str:
        return _describe(self, ("custom", "env", "client"))


def make_obj_from_dict(_class: Any, _dict: dict[str, Any] | None, fields: Sequence[str] | None = None) -> Any:
    """Returns an object of the class with its slots filled from the dict; None for None."""
    if _dict is None:
        return None
    obj = _class()
    set_obj_from_dict(obj, _dict, fields)
    return obj


def set_obj_from_dict(obj: Any, _dict: dict[str, Any], fields: Sequence[str] | None = None) -> None:
    """Sets the named attributes, or all slots, to the dict's values; what it does not hold becomes None."""
    for field in obj.__class__.__slots__ if fields is None else fields:
        setattr(obj, field, _dict.get(field))


def _take_w3c_fields(client_context: object) -> dict[str, str]:
    """Removes ``w3c`` from the client context and returns those of its fields that are allowed and strings."""
    if not isinstance(client_context, dict):
        return {}
    fields = client_context.pop("w3c", None)
    if not isinstance(fields, dict):
        return {}
    return {name: fields[name] for name in W3C_ALLOWED_FIELDS if isinstance(fields.get(name), str)}


def _describe(obj: object, fields: Sequence[str]) -> str:
    values = ",".join(f"{field}={getattr(obj, field)}" for field in fields)
    return f"{type(obj).__name__}([{values}])"
