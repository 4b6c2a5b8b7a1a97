"""Several runs side by side: what is compared, and the number by which they differ."""

from collections.abc import Mapping, Sequence
from typing import Any

from fedot.errors import FedotError
from fedot.report.analysis.entries import Metric
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.over_rounds import Across, whole
from fedot.tasks import DEFAULT, present_name
from fedot.text.outside import printable

# Settings that do not change what is asked.
INCIDENTAL = ("name", "question", "base_dir", "seeds")


def runs_of(results: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[Run, ...]:
    """Index runs and check that they can be compared; equal titles are numbered.

    Raises
    ------
    FedotError
        If there is no run, or tasks differ.
    """
    if not results:
        raise FedotError("there is no run to compare; give at least one folder with a results.json")
    tasks: dict[str, str] = {}
    for title, each in results:
        tasks.setdefault(task_in(each), title)
    if len(tasks) > 1:
        told = ", ".join(f"{title} is {task}" for task, title in tasks.items())
        raise FedotError(f"runs of different tasks cannot be compared ({told}); compare each task's runs by themselves")
    titles = [printable(title) or "run" for title, _ in results]
    unique: list[str] = []
    for title in titles:
        number = 1
        while titles.count(title) > 1 and f"{title} ({number})" in {*titles, *unique}:
            number += 1
        unique.append(title if titles.count(title) == 1 else f"{title} ({number})")
    return tuple(Run.of(each, title) for title, (_, each) in zip(unique, results, strict=True))


def task_in(results: Mapping[str, Any]) -> str:
    """Name of the task that results are of; of older ones by its present name."""
    return present_name(str(results["scenario"].get("task") or DEFAULT))


def headline_metric(runs: Sequence[Run]) -> Metric | None:
    """Take the first metric that any run has; runs of one task have the same."""
    return next((metric for run in runs for metric in run.metrics), None)


def setting_of(runs: Sequence[Run]) -> tuple[Across, tuple[float, ...]] | None:
    """Find the one number by which runs differ, and its value in each run.

    It is the number of clients, where that differs and nothing else but the list of clients does, or else the one
    key of the scenario that differs. None if runs differ in more, in what is no number, or not at all.
    """
    if len(runs) < 2:
        return None
    flat = [dict(_leaves(run.results["scenario"])) for run in runs]
    keys = dict.fromkeys(key for each in flat for key in each)
    differing = [k for k in keys if k.split(".")[0] not in INCIDENTAL and len({str(e.get(k)) for e in flat}) > 1]
    counts = tuple(float(run.num_clients) for run in runs)
    if len(set(counts)) == len(runs) and all(key.split(".")[0] == "clients" for key in differing):
        return Across("clients", "number of clients", whole, tuple(sorted(counts))), counts
    if len(differing) != 1:
        return None
    values = [each.get(differing[0]) for each in flat]
    numbers = tuple(float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool))
    if len(set(numbers)) != len(runs):
        return None
    return Across("setting", differing[0], lambda value: f"{value:g}", tuple(sorted(numbers))), numbers


def _leaves(value: Any, key: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [leaf for name, item in value.items() for leaf in _leaves(item, f"{key}.{name}" if key else str(name))]
    if isinstance(value, list | tuple):
        return [leaf for place, item in enumerate(value) for leaf in _leaves(item, f"{key}.{place}")]
    return [(key, value)]
