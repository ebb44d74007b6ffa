"""The environment variables of the runtime.

The runtime is configured by variables which Lambda defines ("Using Lambda environment variables" in the Lambda
developer guide). Of its modules only this one reads them, and it reads them when asked, never while it is imported:
handlers, wrappers and tests change the environment as they go. The image's entry point (bootstrap, bootstrap.py), the
emulator (local/environment.py) and the test helpers (testing/environment.py) read and set variables of their own.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    FunctionIdentity = tuple[str | None, str | None, str | None, str | None, str | None]

TRACE_ID_VARIABLE = "_X_AMZN_TRACE_ID"
TELEMETRY_DESCRIPTOR_VARIABLE = "_LAMBDA_TELEMETRY_LOG_FD"
TIMEOUT_DUMP_VARIABLE = "RIC_TIMEOUT_DUMP_MS"
SNAP_START = "snap-start"
SHUTDOWN_GRACE_VARIABLE = "RIC_SHUTDOWN_GRACE_MS"
EVENT_LOOP_VARIABLE = "RIC_EVENT_LOOP"
PRELOAD_VARIABLE = "RIC_PRELOAD"
CONCURRENCY_MODE_VARIABLE = "AWS_LAMBDA_CONCURRENCY_MODE"
CONCURRENCY_MODES = ("process", "thread", "hybrid", "asyncio")
UVLOOP = "uvloop"

# Lambda leaves 500 ms between SIGTERM and SIGKILL, or 2 s with an external extension, which is a file in this directory
# ("Shutdown phase", Lambda developer guide). The rest is for the process to end in.
_EXTERNAL_EXTENSIONS = "/opt/extensions"
SHUTDOWN_GRACE_MS = 450
_SHUTDOWN_GRACE_WITH_EXTENSION_MS = 1900

# Eleven days. The longest time-out is 15 minutes, and int() refuses texts of many thousand digits in words of its own.
_MOST_MS_DIGITS = 9

# The first Python whose managed runtime sends non-ASCII characters as they are (and, in upstream, polls on a thread).
_FIRST_UNICODE_MINOR = 12
_EXECUTION_ENV_PREFIX = "AWS_Lambda_python3."
PREVIEW_RUNTIME_ENVS = frozenset({"AWS_Lambda_python3.15"})


class RuntimeApiUnsetError(KeyError):
    """``AWS_LAMBDA_RUNTIME_API`` is not set: this process does not run inside Lambda or an emulator."""


class InvalidSettingError(ValueError):
    """A variable has a value that cannot be followed.

    Args:
        variable: Its name.
        value: What it is set to.
        demand: What to change.
    """

    def __init__(self, variable: str, value: str, demand: str) -> None:
        super().__init__(variable, value, demand)
        self.variable = variable
        self.value = value
        self.demand = demand

    def __str__(self) -> str:
        return f"{self.variable} is {self.value!r}: {self.demand}"


class LambdaConfigProvider:
    """The settings of one start of the runtime, from its arguments and environment.

    Args:
        args: The command line: the program, then the handler (``module.function``). Without a second element the
            handler is taken from ``_HANDLER``.
        environ: The environment to read; the process's own when None.

    Raises:
        ValueError: There is no handler in either place.
        RuntimeApiUnsetError: ``AWS_LAMBDA_RUNTIME_API`` is unset or empty.
    """

    SUPPORTED_THREADPOLLING_ENVS = frozenset(f"{_EXECUTION_ENV_PREFIX}{minor}" for minor in range(12, 16))
    SOCKET_PATH_ENV = "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET"
    AWS_LAMBDA_RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"
    AWS_LAMBDA_MAX_CONCURRENCY = "AWS_LAMBDA_MAX_CONCURRENCY"
    AWS_EXECUTION_ENV = "AWS_EXECUTION_ENV"

    def __init__(self, args: Sequence[str | None], environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self.handler = handler_name(args, environ)
        api_address = environ.get(self.AWS_LAMBDA_RUNTIME_API)
        if not api_address:
            raise RuntimeApiUnsetError(self.AWS_LAMBDA_RUNTIME_API)
        self.api_address = api_address
        self.max_concurrency = environ.get(self.AWS_LAMBDA_MAX_CONCURRENCY) or None
        self.use_thread_polling = environ.get(self.AWS_EXECUTION_ENV) in self.SUPPORTED_THREADPOLLING_ENVS
        self.lmi_socket_path = environ.get(self.SOCKET_PATH_ENV)

    @property
    def is_multi_concurrent(self) -> bool:
        """Whether Lambda may hand this environment several invocations at a time."""
        return self.max_concurrency is not None


def handler_name(args: Sequence[str | None], environ: Mapping[str, str] | None = None) -> str:
    """Returns the handler to run: the second argument, else ``_HANDLER``.

    Raises:
        ValueError: There is no handler in either place.
    """
    environ = os.environ if environ is None else environ
    handler = args[1] if len(args) > 1 else None
    if handler is None:
        handler = environ.get("_HANDLER") or None
    if handler is None:
        raise ValueError("Handler not set: give it as an argument (module.function) or in the variable _HANDLER")
    return handler


def runtime_api_address() -> str:
    """Returns the value of ``AWS_LAMBDA_RUNTIME_API``.

    Raises:
        RuntimeApiUnsetError: It is unset or empty.
    """
    address = os.environ.get(LambdaConfigProvider.AWS_LAMBDA_RUNTIME_API)
    if not address:
        raise RuntimeApiUnsetError(LambdaConfigProvider.AWS_LAMBDA_RUNTIME_API)
    return address


def log_format() -> str:
    """Returns ``"JSON"`` or ``"TEXT"``, as ``AWS_LAMBDA_LOG_FORMAT`` asks."""
    return "JSON" if os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON" else "TEXT"


def log_level() -> str:
    """Returns the name of the level which ``AWS_LAMBDA_LOG_LEVEL`` asks for, ``""`` when it asks for none."""
    return level_name(os.environ.get("AWS_LAMBDA_LOG_LEVEL"))


def level_name(log_level: str | None) -> str:
    """Returns the name of the level that a value of ``AWS_LAMBDA_LOG_LEVEL`` means, ``""`` for none.

    Python has no TRACE level; it means DEBUG here, as in the managed runtime.
    """
    return "DEBUG" if log_level == "TRACE" else (log_level or "").upper()


def take_telemetry_descriptor() -> int | None:
    """Returns the descriptor that Lambda wants framed logs on, if any, and removes it from the environment.

    It is removed so that programs which the handler starts do not write to it. One that is not open is said to be so on
    standard error, and logs go to standard output: a function is not refused for where its logs go.
    """
    value = os.environ.pop(TELEMETRY_DESCRIPTOR_VARIABLE, None)
    if value is None:
        return None
    try:
        descriptor = int(value)
        os.fstat(descriptor)
    except (ValueError, OSError):
        os.write(2, f"ric: {TELEMETRY_DESCRIPTOR_VARIABLE} is {value!r}, which is no open descriptor\n".encode())
        return None
    return descriptor


def shutdown_grace_setting() -> int | None:
    """Returns what ``RIC_SHUTDOWN_GRACE_MS`` says, in ms; None unless it is set.

    Raises:
        InvalidSettingError: It is not a whole number above 0.
    """
    value = os.environ.get(SHUTDOWN_GRACE_VARIABLE)
    return _positive_ms(SHUTDOWN_GRACE_VARIABLE, value) if value else None


def shutdown_grace_ms() -> int:
    """Returns how long handler and callbacks may take from SIGTERM on, in ms: as set, or else what Lambda leaves.

    Raises:
        InvalidSettingError: ``RIC_SHUTDOWN_GRACE_MS`` is not a whole number above 0.
    """
    setting = shutdown_grace_setting()
    if setting is not None:
        return setting
    return _SHUTDOWN_GRACE_WITH_EXTENSION_MS if _has_external_extension() else SHUTDOWN_GRACE_MS


def _has_external_extension() -> bool:
    try:
        return os.path.isdir(_EXTERNAL_EXTENSIONS) and bool(os.listdir(_EXTERNAL_EXTENSIONS))
    except OSError:
        # The directory is there and cannot be read; hardly anybody makes it to leave it empty. If this is wrong, Lambda
        # kills a process that is late without its last words. The other way round, callbacks would lose time they have.
        return True


def timeout_dump_ms() -> int | None:
    """Returns how long before its deadline an invocation's stacks are logged, in ms; None when they are not.

    Raises:
        InvalidSettingError: ``RIC_TIMEOUT_DUMP_MS`` is not a whole number above 0.
    """
    value = os.environ.get(TIMEOUT_DUMP_VARIABLE)
    return _positive_ms(TIMEOUT_DUMP_VARIABLE, value) if value else None


def event_loop() -> str:
    """Returns which event loop runs async handlers, as ``RIC_EVENT_LOOP`` asks: ``"asyncio"`` or ``"uvloop"``.

    Raises:
        InvalidSettingError: It asks for another one.
    """
    value = os.environ.get(EVENT_LOOP_VARIABLE) or "asyncio"
    if value not in ("asyncio", UVLOOP):
        raise InvalidSettingError(EVENT_LOOP_VARIABLE, value, "set it to asyncio or uvloop, or leave it unset")
    return value


def concurrency_mode() -> str:
    """Returns how several invocations run at once, as ``AWS_LAMBDA_CONCURRENCY_MODE`` asks: one of CONCURRENCY_MODES.

    Raises:
        InvalidSettingError: It asks for another one.
    """
    value = os.environ.get(CONCURRENCY_MODE_VARIABLE) or CONCURRENCY_MODES[0]
    if value not in CONCURRENCY_MODES:
        demand = f"set it to one of {', '.join(CONCURRENCY_MODES)}, or leave it unset"
        raise InvalidSettingError(CONCURRENCY_MODE_VARIABLE, value, demand)
    return value


def is_preloading() -> bool:
    """Whether the handler module is imported once, before workers are forked, as ``RIC_PRELOAD=1`` asks.

    Raises:
        InvalidSettingError: It is neither 1 nor 0.
    """
    value = os.environ.get(PRELOAD_VARIABLE) or "0"
    if value not in ("0", "1"):
        raise InvalidSettingError(PRELOAD_VARIABLE, value, "set it to 1 or 0, or leave it unset")
    return value == "1"


def _positive_ms(variable: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= _MOST_MS_DIGITS and int(value) > 0):
        demand = "set it to a whole number of milliseconds above 0, for example 500, or leave it unset"
        raise InvalidSettingError(variable, value, demand)
    return int(value)


def is_snap_start() -> bool:
    """Whether a snapshot is taken of this process after the handler module was imported."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == SNAP_START


