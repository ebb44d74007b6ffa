"""What the handler gets to know: the context object, the environment, the start of the process."""

from __future__ import annotations

import json

from .expectations import goes_on, reports, responds
from .model import BOTH_ENVIRONMENTS, FRAMED, PLAIN, Case, Group, Variant, calls

_CLIENT_CONTEXT = "Lambda-Runtime-Client-Context"
_COGNITO_IDENTITY = "Lambda-Runtime-Cognito-Identity"
_TENANT = "Lambda-Runtime-Aws-Tenant-Id"
_DEADLINE = "Lambda-Runtime-Deadline-Ms"
_TRACE = "Lambda-Runtime-Trace-Id"

_FULL_CLIENT_CONTEXT = {
    "client": {
        "installation_id": "i",
        "app_title": "t",
        "app_version_name": "n",
        "app_version_code": "c",
        "app_package_name": "p",
        "unknown": "x",
    },
    "custom": {"key": "value"},
    "env": {"locale": "en"},
    "unknown": 1,
}
_W3C = {
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "tracestate": "vendor=value",
    "baggage": 7,
    "other": "dropped",
}


def _shown(name: str, function: str, headers: dict[str, str | None], **options: object) -> Case:
    return Case(name, json.dumps(function).encode(), headers, **options)  # type: ignore[arg-type]


def _client_context(name: str, function: str, value: object, **options: object) -> Case:
    text = value if isinstance(value, str) else json.dumps(value)
    return _shown(name, function, {_CLIENT_CONTEXT: text}, **options)


def _identity(name: str, value: str, **options: object) -> Case:
    return _shown(name, "identity", {_COGNITO_IDENTITY: value}, **options)


_NO_OBJECT = reports(
    "a context header that is no object is reported as what it is, not as an AttributeError",
    "Runtime.LambdaContextUnmarshalError",
)


_CONTEXT = (
    *calls("show_repr", "plain_fields", "client_context", "identity", "w3c", "remaining_time", "deadline"),
    *calls("new_attributes", "unknown_attribute", "class_names", "module_name", "method_results"),
    *calls("trace_id", "telemetry_descriptor", "lambda_environment", "arguments", "main_module_names"),
    *calls("import_path"),
    _client_context("full client context", "client_context", _FULL_CLIENT_CONTEXT),
    _client_context("full client context, repr", "show_repr", _FULL_CLIENT_CONTEXT),
    _client_context("client context without client", "client_context", {"custom": {"a": 1}}),
    _client_context("client context with null fields", "client_context", {"client": None, "custom": None}),
    _client_context("empty client context", "client_context", {}),
    _client_context("client context null", "client_context", "null"),
    _client_context("client context outside ASCII", "client_context", '{"custom": {"é": "中"}}'),
    _client_context("client context escaped", "client_context", {"custom": {"é": "中"}}),
    _client_context("client context no JSON", "client_context", "{no json"),
    _client_context("client context a list", "client_context", "[1]", better=_NO_OBJECT),
    _client_context("client context a number", "client_context", "7", better=_NO_OBJECT),
    _client_context(
        "client context with a client that is no object", "client_context", {"client": "text"}, better=_NO_OBJECT
    ),
    _client_context("client context with NaN", "client_context", '{"custom": NaN}'),
    _client_context("client context blank", "client_context", ""),
    _client_context("w3c fields", "w3c", {"custom": {}, "w3c": _W3C}),
    _client_context("w3c fields, class names", "class_names", {"w3c": _W3C}),
    _client_context("w3c no object", "w3c", {"w3c": "text"}),
    _client_context("w3c null", "w3c", {"w3c": None}),
    _identity("cognito identity", '{"cognitoIdentityId": "id", "cognitoIdentityPoolId": "pool"}'),
    _identity("cognito identity, half", '{"cognitoIdentityId": "id"}'),
    _identity("cognito identity, other spelling", '{"cognito_identity_id": "id"}'),
    _identity("cognito identity empty", "{}"),
    _identity("cognito identity null", "null"),
    _identity("cognito identity no JSON", "{"),
    _identity("cognito identity a list", "[]", better=_NO_OBJECT),
    _identity("cognito identity blank", ""),
    _shown("tenant id", "plain_fields", {_TENANT: "tenant-1"}),
    _shown("tenant id, repr", "show_repr", {_TENANT: "tenant-1"}),
    _shown("tenant id blank", "plain_fields", {_TENANT: ""}),
    _shown("tenant id outside ASCII", "plain_fields", {_TENANT: "é"}),
    _shown("no deadline", "remaining_time_exactly", {_DEADLINE: None}),
    _shown("no deadline, field", "deadline", {_DEADLINE: None}),
    _shown("deadline over", "remaining_time_exactly", {_DEADLINE: "1000"}),
    _shown("no function name", "plain_fields", {"Lambda-Runtime-Invoked-Function-Arn": None}),
    _shown("blank function name", "plain_fields", {"Lambda-Runtime-Invoked-Function-Arn": ""}),
    _shown("header names in small letters", "plain_fields", {_TENANT: None, _TENANT.lower(): "small"}),
    _shown("no trace id", "trace_id", {_TRACE: None}),
    _shown("trace id blank", "trace_id", {_TRACE: ""}),
    _shown("trace id again", "trace_id", {_TRACE: "Root=2"}),
    _shown("no trace id, environment", "lambda_environment", {_TRACE: None}),
    _shown(
        "deadline zero",
        "deadline",
        {_DEADLINE: "0"},
        alone=True,
        better=responds("a deadline of zero is no reason to die", b'["int", 0]'),
    ),
    _shown(
        "deadline blank",
        "deadline",
        {_DEADLINE: ""},
        alone=True,
        better=responds("a blank deadline is as none", b'["int", 0]'),
    ),
    _shown(
        "deadline no number",
        "deadline",
        {_DEADLINE: "soon"},
        alone=True,
        better=goes_on("an odd deadline costs at most its own invocation"),
    ),
)

