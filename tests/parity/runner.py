"""Runs a group on both clients, side by side, and yields a verdict for each of its cases."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from .client_run import Client, run_client
from .compare import NOT_REACHED, Verdict, judge
from .model import Case, Group, Segment, Variant
from .server import ScriptedAnswer, make_answer

FUNCTIONS = Path(__file__).parent / "functions"


@dataclass(frozen=True)
class Run:
    """One process of each client: a group in one variant, whole or a case of it that needs a process of its own."""

    group: Group
    variant: Variant

    @property
    def name(self) -> str:
        """The name that begins the lines of its cases."""
        return f"{self.group.name} [{self.variant.name}]"


def runs_of(groups: Sequence[Group]) -> Iterator[Run]:
    """Yield the runs of all groups."""
    for group in groups:
        together = tuple(case for case in group.cases if not case.alone)
        for variant in group.variants:
            if together or not group.cases:
                yield Run(replace(group, cases=together), variant)
            for case in group.cases:
                if case.alone:
                    yield Run(replace(group, name=f"{group.name}, {case.name}", cases=(case,)), variant)


def compare_clients(official: Client, ours: Client, run: Run) -> list[Verdict]:
    """Run both clients at the same time and compare them.

    Returns:
        A verdict for the start, then one for each case.
    """
    script = [_answer(case, f"request-{number}") for number, case in enumerate(run.group.cases, 1)]
    with tempfile.TemporaryDirectory(prefix="parity-") as directory:
        task_root = Path(directory).resolve() / "task"
        _write_function(run.group, task_root)
        with ThreadPoolExecutor(2) as pool:
            theirs, mine = pool.map(
                lambda client: run_client(client, run.group, run.variant, task_root, script), (official, ours)
            )
    names = ["start", *(case.name for case in run.group.cases)]
    wanted = [run.group.better, *(case.better for case in run.group.cases)]
    return [
        judge(f"{run.name}: {name}", _segment(theirs, number), _segment(mine, number), better)
        for number, (name, better) in enumerate(zip(names, wanted, strict=True))
    ]


def _segment(segments: Sequence[Segment], number: int) -> Segment:
    return segments[number] if number < len(segments) else NOT_REACHED


def _answer(case: Case, request_id: str) -> ScriptedAnswer:
    raw = case.raw_answer
    if raw is None:
        raw = make_answer(200, case.headers_for(request_id), case.event)
    return ScriptedAnswer(raw, case.post_status)


def _write_function(group: Group, task_root: Path) -> None:
    if group.function is None:
        task_root.mkdir()
    else:
        shutil.copytree(FUNCTIONS / group.function, task_root, ignore=shutil.ignore_patterns("__pycache__"))
    for name, content in group.files.items():
        path = task_root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
