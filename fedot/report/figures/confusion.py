"""Which class was taken for which."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from fedot.report.analysis.entries import footnotes, shorten
from fedot.report.analysis.indexed_run import Run
from fedot.report.figures.drawing import COLOURS, Drawing, Panel, hover, words
from fedot.report.tables.by_class import class_names, counts_of

MOST_CLASSES, MOST_NUMBERS = 30, 10
"""Of more classes there is no drawing, and of more no number stands in a cell."""

SIDE, LABELS, HEAD, LETTER = 150.0, 74.0, 46.0, 6.2


def confusion_figure(results: Mapping[str, Any]) -> Drawing | None:
    """Share of each true class that was taken for each class: every strategy and reference but the parents."""
    run = Run.of(results)
    drawn = [
        (entry, counts.sum(axis=0))
        for entry in run.measured
        if not entry.members[0].startswith("parent:") and len(counts := counts_of(run, entry))
    ]
    if not drawn or len(drawn[0][1]) > MOST_CLASSES:
        return None
    names = class_names(run, len(drawn[0][1]))
    panels = tuple(_panel(counts, names, entry.marked, entry.kind) for entry, counts in drawn)
    numbers = (
        "the numbers are percent of the row" if len(names) <= MOST_NUMBERS else "colour shows the share of the row"
    )
    caption = (
        f"Test rows of all clients and seeds: each row is a true class, each column what it was taken for; {numbers}. "
        "A good model has its colour on the diagonal."
    )
    caption = " ".join([caption, *footnotes(run.scores, [entry for entry, _ in drawn], run.metrics[:1])])
    return Drawing("confusion", "Confusion matrices", caption, panels)


def _panel(counts: NDArray[np.float64], names: Sequence[str], title: str, kind: str) -> Panel:
    total, size = counts.sum(axis=1, keepdims=True), len(counts)
    share = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    cell = SIDE / size
    room = int(cell / LETTER)
    numbered = any(len(name) > max(room, 4) for name in names)

    def draw(axes: Axes) -> None:
        axes.set_xlim(0, size)
        axes.set_ylim(size, 0)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(True)
        for (row, column), part in np.ndenumerate(share):
            told = f"{names[row]} taken for {names[column]}: {counts[row, column]:.0f} of {total[row, 0]:.0f}"
            # two shades of ink are enough to read a number on: no cell is painted fully
            box = Rectangle((column, row), 1, 1, color=COLOURS[kind], alpha=0.6 * float(part), linewidth=0)
            box.set_gid(hover(told))
            axes.add_patch(box)
            if size <= MOST_NUMBERS:
                at = (column + 0.5, row + 0.5)
                words(axes, f"{100 * part:.0f}", at, color="ink", ha="center", title=told)
        for place, name in enumerate(names if cell >= 9 else ()):
            left = f"{place + 1} {name}" if numbered else name
            words(axes, shorten(left, int(LABELS / LETTER)), (0, place + 0.5), (-6.0, 0.0), ha="right", title=name)
            top = str(place + 1) if numbered else name
            words(axes, top, (place + 0.5, 0), (0.0, 8.0), ha="center", title=name)

    right = 100 * float(np.trace(counts)) / max(float(counts.sum()), 1.0)
    diagonal = "; ".join(f"{name} {100 * share[k, k]:.0f} %" for k, name in enumerate(names))
    label = f"Confusion matrix of {title}: {right:.1f} % right; of each class {diagonal}"
    return Panel(title, (LABELS + SIDE + 6, HEAD + SIDE + 4), (LABELS, HEAD, 6.0, 4.0), draw, label)
