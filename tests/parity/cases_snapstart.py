"""Hooks around a snapshot: order, requests and exit codes."""

from __future__ import annotations

from .model import BOTH_ENVIRONMENTS, FRAMED_JSON_312, PLAIN, Case, Group, Variant

_SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
_CALLED = (Case("called", b"1"),)


def _hooks(name: str, failing: str, variants: tuple[Variant, ...] = BOTH_ENVIRONMENTS) -> Group:
    return Group(
        f"snapshot, {name}",
        _CALLED if not failing else (),
        function="snapstart",
        environment=_SNAP_START | {"PARITY_HOOK": failing},
        variants=variants,
    )


GROUPS = (
    _hooks("hooks in order", ""),
    _hooks("the first hook fails", "before 2", (*BOTH_ENVIRONMENTS, FRAMED_JSON_312)),
    _hooks("the last hook before fails", "before 1"),
    _hooks("a hook after fails", "after 1", (*BOTH_ENVIRONMENTS, FRAMED_JSON_312)),
    _hooks("the last hook fails", "after 2"),
    _hooks("a hook before exits", "before 2 exits"),
    _hooks("a hook after exits", "after 1 exits"),
    Group(
        "snapshot, no hooks",
        _CALLED,
        function="echo",
        environment=_SNAP_START,
        variants=(PLAIN,),
    ),
    Group(
        "no snapshot, hooks do not run",
        _CALLED,
        function="snapstart",
        environment={"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"},
        variants=(PLAIN,),
    ),
)
