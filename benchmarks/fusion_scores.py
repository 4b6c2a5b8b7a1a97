"""Scores of `benchmarks.fusion`, a line each, and the table of one work."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

OURS = "merged"


@dataclass(frozen=True, slots=True)
class Score:
    """Accuracy on each client's test texts, one seed; for parents also on their own client's.

    `accuracies` are at the settings that are best on validation texts, which `options` names; `first` is the mean over
    clients at the authors' own.
    """

    work: str
    seed: int
    method: str
    accuracies: tuple[float, ...]
    seconds: float
    options: Mapping[str, Any]
    first: float | None = None

    @property
    def mean(self) -> float:
        """Mean over the clients' test sets."""
        return float(np.mean(self.accuracies))


def own_accuracy(scores: Sequence[Score]) -> list[float]:
    """Mean accuracy of the parents, each on its own client's test texts."""
    return [score.accuracies[int(score.method.split()[1])] for score in scores if score.method.startswith("parent ")]


def table(scores: Sequence[Score], work: str) -> str:
    """One work as Markdown: means over seeds, 95 % intervals, paired differences to the best parent and to ours."""
    rows = [score for score in scores if score.work == work]
    seeds = sorted({score.seed for score in rows})
    lines = [
        f"### {work} ({len(seeds)} seeds)",
        "",
        f"| method | seeds | authors' settings | best settings | over the better parent | over `{OURS}` |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    by_seed = {seed: [row for row in rows if row.seed == seed] for seed in seeds}
    top = {
        s: max((r.mean for r in group if r.method.startswith("parent ")), default=float("nan"))
        for s, group in by_seed.items()
    }
    own = {s: own_accuracy(group) for s, group in by_seed.items()}
    entries = {"parents, each on its own data": {s: float(np.mean(values)) for s, values in own.items() if values}}
    entries["better parent on all data"] = dict(top)
    firsts: dict[str, list[float]] = {}
    for row in rows:
        if not row.method.startswith("parent "):
            entries.setdefault(row.method, {})[row.seed] = row.mean
            firsts.setdefault(row.method, []).append(row.mean if row.first is None else row.first)
    ours = entries.get(OURS, {})
    for name, values in sorted(entries.items(), key=lambda item: -float(np.mean(list(item[1].values())))):
        over = [values[s] - ours[s] for s in values if s in ours]
        cells = [
            interval(firsts.get(name, list(values.values()))),
            interval(list(values.values())),
            interval([values[s] - top[s] for s in values], sign=True),
            interval(over, sign=True) if over else "",
        ]
        lines.append(f"| {name} | {len(values)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def interval(values: Sequence[float], *, sign: bool = False) -> str:
    """Mean in percent and half the width of its 95 % t-interval."""
    mean = 100 * float(np.mean(values))
    text = f"{mean:+.1f}" if sign else f"{mean:.1f}"
    if len(values) < 2:
        return text
    half = 100 * float(stats.sem(values) * stats.t.ppf(0.975, len(values) - 1))
    return f"{text} ± {half:.1f}"


def read_scores(path: Path) -> list[Score]:
    """Scores of a file; none where there is no file."""
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Score(**{**row, "accuracies": tuple(row["accuracies"])}) for row in rows]


def append_score(path: Path, score: Score) -> None:
    """Add a score to a file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(score)) + "\n")
