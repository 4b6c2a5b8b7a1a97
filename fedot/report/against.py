"""Every line's difference to one strategy, or to what the clients have by themselves, paired by seed."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from fedot.errors import FedotError
from fedot.report.paired import paired
from fedot.report.sections import paired_cells
from fedot.report.statistics import Scores, estimate
from fedot.report.table import markdown_row
from fedot.report.views import DASH, Metric, label_of, metrics_of

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
    scores = Scores.of(results["rows"])
    metric = metrics_of(scores)[0]
    theirs = compared(scores, metric, strategy)
    over_clients = strategy == OWN_PARENTS
    found = []
    for name in scores.strategies:
        ours = comparable(scores, metric, strategy, name)
        difference = paired(ours, theirs)
        if difference is not None and name != strategy:
            cells = paired_cells(metric, difference)
            figures = [cells[key] for key in ("difference", "interval", "bootstrap", "effect")]
            mean = metric.estimate(estimate(ours.values()))
            found.append((difference.difference.mean, [label_of(name), mean, *figures, str(difference.n)]))
    found.sort(key=lambda item: -item[0])
    label = NAMES.get(strategy, label_of(strategy))
    own = [label, metric.estimate(estimate(theirs.values())), *[DASH] * (len(HEADER) - 2), str(len(theirs))]
    header = [f"{metric.label}{', mean over clients' if over_clients else ''}", *HEADER]
    ruler = markdown_row([":---", *["---:"] * len(HEADER)], plain=True)
    rows = [own, *(row for _, row in found)]
    return "\n".join([markdown_row(header), ruler, *map(markdown_row, rows)]) + "\n"


def compared(scores: Scores, metric: Metric, strategy: str, split: str = "all") -> dict[int, float]:
    """Figure of each seed of what lines are compared with, on a client's texts or on all."""
    if strategy in scores.strategies:
        return scores.values(strategy, split, metric.key)
    parents = [name for name in scores.strategies if name.startswith("parent:")]
    if strategy not in NAMES:
        raise FedotError(f"no strategy is called {strategy}; choose from {', '.join((*scores.strategies, *NAMES))}")
    if not parents:
        raise FedotError(f"{strategy} needs the reference parents, and the run has none")
    if strategy == BEST_PARENT:
        best = max if metric.higher_is_better else min
        return _by_seed([scores.values(name, split, metric.key) for name in parents], best)
    own = [name for name in parents if split in ("all", name.removeprefix("parent:"))]
    return _by_seed([scores.values(name, name.removeprefix("parent:"), metric.key) for name in own], fmean)


def comparable(
    scores: Scores, metric: Metric, strategy: str, names: str | Sequence[str], split: str = "all"
) -> dict[int, float]:
    """Figure of each seed of a line, as it goes with `compared`: a mean over clients beside all parents' own."""
    if strategy == OWN_PARENTS and split == "all":
        return _by_seed([scores.values(names, client, metric.key) for client in scores.clients], fmean)
    return scores.values(names, split, metric.key)


def _by_seed(tables: Sequence[Mapping[int, float]], joined: Callable[[list[float]], float]) -> dict[int, float]:
    """Join the figures of each seed that all tables have."""
    shared = set.intersection(*map(set, tables)) if tables else set()
    return {seed: joined([table[seed] for table in tables]) for seed in sorted(shared)}
