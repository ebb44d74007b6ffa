"""The alias ``awslambdaric``: which modules and names it has, and that they are ric's own objects.

What follows when others replace some of these names is in test_alias_patches.py and test_dependents.py.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.function_run import BOOTSTRAP_PY, LAUNCHERS, PYTHON_M_AWSLAMBDARIC, PYTHON_M_RIC, invocation, run_function
from tests.image import TIMEOUT_S, clean_environment

# Upstream's modules, and the modules of ric that they are.
MODULES = {
    "bootstrap": "ric.bootstrap",
    "lambda_concurrency_hooks": "ric.process.fork_hooks",
    "lambda_config": "ric.config",
    "lambda_context": "ric.function.context",
    "lambda_literals": "ric.process.notices",
    "lambda_multi_concurrent_utils": "ric.process.workers",
    "lambda_runtime_client": "ric.api.client",
    "lambda_runtime_exception": "ric.errors",
    "lambda_runtime_hooks_runner": "ric.process.snapstart",
    "lambda_runtime_log_utils": "ric.process.logs",
    "lambda_runtime_marshaller": "ric.api.marshal",
}
# Those which upstream has loaded when the handler's module is imported, and the loop needs anyway.
LOADED_WITH_THE_LOOP = {
    alias: MODULES[alias]
    for alias in (
        "bootstrap",
        "lambda_config",
        "lambda_context",
        "lambda_runtime_client",
        "lambda_runtime_exception",
        "lambda_runtime_marshaller",
    )
}

NAMES = {
    "__main__": ["main", "bootstrap", "LambdaConfigProvider", "LambdaRuntimeClient"],
    "bootstrap": [
        *("run", "handle_event_request", "_get_handler", "make_error", "make_xray_fault", "build_fault_result"),
        *("extract_traceback", "log_error", "replace_line_indentation", "parse_json_header", "create_lambda_context"),
        *("on_init_complete", "update_xray_env_variable", "create_log_sink", "_setup_logging", "init_logging"),
        *("_log_preview_runtime_warning", "to_json", "LambdaLoggerHandler", "LambdaLoggerHandlerWithFrameType"),
        *("LambdaLoggerFilter", "Unbuffered", "StandardLogSink", "FramedTelemetryLogSink", "LambdaContext"),
        *("LambdaRuntimeClient", "FaultException", "JsonFormatter", "LogFormat", "ERROR_LOG_LINE_TERMINATE"),
        *("ERROR_LOG_IDENT", "AWS_LAMBDA_INITIALIZATION_TYPE", "INIT_TYPE_SNAP_START", "PREVIEW_RUNTIME_ENVS"),
        *("_AWS_LAMBDA_LOG_FORMAT", "_AWS_LAMBDA_LOG_LEVEL", "_ERROR_FRAME_TYPE", "_GLOBAL_AWS_REQUEST_ID"),
        *("_GLOBAL_TENANT_ID", "_TEXT_FRAME_TYPES", "_JSON_FRAME_TYPES", "_DEFAULT_FRAME_TYPE", "_DATETIME_FORMAT"),
        *("_format_log_level", "_get_log_level_from_env_var"),
    ],
    "lambda_config": ["LambdaConfigProvider"],
    "lambda_context": [
        *("LambdaContext", "ClientContext", "Client", "CognitoIdentity", "make_obj_from_dict", "set_obj_from_dict"),
        "W3C_ALLOWED_FIELDS",
    ],
    "lambda_literals": [
        *("lambda_warning", "lambda_unhandled_exception_warning_message", "get_lambda_preview_runtime_warning_message")
    ],
    "lambda_multi_concurrent_utils": [
        *("MultiConcurrentRunner", "WORKER_POOL_INITIALIZING_EVENT", "LambdaMultiConcurrentRuntimeClient"),
        "bootstrap",
    ],
    "lambda_runtime_client": [
        *("BaseLambdaRuntimeClient", "LambdaRuntimeClient", "LambdaMultiConcurrentRuntimeClient"),
        *("LambdaRuntimeClientError", "InvocationRequest", "LambdaMarshaller", "FaultException", "to_json"),
        *("ERROR_TYPE_HEADER", "DEFAULT_RETRY_MAX_ATTEMPTS", "DEFAULT_RETRY_INITIAL_DELAY"),
        *("DEFAULT_RETRY_BACKOFF_FACTOR", "_user_agent", "runtime_client"),
    ],
    "lambda_runtime_exception": ["FaultException"],
    "lambda_runtime_hooks_runner": ["run_before_snapshot", "run_after_restore"],
    "lambda_runtime_log_utils": [
        *("JsonFormatter", "LogFormat", "_TEXT_FRAME_TYPES", "_JSON_FRAME_TYPES", "_DEFAULT_FRAME_TYPE"),
        *("_DATETIME_FORMAT", "_format_log_level", "_get_log_level_from_env_var"),
    ],
    "lambda_runtime_marshaller": ["Encoder", "LambdaMarshaller", "to_json", "json"],
}

ATTRIBUTES = {
    "lambda_runtime_client.BaseLambdaRuntimeClient": [
        *("marshaller", "call_rapid", "post_init_error", "handle_init_error", "restore_next", "report_restore_error"),
        *("handle_exception", "wait_next_invocation", "post_invocation_result", "post_invocation_error"),
    ],
    "lambda_runtime_client.runtime_client": ["next", "post_invocation_result", "post_error", "initialize_client"],
    "lambda_runtime_marshaller.LambdaMarshaller": ["unmarshal_request", "marshal_response"],
    "lambda_multi_concurrent_utils.MultiConcurrentRunner": [
        *("run_concurrent", "run_single", "_redirect_output", "_redirect_stream_to_fd", "_emit_worker_pool_event")
    ],
    "lambda_runtime_exception.FaultException": [
        *("MARSHAL_ERROR", "UNMARSHAL_ERROR", "USER_CODE_SYNTAX_ERROR", "HANDLER_NOT_FOUND", "IMPORT_MODULE_ERROR"),
        *("BUILT_IN_MODULE_CONFLICT", "MALFORMED_HANDLER_NAME", "BEFORE_SNAPSHOT_ERROR", "AFTER_RESTORE_ERROR"),
        *("LAMBDA_CONTEXT_UNMARSHAL_ERROR", "LAMBDA_RUNTIME_CLIENT_ERROR"),
    ],
}

_IMPORT_AND_COMPARE = """
import importlib, json, sys
modules, order, style = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
wrong = []
for alias, name in modules.items():
    full_alias = f"awslambdaric.{alias}"
    if order == "ric first":
        importlib.import_module(name)
    if style == "import a.b":
        exec(f"import {full_alias}")
        import awslambdaric
        found = getattr(awslambdaric, alias)
    elif style == "from a import b":
        scope = {}
        exec(f"from awslambdaric import {alias}", scope)
        found = scope[alias]
    else:
        found = importlib.import_module(full_alias)
    module = importlib.import_module(name)
    checks = {
        "same object": found is module,
        "in sys.modules": sys.modules[full_alias] is module is sys.modules[name],
        "on the package": getattr(sys.modules["awslambdaric"], alias) is module,
        "own name": module.__name__ == name,
        "own spec": module.__spec__.name == name and module.__spec__.loader is module.__loader__,
        "own package": module.__package__ == name.rpartition(".")[0],
        "own file": module.__file__.endswith(name.replace(".", "/") + ".py"),
        "reloads as itself": importlib.reload(module) is found,
    }
    wrong += [f"{alias}: {check}" for check, holds in checks.items() if not holds]