_NO_LAMBDA_VARIABLES = Group(
    "context without Lambda's variables",
    calls("show_repr", "plain_fields"),
    function="context",
    environment={"AWS_LAMBDA_FUNCTION_NAME": "", "AWS_LAMBDA_LOG_GROUP_NAME": ""},
    variants=(PLAIN,),
)

_PREVIEW = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.15"}


def _preview(name: str, environment: dict[str, str], *variants: Variant) -> Group:
    return Group(
        f"preview runtime{name}",
        calls("trace_id"),
        function="context",
        environment=_PREVIEW | environment,
        variants=variants or (PLAIN,),
    )


_STARTS = (
    _preview("", {}, PLAIN, FRAMED),
    _preview(", JSON logs", {"AWS_LAMBDA_LOG_FORMAT": "JSON"}),
    _preview(", level error", {"AWS_LAMBDA_LOG_LEVEL": "ERROR"}),
    _preview(", warning off", {"LAMBDA_DISABLE_PREVIEW_WARN": "1"}),
    _preview(", warning off by a blank value", {"LAMBDA_DISABLE_PREVIEW_WARN": ""}),
    _preview(", in China", {"AWS_REGION": "cn-north-1"}),
    _preview(", no region", {"AWS_REGION": ""}),
)

_LATER_VERSION = responds("a version later than the official client knows is as 3.12", '"é"'.encode())

_VARIABLES = tuple(
    Group(
        f"execution environment {value or 'blank'}",
        (Case("non-ASCII", '"é"'.encode(), better=_LATER_VERSION if value.endswith("3.16") else None),),
        function="echo",
        environment={"AWS_EXECUTION_ENV": value},
        variants=(PLAIN,),
    )
    for value in (
        "",
        "AWS_Lambda_python3.9",
        "AWS_Lambda_python3.11",
        "AWS_Lambda_python3.13",
        "AWS_Lambda_python3.14",
        "AWS_Lambda_python3.16",
        "AWS_Lambda_python3.12 ",
        "aws_lambda_python3.12",
        "AWS_Lambda_Image",
    )
)

GROUPS = (
    Group("context", _CONTEXT, function="context", variants=BOTH_ENVIRONMENTS),
    _NO_LAMBDA_VARIABLES,
    *_STARTS,
    *_VARIABLES,
)
