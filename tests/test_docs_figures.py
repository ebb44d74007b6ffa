"""The figures that the README gives are those of docs/benchmarks/figures.json and docs/trust.md."""

from __future__ import annotations

import json
import re

import pytest

from tests.image import REPOSITORY

BENCHMARKS = json.loads((REPOSITORY / "docs" / "benchmarks" / "figures.json").read_text())["benchmarks"]
README = (REPOSITORY / "README.md").read_text()
# Row: benchmark, quantity, whose figure stands in AWS's column, digits behind the point.
ROWS = {
    "small event": ("warm, echo 64 B", "latency", "awslambdaric", 0),
    "3.12": ("warm, echo 64 B", "latency", "awslambdaric, 3.12+ mode", 0),
    "start": ("cold start, hello", "to the first /next", "awslambdaric", 1),
    "boto3": ("cold start, two boto3 clients", "to the first /next", "awslambdaric", 0),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_readme_says_what_was_measured(row: str) -> None:
    """Each time in the README is the median of the last `make bench`, with its unit."""
    benchmark, quantity, official, digits = ROWS[row]
    (cells,) = re.findall(rf"^\|[^|]*\b{re.escape(row)}\b[^|]*\|([^|]*)\|([^|]*)\|$", README, re.MULTILINE)
    figures = [BENCHMARKS[benchmark][contender][quantity] for contender in (official, "ric")]
    assert [cell.strip() for cell in cells] == [f"{one['median']:.{digits}f} {one['unit']}" for one in figures]


def test_the_number_of_faults_is_the_same_everywhere() -> None:
    """Titles and the README say as many faults as the table of docs/trust.md counts."""
    trust = (REPOSITORY / "docs" / "trust.md").read_text()
    (row,) = re.findall(r"^\| all \| (\d+) \| (\d+) \| (\d+) \|$", trust, re.MULTILINE)
    tried, ours, official = row
    assert trust.startswith(f"# Reliability: {tried} faults tried")
    assert f"Reliability: {tried} faults tried" in (REPOSITORY / "mkdocs.yml").read_text()
    assert re.search(rf"^\| \[{tried} faults\].*\| {official} \| {ours} \|$", README, re.MULTILINE)
