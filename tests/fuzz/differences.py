"""Where ric reads bytes otherwise than h11 on purpose. Every disagreement that is not here is a bug.

A difference is excused only for bytes that have the feature, in the direction that is given, and for the reason that
the one who refuses names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.fuzz.readings import Incomplete, Message, Reading, Refused

# What ric does with such bytes, and h11 not.
REFUSES = "refuses"
ACCEPTS = "accepts"
REFUSES_EARLIER = "refuses earlier"
WAITS = "waits"
READS_OTHERWISE = "reads otherwise"

# What one reader takes in the end it waits for, while the other has refused it already.
_IN_THE_END = {WAITS: (ACCEPTS,), REFUSES_EARLIER: (REFUSES,)}


class Difference(NamedTuple):
    """One difference.

    Attributes:
        verdict: What ric does.
        reason: With which bytes, and why.
        has_feature: Whether bytes are of the kind.
        refusal: Matches the words of the one who refuses.
        apart_from_it: Takes the difference out of a message that both accept; they have to agree on the rest.
    """

    verdict: str
    reason: str
    has_feature: Callable[[bytes], bool]
    refusal: str = ""
    apart_from_it: Callable[[Message], Message] = lambda message: message


def verdict(ours: Reading, theirs: Reading) -> str | None:
    """Returns what ric does otherwise, None if both agree."""
    if type(ours) is not type(theirs):
        if isinstance(ours, Message):
            return ACCEPTS
        if isinstance(ours, Incomplete):
            return WAITS
        return REFUSES_EARLIER if isinstance(theirs, Incomplete) else REFUSES
    return READS_OTHERWISE if isinstance(ours, Message) and ours != theirs else None


def explain(data: bytes, ours: Reading, theirs: Reading, known: Sequence[Difference]) -> list[Difference]:
    """Returns the documented differences that two readings of the same bytes may come from; none where they agree.

    Raises:
        AssertionError: They disagree, and no documented difference is the reason.
    """
    if isinstance(ours, Message) and isinstance(theirs, Message) and ours.trailers is None:
        theirs = theirs._replace(trailers=None)
    found = verdict(ours, theirs)
    if found is None:
        return []
    verdicts = (found, *_IN_THE_END.get(found, ()))
    words = next((each.why for each in (ours, theirs) if isinstance(each, Refused)), "")
    differences = [
        each for each in known if each.verdict in verdicts and each.has_feature(data) and re.search(each.refusal, words)
    ]
    rest = ours, theirs
    for difference in differences:
        if isinstance(rest[0], Message) and isinstance(rest[1], Message):
            rest = difference.apart_from_it(rest[0]), difference.apart_from_it(rest[1])
    is_explained = bool(differences) and (found != READS_OTHERWISE or rest[0] == rest[1])
    assert is_explained, f"ric {found} {data!r}\nric: {ours}\nh11: {theirs}"
    return differences


def matching(pattern: bytes) -> Callable[[bytes], bool]:
    """Returns a test for bytes that hold the pattern, case-insensitive, with ``^`` and ``$`` at every line."""
    found = re.compile(pattern, re.IGNORECASE | re.MULTILINE).search
    return lambda data: found(data) is not None


def with_single_blanks(message: Message) -> Message:
    """Returns the message with every run of blanks in its values as one."""
    return message._replace(headers={name: _BLANKS.sub(b" ", value) for name, value in message.headers.items()})


def not_reusable(message: Message) -> Message:
    """Returns the message as if the connection had to be closed."""
    return message._replace(is_reusable=False)


_BLANKS = re.compile(rb"[ \t]+")


BLANKS_BEFORE_AN_EXTENSION = Difference(
    ACCEPTS,
    "blanks before a chunk extension, which RFC 9112 section 7.1.1 allows (BWS) and h11 does not",
    matching(rb"^[0-9a-f]+[ \t]+;"),
    "illegal chunk header",
)
"""Of both sides, the client's and the emulator's."""
