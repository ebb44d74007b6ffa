"""Handlers that log, fork, start threads and catch signals."""

from __future__ import annotations

from tests.scripted_api import close, send, status

from .handlers import IDLE, ending, hostile, raising
from .model import EITHER, Due, Section
from .steps import take

LOGGING = Section(
    "Handlers that log",
    (
        raising(
            "`logging.shutdown()`, then fail",
            """
            import logging
            logging.shutdown()
            logging.error('x')
            raise ValueError
            """,
        ),
        raising(
            "remove all handlers, then fail",
            """
            import logging
            logging.getLogger().handlers.clear()
            logging.disable()
            raise ValueError
            """,
        ),
        hostile(
            "log 1 MB in one record",
            """
            import logging
            logging.error('x' * 1_000_000)
            """,
        ),
        hostile(
            "log lone surrogates",
            """
            import logging
            logging.error('\\ud800 %s', '\\udfff')
            """,
        ),
        hostile(
            "log something whose `str()` fails",
            """
            import logging
            class S:
                def __str__(self):
                    raise KeyError
            logging.error('%s', S())
            """,
            due=Due.ANSWER,
        ),
        hostile(
            "log with the wrong number of arguments",
            """
            import logging
            logging.error('%s %s', 1)
            """,
            due=Due.ANSWER,
        ),
        hostile(
            "log in JSON what JSON lacks",
            """
            import logging
            logging.error({1: object(), 'x': {2}}, extra={'y': object(), 'z': '\\ud800'})
            """,
            environment={"AWS_LAMBDA_LOG_FORMAT": "JSON"},
        ),
        hostile(
            "log a structure that holds itself, in JSON",
            """
            import logging
            a = []
            a.append(a)
            logging.error({'a': a}, extra={'b': a})
            """,
            due=Due.ANSWER,
            environment={"AWS_LAMBDA_LOG_FORMAT": "JSON"},
        ),
        hostile(
            "a log record 10,000 lists deep, in JSON",
            """
            import logging
            a = []
            for _ in range(10_000):
                a = [a]
            try:
                logging.error({'a': a})
            except RecursionError:
                pass
            """,
            environment={"AWS_LAMBDA_LOG_FORMAT": "JSON"},
        ),
        hostile(
            "a logging filter that fails",
            """
            import logging
            def fail(record):
                raise KeyError('mine')
            logging.getLogger().handlers[0].addFilter(fail)
            """,
        ),
    ),
)


PROCESSES = Section(
    "Handlers that fork, start threads and catch signals",
    (
        hostile(
            "fork, and return in both",
            """
            import os
            pid = os.fork()
            if pid:
                os.waitpid(pid, 0)
            """,
        ),
        hostile(
            "fork, and fail in the child",
            """
            import os
            pid = os.fork()
            if not pid:
                raise ValueError
            os.waitpid(pid, 0)
            """,
        ),
        hostile(
            "fork, and `sys.exit()` in the child",
            """
            import os, sys
            pid = os.fork()
            if not pid:
                sys.exit(5)
            os.waitpid(pid, 0)
            """,
        ),
        hostile(
            "fork a child that lives on",
            """
            import os, time
            if not os.fork():
                time.sleep(60)
                os._exit(0)
            """,
        ),
        hostile(
            "a thread that is no daemon and never ends",
            """
            import threading
            threading.Thread(target=threading.Event().wait).start()
            """,
        ),
        hostile(
            "200 threads that never end",
            """
            import threading
            for _ in range(200):
                threading.Thread(target=threading.Event().wait).start()
            """,
        ),
        hostile(
            "a thread that fails",
            """
            import threading
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
            """,
        ),
        ending(
            "a thread that never ends, then `sys.exit(3)`",
            """
            import sys, threading
            threading.Thread(target=threading.Event().wait).start()
            sys.exit(3)
            """,
        ),
        hostile(
            "a timer signal every millisecond",
            """
            import signal
            signal.signal(signal.SIGALRM, lambda *args: None)
            signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
            """,
        ),
        hostile(
            "block all signals",
            """
            import signal
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            """,
        ),
        hostile(
            "ignore `SIGCHLD` and `SIGTERM`",
            """
            import signal
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            """,
        ),
        hostile(
            "`SIGPIPE` ends the process, and the connection is lost",
            """
            import signal
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            """,
            posts=[(take(), send(status(503)), close())],
        ),
        hostile(
            "a signal handler that fails in the handler",
            """
            import os, signal
            def fail(*args):
                raise KeyError('mine')
            signal.signal(signal.SIGUSR1, fail)
            os.kill(os.getpid(), signal.SIGUSR1)
            """,
            due=Due.ERROR,
        ),
        hostile(
            "a signal handler that fails while the process is idle",
            """
            import signal
            def fail(*args):
                raise KeyError('mine')
            signal.signal(signal.SIGALRM, fail)
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            """,
            polls=IDLE,
            wanted=EITHER,
            told="mine",
        ),
        hostile(
            "`interrupt_main()` from a thread while the process is idle",
            """
            import _thread, threading
            threading.Timer(0.2, _thread.interrupt_main).start()
            """,
            polls=IDLE,
            wanted=EITHER,
        ),
        hostile(
            "faulthandler's timer ends the process while it is idle",
            """
            import faulthandler
            faulthandler.dump_traceback_later(0.2, exit=True)
            """,
            polls=IDLE,
            wanted=EITHER,
            told="Timeout",
        ),
        hostile(
            "`interrupt_main()` from a thread, in the handler",
            """
            import _thread, time
            _thread.start_new_thread(_thread.interrupt_main, ())
            time.sleep(5)
            """,
            due=Due.ERROR,
            wanted=EITHER,
        ),
    ),
)
