"""Prepares the interpreter as Lambda's managed Python runtime does, then runs the function: the image's entry point.

`bootstrap`, beside this file, execs it, perhaps through an AWS_LAMBDA_EXEC_WRAPPER. An image without bash starts it
directly: ENTRYPOINT ["python3", "/var/runtime/bootstrap.py"], CMD ["app.handler"]. Rules:

* A handler as argument means that no wrapper has run yet: it is run now, and starts this file again.
* What a wrapper puts behind the command is ignored, as in the managed runtime: `_RIC_WRAPPED` tells that it has run.
* Cold-start time passes here: nothing is imported but what every interpreter has loaded by now, and `ric`.
* Without an argument the handler is read from `_HANDLER`, as wrappers rewrite it on the way.
* The file runs under any interpreter, so a missing `ric` must be told in one line that says what to do.
* It is a script, not a part of the package: the name `bootstrap` never gets into `sys.modules`, where error trackers
  would take it for the runtime.

https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-searchpath
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
"""

from __future__ import annotations

import os
import site
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import NoReturn

_HERE = os.path.dirname(os.path.abspath(__file__))
_SHELL = "/bin/sh"
_WRAPPED_VARIABLE = "_RIC_WRAPPED"
_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

# Set when the function is served: error trackers look for `__main__.awslambdaricmain.bootstrap`.
awslambdaricmain: ModuleType


def _main() -> None:
    """Serve the function named by `_HANDLER`: through the Runtime API, or without one in the emulator."""
    is_wrapped = os.environ.pop(_WRAPPED_VARIABLE, None)
    arguments = [] if is_wrapped else sys.argv[1:]
    del sys.argv[1:]  # the managed runtime has none, and functions look
    if arguments and arguments[0]:
        os.environ["_HANDLER"] = arguments[0]
    handler = os.environ.get("_HANDLER")
    if not handler:
        sys.exit('bootstrap: no handler: pass it as the argument, such as CMD ["app.handler"], or set _HANDLER')
    _fill_in_variables()
    _search_working_directory()
    _move_own_directory_to_the_end()
    try:
        if os.environ.get("AWS_LAMBDA_RUNTIME_API"):
            if arguments and (wrapper := os.environ.get("AWS_LAMBDA_EXEC_WRAPPER")):
                _become_wrapper(wrapper, sys.orig_argv[1 : -len(arguments)])
            _serve(handler)
        else:
            _emulate(handler)
    except ModuleNotFoundError as error:
        # Only a `ric` that is not installed; what the function lacks is reported by the runtime itself.
        if error.name != "ric":
            raise
        sys.exit(
            f"bootstrap: {sys.executable} cannot import ric: "
            f"install ric's wheel with `{sys.executable} -m pip`, "
            "or set RIC_PYTHON to the interpreter that has it"
        )


def _fill_in_variables() -> None:
    """Give the variables that functions and wrappers rely on the values they have in the managed runtime."""
    environ = os.environ
    if not environ.get("LAMBDA_TASK_ROOT"):
        environ["LAMBDA_TASK_ROOT"] = "/var/task" if os.path.isdir("/var/task") else os.getcwd()
    if not environ.get("LAMBDA_RUNTIME_DIR"):
        environ["LAMBDA_RUNTIME_DIR"] = _HERE
    # Also when it is set: a wrapper may have come with an interpreter of its own.
    environ["AWS_EXECUTION_ENV"] = f"AWS_Lambda_python{_VERSION}"


