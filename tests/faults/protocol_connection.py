"""What happens to the connection, and to the server, between requests."""

from __future__ import annotations

from tests.scripted_api import ACCEPTED, close, event, half_close, reset, send, status
from tests.scripted_api import wait_for_close as hold

from .functions import ECHO, WAITING
from .model import ENDED, FAULT, PATIENCE_LIMIT_S, Due, Fault, Section
from .steps import accept, give, restart, vanish

_WHOLE = event(FAULT, b'"fault"')
_STRAY = event("stray", b'"stray"')

CONNECTION = Section(
    "The connection, between requests",
    (
        Fault("closed while the handler runs", WAITING, polls=[(*give(), close())]),
        Fault("reset while the handler runs", WAITING, polls=[(*give(), reset())]),
        Fault("half-closed while the handler runs", WAITING, polls=[(*give(), half_close(), hold())]),
        Fault("an answer nobody asked for while the handler runs", WAITING, polls=[(*give(), send(status(500)))]),
        Fault("closed behind the answer to a result", ECHO, polls=[give()], posts=[(accept(), close())]),
        Fault("reset behind the answer to a result", ECHO, polls=[give()], posts=[(accept(), reset())]),
        Fault("a second event behind the first", ECHO, polls=[(send(_WHOLE + _STRAY),)]),
        Fault("an event behind the answer to a result", ECHO, polls=[give()], posts=[(accept(ACCEPTED + _STRAY),)]),
        Fault(
            "`Connection: close` in every answer",
            ECHO,
            polls=[(send(event(FAULT, b'"fault"', b"Connection: close")), close())],
            posts=[(accept(status(202, b"", b"Connection: close")), close())],
        ),
        Fault("the server is a second late", ECHO, due=Due.NOTHING, late_s=1.0),
        Fault("the server goes away for a second while idle", ECHO, polls=[(restart(1.0),)], due=Due.NOTHING),
        Fault(
            "the server goes away for a second with the event given",
            ECHO,
            polls=[(*give(), restart(1.0))],
            due=Due.REFUSED,
            told="efused",
        ),
        Fault(
            "the server never comes",
            ECHO,
            listens=False,
            due=Due.NOTHING,
            wanted=ENDED,
            told="efused",
            limit_s=PATIENCE_LIMIT_S,
        ),
        Fault(
            "the server vanishes while idle",
            ECHO,
            lasting=(vanish(),),
            due=Due.NOTHING,
            wanted=ENDED,
            told="efused",
            limit_s=PATIENCE_LIMIT_S,
        ),
        Fault(
            "the server vanishes with the event given",
            ECHO,
            polls=[(*give(), vanish())],
            due=Due.REFUSED,
            wanted=ENDED,
            told="efused",
            limit_s=PATIENCE_LIMIT_S,
        ),
    ),
)
