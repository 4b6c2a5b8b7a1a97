"""Every line's difference to one strategy, or to what the clients have by themselves, paired by seed."""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from fedot.errors import FedotError
from fedot.report.analysis.entries import DASH, Entry, Metric, footnotes, marked, metrics_of
from fedot.report.analysis.paired import paired
from fedot.report.analysis.standing import MARK
from fedot.report.analysis.statistics import Place, Scores, estimate
from fedot.report.analysis.titles import label_of
from fedot.report.tables.cells import paired_cells
from fedot.report.tables.summary import markdown_notes, markdown_row
from fedot.text.outside import printable

BEST_PARENT, OWN_PARENTS = "best-parent", "own-parents"
NAMES = {BEST_PARENT: "Best parent of each seed", OWN_PARENTS: "Each parent on its own client"}
HEADER = ("mean", "difference", "95 %, t", "95 %, bootstrap", "effect", "seeds")


def paired_markdown(results: Mapping[str, Any], strategy: str) -> str:
    """Write figures and differences as a Markdown table: what is compared with first, then the largest difference.

    Parameters
    ----------
    strategy
        A line of the run, over all clients; ``best-parent``, the parent that does best over all in each seed; or
        ``own-parents``, the mean over clients of each one's own model, with which means over clients are compared.

    Raises
    ------
    FedotError
        If the run has no such strategy, or no parents.
    """
    scores = Scores.of_results(results)
    metric = headline_of(scores)
    theirs = compared(scores, metric, strategy)
    over_clients = strategy == OWN_PARENTS
    entries = {name: Entry(label_of(name, results), "reference", (name,)) for name in scores.strategies}

    def mean(name: str, figures: Mapping[Place, float]) -> str:
        if over_clients or name not in entries:  # of what can be compared, and nothing else
            return (
                f"{metric.estimate(estimate(figures.values()))}{MARK if 0 < len(figures) < len(scores.seeds) else ''}"
            )
        return marked(metric.estimate(scores.estimate(name, "all", metric.key)), scores, entries[name], "all", metric)

    found = []
    for name in scores.strategies:
        ours = comparable(scores, metric, strategy, name)
        difference = paired(ours, theirs)
        if name != strategy and (difference or scores.values(name, "all", metric.key)):
            cells = paired_cells(metric, difference)
            figures = [cells[key] or DASH for key in ("difference", "interval", "bootstrap", "effect")]
            place = -difference.difference.mean if difference else math.inf
            found.append(
                (place, [label_of(name, results), mean(name, ours), *figures, str(difference.n if difference else 0)])
            )
    found.sort(key=lambda item: item[0])
    label = NAMES.get(strategy, label_of(strategy, results))
    count = len(scores.values(strategy, "all", metric.key) if strategy in entries else theirs)
    own = [label, mean(strategy, theirs), *[DASH] * (len(HEADER) - 2), str(count)]
    header = [f"{metric.label}{', mean over clients' if over_clients else ''}", *HEADER]
    ruler = markdown_row([":---", *["---:"] * len(HEADER)], plain=True)
    rows = [own, *(row for _, row in found)]
    splits = scores.clients if over_clients else ("all",)
    notes = markdown_notes(footnotes(scores, list(entries.values()), [metric], splits))
    return "\n".join([markdown_row(header), ruler, *map(markdown_row, rows), *notes]) + "\n"


def headline_of(scores: Scores) -> Metric:
    """Take the first metric that there is.

    Raises
    ------
    FedotError
        If nothing was measured.
    """
    metric = next(iter(metrics_of(scores)), None)
    if metric is None:
        raise FedotError("nothing was measured in this run, so there is nothing to compare")
    return metric


def compared(scores: Scores, metric: Metric, strategy: str, split: str = "all") -> dict[Place, float]:
    """Figure of each seed of what lines are compared with, on a client's texts or on all."""
    if strategy in scores.strategies:
        return scores.comparable(strategy, split, metric.key)
    parents = [name for name in scores.strategies if name.startswith("parent:")]
    if strategy not in NAMES:
        known = printable(", ".join((*scores.strategies, *NAMES)))
        raise FedotError(f"no strategy is called {printable(strategy)}; choose from {known}")
    if not parents:
        raise FedotError(f"{strategy} needs the reference parents, and the run has none")
    if strategy == BEST_PARENT:
        best = max if metric.higher_is_better else min
        return _by_seed([scores.comparable(name, split, metric.key) for name in parents], best)
    own = [name for name in parents if split in ("all", name.removeprefix("parent:"))]
    return _by_seed([scores.comparable(name, name.removeprefix("parent:"), metric.key) for name in own], fmean)


def comparable(
    scores: Scores, metric: Metric, strategy: str, names: str | Sequence[str], split: str = "all"
) -> dict[Place, float]:
    """Figure of each seed of a line, as it goes with `compared`: a mean over clients beside all parents' own."""
    if strategy == OWN_PARENTS and split == "all":
        return _by_seed([scores.comparable(names, client, metric.key) for client in scores.clients], fmean)
    return scores.comparable(names, split, metric.key)


def _by_seed(tables: Sequence[Mapping[Place, float]], joined: Callable[[list[float]], float]) -> dict[Place, float]:
    """Join the figures of each seed that all tables have."""
    shared = set.intersection(*map(set, tables)) if tables else set()
    return {place: joined([table[place] for table in tables]) for place in sorted(shared)}
