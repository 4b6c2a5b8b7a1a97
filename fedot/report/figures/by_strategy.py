"""Figures with one line per strategy: scores over all clients and by client, and what a run cost."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from fedot.report.analysis.entries import Entry, Metric, duration, footnotes, quantity
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.statistics import Estimate
from fedot.report.analysis.titles import section_titles
from fedot.report.figures.drawing import COLOURS, Drawing, Panel, dot, name_line, padded, small_dots, words

WIDTH, LABELS, ROW, TOP = 350.0, 142.0, 22.0, 30.0
MANY_CLIENTS, MOST_HOVERS, BARS = 6, 200, 40


def scores_figure(results: Mapping[str, Any]) -> Drawing | None:
    """Headline metric by strategy: one panel over all and one per client, or one for all clients if many."""
    run = Run.of(results)
    scores, entries, metric = run.scores, run.measured, run.headline
    if metric is None or not entries:
        return None
    many = len(scores.clients) > MANY_CLIENTS
    splits = ("all",) if many or len(scores.splits) == 1 else scores.splits
    # there is no `all` where a client was lost
    splits = tuple(split for split in splits if split in scores.splits) or scores.splits
    shown = {split: [run.estimate(e, metric, split) for e in entries] for split in splits}
    by_client = [
        {client: v.mean for client in scores.clients if (v := run.estimate(e, metric, client))} for e in entries
    ]
    reach = [edge for column in shown.values() for value in column if value for edge in reach_of(value)]
    reach += [mean for means in by_client for mean in means.values()] if many else []
    limits = metric_limits(reach, metric)
    panels = [
        dots_panel(entries, column, metric, name_of_split(split), run.baseline, limits)
        for split, column in shown.items()
    ]
    caption = (
        f"{metric.label} of the final model. Large mark: mean over seeds; bar: its 95 % interval, cut off at "
        "the frame; small marks below: single seeds. The dotted line marks the baseline (plain FedAvg, if it was run). "
        "Paired differences to it are in the table; they can be tighter than these bars suggest, because they compare "
        "equal seeds."
    )
    if many:
        panels.append(_clients_panel(entries, by_client, len(scores.clients), metric, limits))
        caption += (
            " In the second panel "
            + ("the bars count the clients" if len(scores.clients) > MOST_HOVERS else "every small mark is one client")
            + " by their mean; the line spans them and the large mark is their median."
        )
    caption = " ".join([caption, *run.notes([metric], splits)])
    return Drawing("scores", f"{metric.label} by strategy and client", caption, tuple(panels), legend_of([results]))


def cost_figure(results: Mapping[str, Any]) -> Drawing | None:
    """Bytes and seconds of each strategy, summed over its rounds."""
    run = Run.of(results)
    entries = [entry for entry in run.measured if not entry.members[0].startswith("parent:")]
    units = (("Sent by clients", quantity), ("Sent to clients", quantity), ("Time", duration))
    panels, kinds = [], set[str]()
    costs = {entry: run.costs(entry) for entry in entries}
    for place, (title, write) in enumerate(units):
        shown = [(entry, cost.mean) for entry, found in costs.items() if (cost := found[place])]
        if shown:
            kinds |= {entry.kind for entry, _ in shown}
            panels.append(_bars(shown, title, write))
    if not panels:
        return None
    caption = (
        "Mean per seed, summed over the rounds. Bytes are those of the messages' content, all clients "
        "together. Time counts training, at the slowest client where clients train side by side, and "
        "fusion; not evaluation."
    )
    caption = " ".join([caption, *footnotes(run.scores, entries, run.metrics[:1], run.scores.splits)])
    legend = tuple((kind, "bar", name) for kind, _, name in legend_of([results]) if kind in kinds)
    return Drawing("cost", "What a run costs", caption, tuple(panels), legend)


def legend_of(runs: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str, str], ...]:
    """Say what the colours of lines mean."""
    fused = min(section_titles(results)["ot"] for results in runs)  # "Fusion", if that is what any run calls it
    return (("ot", "dot", fused), ("baseline", "dot", "baseline"), ("reference", "hollow", "reference"))


def dots_panel(
    entries: Sequence[Entry],
    column: Sequence[Estimate | None],
    metric: Metric,
    title: str,
    baseline: Entry | None,
    limits: tuple[float, float],
) -> Panel:
    """Draw a mark with its interval and seeds for each line; the baseline gets a dotted line."""

    def draw(axes: Axes, places: Sequence[float]) -> None:
        _metric_axis(axes, metric, limits)
        for entry, value, y in zip(entries, column, places, strict=True):
            if value is None:
                words(axes, "not measured", (0.0, y), (4.0, 0.0), axes.get_yaxis_transform())
                continue
            mean, low, high = (edge * metric.scale for edge in (value.mean, value.low or 0.0, value.high or 0.0))
            if entry is baseline:
                axes.axvline(mean, color=COLOURS["ink-2"], linewidth=1, linestyle=(0, (2, 3)), zorder=1)
            if value.low is not None:
                axes.plot([low, high], [y, y], color=COLOURS[entry.kind], linewidth=2, zorder=3)
            if value.n > 1:
                small_dots(axes, [v * metric.scale for v in value.values], y + 6.5, entry.kind)
            told = f"{entry.marked}: {metric.estimate(value)} ({metric.interval(value)})"
            dot(axes, mean, y, entry.kind, 9.5, entry.kind == "reference", told)

    spoken = [f"{e.marked} {metric.estimate(v)}" for e, v in zip(entries, column, strict=True) if v]
    return _rows_panel(title, entries, draw, f"{metric.label}, {title}: {'; '.join(spoken)}")


def metric_limits(values: Sequence[float], metric: Metric) -> tuple[float, float]:
    """Limits of an axis of a metric, in the units that are shown."""
    bounded = metric.scale == 100.0 or bool(metric.points)
    low, high = padded(values, 0.0 if bounded else None, 1.0 if metric.scale == 100.0 else None)
    return low * metric.scale, high * metric.scale


def reach_of(value: Estimate) -> tuple[float, ...]:
    """What an axis must show of a value: seeds, and its interval as far as it is not absurdly wide."""
    low, high = min(value.values), max(value.values)
    room = max(high - low, abs(value.mean) * 0.02)
    if value.low is None or value.high is None:
        return low, high
    return low, high, max(value.low, low - room), min(value.high, high + room)


def name_of_split(split: str) -> str:
    """Title of a panel."""
    return "All clients" if split == "all" else split


def unit_of(metric: Metric) -> str:
    """A metric's name, with its unit."""
    return f"{metric.label}{' in %' if metric.unit else ''}"


