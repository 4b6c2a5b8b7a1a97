"""What a strategy cost: bytes and seconds, summed over its rounds."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from fedot.report.analysis.entries import Entry, metrics_of
from fedot.report.analysis.statistics import Estimate, Scores, estimate


def cost_of(rows: Sequence[Mapping[str, Any]], strategy: str, key: str) -> Estimate | None:
    """Mean over seeds of bytes or seconds, summed over a strategy's rounds."""
    spent = {
        (row["seed"], row["round"]): float(row[key])
        for row in rows
        if row["strategy"] == strategy and row.get(key) is not None
    }
    total: dict[int, float] = {}
    for (seed, _), value in spent.items():  # all splits of a round have the same
        total[seed] = total.get(seed, 0.0) + value
    return estimate(total.values())


def costs_of(
    scores: Scores, rows: Sequence[Mapping[str, Any]], entry: Entry
) -> tuple[Estimate | None, Estimate | None, Estimate | None]:
    """Bytes up, bytes down and seconds of an entry, summed over rounds; None where nothing was spent.

    They are means over the seeds that the entry's figures are of.
    """
    rows = rows_shown(scores, rows, entry)
    found = [cost_of(rows, entry.members[0], key) for key in ("bytes_up", "bytes_down", "seconds")]
    up, down, seconds = (value if value and value.mean > 0 and len(entry.members) == 1 else None for value in found)
    return up, down, seconds


def rows_shown(scores: Scores, rows: Sequence[Mapping[str, Any]], entry: Entry) -> list[Mapping[str, Any]]:
    """Rows of the seeds that a line's figures are of, at its first split that has any."""
    for split, metric in product(scores.splits, metrics_of(scores)):
        if seeds := scores.values(entry.members, split, metric.key):
            return [row for row in rows if row["strategy"] in entry.members and row["seed"] in seeds]
    return []
