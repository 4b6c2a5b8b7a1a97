"""Scores of `benchmarks.hf_fusion`, a line each, what their names stand for, and the table of one kind of models."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.choices import Settings
from benchmarks.fusion_scores import interval

OURS = "aligned"
DATA = "clients' data"
LEARNED: dict[str, tuple[str, Settings]] = {
    f"{method} + learned{', both ends' * both}{f', {DATA}' * data}": (
        method,
        {"learn_steps": 200, "learn_both": both, "learn_from": "labels" if data else "ensemble"},
    )
    for data in (False, True)
    for both in (False, True)
    for method in ("aligned", "theus")
}
"""Learned maps (Theus et al. 2025; both ends: Li & Shen 2026), on drawn inputs, or with `DATA` on training data."""
VARIANTS: dict[str, tuple[str, Settings]] = {
    "imfeld, activations": ("imfeld", {"support": "activations"}),
    "verma, stream as it is": ("verma", {"residual": "identity"}),
}
"""Settings that a paper has tables of its own for."""


@dataclass(frozen=True, slots=True)
class Score:
    """One method on one pair: accuracies are on the test data, at the first and at the best settings.

    `rises` are nats over the path of plain means and over that of circuits, at the best settings.
    """

    kind: str
    seed: int
    method: str
    accuracy: float
    best: float
    rises: tuple[float, float]
    options: Settings


def table(scores: Sequence[Score], kind: str) -> str:
    """One kind as Markdown, best first."""
    rows = [score for score in scores if score.kind == kind]
    by: dict[str, dict[int, Score]] = {}
    for row in rows:
        by.setdefault(row.method, {})[row.seed] = row
    lines = [
        f"### {kind} ({len({row.seed for row in rows})} seeds)",
        "",
        "| method | authors' settings | best settings | over `aligned` | barrier | barrier, circuits |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, mine in sorted(by.items(), key=lambda item: -sum(s.best for s in item[1].values()) / len(item[1])):
        over = [mine[seed].best - by[OURS][seed].best for seed in sorted(mine) if seed in by.get(OURS, {})]
        cells = [
            interval([each.accuracy for each in mine.values()]),
            interval([each.best for each in mine.values()]),
            interval(over, sign=True) if over else "",
            *(interval([each.rises[k] for each in mine.values()]) for k in (0, 1)),
        ]
        lines.append(f"| {name} | {' | '.join(cells[:3] if name in ('parents', 'ensemble') else cells)} |")
    return "\n".join(lines)


def read_scores(path: Path) -> list[Score]:
    """Scores of a file; none where there is no file."""
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Score(**{**row, "rises": tuple(row["rises"])}) for row in rows]


def append_score(path: Path, found: Score) -> None:
    """Add a score to a file, in a folder that is made when missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(found)) + "\n")
