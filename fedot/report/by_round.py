"""The headline metric after every round, as Markdown."""

from collections.abc import Callable, Mapping
from typing import Any

from fedot.errors import FedotError
from fedot.report.against import NAMES, comparable, compared
from fedot.report.statistics import Estimate, Scores, paired_difference
from fedot.report.table import markdown_row
from fedot.report.views import Entry, base_names, entries_of, kind_of, label_of, metrics_of


def rounds_markdown(results: Mapping[str, Any], split: str) -> str:
    """Write one line a strategy and one column a round: mean over seeds ± half the 95 % interval (Student t).

    Parameters
    ----------
    split
        ``all`` or the name of a client.

    Raises
    ------
    FedotError
        If the run has no such client.
    """
    metric = metrics_of(Scores.of(results["rows"]))[0]
    return _table(results, split, "", lambda scores, entry: scores.estimate(entry.members, split, metric.key))


def round_differences_markdown(results: Mapping[str, Any], split: str, strategy: str) -> str:
    """Write the same of the differences to one strategy, paired by seed; to a reference, which has one round, always.

    Parameters
    ----------
    split
        ``all`` or the name of a client.
    strategy
        What `paired_markdown` takes.

    Raises
    ------
    FedotError
        If the run has no such client or strategy.
    """
    whole = Scores.of(results["rows"])
    metric = metrics_of(whole)[0]
    theirs = compared(whole, metric, strategy, split)
    rounds = {row["round"] for row in results["rows"] if row["strategy"] == strategy}
    once = strategy in NAMES or (kind_of(strategy, base_names(results)) == "reference" and len(rounds) == 1)

    def difference(scores: Scores, entry: Entry) -> Estimate | None:
        if entry.members == (strategy,):
            return None
        ours = comparable(scores, metric, strategy, entry.members, split)
        return paired_difference(ours, theirs if once else scores.values(strategy, split, metric.key))

    return _table(results, split, f" over {NAMES.get(strategy, label_of(strategy))}", difference, signed=True)


def _table(
    results: Mapping[str, Any],
    split: str,
    over: str,
    figure: Callable[[Scores, Entry], Estimate | None],
    *,
    signed: bool = False,
) -> str:
    whole = Scores.of(results["rows"])
    if split not in whole.splits:
        raise FedotError(f"no client is called {split}; choose from {', '.join(whole.splits)}")
    metric = metrics_of(whole)[0]
    numbers = sorted({row["round"] for row in results["rows"]})
    by_round = [Scores.of(row for row in results["rows"] if row["round"] == number) for number in numbers]
    where = "over all clients" if split == "all" else f"on {split}"
    lines = [
        markdown_row([f"{metric.label}{over} {where}", *(f"round {number}" for number in numbers)]),
        markdown_row([":---", *["---:"] * len(numbers)], plain=True),
    ]
    for entry in entries_of(results, whole):
        if len(entry.members) == 1 and not entry.failure:
            cells = [metric.estimate(figure(scores, entry), signed=signed) for scores in by_round]
            lines.append(markdown_row([entry.label, *cells]))
    return "\n".join(lines) + "\n"
