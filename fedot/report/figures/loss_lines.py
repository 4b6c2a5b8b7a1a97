"""Figures that explain the scores: the loss barrier and calibration."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedot.report.analysis.entries import METRICS, entries_of, footnotes, label_of, metrics_of, shorten
from fedot.report.analysis.statistics import Estimate, Scores, barrier, estimate
from fedot.report.figures.svg import Figure, Panel, Scale, circle, line, path, rect, text, tick_label, ticks

MAX_PAIRS = 3
BINS = ("count", "confidence", "correct")


def lines_figure(results: Mapping[str, Any]) -> Figure | None:
    """Loss and accuracy along the line from the anchor to each client's model, aligned and not."""
    lines = [item for item in results.get("lines", []) if len(item["alpha"]) > 1]
    if not lines:
        return None
    strategies = tuple(dict.fromkeys(item["strategy"] for item in lines))
    panels = []
    for strategy in strategies:
        mine = [item for item in lines if item["strategy"] == strategy]
        pairs = tuple(dict.fromkeys((item["client"], item["anchor"]) for item in mine))
        prefix = f"{label_of(strategy)}: " if len(strategies) > 1 else ""
        groups = [
            (f"{prefix}{anchor} to {client}", [i for i in mine if i["client"] == client]) for client, anchor in pairs
        ]
        if len(pairs) > MAX_PAIRS:
            groups = [(f"{prefix}anchor to each of {len(pairs)} clients", mine)]
        for title, group in groups:
            panels += [panel for key in ("loss", "accuracy") if (panel := _line_panel(group, key, title))]
    caption = (
        "Every model on the straight line between the anchor's weights (left) and a client's (right), "
        "evaluated on all clients' test sets; thick: mean where there are several lines, thin: each of "
        "them. A hump in the loss is a barrier: the two models lie in different basins and their average is "
        "worse than both. A dip means that the average is better than both. Alignment reorders a client's "
        "neurons, exactly or nearly without changing its predictions; it helps as far as it lowers the "
        "curve between the ends."
    )
    legend = (("ot", "line", "after alignment"), ("baseline", "dash", "without alignment"))
    return Figure("lines", "Along the line between two models", caption, tuple(panels), legend) if panels else None


def reliability_figure(results: Mapping[str, Any]) -> Figure | None:
    """Accuracy against confidence of every strategy and reference but the parents, pooled over seeds."""
    records = [item for item in results.get("reliability", []) if item["split"] == "all"]
    scores = Scores.of_results(results)
    panels, drawn = [], []
    for entry in entries_of(results, scores):
        seeds = next((found for m in scores.metrics if (found := scores.values(entry.members, "all", m))), {})
        mine = [item for item in records if item["strategy"] == entry.members[0] and item["seed"] in seeds]
        if mine and not entry.members[0].startswith("parent:"):
            value = scores.estimate(entry.members, "all", "ece")
            panels.append(_reliability_panel(mine, entry.marked, entry.kind, value))
            drawn.append(entry)
    caption = (
        "Predictions of all clients and seeds, sorted into bins by the confidence of the predicted class. "
        "On the diagonal a model is right as often as it claims; below it is too sure of itself. A dot's "
        "area, and the bars at the foot, show how many predictions a bin holds. ECE is the mean gap to the "
        "diagonal, weighted by these counts."
    )
    if any("scaled_bin_count" in item for item in records):
        caption += " Dashed: after temperature scaling."
    caption = " ".join([caption, *footnotes(scores, drawn, metrics_of(scores)[:1])])
    return Figure("reliability", "Reliability diagrams", caption, tuple(panels)) if panels else None


