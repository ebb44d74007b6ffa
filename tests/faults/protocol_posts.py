"""Answers to what a client posts: the rows of the status policy for ``/response``, ``/error`` and ``/init/error``."""

from __future__ import annotations

from tests.scripted_api import ACCEPTED, Step, close, drip, half_close, reset, send, status
from tests.scripted_api import wait_for_close as hold

from .functions import BROKEN, ECHO, FAILING, LARGE
from .model import ENDED, Due, Fault, Section, Steps
from .steps import accept, give, many, note, slow_reader, take

_TOO_LARGE = r"413|\d bytes"


def refusal(code: int, steps: Steps | None = None, name: str = "", source: str = ECHO, **options: object) -> Fault:
    """Returns a fault in the answer to a result, after which there is nothing to do but to say so."""
    posts = [steps or (take(), send(status(code, b"the reason")))]
    fields = {"due": Due.REFUSED, "told": str(code), **options}
    return Fault(name or f"{code}", source, polls=[give()], posts=posts, **fields)  # type: ignore[arg-type]


def lost(name: str, *steps: Step, source: str = ECHO, **options: object) -> Fault:
    """Returns a result that is lost on its way once, and can be sent again."""
    return Fault(name, source, polls=[give()], posts=[steps], **options)  # type: ignore[arg-type]


def not_loaded(name: str, *steps: Step, **options: object) -> Fault:
    """Returns what the report of an init error may meet; the log has to tell of the error all the same."""
    fields = {"due": Due.NOTHING, "wanted": ENDED, "told": "surely_not_there", **options}
    return Fault(name, BROKEN, init=steps, **fields)  # type: ignore[arg-type]


RESULT = Section(
    "The answer to a result (`/response`)",
    (
        *(refusal(code) for code in (301, 307, 400, 403, 404, 410, 429)),
        refusal(413, told=_TOO_LARGE),
        refusal(413, (send(status(413)), close()), "413 before 6 MB were read, then closed", LARGE, told=_TOO_LARGE),
        refusal(
            413,
            (send(status(413)), half_close(), hold()),
            "413 before 6 MB were read, then half-closed",
            LARGE,
            told=_TOO_LARGE,
        ),
        refusal(413, (send(status(413)), hold()), "413 before 6 MB were read, which never are", LARGE, told=_TOO_LARGE),
        refusal(500, name="500: the process has to end", wanted=ENDED),
        *(lost(f"{code}, once", take(), send(status(code))) for code in (502, 503, 504)),
        Fault(
            "503, for good", ECHO, polls=[give()], posts=[(take(), send(status(503)))] * 20, due=Due.REFUSED, told="503"
        ),
        lost("closed before it was read", close()),
        lost("reset before it was read", reset()),
        lost("6 MB, reset before they were read", reset(), source=LARGE, result="x" * 6_000_000),
        lost("reset once it was read", take(), reset()),
        lost("closed once it was read", take(), close()),
        lost("closed within the answer", note(), send(ACCEPTED[:30]), close(), told="closed within"),
        lost("garbage as the answer", note(), send(b"garbage\r\n\r\n"), close(), told="garbage"),
        Fault("reset each time", ECHO, polls=[give()], posts=[(take(), reset())] * 20, due=Due.REFUSED, told="reset"),
        Fault(
            "taken, then reset: the second is refused with 403",
            ECHO,
            polls=[give()],
            posts=[(note(), reset()), (take(), send(status(403)))],
        ),
        *(lost(f"{code}", note(), send(status(code))) for code in (200, 201)),
        lost("204", note(), send(b"HTTP/1.1 204 No Content\r\n\r\n")),
        lost(
            "two lengths that differ",
            note(),
            send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "),
            hold(),
        ),
        lost(
            "a head without end as the answer", note(), send(b"HTTP/1.1 202 Accepted\r\n"), many(b"X-Field: value\r\n")
        ),
        lost("answered one byte at a time", note(), drip(ACCEPTED)),
        lost("100 Continue before the answer", note(), send(b"HTTP/1.1 100 Continue\r\n\r\n" + ACCEPTED)),
        lost("6 MB, read slowly", slow_reader(), accept(), source=LARGE, result="x" * 6_000_000),
        lost(
            "an answer with a body up to the end of the connection",
            note(),
            send(b"HTTP/1.1 202 Accepted\r\n\r\n{}"),
            close(),
        ),
    ),
)

ERROR = Section(
    "The answer to an error (`/error`)",
    (
        *(refusal(code, source=FAILING) for code in (301, 307, 400, 403, 404, 410, 429)),
        refusal(413, source=FAILING, told=_TOO_LARGE),
        refusal(500, name="500: the process has to end", source=FAILING, wanted=ENDED),
        lost("503, once", take(), send(status(503)), source=FAILING, due=Due.ERROR),
        lost("502, once", take(), send(status(502)), source=FAILING, due=Due.ERROR),
        lost("504, once", take(), send(status(504)), source=FAILING, due=Due.ERROR),
        lost("closed before it was read", close(), source=FAILING, due=Due.ERROR),
        lost("reset before it was read", reset(), source=FAILING, due=Due.ERROR),
        lost("reset once it was read", take(), reset(), source=FAILING, due=Due.ERROR),
        lost("closed within the answer", note(), send(ACCEPTED[:30]), close(), source=FAILING, due=Due.ERROR),
        lost("answered one byte at a time", note(), drip(ACCEPTED), source=FAILING, due=Due.ERROR),
        lost("closed once it was read", take(), close(), source=FAILING, due=Due.ERROR),
        lost("garbage as the answer", note(), send(b"garbage\r\n\r\n"), close(), source=FAILING, due=Due.ERROR),
    ),
)

INIT_ERROR = Section(
    "The answer to a report that the function cannot be loaded (`/init/error`)",
    (
        not_loaded("202", accept()),
        *(not_loaded(f"{code}", take(), send(status(code))) for code in (204, 302, 403, 413, 500)),
        not_loaded("garbage", take(), send(b"garbage\r\n\r\n"), close()),
        not_loaded("closed before it was read", close()),
        not_loaded("reset before it was read", reset()),
        not_loaded("closed within the answer", take(), send(ACCEPTED[:30]), close()),
        not_loaded("answered one byte at a time", note(), drip(ACCEPTED)),
        not_loaded("503, for good", take(), send(status(503))),
        not_loaded("reset once it was read", take(), reset()),
        Fault("nobody listens", BROKEN, listens=False, due=Due.NOTHING, wanted=ENDED, told="surely_not_there"),
    ),
)
