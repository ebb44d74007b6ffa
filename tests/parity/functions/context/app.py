"""Shows the context; the event is the name of the function that shows a part of it."""

from __future__ import annotations

import os
import sys
from typing import Any


def handler(event: str, context: Any) -> Any:
    """Return what the named function returns."""
    return globals()[event](context)


def show_repr(context: Any) -> Any:
    return [repr(context), str(context)]


def plain_fields(context: Any) -> Any:
    names = (
        "aws_request_id",
        "log_group_name",
        "log_stream_name",
        "function_name",
        "memory_limit_in_mb",
        "function_version",
        "invoked_function_arn",
        "tenant_id",
    )
    return {name: [type(getattr(context, name)).__name__, getattr(context, name)] for name in names}


def client_context(context: Any) -> Any:
    given = context.client_context
    if given is None:
        return None
    client = given.client
    names = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")
    fields = {name: getattr(client, name) for name in names} if client is not None else None
    return {"custom": given.custom, "env": given.env, "client": fields, "repr": repr(given)}


def identity(context: Any) -> Any:
    given = context.identity
    return [given.cognito_identity_id, given.cognito_identity_pool_id, repr(given)]


def w3c(context: Any) -> Any:
    fields = context.w3c()
    fields["changed"] = "by the caller"
    return [fields, context.w3c(), repr(context.client_context)]


def unset_identity(context: Any) -> Any:
    return context.identity.cognito_identity_id


def remaining_time(context: Any) -> Any:
    remaining = context.get_remaining_time_in_millis()
    return [type(remaining).__name__, remaining > 0, remaining > 1_000_000_000]


def remaining_time_exactly(context: Any) -> Any:
    return context.get_remaining_time_in_millis()


def deadline(context: Any) -> Any:
    return [type(context._epoch_deadline_time_in_ms).__name__, context._epoch_deadline_time_in_ms]


def new_attributes(context: Any) -> Any:
    context.added = "by a tracer"
    return [context.added, sorted(vars(context))]


def unknown_attribute(context: Any) -> Any:
    return context.no_such_thing


def class_names(context: Any) -> Any:
    return [type(thing).__name__ for thing in (context, context.client_context, context.identity)]


def module_name(context: Any) -> Any:
    from awslambdaric.lambda_context import LambdaContext

    return isinstance(context, LambdaContext)


def method_results(context: Any) -> Any:
    return [context.log("logged\n"), context.w3c()]


def trace_id(context: Any) -> Any:
    return os.environ.get("_X_AMZN_TRACE_ID", "not set")


def telemetry_descriptor(context: Any) -> Any:
    return os.environ.get("_LAMBDA_TELEMETRY_LOG_FD", "not set")


def lambda_environment(context: Any) -> Any:
    hidden = {"AWS_LAMBDA_RUNTIME_API", "LC_CTYPE"}
    return {name: value for name, value in sorted(os.environ.items()) if name not in hidden}


def arguments(context: Any) -> Any:
    return sys.argv[1:]


def main_module_names(context: Any) -> Any:
    main = sys.modules["__main__"]
    return [hasattr(main, "bootstrap"), hasattr(main, "LambdaRuntimeClient"), "bootstrap" in sys.modules]


def import_path(context: Any) -> Any:
    # The first entry is the task root; under -m that is the working directory.
    return sys.path[0] == str(os.getcwd())  # noqa: PTH109 - sys.path holds text
