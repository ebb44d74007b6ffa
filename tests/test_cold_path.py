"""What is imported before the first ``/next`` is sent: cold-start time that every function pays.

Rules: the modules are counted within the process, at the system call that sends the request, because right behind it
more is imported on purpose, while the platform is busy; what the interpreter imports to run an empty program in the
same way is not ours and does not count.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.function_run import Run, run_function
from tests.image import REPOSITORY

FORBIDDEN = {
    *("asyncio", "concurrent.futures", "http.client", "http.server", "importlib.metadata", "ssl", "typing"),
    *("enum", "faulthandler", "json", "logging", "re", "signal", "simplejson", "socket"),
}
# Parts of ric that the way to the first event does not need.
LATE = {
    *("ric.api.json_codec", "ric.local", "ric.process.logs", "ric.process.notices", "ric.process.snapstart"),
    *(
        "ric.process.own_stderr",
        "ric.process.pool",
        "ric.process.stacks",
        "ric.process.watchdog",
        "ric.process.workers",
    ),
    *("ric.upstream.log_names", "ric.upstream.names"),
}
LIBRARY = {
    *("__future__", "_contextvars", "_socket", "atexit", "errno", "gc", "select"),
    *("importlib", "importlib._bootstrap", "importlib._bootstrap_external", "importlib.machinery"),
}

HELLO = """
def handler(event, context):
    import sys
    return "simplejson" in sys.modules
"""

# Python sends no event when it begins to send, but this one when it calls sendmsg, which the transport uses.
_NOTE_MODULES = """
import sys
noted = []
def note_modules():
    if not noted:
        noted.append(True)
        with open({notes!r}, "w") as file:
            file.write("\\n".join(sys.modules))
def on_event(event, arguments):
    if event == "socket.sendmsg":
        note_modules()
sys.addaudithook(on_event)
sys.note_modules = note_modules
"""
# What `python -m` calls, and what `python file.py` amounts to.
_AS_MODULE = """
import runpy
sys.argv[1:] = ["app.handler"]
runpy._run_module_as_main({name!r})
"""
_AS_SCRIPT = """
import os
os.environ.update(_HANDLER="app.handler", LAMBDA_TASK_ROOT=os.getcwd())
__file__ = {name!r}
with open(__file__) as source:
    code = compile(source.read(), __file__, "exec")
exec(code, globals())
"""
STYLES = {
    "python -m ric": (_AS_MODULE, "ric"),
    "python -m awslambdaric": (_AS_MODULE, "awslambdaric"),
    "bootstrap.py": (_AS_SCRIPT, str(REPOSITORY / "bootstrap.py")),
}


def modules_before_the_first_next(tmp_path: Path, style: str, source: str = HELLO) -> tuple[set[str], Run]:
    """Returns the modules imported for the runtime when it sends its first request, and the run."""
    start, name = STYLES[style]
    notes = {program: tmp_path / f"modules of {program}" for program in ("empty", "runtime")}
    (tmp_path / "empty.py").write_text("import sys\nsys.note_modules()\n")
    empty = "empty" if start is _AS_MODULE else str(tmp_path / "empty.py")
    run_function(tmp_path, source, [], launcher=_noting(notes["empty"]) + start.format(name=empty))
    run = run_function(tmp_path, source, launcher=_noting(notes["runtime"]) + start.format(name=name))
    loaded = {program: set(path.read_text().splitlines()) for program, path in notes.items()}
    return loaded["runtime"] - loaded["empty"], run


def _noting(notes: Path) -> str:
    return _NOTE_MODULES.format(notes=str(notes))


@pytest.mark.parametrize("style", STYLES)
def test_no_slow_module_is_imported_before_the_first_next(style: str, tmp_path: Path) -> None:
    """Each of these modules costs more than all that the runtime itself does until then."""
    modules, run = modules_before_the_first_next(tmp_path, style)

    assert not modules & (FORBIDDEN | LATE)
    assert {"app", "ric.bootstrap", "ric.api.transport"} <= modules, "the modules were counted at the wrong time"
    assert run.result() is True, "what the first answer needs is loaded by then"


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("module", sorted(FORBIDDEN))
def test_a_slow_module_would_be_found(module: str, style: str, tmp_path: Path) -> None:
    """The test above is able to fail, for each module and each way to start."""
    modules, _ = modules_before_the_first_next(tmp_path, style, f"import {module}\n{HELLO}")

    assert module in modules


@pytest.mark.parametrize("style", STYLES)
def test_only_modules_of_ric_and_of_the_c_core_are_imported(style: str, tmp_path: Path) -> None:
    """The list of what is imported from the standard library is short, and grows only on purpose."""
    modules, _ = modules_before_the_first_next(tmp_path, style)

    library = {name for name in modules if name.partition(".")[0] not in ("ric", "awslambdaric", "app")}
    assert library <= LIBRARY


def test_a_collector_that_was_off_before_stays_off(tmp_path: Path) -> None:
    """What `sitecustomize` chose for the whole process is not ric's to change."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("import gc\ngc.disable()\n")
    source = "import gc\ndef handler(event, context):\n    return gc.isenabled()"

    run = run_function(tmp_path, source, environment={"PYTHONPATH": str(tmp_path / "site")})

    assert run.result() is False


@pytest.mark.parametrize("style", STYLES)
def test_the_collector_is_at_work_again_when_the_handler_is_imported(style: str, tmp_path: Path) -> None:
    """It may rest while the runtime itself is imported, and a function finds it as Python sets it."""
    source = (
        "import gc\nis_enabled = gc.isenabled()\ndef handler(event, context):\n    return [is_enabled, gc.isenabled()]"
    )

    _, run = modules_before_the_first_next(tmp_path, style, source)

    assert run.result() == [True, True]
