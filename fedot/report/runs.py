"""Several runs side by side: what is compared, and the number by which they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedot.errors import FedotError
from fedot.report.curves import Across, whole
from fedot.report.headline import baseline_of
from fedot.report.paired import Paired
from fedot.report.progress import costs_of
from fedot.report.sections import paired_of
from fedot.report.statistics import Estimate, Scores
from fedot.report.views import Entry, Metric, entries_of, finished, metrics_of, winner_of
from fedot.text.outside import printable

# Settings that do not change what is asked.
INCIDENTAL = ("name", "question", "base_dir", "seeds")


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as it is compared."""

    title: str
    results: Mapping[str, Any]
    scores: Scores
    entries: tuple[Entry, ...]
    baseline: Entry | None

    @classmethod
    def of(cls, title: str, results: Mapping[str, Any]) -> "Run":
        """Index a run's results."""
        scores = Scores.of_results(results)
        entries = entries_of(results, scores)
        return cls(title, results, scores, entries, baseline_of(results, finished(scores, entries)))

    @property
    def clients(self) -> int:
        """Number of clients."""
        return len(self.results["provenance"].get("data") or self.scores.clients)


@dataclass(frozen=True, slots=True)
class Line:
    """One strategy of one run over all clients: quality, paired difference to the baseline, and what it cost."""

    run: Run
    entry: Entry
    value: Estimate | None
    against: Paired | None
    sent: Estimate | None
    received: Estimate | None
    seconds: Estimate | None
    best: bool = False
    missing: str = ""


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
    return tuple(Run.of(title, each) for title, (_, each) in zip(unique, results, strict=True))


def task_in(results: Mapping[str, Any]) -> str:
    """Name of the task that results are of; of older ones by its present name."""
    from fedot.tasks import DEFAULT, present_name  # late, since it takes seconds

    return present_name(str(results["scenario"].get("task") or DEFAULT))


def headline_metric(runs: Sequence[Run]) -> Metric | None:
    """Take the first metric that any run has; runs of one task have the same."""
    return next((metric for run in runs for metric in metrics_of(run.scores)), None)


def lines_of(run: Run, metric: Metric | None) -> tuple[Line, ...]:
    """Lay out a run's strategies and references; the best of the strategies is marked."""
    if metric is None:
        return tuple(Line(run, entry, None, None, None, None, None) for entry in run.entries)
    values = {entry: run.scores.estimate(entry.members, "all", metric.key) for entry in run.entries}
    best = winner_of(run.scores, [entry for entry in run.entries if entry.kind != "reference"], "all", metric)
    return tuple(
        Line(
            run,
            entry,
            value,
            paired_of(run.scores, entry, run.baseline, metric),
            *costs_of(run.scores, run.results["rows"], entry),
            best=entry is best,
            missing=run.scores.missing(entry.members, "all", metric.key),
        )
        for entry, value in values.items()
    )


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
    counts = tuple(float(run.clients) for run in runs)
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
