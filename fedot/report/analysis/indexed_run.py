"""A run's results, indexed once: what every table, figure and page asks of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from fedot.report.analysis.entries import (
    DASH,
    Entry,
    Metric,
    best_of,
    duration,
    entries_of,
    finished,
    footnotes,
    marked,
    metrics_of,
    quantity,
)
from fedot.report.analysis.paired import Paired, paired
from fedot.report.analysis.standing import MARK
from fedot.report.analysis.statistics import Estimate, Scores, estimate
from fedot.report.analysis.titles import base_names

COSTS = ("bytes_up", "bytes_down", "seconds")


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it is shown: its lines by section, its metrics with the headline metric first, and its baseline."""

    results: Mapping[str, Any]
    scores: Scores
    entries: tuple[Entry, ...]
    metrics: tuple[Metric, ...]
    baseline: Entry | None
    title: str = ""

    @classmethod
    def of(cls, results: Mapping[str, Any], title: str = "") -> "Run":
        """Index a run's results."""
        scores = Scores.of_results(results)
        entries = entries_of(results, scores)
        baseline = _baseline(results, finished(scores, entries))
        return cls(results, scores, entries, metrics_of(scores), baseline, title)

    @property
    def headline(self) -> Metric | None:
        """The metric that comes first; None where nothing was measured."""
        return next(iter(self.metrics), None)

    @property
    def measured(self) -> list[Entry]:
        """Lines that have figures."""
        return [entry for entry in self.entries if not entry.failure]

    @property
    def strategies(self) -> list[Entry]:
        """Lines that have figures and are no references."""
        return [entry for entry in self.measured if entry.kind != "reference"]

    @property
    def rivals(self) -> list[Entry]:
        """Strategies that can be compared: lines with figures that are final in some seed."""
        return [entry for entry in finished(self.scores, self.entries) if entry.kind != "reference"]

    @property
    def num_clients(self) -> int:
        """Number of clients."""
        return len(self.results["provenance"].get("data") or self.scores.clients)

    def estimate(self, entry: Entry, metric: Metric, split: str = "all") -> Estimate | None:
        """Mean and interval of a line."""
        return self.scores.estimate(entry.members, split, metric.key)

    def write(self, entry: Entry, metric: Metric, split: str = "all", interval: bool = True) -> str:
        """Write a line's mean, with half its interval, and the mark that it may need."""
        value = self.estimate(entry, metric, split)
        text = metric.estimate(value) if interval or value is None else metric.number(value.mean)
        return marked(text, self.scores, entry, split, metric)

    def winner(self, metric: Metric, split: str = "all") -> Entry | None:
        """Pick what a table sets in bold: the best strategy, if there is another that it can be compared with."""
        rivals = self.strategies
        best = best_of(self.scores, rivals, split, metric)
        if best is None:
            return None
        others = (entry for entry in rivals if entry is not best)
        beaten = (self.scores.difference(best.members, other.members, split, metric.key) for other in others)
        return best if any(beaten) else None

    def against(self, entry: Entry, metric: Metric, split: str = "all") -> Paired | None:
        """Compare a line with the baseline by seed; None for the baseline itself."""
        if self.baseline is None or entry.members == self.baseline.members:
            return None
        ours, theirs = (self.scores.comparable(each.members, split, metric.key) for each in (entry, self.baseline))
        return paired(ours, theirs)

    def notes(self, metrics: Sequence[Metric], splits: Sequence[str] = ("all",)) -> tuple[str, ...]:
        """Say what the marks of all lines mean."""
        return footnotes(self.scores, self.entries, metrics, splits)

    def costs(self, entry: Entry) -> tuple[Estimate | None, ...]:
        """Bytes up, bytes down and seconds of a line, summed over rounds; None where nothing was spent.

        They are means over the seeds that the line's figures are of.
        """
        if len(entry.members) > 1:
            return (None,) * len(COSTS)
        rows = self._rows_shown(entry)
        found = (cost_of(rows, entry.members[0], key) for key in COSTS)
        return tuple(value if value and value.mean > 0 else None for value in found)

    def write_costs(self, entry: Entry) -> list[str]:
        """Write what was sent up, down, and the time; a reference that sends nothing has dashes."""
        mark = MARK if entry.missing else ""
        pairs = zip(self.costs(entry), (quantity, quantity, duration), strict=True)
        return [f"{write(cost.mean)}{mark}" if cost else DASH for cost, write in pairs]

    def _rows_shown(self, entry: Entry) -> list[Mapping[str, Any]]:
        """Rows of the seeds that a line's figures are of, at its first split that has any."""
        for split, metric in product(self.scores.splits, self.metrics):
            if seeds := self.scores.values(entry.members, split, metric.key):
                rows = self.results["rows"]
                return [row for row in rows if row["strategy"] in entry.members and row["seed"] in seeds]
        return []


def cost_of(rows: Sequence[Mapping[str, Any]], strategy: str, key: str) -> Estimate | None:
    """Mean over seeds of bytes or seconds, summed over a strategy's rounds."""
    mine = [row for row in rows if row["strategy"] == strategy and row.get(key) is not None]
    spent = {(row["seed"], row["round"]): float(row[key]) for row in mine}  # all splits of a round have the same
    total: dict[int, float] = {}
    for (seed, _), value in spent.items():
        total[seed] = total.get(seed, 0.0) + value
    return estimate(total.values())


def _baseline(results: Mapping[str, Any], entries: Sequence[Entry]) -> Entry | None:
    """Find plain FedAvg among the entries, under whatever name the scenario gave it, or else the first baseline."""
    bases = base_names(results)
    for entry in entries:
        if len(entry.members) == 1 and bases.get(entry.members[0], entry.members[0]) == "fedavg":
            return entry
    return next((entry for entry in entries if entry.kind == "baseline"), None)
