"""Couplings of neuron groups as heat maps, and how well aligned groups fit the anchor's."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from fedot.report.analysis.neuron_groups import choose_couplings, fits_by_group, matched_couplings
from fedot.report.analysis.titles import label_of
from fedot.report.figures.drawing import COLOURS, Drawing, Panel, dot, name_line, padded, small_dots

MAX_COUPLINGS, LEVELS = 12, 8


def couplings_figure(results: Mapping[str, Any]) -> Drawing | None:
    """Heat maps of a representative choice of couplings."""
    matched = matched_couplings(results.get("couplings", []))
    chosen = choose_couplings(matched, MAX_COUPLINGS)
    if not chosen:
        return None
    many = len({item["client"] for item in chosen}) > 1
    strategy = chosen[0].get("strategy")
    origin = f"seed {chosen[0]['seed']}" + (f" and {label_of(strategy, results)}" if strategy else "")
    shown = f"{len(chosen)} of {len(matched)} couplings are shown, of {origin}." if len(matched) > len(chosen) else ""
    caption = (
        "Which neuron of a client (row) goes to which neuron of the anchor (column). The stronger a cell's "
        "colour, the larger its share of the row's mass; one strong cell in each row is a matching, an even "
        "tint carries no information, a strong diagonal means that nothing was moved. Larger groups are "
        f"added up in blocks, to at most 32 by 32. {shown}"
    )
    return Drawing("couplings", "Couplings", caption.strip(), tuple(_coupling_panel(item, many) for item in chosen))


def levels_of(plan: Sequence[Sequence[float | None]]) -> NDArray[np.int64]:
    """How strong each cell of a plan is drawn, from 0 for nothing to `LEVELS`: its share of its row's mass."""
    mass = np.nan_to_num(np.asarray(plan, dtype=np.float64))
    mass = mass.reshape(len(mass), -1)
    share = mass / np.maximum(mass.sum(axis=1, keepdims=True), 1e-12)
    # A plan without information has shares of 1 / columns; it must look pale although it is its own maximum.
    strongest = max(float(share.max()), min(1.0, 4 / share.shape[1]))
    levels: NDArray[np.int64] = np.ceil(LEVELS * np.clip(share / strongest, 0, 1) - 0.5).astype(np.int64)
    return levels


def fits_figure(results: Mapping[str, Any]) -> Drawing | None:
    """Fit of every matched group: small marks single clients and seeds, large marks their mean."""
    drawn = fits_by_group(results)
    values = [value for rows in drawn.values() for fits in rows.values() for value in fits]
    if not values:
        return None
    low, high = padded([0.0, *values])
    reach = (low, max(0.0, *values, min(1.0, high)))  # one scale for all strategies
    panels = tuple(_fits_panel(rows, title, reach) for title, rows in drawn.items() if rows)
    caption = (
        "What share of the anchor's weights (squared norm) the clients' aligned weights explain: 1 if they are equal, "
        "0 if they are no nearer than zeros, below 0 if they are farther. Of a residual stream only the labelled rows "
        "count (tokens, classes) that its map is fitted to. Large mark: mean; small marks: single clients and seeds. "
        "Models that were trained apart explain little of each other's weights, and may still average well."
    )
    return Drawing("fits", "Fit of the aligned weights", caption, panels)


def _coupling_panel(item: Mapping[str, Any], name_client: bool) -> Panel:
    levels, side, top = levels_of(item["plan"]), 178.0, 34.0
    rows, columns = levels.shape
    cell = min(side / columns, side / rows)

    def draw(axes: Axes) -> None:
        axes.set_xlim(0, columns)
        axes.set_ylim(rows, 0)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(True)
        for level in range(1, LEVELS + 1):
            if runs := _runs(levels == level):
                path = Path.make_compound_path(*runs)
                axes.add_patch(PathPatch(path, color=COLOURS["ot"], alpha=level / LEVELS, linewidth=0, aa=False))

    distance = item.get("distance_from_identity")
    note = item["kind"] + (f", moved {distance:.2f}" if distance is not None else "")
    who = f"Coupling of {item['client']} with the anchor {item['anchor']}"
    label = f"{who}, group {item['group']}, {rows} by {columns}"
    high = max(rows * cell, 24.0)
    size, margins = (180.0, top + high + 2), (1.0, top, 179.0 - columns * cell, high + 2 - rows * cell)
    return Panel(item["group"], size, margins, draw, label, f"{item['client']}, {note}" if name_client else note)


def _runs(cells: NDArray[np.bool_]) -> list[Path]:
    """Rectangles that cover the cells, one for each run of neighbours in a row."""
    found = []
    for y, row in enumerate(cells):
        x = 0
        for filled, run in groupby(row):
            width = len(list(run))
            if filled:
                corners = [(x, y), (x + width, y), (x + width, y + 1), (x, y + 1), (x, y)]
                found.append(Path(corners, closed=True))
            x += width
    return found


def _fits_panel(rows: Mapping[str, Sequence[float]], title: str, reach: tuple[float, float]) -> Panel:
    top, step = 30.0, 20.0
    bottom = top + 8 + step * len(rows)
    means = {name: sum(fits) / len(fits) for name, fits in rows.items()}

    def draw(axes: Axes) -> None:
        axes.set_xlim(*reach)
        axes.set_ylim(bottom, top)
        axes.yaxis.set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        axes.grid(axis="x")
        axes.set_xlabel("explained share of the anchor's squared norm", loc="right", labelpad=2)
        axes.axvline(0, color=COLOURS["ink-2"], linewidth=1, linestyle=(0, (2, 3)), zorder=1)
        for number, (name, fits) in enumerate(rows.items()):
            y = top + 14 + step * number
            name_line(axes, name, 15, y, -8.0, "ink")
            if len(fits) > 1:
                small_dots(axes, fits, y, "ot", 4.4)
            dot(axes, means[name], y, "ot", 8.0, title=f"{name}: {means[name]:.3f}")

    told = ", ".join(f"{name} {mean:.2f}" for name, mean in means.items())
    label = f"Fit of the aligned weights, {title}: {told}"
    return Panel(title, (350.0, bottom + 36), (96.0, top, 10.0, 36.0), draw, label)
