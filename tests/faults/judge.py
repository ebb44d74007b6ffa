"""From what was observed to what became of the fault: the same rules for every client.

The first of these that holds is the outcome:
1. a signal ended the process: crashed;
2. the handler ran for an event that is none, or twice for the same one: false event, ran twice;
3. ``next`` was answered rightly and the client polled again: served, if the caller of the faulty invocation got its
   due, once; else its answer was lost, doubled or wrong. Where the platform took none, the log has to say so;
4. the client polled again and ``next`` was not answered rightly: lost;
5. the process ended by itself: lost, if the caller had something due and got nothing. Where the process should end, it
   is told if the log names the reason, or the caller heard of it; where it should not, next was not served;
6. it hung.
"""

from __future__ import annotations

import json
import re
import signal
from collections import Counter

from .model import ENDED, FAULT, NEXT, Due, Fault, Kind, Observation, Outcome, Post

_RUN = re.compile(r"^run (\S+) (.*)$", re.MULTILINE)


def judge(fault: Fault, seen: Observation) -> Outcome:
    """Returns what became of a fault."""
    if seen.exit_status is not None and seen.exit_status < 0:
        return Outcome(Kind.CRASHED, signal.Signals(-seen.exit_status).name)
    return (
        _false_run(fault, seen)
        or (_while_serving(fault, seen) if _is_served(seen) else None)
        or _at_its_end(fault, seen)
    )


def is_good(fault: Fault, outcome: Outcome) -> bool:
    """Whether that is what the status policy, or common sense, asks for."""
    return str(outcome) in fault.expected if fault.why else outcome.kind in fault.wanted


def _false_run(fault: Fault, seen: Observation) -> Outcome | None:
    runs = Counter(_RUN.findall(seen.stdout))
    wanted = {(NEXT, json.dumps(NEXT))}
    if fault.due is not Due.NOTHING:
        wanted.add((FAULT, json.dumps(fault.seen)))
    if strange := runs.keys() - wanted:
        return Outcome(Kind.FALSE_EVENT, f"{min(strange)[1][:40]}")
    return Outcome(Kind.RAN_TWICE) if max(runs.values(), default=0) > 1 else None


def _is_served(seen: Observation) -> bool:
    return seen.polled_again and [_decoded(post) for post in _of(seen, NEXT) if not post.is_error] == [NEXT]


def _while_serving(fault: Fault, seen: Observation) -> Outcome | None:
    posts = _of(seen, FAULT)
    if fault.due is Due.NOTHING:
        return Outcome(Kind.FALSE_EVENT, "answered") if posts else Outcome(Kind.SERVED)
    if fault.due is Due.REFUSED:
        return Outcome(Kind.SERVED if _is_logged(fault, seen) else Kind.UNTOLD)
    if len(posts) != 1:
        return Outcome(Kind.DOUBLED if posts else Kind.LOST)
    if fault.due is not Due.ANSWER and posts[0].is_error is not (fault.due is Due.ERROR):
        return Outcome(Kind.WRONG, _summary(posts[0]))
    if fault.due is Due.RESULT and _decoded(posts[0]) != fault.result:
        return Outcome(Kind.WRONG, "another body")
    if posts[0].is_error and not _decoded_error_type(posts[0]):
        return Outcome(Kind.WRONG, "no error document")
    return Outcome(Kind.SERVED)


def _at_its_end(fault: Fault, seen: Observation) -> Outcome:
    if seen.polled_again:
        return Outcome(Kind.LOST, "and the next one")
    if seen.exit_status is None:
        return Outcome(Kind.HUNG)
    status = f"exit status {seen.exit_status}"
    # An init error has no request id; where there is nobody to answer, the log is the place to tell.
    is_answered = any(post.request_id in (FAULT, "") for post in seen.posts)
    if fault.due not in (Due.NOTHING, Due.REFUSED) and not is_answered:
        return Outcome(Kind.LOST, status)
    if fault.wanted >= ENDED:
        is_told = _is_logged(fault, seen) if fault.told else is_answered
        return Outcome(Kind.ENDED if is_told else Kind.SILENT, status)
    return Outcome(Kind.NOT_SERVED, status)


def _is_logged(fault: Fault, seen: Observation) -> bool:
    return bool(fault.told) and re.search(fault.told, seen.stdout + seen.stderr) is not None


def _of(seen: Observation, request_id: str) -> list[Post]:
    return [post for post in seen.posts if post.request_id == request_id]


def _decoded(post: Post) -> object:
    try:
        return json.loads(post.body)
    except ValueError:
        return post.body


def _decoded_error_type(post: Post) -> str:
    document = _decoded(post)
    return str(document.get("errorType", "")) if isinstance(document, dict) else ""


def _summary(post: Post) -> str:
    return f"error {_decoded_error_type(post)}" if post.is_error else "a result"
