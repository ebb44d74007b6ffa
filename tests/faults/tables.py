"""The tables of docs/trust.md, between marks that say which program wrote what stands there."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .judge import is_good
from .model import Fault, Outcome, Section

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "trust.md"

Outcomes = Mapping[tuple[str, int], Outcome]
"""By the client's name and the identity of the fault."""


def write_tables(sections: Sequence[Section], fatal: Section, found: Outcomes, clients: Sequence[str]) -> None:
    """Puts the tables in the place of those that stand in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    parts = [_summary(sections, found, clients)]
    parts += [f"### {section.title}\n\n{_table(section, found, clients)}" for section in sections]
    text = _between(text, "faults", "\n".join(parts))
    DOCUMENT.write_text(_between(text, "fatal", _table(fatal, found, clients)), encoding="utf-8")


def is_version_of_document() -> bool:
    """Whether the tables were measured with this minor version of Python; a few outcomes depend on it."""
    version = ".".join(platform.python_version_tuple()[:2])
    return f"Measured with Python {version}." in DOCUMENT.read_text(encoding="utf-8")


def cells_of_document() -> dict[str, list[str]]:
    """Returns, for each fault that the document lists, by section and name, what stands in its row."""
    cells: dict[str, list[str]] = {}
    title = ""
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            title = line.lstrip("# ")
        elif line.startswith("| ") and title:
            name, *others = (cell.strip().strip("*") for cell in line.strip("|").split("|"))
            cells[f"{title}: {name}"] = others
    return cells


def _summary(sections: Sequence[Section], found: Outcomes, clients: Sequence[str]) -> str:
    lines = [
        f"Measured with Python {platform.python_version()} on {platform.system()} {platform.machine()}. "
        "How many ended as they should:",
        "",
        _row("", "faults", *clients),
        _row("---", *["--:"] * (len(clients) + 1)),
    ]
    everything: list[Fault] = []
    for section in sections:
        lines.append(_row(section.title, str(len(section.faults)), *_goods(section.faults, found, clients)))
        everything += section.faults
    lines.append(_row("all", str(len(everything)), *_goods(everything, found, clients)))
    return "\n".join(lines) + "\n"


def _goods(faults: Sequence[Fault], found: Outcomes, clients: Sequence[str]) -> list[str]:
    return [str(sum(is_good(fault, found[client, id(fault)]) for fault in faults)) for client in clients]


def _table(section: Section, found: Outcomes, clients: Sequence[str]) -> str:
    with_reason = any(fault.why for fault in section.faults)
    reasons = ["why"] if with_reason else []
    lines = [_row("", *clients, *reasons), _row(*["---"] * (1 + len(clients) + len(reasons)))]
    for fault in section.faults:
        results = [_cell(fault, found[client, id(fault)]) for client in clients]
        lines.append(_row(fault.name, *results, *([fault.why] if with_reason else [])))
    return "\n".join(lines) + "\n"


def _cell(fault: Fault, outcome: Outcome) -> str:
    return str(outcome) if fault.why or is_good(fault, outcome) else f"**{outcome}**"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _between(text: str, name: str, content: str) -> str:
    begin, end = f"<!-- written by make faults: {name} -->\n", f"<!-- end of {name} -->"
    pattern = re.compile(f"({re.escape(begin)}).*?({re.escape(end)})", re.DOTALL)
    replaced, count = pattern.subn(lambda match: f"{match[1]}\n{content}\n{match[2]}", text)
    assert count == 1, f"{DOCUMENT.name} has {count} places for {name}"
    return replaced
