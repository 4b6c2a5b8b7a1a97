"""Reliability diagrams: accuracy against confidence."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from fedot.report.analysis.entries import METRICS, footnotes
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.statistics import Estimate
from fedot.report.figures.drawing import COLOURS, Drawing, Panel, dot

BINS = ("count", "confidence", "correct")
FOOT, TALLEST = 0.19, 0.145  # where the bars at the foot begin below zero, and how tall the largest is


def reliability_figure(results: Mapping[str, Any]) -> Drawing | None:
    """Accuracy against confidence of every strategy and reference but the parents, pooled over seeds."""
    records = [item for item in results.get("reliability", []) if item["split"] == "all"]
    run = Run.of(results)
    scores, drawn = run.scores, []
    for entry in run.entries:
        seeds = next((found for m in scores.metrics if (found := scores.values(entry.members, "all", m))), {})
        mine = [item for item in records if item["strategy"] == entry.members[0] and item["seed"] in seeds]
        if mine and not entry.members[0].startswith("parent:"):
            drawn.append((entry, mine))
    if not drawn:
        return None
    first = min(_first_filled(mine) for _, mine in drawn)
    panels = [
        _reliability_panel(mine, entry.marked, entry.kind, scores.estimate(entry.members, "all", "ece"), first)
        for entry, mine in drawn
    ]
    caption = (
        "Predictions of all clients and seeds, sorted into bins by the confidence of the predicted class. "
        "On the diagonal a model is right as often as it claims; below it is too sure of itself. A dot's "
        "area, and the bars at the foot, show how many predictions a bin holds. ECE is the mean gap to the "
        "diagonal, weighted by these counts. Empty bins are left out, and cut a curve in two."
    )
    if any("scaled_bin_count" in item for item in records):
        caption += " Dashed: after temperature scaling."
    caption = " ".join([caption, *footnotes(scores, [entry for entry, _ in drawn], run.metrics[:1])])
    return Drawing("reliability", "Reliability diagrams", caption, tuple(panels))


def _first_filled(records: Sequence[Mapping[str, Any]]) -> float:
    """Where the first bin begins that holds a prediction, before or after temperature scaling."""
    kinds = [key for key in ("bin_count", "scaled_bin_count") if all(key in record for record in records)]
    filled = [np.flatnonzero(_total(records, key) > 0)[:1] / len(records[0][key]) for key in kinds]
    return min((float(place) for places in filled for place in places), default=0.0)


def _reliability_panel(
    records: Sequence[Mapping[str, Any]], title: str, kind: str, ece: Estimate | None, first: float
) -> Panel:
    count, confidence, correct = (_total(records, f"bin_{key}") for key in BINS)
    filled = np.flatnonzero(count > 0)
    most = float(count.max()) if len(filled) else 1.0

    def draw(axes: Axes) -> None:
        ink = COLOURS[kind]
        axes.set_xlim(first, 1)
        axes.set_ylim(-FOOT, 1)
        axes.set_xticks(*_percents(first))
        axes.set_yticks([0, 0.5, 1], ["0", "50", "100"])
        axes.grid()
        axes.set_xlabel("confidence, %", labelpad=1)
        axes.plot([first, 1], [first, 1], color=COLOURS["ink-2"], linewidth=1, linestyle=(0, (2, 3)))
        step = 1 / max(len(count), 1)
        axes.bar(filled * step, TALLEST * count[filled] / most, step * 0.92, -FOOT, align="edge", color=ink, alpha=0.3)
        xs, ys = confidence[filled] / count[filled], correct[filled] / count[filled]
        for xs_beside, ys_beside in _beside(count, confidence, correct):
            axes.plot(xs_beside, ys_beside, color=ink, linewidth=1, alpha=0.4)
        for x, y, number in zip(xs, ys, count[filled], strict=True):
            told = f"confidence {x:.2f}, accuracy {y:.2f}, {number:.0f} predictions"
            dot(axes, float(x), float(y), kind, float(3 + 10 * (number / most) ** 0.5), title=told)
        if all(f"scaled_bin_{key}" in record for record in records for key in BINS):
            for scaled in _beside(*(_total(records, f"scaled_bin_{key}") for key in BINS)):
                lone = "o" if len(scaled[0]) == 1 else ""  # a line of one point would not be seen
                axes.plot(*scaled, "--", color=ink, linewidth=2, marker=lone, markersize=3)

    gap = f", expected calibration error {METRICS['ece'].estimate(ece)}" if ece else ""
    label = f"Accuracy against confidence, {title}{gap}"
    aside = f"ECE {ece.mean:.3f}" if ece else ""
    return Panel(title, (220.0, 274.0), (32.0, 26.0, 8.0, 34.0), draw, label, aside=aside)


def _percents(first: float) -> tuple[list[float], list[str]]:
    """Ticks of the axis of confidence, which begins with the first bin that is not empty."""
    places = [place / 100 for place in range(0, 101, 50 if first < 0.25 else 25 if first < 0.75 else 10)]
    shown = [place for place in places if place >= first - 1e-9]
    return shown, [f"{100 * place:.0f}" for place in shown]


def _beside(
    count: NDArray[np.float64], confidence: NDArray[np.float64], correct: NDArray[np.float64]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Confidence and accuracy of each stretch of bins that lie side by side and hold something."""
    filled = np.flatnonzero(count > 0)
    stretches = np.split(filled, np.flatnonzero(np.diff(filled) > 1) + 1) if len(filled) else []
    return [(confidence[part] / count[part], correct[part] / count[part]) for part in stretches]


def _total(records: Sequence[Mapping[str, Any]], key: str) -> NDArray[np.float64]:
    bins = np.nan_to_num(np.asarray([record[key] for record in records], dtype=np.float64))
    total: NDArray[np.float64] = bins.sum(axis=0)
    return total
