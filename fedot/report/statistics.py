"""Means, intervals and paired differences over seeds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds; `low` and `high` bound it, and are None where one value allows no interval."""

    mean: float
    low: float | None
    high: float | None
    values: tuple[float, ...]

    @property
    def n(self) -> int:
        """Number of values."""
        return len(self.values)

    @property
    def half_width(self) -> float | None:
        """Half the interval's width."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def settled(self) -> bool:
        """Whether the interval leaves out zero; meant for differences."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def estimate(values: Iterable[float | None], level: float = LEVEL) -> Estimate | None:
    """Mean and Student-t interval of independent values; missing and non-finite ones are left out.

    Returns
    -------
    Estimate or None
        None if no finite value is left. One value has a mean but no interval.
    """
    finite = tuple(float(value) for value in values if value is not None and math.isfinite(value))
    if not finite:
        return None
    mean = math.fsum(finite) / len(finite)
    if len(finite) == 1:
        return Estimate(mean, None, None, finite)
    half = t_quantile(len(finite) - 1, level) * float(np.std(finite, ddof=1)) / math.sqrt(len(finite))
    return Estimate(mean, mean - half, mean + half, finite)


def t_quantile(degrees: int, level: float = LEVEL) -> float:
    """Two-sided quantile of Student's t distribution."""
    from scipy.special import stdtrit  # scipy.stats would cost half a second at every start

    return float(stdtrit(degrees, (1 + level) / 2))


def paired_difference(ours: Mapping[int, float], theirs: Mapping[int, float], level: float = LEVEL) -> Estimate | None:
    """Estimate `ours - theirs` from the seeds that both have; pairing removes what a seed does to both."""
    return estimate((ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())), level)


def barrier(alpha: Sequence[float], loss: Sequence[float | None]) -> float | None:
    """How far a loss rises over the straight line between its two ends (Frankle et al. 2020, section 2).

    Zero means that the two models lie in one basin. None if an end is missing or nothing was measured.
    """
    points = sorted((a, y) for a, y in zip(alpha, loss, strict=True) if y is not None and math.isfinite(y))
    if len(points) < 2 or points[0][0] != min(alpha) or points[-1][0] != max(alpha):
        return None
    (start, first), (end, last) = points[0], points[-1]
    return max(y - (first + (last - first) * (a - start) / (end - start)) for a, y in points)


@dataclass(frozen=True, slots=True)
class Scores:
    """Final-round figures, looked up by strategy, split and metric.

    A strategy's final round is the last one any seed reached; a seed that was cut off before it has no
    say, because a mean over different rounds would mean nothing.
    """

    by_seed: Mapping[tuple[str, str, str], Mapping[int, float]]
    strategies: tuple[str, ...]
    splits: tuple[str, ...]
    seeds: tuple[int, ...]
    metrics: tuple[str, ...]
    final_round: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> "Scores":
        """Index the `rows` of a results file; `all` comes first among the splits."""
        rows = list(rows)
        final: dict[str, int] = {}
        for row in rows:
            final[row["strategy"]] = max(row["round"], final.get(row["strategy"], row["round"]))
        table: dict[tuple[str, str, str], dict[int, float]] = {}
        for row in rows:
            if row["round"] != final[row["strategy"]]:
                continue
            for metric, value in row["metrics"].items():
                if value is not None and math.isfinite(value):
                    table.setdefault((row["strategy"], row["split"], metric), {})[row["seed"]] = float(value)
        splits = dict.fromkeys(row["split"] for row in rows)
        return cls(
            table,
            tuple(final),
            tuple(sorted(splits, key=lambda split: split != "all")),
            tuple(sorted({row["seed"] for row in rows})),
            tuple(dict.fromkeys(metric for row in rows for metric in row["metrics"])),
            final,
        )

    @property
    def clients(self) -> tuple[str, ...]:
        """The splits that are one client's."""
        return tuple(split for split in self.splits if split != "all")

    def values(self, strategies: str | Sequence[str], split: str, metric: str) -> dict[int, float]:
        """Figure of each seed, averaged over `strategies` where several are given."""
        names = (strategies,) if isinstance(strategies, str) else tuple(strategies)
        tables = [self.by_seed.get((name, split, metric), {}) for name in names]
        shared = set.intersection(*(set(table) for table in tables)) if tables else set()
        return {seed: math.fsum(table[seed] for table in tables) / len(tables) for seed in sorted(shared)}

    def estimate(self, strategies: str | Sequence[str], split: str, metric: str) -> Estimate | None:
        """Mean and interval over seeds."""
        return estimate(self.values(strategies, split, metric).values())

    def difference(
        self, ours: str | Sequence[str], theirs: str | Sequence[str], split: str, metric: str
    ) -> Estimate | None:
        """Paired difference over the seeds that both have."""
        return paired_difference(self.values(ours, split, metric), self.values(theirs, split, metric))