def is_preview_runtime() -> bool:
    """Whether the runtime is a preview that should say so in the log."""
    return (
        os.environ.get("AWS_EXECUTION_ENV") in PREVIEW_RUNTIME_ENVS
        and not os.environ.get("LAMBDA_DISABLE_PREVIEW_WARN")
    )  # fmt: skip


def is_china_region() -> bool:
    """Whether the function runs in one of the regions that have documentation sites of their own."""
    return os.environ.get("AWS_REGION", "").startswith("cn-")


def ensure_ascii() -> bool:
    """Whether JSON results escape non-ASCII characters: yes, unless the managed runtime is Python 3.12 or later."""
    minor = os.environ.get("AWS_EXECUTION_ENV", "").removeprefix(_EXECUTION_ENV_PREFIX)
    return not (minor.isdigit() and int(minor) >= _FIRST_UNICODE_MINOR)


def function_identity() -> FunctionIdentity:
    """Returns what the environment says of the function, for ``LambdaContext``.

    Returns:
        Log group name, log stream name, function name, memory limit in MB, function version; None where unset.
    """
    get = os.environ.get
    return (
        get("AWS_LAMBDA_LOG_GROUP_NAME"),
        get("AWS_LAMBDA_LOG_STREAM_NAME"),
        get("AWS_LAMBDA_FUNCTION_NAME"),
        get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        get("AWS_LAMBDA_FUNCTION_VERSION"),
    )


def set_trace_id(trace_id: str | None) -> None:
    """Puts the invocation's X-Ray trace id where the X-Ray SDK looks for it; None removes it."""
    if trace_id is not None:
        # Trace ids are ASCII; anything else may not exist in the encoding of the environment, and is nobody's trace.
        os.environ[TRACE_ID_VARIABLE] = trace_id.encode("ascii", "replace").decode()
    elif TRACE_ID_VARIABLE in os.environ:
        del os.environ[TRACE_ID_VARIABLE]