print(json.dumps(wrong))
"""


def run_python(program: str, *arguments: str, directory: Path | None = None) -> str:
    """Returns what a program prints that must succeed, run where no module was imported yet."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=directory,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("order", ["ric first", "alias first"])
@pytest.mark.parametrize("style", ["import a.b", "from a import b", "import_module"])
def test_each_upstream_module_is_the_ric_module(order: str, style: str) -> None:
    """A patch through one name acts on the other, as both are one object, whose identity stays ric's."""
    assert json.loads(run_python(_IMPORT_AND_COMPARE, json.dumps(MODULES), order, style)) == []


_LOOK_AROUND = """
    import sys

    main = sys.modules["__main__"]
    seen = {
        "aliases": {
            name: sys.modules[name].__name__ for name in sys.modules if name.startswith("awslambdaric.lambda")
        },
        "bootstrap": getattr(sys.modules.get("awslambdaric.bootstrap"), "__name__", None),
        "plain names": [name for name in ("bootstrap", "runtime_client") if name in sys.modules],
        "in main": [name for name in ("bootstrap", "LambdaRuntimeClient", "awslambdaricmain") if hasattr(main, name)],
    }

    def handler(event, context):
        return seen
"""


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_the_aliases_are_registered_before_the_handler_module_is_imported(launcher: str, tmp_path: Path) -> None:
    """A patch that only looks into ``sys.modules`` while the handler module is imported finds upstream's names."""
    seen = run_function(tmp_path, _LOOK_AROUND, launcher=launcher).result()

    assert {"awslambdaric.bootstrap": seen["bootstrap"], **seen["aliases"]} == {
        f"awslambdaric.{alias}": name for alias, name in LOADED_WITH_THE_LOOP.items()
    }


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_no_module_is_plainly_called_bootstrap(launcher: str, tmp_path: Path) -> None:
    """Error trackers would take such a module for the runtime and patch the wrong one."""
    assert run_function(tmp_path, _LOOK_AROUND, launcher=launcher).result()["plain names"] == []


