"""Figures with their spread, and the table of one benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles


@dataclass(frozen=True)
class Figure:
    """A measured value.

    Args:
        median: The value in the middle.
        low: A quarter of the values is lower.
        high: A quarter of the values is higher.
        unit: What it is measured in.
        count: Of how many values.
    """

    median: float
    low: float
    high: float
    unit: str
    count: int

    @classmethod
    def of(cls, values: Sequence[float], unit: str) -> Figure:
        """Returns the figure for several values."""
        low, _, high = quantiles(values, n=4) if len(values) > 1 else (values[0],) * 3
        return cls(median(values), low, high, unit, len(values))

    @classmethod
    def single(cls, value: float, unit: str) -> Figure:
        """Returns the figure for one value, such as a mean over all there was."""
        return cls(value, value, value, unit, 1)


@dataclass
class Result:
    """What one benchmark found.

    Args:
        name: Its title.
        rows: Figures by contender and quantity.
    """

    name: str
    rows: dict[str, dict[str, Figure]] = field(default_factory=dict)

    def add(self, contender: str, quantity: str, figure: Figure) -> None:
        """Notes a figure."""
        self.rows.setdefault(contender, {})[quantity] = figure

    def ratio(self, contender: str, base: str, quantity: str) -> float | None:
        """Returns how one contender's median compares with another's; None where one of them was not measured."""
        ours = self.rows.get(contender, {}).get(quantity)
        theirs = self.rows.get(base, {}).get(quantity)
        return ours.median / theirs.median if ours and theirs and theirs.median else None
