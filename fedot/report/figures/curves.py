"""A panel of curves, one a strategy, with its name at the end: over rounds, bytes, seconds, or a setting."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from fedot.report.analysis.entries import Entry, Metric, footnotes
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.over_rounds import ROUND, Across, Curve, curve_of
from fedot.report.figures.by_strategy import MANY_CLIENTS, TOP, WIDTH, metric_limits, name_of_split
from fedot.report.figures.drawing import COLOURS, CURVES, LINE, Drawing, Panel, dot, name_line

HEIGHT, LEFT, RIGHT, FOOT = 250.0, 38.0, 124.0, 34.0
LONGEST_NAME = 19
WIDE = 4.0  # an axis whose ends lie this far apart, and whose marks are given, is logarithmic


def rounds_figure(results: Mapping[str, Any]) -> Drawing | None:
    """Headline metric against the round, if there was more than one."""
    run = Run.of(results)
    scores, metric = run.scores, run.headline
    if metric is None or len({row["round"] for row in results["rows"]} - {0}) < 2:
        return None
    entries = [e for e in run.measured if len(e.members) == 1 and scores.final_round[e.members[0]] > 1]
    splits = scores.splits if len(scores.clients) <= MANY_CLIENTS else ("all",)
    curves = {
        split: [curve_of(results["rows"], entry.members[0], split, metric.key, ROUND) for entry in entries]
        for split in splits
    }
    values = [value.mean for found in curves.values() for curve in found for _, value in curve]
    if not values:
        return None
    limits = metric_limits(values, metric)
    panels = tuple(
        curves_panel(entries, found, metric, name_of_split(split), limits) for split, found in curves.items()
    )
    caption = (
        f"{metric.label} after each round of communication, mean over seeds; the shaded band is the 95 % "
        "interval (cut off at the frame), none with one seed."
    )
    caption = " ".join([caption, *footnotes(scores, entries, [metric], splits)])
    return Drawing("rounds", f"{metric.label} against the round", caption, panels)


def curves_panel(
    entries: Sequence[Entry],
    curves: Sequence[Curve],
    metric: Metric,
    title: str,
    limits: tuple[float, float],
    across: Across = ROUND,
) -> Panel:
    """Draw curves over one axis; bands, or bars at given marks, are intervals, dots say their figures on hovering."""
    # OT fusion comes first, so that it has the blue and FedAvg the orange of all other figures.
    order = sorted(range(len(entries)), key=lambda index: entries[index].kind != "ot")
    colours = {index: CURVES[place % len(CURVES)] for place, index in enumerate(order)}

    def draw(axes: Axes) -> None:
        axes.set_ylim(*limits)
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        axes.grid(axis="y")
        axes.set_xlabel(across.label, labelpad=2)
        _across_axis(axes, sorted({place for curve in curves for place, _ in curve} | set(across.marks)), across)
        for index, curve in enumerate(curves):
            _curve(axes, entries[index], curve, colours[index], CURVES.index(colours[index]), metric, across)
        ends = [(index, curve[-1][1].mean * metric.scale) for index, curve in enumerate(curves) if curve]
        two = any(len(entries[index].marked) > LONGEST_NAME for index, _ in ends)
        gap = (LINE * (1 + two) + 4) * (limits[1] - limits[0]) / (HEIGHT - TOP - FOOT)
        for (index, _), y in zip(ends, spread([end for _, end in ends], gap, *limits), strict=True):
            name_line(axes, entries[index].marked, LONGEST_NAME, y, 9.0, colours[index])

    label = f"{metric.label} against the {across.label}, {title}"
    return Panel(title, (WIDTH, HEIGHT), (LEFT, TOP, RIGHT, FOOT), draw, label)


def _across_axis(axes: Axes, places: Sequence[float], across: Across) -> None:
    """Set up the axis at the foot: whole rounds, the given marks, or round numbers from zero."""
    given = across.marks
    start, end = (places[0] if across is ROUND or given else 0.0), places[-1]
    air = (end - start) * 0.06 or 1.0 if given else 0.0
    if given and min(given) > 0 and max(given) / min(given) >= WIDE:
        axes.set_xscale("log")
        ratio = (end / start) ** 0.06
        axes.set_xlim(start / ratio, end * ratio)
    else:
        axes.set_xlim(start - air, end + (air or (0.0 if end > start else 1.0)))
    axes.xaxis.set_minor_locator(NullLocator())
    if not given:
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], integer=across is ROUND))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: across.write(value)))
        return
    labels, free = [], float("-inf")  # where the last label ended; one that would touch it is left out
    for mark in given:
        text, x = across.write(mark), float(axes.transData.transform((mark, 0.0))[0])
        half = 3.5 * len(text)
        labels.append(text if x - half >= free else "")
        free = x + half if labels[-1] else free
    axes.set_xticks(given, labels)


def _curve(axes: Axes, entry: Entry, curve: Curve, colour: str, place: int, metric: Metric, across: Across) -> None:
    ink, scale = COLOURS[colour], metric.scale
    xs, ys = [x for x, _ in curve], [value.mean * scale for _, value in curve]
    known = [(x, v.low * scale, v.high * scale) for x, v in curve if v.low is not None and v.high is not None]
    if across.marks:  # bars, set off a little so that several curves' stay apart
        aside = axes.transData + ScaledTranslation((2 * place - 5) / 72, 0, axes.figure.dpi_scale_trans)
        for x, low, high in known:
            axes.plot([x, x], [low, high], color=ink, linewidth=1, alpha=0.4, transform=aside)
    elif len(known) > 1:
        at, lows, highs = zip(*known, strict=True)
        axes.fill_between(at, lows, highs, color=ink, alpha=0.14, linewidth=0)
    axes.plot(xs, ys, color=ink, linewidth=2, linestyle="--" if entry.kind == "reference" else "-", clip_on=False)
    for (x, value), y in zip(curve, ys, strict=True):
        told = f"{entry.label}, {across.label} {across.write(x)}: {metric.estimate(value)}"
        dot(axes, x, y, colour, 5.5, title=told)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels apart to at least `gap`, keeping their order and staying near where they belong."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed, floor, ceiling = [0.0] * len(wanted), low, high
    for index in order:
        placed[index] = floor = max(wanted[index], floor)
        floor += gap
    for index in reversed(order):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - gap
    return placed