def _become_wrapper(wrapper: str, options_and_script: list[str]) -> NoReturn:
    """Replace this process by the wrapper, which gets the command that starts this file without an argument.

    A script without a `#!` line is run by the shell, as shells do. Exits with the messages and codes of the managed
    runtime where it cannot be run.
    """
    if not os.path.exists(wrapper):
        _fail(127, f"{wrapper}: does not exist")
    if not (os.path.isfile(wrapper) and os.access(wrapper, os.X_OK)):
        _fail(126, f"{wrapper}: is not an executable")
    import errno
    import signal

    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and its children then would too
        signal.signal(number, signal.SIG_DFL)
    os.environ[_WRAPPED_VARIABLE] = "1"
    command = [wrapper, sys.executable, *options_and_script]
    try:
        os.execv(wrapper, command)
    except OSError as error:
        if error.errno == errno.ENOEXEC and not _is_binary(wrapper) and os.path.exists(_SHELL):
            os.execv(_SHELL, [_SHELL, *command])
        # Such as a script for an interpreter that the image does not have, or a program for another processor.
        _fail(126, f"{wrapper}: cannot be executed: {error.strerror}")


def _is_binary(path: str) -> bool:
    """Whether a file is none for a shell, which would take a program for another processor for commands."""
    with open(path, "rb") as file:
        return b"\0" in file.read(128)


def _fail(exit_code: int, message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    sys.exit(exit_code)


def _search_working_directory() -> None:
    """Find a function in an image whose WORKDIR is not /var/task, which Lambda names as its directory all the same."""
    try:
        directory = os.getcwd()
    except OSError:  # it was deleted
        return
    # In an image without a WORKDIR it is the root, where each directory would pass for a package.
    if directory not in ("/", os.environ["LAMBDA_TASK_ROOT"]):
        sys.path.append(directory)


def _move_own_directory_to_the_end() -> None:
    """Keep what lies beside this file importable, but behind everything that belongs to the function."""
    if sys.path[:1] == [_HERE]:
        sys.path.append(sys.path.pop(0))


def _code_directories() -> list[str]:
    """The function's directory and those of its layers, in the order in which they are searched."""
    directories = [os.environ["LAMBDA_TASK_ROOT"]]
    if "PYTHONPATH" not in os.environ:
        directories.append(f"/opt/python/lib/python{_VERSION}/site-packages")
        directories.append("/opt/python")
    return directories


def _serve(handler: str) -> None:
    """Run the function against the Runtime API; does not return before the runtime ends."""
    global awslambdaricmain

    directories = _code_directories()
    sys.path[:0] = directories
    known_paths = set(sys.path)
    for directory in directories:
        site.addsitedir(directory, known_paths)  # only for its .pth files, as it is known
    os.environ.setdefault("PYTHONPATH", os.environ["LAMBDA_RUNTIME_DIR"])

    try:
        import awslambdaric.__main__ as awslambdaricmain

        is_ric = awslambdaricmain.bootstrap.__name__ == "ric.bootstrap"
    except ModuleNotFoundError as error:
        if error.name not in ("awslambdaric", "awslambdaric.__main__"):
            raise
        is_ric = False
    if not is_ric:  # AWS's own was installed over ric's alias, or uninstalled from there: ric serves, and tells of it
        import ric.__main__ as awslambdaricmain

    awslambdaricmain.main([os.environ["LAMBDA_TASK_ROOT"], handler])


def _emulate(handler: str) -> NoReturn:
    """Serve the function on a port of this machine; the emulator starts this file again, with a Runtime API."""
    # Behind the standard library, for the emulator is not the function; a `ric` installed beside the function counts.
    directories = _code_directories()
    sys.path.extend(directories)
    for directory in directories:
        site.addsitedir(directory)
    from ric.local.command_line import main
    from ric.local.handler_lookup import UnusableHandlerError, check_handler

    if not os.environ.get("AWS_LAMBDA_EXEC_WRAPPER"):  # which may choose another handler
        try:
            check_handler(handler)
        except UnusableHandlerError as error:
            sys.exit(f"ric: {error}")
    # A container's port must be reachable from outside of it; the container is the boundary (docs/threat-model.md).
    every_address = "0.0.0.0"  # noqa: S104 - as just said
    sys.exit(main(["--host", every_address, "--", sys.executable, os.path.join(_HERE, "bootstrap.py"), handler]))


if __name__ == "__main__":
    _main()