@pytest.mark.parametrize(
    ("launcher", "names"),
    [
        (PYTHON_M_RIC, ["bootstrap", "LambdaRuntimeClient"]),
        (PYTHON_M_AWSLAMBDARIC, ["bootstrap", "LambdaRuntimeClient"]),
        (BOOTSTRAP_PY, ["awslambdaricmain"]),
    ],
)
def test_the_program_has_the_attributes_by_which_the_runtime_is_found(
    launcher: str, names: list[str], tmp_path: Path
) -> None:
    """Error trackers look for ``bootstrap`` in ``__main__`` or in its ``awslambdaricmain``."""
    assert run_function(tmp_path, _LOOK_AROUND, launcher=launcher).result()["in main"] == names


@pytest.mark.parametrize("module", NAMES)
def test_each_upstream_name_is_in_its_module(module: str) -> None:
    """Code that imports one of upstream's names from upstream's module goes on working."""
    found = importlib.import_module(f"awslambdaric.{module}")

    missing = [name for name in NAMES[module] if not hasattr(found, name)]

    assert missing == []


@pytest.mark.parametrize("owner", ATTRIBUTES)
def test_each_upstream_attribute_is_on_its_object(owner: str) -> None:
    """Code that calls or overrides one of upstream's methods goes on working."""
    module, _, name = owner.partition(".")
    found = getattr(importlib.import_module(f"awslambdaric.{module}"), name)

    missing = [attribute for attribute in ATTRIBUTES[owner] if not hasattr(found, attribute)]

    assert missing == []


def test_a_name_that_upstream_has_not_is_an_attribute_error() -> None:
    """sentry-sdk tells runtimes apart by an attribute that must not exist, so nothing is made up."""
    bootstrap: Any = importlib.import_module("awslambdaric.bootstrap")

    assert not hasattr(bootstrap, "handle_http_request")
    with pytest.raises(ImportError, match="no_such_name"):
        exec("from awslambdaric.bootstrap import no_such_name")


def test_an_upstream_module_that_does_not_exist_is_not_found() -> None:
    """Feature tests by import tell the truth."""
    with pytest.raises(ModuleNotFoundError, match=r"awslambdaric\.lambda_elevator_utils"):
        importlib.import_module("awslambdaric.lambda_elevator_utils")


def test_the_version_is_upstreams() -> None:
    """Packages compare the version, or its first number."""
    import awslambdaric

    assert awslambdaric.__version__ == "4.2.2"


def test_settings_that_upstream_keeps_in_globals_are_current(tmp_path: Path) -> None:
    """Helpers that read the request id or the log settings from upstream's globals see those of this invocation."""
    source = """
        import awslambdaric.bootstrap as bootstrap

        def handler(event, context):
            return [
                bootstrap._GLOBAL_AWS_REQUEST_ID,
                bootstrap._GLOBAL_TENANT_ID,
                bootstrap._AWS_LAMBDA_LOG_FORMAT,
                bootstrap._AWS_LAMBDA_LOG_LEVEL,
            ]
    """
    run = run_function(
        tmp_path,
        source,
        [invocation(number=1, Lambda_Runtime_Aws_Tenant_Id="blue"), invocation(number=2)],
        environment={"AWS_LAMBDA_LOG_FORMAT": "json", "AWS_LAMBDA_LOG_LEVEL": "TRACE"},
    )

    assert run.results() == [["request-1", "blue", 0, "DEBUG"], ["request-2", None, 0, "DEBUG"]]


