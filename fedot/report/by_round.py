"""The headline metric after every round, as Markdown."""

from collections.abc import Mapping
from typing import Any

from fedot.errors import FedotError
from fedot.report.statistics import Scores, estimate
from fedot.report.table import markdown_row
from fedot.report.views import DASH, entries_of, metrics_of


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
    scores = Scores.of(results["rows"])
    if split not in scores.splits:
        raise FedotError(f"no client is called {split}; choose from {', '.join(scores.splits)}")
    metric = metrics_of(scores)[0]
    rounds = sorted({row["round"] for row in results["rows"]})
    values: dict[tuple[str, int], list[float | None]] = {}
    for row in results["rows"]:
        if row["split"] == split:
            values.setdefault((row["strategy"], row["round"]), []).append(row["metrics"].get(metric.key))
    where = "over all clients" if split == "all" else f"on {split}"
    lines = [
        markdown_row([f"{metric.label} {where}", *(f"round {number}" for number in rounds)]),
        markdown_row([":---", *["---:"] * len(rounds)], plain=True),
    ]
    for entry in entries_of(results, scores):
        if len(entry.members) == 1 and not entry.failure:
            found = [estimate(values.get((entry.members[0], number), ())) for number in rounds]
            lines.append(markdown_row([entry.label, *(metric.estimate(each) if each else DASH for each in found)]))
    return "\n".join(lines) + "\n"
