"""A run's figures as curves over rounds: what every tool is told, in one shape."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fedot.text.names import PARENT, saved_model

COSTS = ("bytes_up", "bytes_down", "seconds")
TRAINED = ("train_loss", "validation_loss", "num_examples", "seconds")


class Point(NamedTuple):
    """One figure of one round: ``accuracy/all``, ``training/train_loss/north``, ``cost/bytes_up``."""

    name: str
    round: int
    value: float


def curves_of(results: Mapping[str, Any]) -> dict[tuple[str, int], list[Point]]:
    """All figures of a run by strategy and seed, in the order of rounds.

    Figures of a test split are called by metric and client (or ``all``). A parent's training goes with the parent.

    Examples
    --------
    >>> row = {"strategy": "fedavg", "seed": 3, "round": 1, "split": "all", "metrics": {"accuracy": 0.5}, "seconds": 2}
    >>> curves_of({"rows": [row]})
    {('fedavg', 3): [Point(name='accuracy/all', round=1, value=0.5), Point(name='cost/seconds', round=1, value=2.0)]}
    """
    found: dict[tuple[str, int], dict[tuple[str, int], float]] = {}

    def add(strategy: str, seed: int, name: str, number: int, value: float | None) -> None:
        if value is not None:
            found.setdefault((strategy, seed), {})[name, number] = float(value)

    for row in results["rows"]:
        where = row["strategy"], row["seed"]
        for metric, value in row["metrics"].items():
            add(*where, f"{metric}/{row['split']}", row["round"], value)
        for cost in COSTS:
            add(*where, f"cost/{cost}", row["round"], row.get(cost))
    for each in results.get("training", []):
        strategy = PARENT + each["client"] if each["strategy"] == "parent" else each["strategy"]
        for key in TRAINED:
            add(strategy, each["seed"], f"training/{key}/{each['client']}", each["round"], each.get(key))
    return {
        where: sorted((Point(name, number, value) for (name, number), value in points.items()), key=lambda p: p.round)
        for where, points in found.items()
    }


def model_file(folder: Path, strategy: str, seed: int) -> Path | None:
    """The model of a strategy and seed, where the run has saved one."""
    path = saved_model(folder / "models", strategy, seed)
    return path if path is not None and path.is_file() else None
