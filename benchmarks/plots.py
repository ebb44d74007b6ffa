"""Pictures of figures: ``python -m benchmarks.plots FIGURES.json DIRECTORY`` (matplotlib, from the extra ``bench``)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

_PLOTS = {
    "latency": (
        "latency",
        ("warm, echo 64 B", "warm, echo 10 KB", "warm, echo 256 KB", "warm, echo 6 MB", "warm, error"),
    ),
    "start": ("to the first /next", ("cold start, hello", "cold start, two boto3 clients")),
}
_COLOURS = {
    "ric": "#2a7f62",
    "ric, bootstrap": "#7cb99f",
    "awslambdaric": "#c0504d",
    "awslambdaric, 3.12+ mode": "#e0a09e",
}
_OTHER_COLOUR = "#9a9a9a"


def draw(figures: dict[str, Any], quantity: str, benchmarks: tuple[str, ...]) -> Figure:
    """Returns a row of bar charts, one for each benchmark, with the middle half of the values as a line.

    Args:
        figures: What ``python -m benchmarks --json`` wrote.
        quantity: What is shown.
        benchmarks: Of which benchmarks.
    """
    present = [name for name in benchmarks if name in figures["benchmarks"]]
    picture = Figure(figsize=(3.4 * len(present), 3.2), layout="constrained")
    for axes, name in zip(picture.subplots(1, len(present), squeeze=False)[0], present, strict=True):
        rows = {who: row[quantity] for who, row in figures["benchmarks"][name].items() if quantity in row}
        values = [row["median"] for row in rows.values()]
        spread = [
            [row["median"] - row["low"] for row in rows.values()],
            [row["high"] - row["median"] for row in rows.values()],
        ]
        colours = [_COLOURS.get(who, _OTHER_COLOUR) for who in rows]
        axes.barh(list(rows), values, xerr=spread, color=colours, error_kw={"elinewidth": 1})
        axes.invert_yaxis()
        axes.set_title(name, fontsize=10)
        axes.set_xlabel(f"{quantity}, {next(iter(rows.values()))['unit']}", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    picture.suptitle(figures["machine"], fontsize=8, color="#666666")
    return picture


def main() -> None:
    """Writes the pictures."""
    figures = json.loads(Path(sys.argv[1]).read_text())
    directory = Path(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)
    for name, (quantity, benchmarks) in _PLOTS.items():
        draw(figures, quantity, benchmarks).savefig(directory / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
