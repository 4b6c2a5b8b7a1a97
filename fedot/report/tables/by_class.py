"""Precision, recall and F1 of each class, from the counts that a run keeps of its final models."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedot.report.analysis.entries import DASH, METRICS, Entry
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.statistics import Estimate, estimate

Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClassLine:
    """How well a line's models tell one class: means over seeds; `rows` is how many test rows are of it."""

    name: str
    precision: Estimate | None
    recall: Estimate | None
    f1: Estimate | None
    rows: Estimate | None

    @property
    def cells(self) -> tuple[str, ...]:
        """Precision, recall and F1 in percent, and the number of rows, as texts."""
        shares = (METRICS["accuracy"].estimate(value) for value in (self.precision, self.recall, self.f1))
        return (*shares, f"{self.rows.mean:,.0f}" if self.rows else DASH)


def counts_of(run: Run, entry: Entry) -> Counts:
    """Counts of the seeds that a line's figures are of, (seeds, C, C), rows the true class; no seeds if none are kept.

    Parents that share a line have none.
    """
    seeds = next((found for m in run.metrics if (found := run.scores.values(entry.members, "all", m.key))), {})
    kept = [
        item["counts"]
        for item in run.results.get("confusions", ())
        if (item["strategy"],) == entry.members and item["seed"] in seeds
    ]
    return np.asarray(kept, dtype=np.float64).reshape(len(kept), *np.shape(kept)[1:] or (0, 0))


def class_names(run: Run, count: int) -> tuple[str, ...]:
    """Names of the classes by number, as the clients have them; numbers where nobody has named so many."""
    known = (item.get("labels") or () for item in run.results["provenance"].get("data", {}).values())
    return next((tuple(labels) for labels in known if len(labels) == count), tuple(map(str, range(count))))


def class_lines(run: Run) -> tuple[tuple[Entry, tuple[ClassLine, ...]], ...]:
    """Every line of the main table that has counts, with its classes.

    A class that is never predicted has precision 0, as it has F1 0. Where no test row is of a class there is no recall.
    """
    found = []
    for entry in run.measured:
        counts = counts_of(run, entry)
        if len(counts):
            found.append((entry, _classes(counts, class_names(run, counts.shape[1]))))
    return tuple(found)


def _classes(counts: Counts, names: Sequence[str]) -> tuple[ClassLine, ...]:
    hits, true, predicted = np.diagonal(counts, axis1=1, axis2=2), counts.sum(2), counts.sum(1)
    precision, recall = _share(hits, predicted, true), _share(hits, true)
    f1 = _share(2 * hits, true + predicted)
    figures = (precision, recall, f1, true)
    return tuple(ClassLine(name, *(estimate(each[:, k]) for each in figures)) for k, name in enumerate(names))


def _share(part: Counts, whole: Counts, occurs: Counts | None = None) -> Counts:
    """`part / whole`, not a number where neither is there; 0 where `occurs` says that there was something to find."""
    nothing = np.where((whole if occurs is None else occurs) > 0, 0.0, np.nan)
    result: Counts = np.divide(part, whole, out=nothing, where=whole > 0)
    return result
