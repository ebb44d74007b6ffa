"""``python -m benchmarks``: everything side by side, as Markdown on standard output.

Options: ``--quick`` (below two minutes, smoke run), ``--json FILE``, ``--only TEXT`` (benchmarks whose name holds it).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import cold, imports, streamed, system_calls, warm
from benchmarks.contenders import (
    HTTP_CLIENT,
    REQUESTS,
    floor,
    limit,
    loop,
    official,
    present,
    ric,
)
from benchmarks.report import as_json, markdown
from benchmarks.results import Result
from tests.fetch import fetch_official

HELLO = "app.echo"
BOTO3 = "with_boto3.echo"


def benchmarks(*, is_quick: bool) -> dict[str, Callable[[], Result | None]]:
    """Returns all benchmarks by name."""
    seconds = 2.0 if is_quick else 20.0
    starts = 5 if is_quick else 30
    everybody = present(ric(), official(), official(in_312_mode=True), loop(HTTP_CLIENT), loop(REQUESTS), limit())
    clients = present(ric(), official(), official(in_312_mode=True))
    starters = present(ric(), ric(through_bootstrap=True), official(), loop(HTTP_CLIENT), loop(REQUESTS), floor())
    found: dict[str, Callable[[], Result | None]] = {}
    for case in warm.CASES:
        contenders = clients if case.handler != HELLO else everybody
        if case.name == "echo 64 B":
            contenders = [*everybody, floor()]
        found[f"warm, {case.name}"] = lambda case=case, contenders=contenders: warm.measure(case, contenders, seconds)  # type: ignore[misc]
    found["cold start, hello"] = lambda: cold.measure("hello", HELLO, starters, starts)
    found["cold start, two boto3 clients"] = lambda: cold.measure(
        "two boto3 clients", BOTO3, present(ric(), official()), max(3, starts // 3), with_boto3=True
    )
    found["streaming"] = lambda: streamed.measure(ric(), 3 if is_quick else 20)
    found["system calls"] = lambda: system_calls.measure(everybody)
    return found


def main() -> int:
    """Runs what was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="ric and others, side by side")
    parser.add_argument("--quick", action="store_true", help="a smoke run: every part, few repetitions")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all figures")
    parser.add_argument("--only", default="", metavar="TEXT", help="only benchmarks whose name holds this")
    options = parser.parse_args()
    fetch_official()
    results: dict[str, Result] = {}
    profiles: list[str] = []
    for name, run in benchmarks(is_quick=options.quick).items():
        if options.only in name:
            sys.stderr.write(f"{name} ...\n")
            if (result := run()) is not None:
                results[name] = result
    if options.only in "imports":
        profiles = [imports.profile(contender) for contender in present(ric(), official())]
    if not results and not profiles:
        sys.stderr.write(f"no benchmark has {options.only!r} in its name\n")
        return 2
    sys.stdout.write("\n".join([markdown(results), *profiles]))
    if options.json:
        options.json.write_text(as_json(results) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
