"""Means, intervals and paired differences over seeds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fedot.report.analysis.standing import Standing, standings

LEVEL = 0.95

Place = tuple[int, tuple[str, ...]]
"""A seed, and the clients that its figures lack."""


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


def estimate(values: Iterable[float | None]) -> Estimate | None:
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
    half = t_quantile(len(finite) - 1) * float(np.std(finite, ddof=1)) / math.sqrt(len(finite))
    return Estimate(mean, mean - half, mean + half, finite)


def t_quantile(degrees: int) -> float:
    """Two-sided quantile of Student's t distribution."""
    from scipy.special import stdtrit  # scipy.stats would cost half a second at every start

    return float(stdtrit(degrees, (1 + LEVEL) / 2))


def paired_difference(ours: Mapping[Any, float], theirs: Mapping[Any, float]) -> Estimate | None:
    """Estimate `ours - theirs` from the seeds that both have; pairing removes what a seed does to both."""
    return estimate(ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys()))


def barrier(alpha: Sequence[float], loss: Sequence[float | None]) -> float | None:
    """How far a loss rises over the straight line between its two ends (Frankle et al. 2020, section 2).

    Zero means that the two models lie in one basin. None if an end is missing or nothing was measured.
    """
    found = _off_the_chord(alpha, loss)
    return max(found) if found else None


def dip(alpha: Sequence[float], loss: Sequence[float | None]) -> float | None:
    """How far a loss falls below the straight line between its two ends; None where `barrier` is."""
    found = _off_the_chord(alpha, loss)
    return -min(found) if found else None


def _off_the_chord(alpha: Sequence[float], loss: Sequence[float | None]) -> list[float]:
    """How far each measured loss lies above the straight line between the ends; nothing if an end is missing."""
    points = sorted((a, y) for a, y in zip(alpha, loss, strict=True) if y is not None and math.isfinite(y))
    if len(points) < 2 or points[0][0] != min(alpha) or points[-1][0] != max(alpha):
        return []
    (start, first), (end, last) = points[0], points[-1]
    return [y - (first + (last - first) * (a - start) / (end - start)) for a, y in points]