@pytest.mark.parametrize("launcher", [PYTHON_M_AWSLAMBDARIC, BOOTSTRAP_PY])
def test_the_runtime_runs_below_a_frame_of_a_directory_called_awslambdaric(launcher: str, tmp_path: Path) -> None:
    """A published package starts the loop a second time unless it finds such a frame."""
    source = """
        import sys
        from pathlib import Path

        def directories():
            frame = sys._getframe()
            while frame is not None:
                yield Path(frame.f_code.co_filename).parent.name
                frame = frame.f_back

        at_import = "awslambdaric" in directories()

        def handler(event, context):
            return [at_import, "awslambdaric" in directories()]
    """
    assert run_function(tmp_path, source, launcher=launcher).result() == [True, True]


class _Config:
    """What a test of a start-up script puts in the place of LambdaConfigProvider."""

    handler = "mod.handler"
    api_address = "192.0.2.1:9001"
    use_thread_polling = True
    is_multi_concurrent = False


def test_main_uses_the_globals_of_its_own_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests in the wild replace the three globals of ``awslambdaric.__main__`` and call its ``main``."""
    import awslambdaric.__main__ as entry
    import ric.__main__

    calls: list[tuple[object, ...]] = []

    class Loop:
        @staticmethod
        def run(handler: str, client: object) -> None:
            calls.append(("run", handler, client))

    def config_of(args: list[str]) -> _Config:
        calls.append(("config", args))
        return _Config()

    def client_of(address: str, use_thread_polling: bool) -> str:
        return f"client of {address}, {use_thread_polling}"

    monkeypatch.setattr(entry, "LambdaConfigProvider", config_of)
    monkeypatch.setattr(entry, "LambdaRuntimeClient", client_of)
    monkeypatch.setattr(entry, "bootstrap", Loop)
    entry.main(["program", "mod.handler"])

    assert calls == [("config", ["program", "mod.handler"]), ("run", "mod.handler", "client of 192.0.2.1:9001, True")]
    assert vars(ric.__main__)["bootstrap"].__name__ == "ric.bootstrap"


@pytest.mark.parametrize(("log_format", "first_line"), [("JSON", '{"timestamp"'), ("TEXT", "[WARNING]\t")])
def test_logging_is_set_up_by_hand(log_format: str, first_line: str, tmp_path: Path) -> None:
    """Tests call ``_setup_logging`` with upstream's numbers for the formats, and ``init_logging`` without any."""
    source = f"""
        import logging, os
        from awslambdaric import bootstrap
        from awslambdaric.lambda_runtime_log_utils import LogFormat

        def handler(event, context):
            logging.root.handlers.clear()
            bootstrap._setup_logging(LogFormat.from_str({log_format!r}), "INFO", bootstrap.StandardLogSink())
            logging.warning("by hand")
            logging.root.handlers.clear()
            os.environ["AWS_LAMBDA_LOG_FORMAT"] = {log_format!r}
            bootstrap.init_logging()
            logging.warning("by hand")
    """
    lines = run_function(tmp_path, source).stdout.splitlines()

    assert len(lines) == 2
    assert [line.startswith(first_line) for line in lines] == [True, True], lines


def test_failures_of_the_client_are_what_upstream_raises() -> None:
    """Code that drives the client catches the built-in exceptions by which upstream's failures go."""
    from ric import errors

    assert issubclass(errors.RuntimeApiUnavailableError, RuntimeError), "a poll that failed"
    assert issubclass(errors.LambdaRuntimeClientError, RuntimeError), "a post that was refused"
    assert issubclass(errors.InvalidAddressError, OSError)
    with pytest.raises(ConnectionRefusedError):
        importlib.import_module("awslambdaric.lambda_runtime_client").LambdaRuntimeClient("127.0.0.1:1").restore_next()


def test_a_sink_made_by_hand_has_the_format_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``log_error`` writes JSON to a ``StandardLogSink()`` where the function's logs are JSON."""
    bootstrap: Any = importlib.import_module("awslambdaric.bootstrap")

    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", "JSON")
    bootstrap.log_error(bootstrap.make_error("message", "Type", ["line"]), bootstrap.StandardLogSink())

    assert json.loads(capsys.readouterr().out)["errorType"] == "Type"