def _line_panel(group: Sequence[Mapping[str, Any]], key: str, title: str) -> Panel | None:
    width, height, left, top = 350.0, 230.0, 40.0, 42.0
    factor = 100.0 if key == "accuracy" else 1.0
    drawn = [i for i in group if i.get(key) and any(value is not None for value in i[key])]
    values = [value * factor for item in drawn for value in item[key] if value is not None]
    if not values:
        return None
    pad = (max(values) - min(values)) * 0.08 or 0.05
    up = Scale(max(min(values) - pad, 0), max(values) + pad, height - 24, top)
    across = Scale(0, 1, left, width - 10)
    what = "Loss, nats" if key == "loss" else "Accuracy, %"
    body = [text(0, 14, what, "t"), text(0, 30, shorten(title, 52), "s", title=title)]
    marks = ticks(up.low, up.high)
    for mark in marks:
        body += [
            line(left, up(mark), across.end, up(mark), "grid"),
            text(left - 6, up(mark) + 4, tick_label(mark, marks), "s n", "end"),
        ]
    body += [line(left, up.start, across.end, up.start, "axis"), text(left, height - 8, "anchor", "s")]
    body += [
        text(across.end, height - 8, "client", "s", "end"),
        text(across(0.5), height - 8, "\u00bd", "s", "middle"),
    ]
    spoken = []
    for kind, role, style in (("unaligned", "baseline", "line dash"), ("aligned", "ot", "line")):
        mine = [item for item in drawn if item["kind"] == kind]
        if not mine:
            continue
        alphas = sorted({alpha for item in mine for alpha in item["alpha"]})
        means = [(a, estimate(dict(zip(i["alpha"], i[key], strict=True)).get(a) for i in mine)) for a in alphas]
        body.append(f'<g class="k-{role}">')
        if len(mine) > 1:
            body += [
                path(
                    [(across(a), up(y * factor)) for a, y in zip(i["alpha"], i[key], strict=True) if y is not None],
                    f"{style} faint",
                )
                for i in mine
            ]
        body.append(path([(across(a), up(m.mean * factor)) for a, m in means if m], style))
        body += [
            circle(across(a), up(m.mean * factor), 2.6, "dot", f"{kind}, {m.mean * factor:.3g}") for a, m in means if m
        ]
        body.append("</g>")
        height_over = estimate(barrier(item["alpha"], item[key]) for item in mine) if key == "loss" else None
        spoken.append(f"{kind}: barrier {height_over.mean:.2f}" if height_over else kind)
    return Panel(width, height, "".join(body), f"{what} along the line, {title} ({'; '.join(spoken)})")


def _reliability_panel(records: Sequence[Mapping[str, Any]], title: str, kind: str, ece: Estimate | None) -> Panel:
    count, confidence, correct = (_total(records, f"bin_{key}") for key in BINS)
    width, left, top, side = 220.0, 32.0, 26.0, 180.0
    foot = top + side + 34
    across, up = Scale(0, 1, left, left + side), Scale(0, 1, top + side, top)
    body = [text(0, 14, shorten(title, 24 if ece else 32), "t", title=title)]
    if ece:
        body.append(text(left + side, 14, f"ECE {ece.mean:.3f}", "s n", "end"))
    for mark in (0.0, 0.5, 1.0):
        body += [
            line(left, up(mark), left + side, up(mark), "grid"),
            text(left - 5, up(mark) + 4, f"{mark * 100:.0f}", "s n", "end"),
        ]
        body += [line(across(mark), top, across(mark), top + side, "grid")]
        body += [text(across(mark), foot + 15, f"{mark * 100:.0f}", "s n", "middle" if mark < 1 else "end")]
    body.append(line(left, up(0), left + side, up(1), "ref"))
    filled = [i for i in range(len(count)) if count[i] > 0]
    most = float(count.max()) if filled else 1.0
    points = [(float(confidence[i] / count[i]), float(correct[i] / count[i]), float(count[i] / most)) for i in filled]
    body.append(f'<g class="k-{kind}">{path([(across(x), up(y)) for x, y, _ in points], "line faint")}')
    body += [
        circle(
            across(x),
            up(y),
            2 + 5 * share**0.5,
            "dot",
            f"confidence {x:.2f}, accuracy {y:.2f}, {count[i]:.0f} predictions",
        )
        for (x, y, share), i in zip(points, filled, strict=True)
    ]
    step = side / max(len(count), 1)
    body += [
        rect(left + i * step + 0.5, foot - 26 * count[i] / most, step - 1, 26 * count[i] / most, "soft") for i in filled
    ]
    body.append(_scaled(records, across, up))
    body += [
        "</g>",
        line(left, foot, left + side, foot, "axis"),
        text(left + side / 2, foot + 28, "confidence, %", "s", "middle"),
    ]
    gap = f", expected calibration error {METRICS['ece'].estimate(ece)}" if ece else ""
    return Panel(width, foot + 34, "".join(body), f"Accuracy against confidence, {title}{gap}")


def _scaled(records: Sequence[Mapping[str, Any]], across: Scale, up: Scale) -> str:
    """Draw the curve after temperature scaling, where it was done for all seeds."""
    if not all(f"scaled_bin_{key}" in record for record in records for key in BINS):
        return ""
    count, confidence, correct = (_total(records, f"scaled_bin_{key}") for key in BINS)
    filled = np.flatnonzero(count > 0)
    return path([(across(confidence[i] / count[i]), up(correct[i] / count[i])) for i in filled], "line dash")


def _total(records: Sequence[Mapping[str, Any]], key: str) -> NDArray[np.float64]:
    bins = np.nan_to_num(np.asarray([record[key] for record in records], dtype=np.float64))
    total: NDArray[np.float64] = bins.sum(axis=0)
    return total
