"""What stands of each study on the summary page: the same few lines of all, under whatever name a study has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.results.store import KINDS
from fedot.report.analysis.entries import DASH, Metric
from fedot.report.analysis.statistics import Estimate, Scores, estimate
from fedot.report.tables.differences import BEST_PARENT, NAMES, compared, headline_of

COLUMNS: dict[str, tuple[str, ...]] = {
    "FedAvg": ("fedavg", "vanilla"),
    "OT fusion, default": ("ot-fusion", "merged"),
    "aligned": ("ot-fusion-aligned", "aligned", "plain"),
    "distilled": ("ot-fusion-distilled", "merged + distilled"),
    "best client": (BEST_PARENT,),
    "all clients' ensemble": ("ensemble",),
    "trained on all data": ("centralised",),
}
"""Each column, and the lines that it takes: the first that the study has."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the summary: its headline metric, and a figure for each of `COLUMNS`, None where there is none."""

    metric: Metric
    seeds: int
    figures: Mapping[str, Estimate | None]

    def cells(self) -> list[str]:
        """Write the figures."""
        return [self.metric.estimate(each) if each else DASH for each in self.figures.values()]


def figures_of(values: Mapping[str, Any]) -> Row:
    """Take the summary's figures of one file of results."""
    scores = Scores.of(KINDS[values["kind"]].rows(values))
    metric = headline_of(scores)
    found = {column: _figure(scores, metric, names) for column, names in COLUMNS.items()}
    return Row(metric, len(scores.seeds), found)


def _figure(scores: Scores, metric: Metric, names: tuple[str, ...]) -> Estimate | None:
    parents = any(name.startswith("parent:") for name in scores.strategies)
    name = next((name for name in names if name in scores.strategies or (name in NAMES and parents)), None)
    return None if name is None else estimate(compared(scores, metric, name).values())
