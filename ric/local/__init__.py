"""The developer's side: a function served on this machine, without Lambda and without a container.

Nothing of the runtime imports this package; it is loaded when there is no Runtime API to talk to. As a library::

    command = [sys.executable, "-m", "ric", "app.handler"]
    with Emulator(command, handler="app.handler", timeout_s=3, observer=MyObserver()) as emulator:
        emulator.base_url                       # "http://127.0.0.1:41234": Invoke, streaming Invoke, function URL
        result = emulator.invoke({"key": 1})    # the same without HTTP: payload, function_error, log_tail, ...
        result.json()
        for chunk in emulator.invoke_stream({}):
            ...                                 # bytes, as the function streams them
        emulator.restart()                      # new code; what waits in the queue is served by the new runtime

* :class:`Emulator` says what else can be set. Entering it starts the function and raises :class:`FunctionStartError`
  if that fails. A program that only serves calls ``run(must_succeed=False)``: then each invocation tries again.
* Leaving it waits for handlers that go on after their answer, and for asynchronous invocations, for at most five
  seconds; ``close(grace_s=60)`` waits for longer. Callers who have no answer yet are told that the emulator ends.
* ``invoke`` returns an :class:`InvokeResult`, also for a function error (``result.function_error``); what Lambda
  would refuse raises :class:`ServiceError`. ``invoke_stream`` returns an :class:`InvokeStream`.
* An :class:`Observer` hears of each start and end of a runtime and of an invocation, and of every line of log.
  Without one all of it goes to the terminal, with Lambda's ``START``, ``END`` and ``REPORT`` lines.
* :func:`serve` and :func:`serve_handler` are the emulator as a program: signals, one-line errors, an exit code.
"""

from __future__ import annotations

from ric.local.command_line import main, serve, serve_handler
from ric.local.emulator import Emulator
from ric.local.invoke.programmatic import InvokeStream
from ric.local.invoke.results import InvokeResult, ServiceError
from ric.local.observer import (
    InvocationEnd,
    InvocationStart,
    LogLine,
    Observer,
    RuntimeExit,
    RuntimeReady,
    RuntimeStart,
)
from ric.local.runtime_watch import FunctionStartError

__all__ = [
    "Emulator",
    "FunctionStartError",
    "InvocationEnd",
    "InvocationStart",
    "InvokeResult",
    "InvokeStream",
    "LogLine",
    "Observer",
    "RuntimeExit",
    "RuntimeReady",
    "RuntimeStart",
    "ServiceError",
    "main",
    "serve",
    "serve_handler",
]
