"""Figures of many clients in a few: mean, worst, best and spread, in place of a column each."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Any

from fedot.report.analysis.entries import DASH, Entry, Metric
from fedot.report.analysis.indexed_run import Run

MOST_COLUMNS = 12
"""So many clients have a column each."""

HEADER = ("Mean", "Worst", "Best", "Spread")


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure of several clients.

    Attributes
    ----------
    worst, best
        Client and figure.
    deviation
        Standard deviation over the clients.
    """

    mean: float
    worst: tuple[str, float]
    best: tuple[str, float]
    deviation: float
    count: int

    @classmethod
    def of(cls, figures: Mapping[str, float], higher_is_better: bool) -> "Spread | None":
        """Put the figures of clients together; None where there are none.

        Examples
        --------
        >>> found = Spread.of({"north": 0.5, "south": 0.75}, higher_is_better=True)
        >>> found.mean, found.worst, found.best, found.deviation
        (0.625, ('north', 0.5), ('south', 0.75), 0.125)
        """
        if not figures:
            return None
        ordered = sorted(figures.items(), key=lambda pair: pair[1], reverse=not higher_is_better)
        values = list(figures.values())
        return cls(fmean(values), ordered[0], ordered[-1], pstdev(values), len(values))


def over_clients(run: Run, entry: Entry, metric: Metric) -> Spread | None:
    """Each client's mean over seeds of a line, put together."""
    found = {client: value.mean for client in run.scores.clients if (value := run.estimate(entry, metric, client))}
    return Spread.of(found, metric.higher_is_better)


def spread_cells(run: Run, entry: Entry, metric: Metric) -> tuple[str, ...]:
    """Write the cells of `HEADER`."""
    found = over_clients(run, entry, metric)
    if found is None:
        return (DASH,) * len(HEADER)
    ends = (f"{metric.number(value)} ({client})" for client, value in (found.worst, found.best))
    return metric.number(found.mean), *ends, metric.number(found.deviation)


def shown_splits(run: Run) -> tuple[str, ...]:
    """Splits of which a page says what their marks mean: of many clients only what is over all."""
    splits = tuple(run.scores.splits)
    few = len(run.scores.clients) <= MOST_COLUMNS
    return splits if few else tuple(split for split in splits if split == "all") or splits[:1]


def ranges(items: Iterable[Mapping[str, Any]], keys: Iterable[str]) -> dict[str, str]:
    """Write least and most of whole numbers: one number where all are the same.

    Examples
    --------
    >>> ranges([{"train": 90, "test": 20}, {"train": 1090, "test": 20}], ["train", "test"])
    {'train': '90 to 1,090', 'test': '20'}
    """
    found = list(items)
    told = {key: [item[key] for item in found if isinstance(item.get(key), int | float)] for key in keys}
    return {key: _range(values) for key, values in told.items()}


def _range(values: list[float]) -> str:
    if not values or not all(map(math.isfinite, values)):
        return DASH
    low, high = min(values), max(values)
    return f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"
