"""Results as Markdown tables and as JSON."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict

from benchmarks.contenders import RIC
from benchmarks.results import Figure, Result
from benchmarks.targets import compare


def machine() -> str:
    """Returns what the figures were measured on, in a line."""
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} on {platform.machine()}"


def markdown(results: Mapping[str, Result]) -> str:
    """Returns all tables: one for each benchmark, then the goals."""
    parts = [f"Measured on: {machine()}; medians, in brackets the middle half; ratios are ric's to that row's.\n"]
    parts += [_table(result) for result in results.values()]
    if any(ratio is not None for _, ratio in compare(results)):
        parts.append(_targets(results))
    return "\n".join(parts)


def as_json(results: Mapping[str, Result]) -> str:
    """Returns everything as JSON."""
    benchmarks = {
        name: {
            contender: {quantity: asdict(figure) for quantity, figure in figures.items()}
            for contender, figures in result.rows.items()
        }
        for name, result in results.items()
    }
    goals = [{**target._asdict(), "measured": ratio} for target, ratio in compare(results)]
    return json.dumps(
        {"machine": machine(), "python": sys.version, "benchmarks": benchmarks, "targets": goals}, indent=1
    )


def _table(result: Result) -> str:
    quantities = list(next(iter(result.rows.values())))
    lines = [
        f"### {result.name[0].upper()}{result.name[1:]}\n",
        "| | " + " | ".join(f"{quantity} | ratio" for quantity in quantities) + " |",
        "|---|" + "---|---|" * len(quantities),
    ]
    for contender, figures in result.rows.items():
        cells = []
        for quantity in quantities:
            ratio = result.ratio(RIC, contender, quantity)
            cells += [_show(figures[quantity]), "" if ratio is None or contender == RIC else f"{ratio:.2f}"]
        lines.append(f"| {contender} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _targets(results: Mapping[str, Result]) -> str:
    lines = ["### Goals\n", "| ric against | | goal | measured | |", "|---|---|---|---|---|"]
    for target, ratio in compare(results):
        if ratio is None:
            continue
        verdict = "reached" if ratio <= target.at_most else "**missed**"
        row = (target.base, f"{target.benchmark}: {target.quantity}", f"{target.at_most:.2f}", f"{ratio:.2f}", verdict)
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join([*lines, ""])


def _show(figure: Figure) -> str:
    digits = 0 if figure.median >= 1000 else 1
    if figure.count == 1:
        return f"{figure.median:.{digits}f} {figure.unit}"
    return f"{figure.median:.{digits}f} ({figure.low:.{digits}f} to {figure.high:.{digits}f}) {figure.unit}"
