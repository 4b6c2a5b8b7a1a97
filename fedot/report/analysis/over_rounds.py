"""How a metric went on over rounds, bytes or seconds."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fedot.report.analysis.entries import duration, quantity
from fedot.report.analysis.statistics import Estimate, Scores, estimate

Curve = Sequence[tuple[float, Estimate]]


def whole(value: float) -> str:
    """Write a number of rounds."""
    return f"{value:.0f}"


@dataclass(frozen=True, slots=True)
class Across:
    """What a curve runs over: `key` of the rows (summed up), how it is named and written.

    With `marks` the ticks are these numbers, else round ones.
    """

    key: str
    label: str
    write: Callable[[float], str] = whole
    marks: tuple[float, ...] = field(default=())


ROUND = Across("round", "round")
SENT = Across("bytes", "bytes sent, both ways", quantity)
SECONDS = Across("seconds", "time of training and fusion", duration)


def curve_of(rows: Sequence[Mapping[str, Any]], strategy: str, split: str, metric: str, across: Across) -> Curve:
    """Follow a strategy's metric: at each round its mean over seeds, at the mean of what was spent until then.

    A round's mean is over seeds of the same clients only (`fedot.report.analysis.standing`).
    """
    mine = [row for row in rows if row["strategy"] == strategy]
    cost = {(row["seed"], row["round"]): _spent(row, across.key) for row in mine}  # all splits of a round have the same
    curve = []
    for number in sorted({row["round"] for row in mine}):
        reached = Scores.of(row for row in mine if row["round"] == number).values(strategy, split, metric)
        places = [
            float(number)
            if across.key == "round"
            else math.fsum(value for (seed, before), value in cost.items() if seed == of and before <= number)
            for of in reached
        ]
        if (value := estimate(reached.values())) and (place := estimate(places)):
            curve.append((place.mean, value))
    return curve


def _spent(row: Mapping[str, Any], key: str) -> float:
    names = ("bytes_up", "bytes_down") if key == "bytes" else (key,)
    return sum(float(row.get(name) or 0) for name in names)