@dataclass(frozen=True, slots=True)
class Scores:
    """Figures of each seed's last round, looked up by strategy, split and metric.

    `values` and `estimate` give what stands in a table, `comparable` and `difference` what may be compared, `missing`
    what is to be said of a figure: `fedot.report.analysis.standing` has the rule.
    """

    last: Mapping[tuple[str, str, str], Mapping[int, float]]
    standings: Mapping[tuple[str, int], Standing]
    strategies: tuple[str, ...]
    splits: tuple[str, ...]
    seeds: tuple[int, ...]
    metrics: tuple[str, ...]

    @classmethod
    def of(
        cls, rows: Iterable[Mapping[str, Any]], rounds: int | None = None, failed: Iterable[tuple[str, int]] = ()
    ) -> "Scores":
        """Index the `rows` of a results file; `all` comes first among the splits.

        Parameters
        ----------
        rounds, failed
            What `fedot.report.analysis.standing.standings` takes.
        """
        rows = list(rows)
        stand = standings(rows, rounds, failed)
        table: dict[tuple[str, str, str], dict[int, float]] = {}
        for row in rows:
            if row["round"] != stand[row["strategy"], row["seed"]].reached:
                continue
            for metric, value in row["metrics"].items():
                if value is not None and math.isfinite(value):
                    table.setdefault((row["strategy"], row["split"], metric), {})[row["seed"]] = float(value)
        splits = dict.fromkeys(row["split"] for row in rows)
        return cls(
            table,
            stand,
            tuple(dict.fromkeys(row["strategy"] for row in rows)),
            tuple(sorted(splits, key=lambda split: split != "all")),
            tuple(sorted({row["seed"] for row in rows})),
            tuple(dict.fromkeys(metric for row in rows for metric in row["metrics"])),
        )

    @classmethod
    def of_results(cls, results: Mapping[str, Any]) -> "Scores":
        """Index a whole results file, which also says how many rounds were wanted, and what failed."""
        failed = ((item["strategy"], item["seed"]) for item in results.get("failures", ()))
        return cls.of(results["rows"], results["scenario"].get("rounds"), failed)

    @property
    def clients(self) -> tuple[str, ...]:
        """The splits that are one client's."""
        return tuple(split for split in self.splits if split != "all")

    @property
    def final_round(self) -> dict[str, int]:
        """The last round that any seed of a strategy reached."""
        found: dict[str, int] = {}
        for (strategy, _), standing in self.standings.items():
            found[strategy] = max(standing.reached, found.get(strategy, standing.reached))
        return found

    def standing(self, strategies: str | Sequence[str], seed: int, split: str) -> tuple[Standing, ...]:
        """How strategies stand in a seed they have; what a sum lacks is nothing to a single client."""
        found = (self.standings[name, seed] for name in _names(strategies))
        return tuple(each if split == "all" else replace(each, without=()) for each in found)

    def values(self, strategies: str | Sequence[str], split: str, metric: str) -> dict[int, float]:
        """Figures of the seeds that stand best, averaged over `strategies` where several are given."""
        every = self._every(strategies, split, metric)
        groups: dict[tuple[Standing, ...], dict[int, float]] = {}
        for seed, value in every.items():
            groups.setdefault(self.standing(strategies, seed, split), {})[seed] = value
        return max(groups.values(), key=lambda group: self._rank(strategies, split, group), default={})

    def comparable(self, strategies: str | Sequence[str], split: str, metric: str) -> dict[Place, float]:
        """Figures that are final, by seed and by the clients that they lack: equal places can be compared."""
        found: dict[Place, float] = {}
        for seed, value in self._every(strategies, split, metric).items():
            standing = self.standing(strategies, seed, split)
            lacking = {each.without for each in standing}
            if all(each.final for each in standing) and len(lacking) == 1:
                found[seed, lacking.pop()] = value
        return found

    def missing(self, strategies: str | Sequence[str], split: str, metric: str) -> str:
        """Say what keeps a figure from being final, of all clients and of all seeds; nothing if it is."""
        shown = self.values(strategies, split, metric)
        if not shown:
            return ""
        told = [self._told(strategies, next(iter(shown)), split)]
        others: dict[str, list[str]] = {}
        for seed in self.seeds:
            if seed not in shown:
                others.setdefault(self._told(strategies, seed, split) or "not measured", []).append(str(seed))
        if others:
            told.append(f"{len(shown)} of {len(self.seeds)} seeds")
            told += [f"seed{'s' if len(them) > 1 else ''} {', '.join(them)} {why}" for why, them in others.items()]
        return "; ".join(filter(None, told))

    def estimate(self, strategies: str | Sequence[str], split: str, metric: str) -> Estimate | None:
        """Mean and interval over the seeds that stand best."""
        return estimate(self.values(strategies, split, metric).values())

    def difference(
        self, ours: str | Sequence[str], theirs: str | Sequence[str], split: str, metric: str
    ) -> Estimate | None:
        """Paired difference over the seeds in which both are final and of the same clients."""
        return paired_difference(self.comparable(ours, split, metric), self.comparable(theirs, split, metric))

    def _every(self, strategies: str | Sequence[str], split: str, metric: str) -> dict[int, float]:
        tables = [self.last.get((name, split, metric), {}) for name in _names(strategies)]
        shared = set.intersection(*(set(table) for table in tables)) if tables else set()
        return {seed: math.fsum(table[seed] for table in tables) / len(tables) for seed in sorted(shared)}

    def _rank(self, strategies: str | Sequence[str], split: str, group: Mapping[int, float]) -> tuple[Any, ...]:
        standing = self.standing(strategies, next(iter(group)), split)
        return min(each.rank for each in standing), len(group), -min(group)

    def _told(self, strategies: str | Sequence[str], seed: int, split: str) -> str:
        if any((name, seed) not in self.standings for name in _names(strategies)):
            return ""
        return "; ".join(dict.fromkeys(filter(None, (each.told() for each in self.standing(strategies, seed, split)))))


def _names(strategies: str | Sequence[str]) -> tuple[str, ...]:
    return (strategies,) if isinstance(strategies, str) else tuple(strategies)