def _clients_panel(
    entries: Sequence[Entry],
    by_client: Sequence[Mapping[str, float]],
    count: int,
    metric: Metric,
    limits: tuple[float, float],
) -> Panel:
    """Draw every client's mean, one by one where they can still be told apart."""

    def draw(axes: Axes, places: Sequence[float]) -> None:
        _metric_axis(axes, metric, limits)
        for entry, found, y in zip(entries, by_client, places, strict=True):
            if not found:
                continue
            means = sorted(found.values())
            ends = [means[0] * metric.scale, means[-1] * metric.scale]
            axes.plot(ends, [y, y], color=COLOURS[entry.kind], linewidth=1, alpha=0.4, zorder=3)
            if count > MOST_HOVERS:
                counts, edges = np.histogram([mean * metric.scale for mean in means], BARS, limits)
                heights = -0.45 * ROW * counts / counts.max()  # upwards: a line's place is its distance from the top
                axes.bar(edges[:-1], heights, np.diff(edges), y, align="edge", color=COLOURS[entry.kind], alpha=0.5)
            for client, mean in found.items() if count <= MOST_HOVERS else ():
                told = f"{client}: {metric.number(mean)}"
                small_dots(axes, [mean * metric.scale], y, entry.kind, 5.2, told)
            told = f"{entry.label}: {metric.number(means[0])} to {metric.number(means[-1])}"
            middle = means[len(means) // 2] * metric.scale
            dot(axes, middle, y, entry.kind, 9.0, entry.kind == "reference", told)

    return _rows_panel(f"Each of the {count} clients", entries, draw, f"{metric.label} of every client by strategy")


def _bars(shown: Sequence[tuple[Entry, float]], title: str, write: Callable[[float], str]) -> Panel:
    def draw(axes: Axes, places: Sequence[float]) -> None:
        axes.set_xlim(0, max(value for _, value in shown) * 1.35)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.spines["left"].set_visible(True)
        for (entry, value), y in zip(shown, places, strict=True):
            axes.barh(y, value, 12, color=COLOURS[entry.kind], alpha=0.85)
            words(axes, write(value), (value, y), (5.0, 0.0), title=f"{entry.label}: {write(value)}")

    spoken = "; ".join(f"{entry.label} {write(value)}" for entry, value in shown)
    return _rows_panel(title, [entry for entry, _ in shown], draw, f"{title}: {spoken}", 4.0)


def _rows_panel(
    title: str,
    entries: Sequence[Entry],
    draw: Callable[[Axes, Sequence[float]], None],
    label: str,
    foot: float = 36.0,
) -> Panel:
    """Give each entry a line with its name at the left, with a little more air between sections."""
    places, bottom = [], TOP + 14
    for number, entry in enumerate(entries):
        bottom += 8 if number and entry.kind != entries[number - 1].kind else 0
        places.append(bottom)
        bottom += ROW

    def draw_all(axes: Axes) -> None:
        axes.set_ylim(bottom, TOP)  # a line's place is its distance from the top
        axes.yaxis.set_visible(False)
        draw(axes, places)
        for entry, y in zip(entries, places, strict=True):
            ink = "ink" if entry.kind == "ot" else "ink-2"
            name_line(axes, entry.marked, 21, y, -8.0, ink)

    return Panel(title, (WIDTH, bottom + foot), (LABELS, TOP, 10.0, foot), draw_all, label)


def _metric_axis(axes: Axes, metric: Metric, limits: tuple[float, float]) -> None:
    axes.set_xlim(*limits)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.grid(axis="x")
    axes.set_xlabel(unit_of(metric), loc="right", labelpad=2)
