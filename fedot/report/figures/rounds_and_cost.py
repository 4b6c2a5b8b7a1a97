"""Figures of how a run went: the headline metric against the round, and what it cost."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fedot.report.analysis.costs import cost_of, rows_shown
from fedot.report.analysis.entries import Entry, duration, entries_of, footnotes, metrics_of, quantity
from fedot.report.analysis.over_rounds import ROUND, curve_of
from fedot.report.analysis.statistics import Estimate, Scores
from fedot.report.figures.axes import LABELS, LEGEND, MANY_CLIENTS, TOP, WIDTH, label, layout, name_of_split, padded
from fedot.report.figures.curves import curves_panel
from fedot.report.figures.svg import (
    Figure,
    Panel,
    Scale,
    line,
    rect,
    text,
)


def rounds_figure(results: Mapping[str, Any]) -> Figure | None:
    """Headline metric against the round, if there was more than one."""
    scores = Scores.of_results(results)
    metrics = metrics_of(scores)
    if not metrics or len({row["round"] for row in results["rows"]} - {0}) < 2:
        return None
    metric = metrics[0]
    entries = [
        entry
        for entry in entries_of(results, scores)
        if not entry.failure and scores.final_round[entry.members[0]] > 1 and len(entry.members) == 1
    ]
    splits = scores.splits if len(scores.clients) <= MANY_CLIENTS else ("all",)
    curves = {
        split: [curve_of(results["rows"], entry.members[0], split, metric.key, ROUND) for entry in entries]
        for split in splits
    }
    values = [value.mean for found in curves.values() for curve in found for _, value in curve]
    if not values:
        return None
    reach = padded(values, metric)
    panels = tuple(curves_panel(entries, found, metric, name_of_split(split), reach) for split, found in curves.items())
    caption = (
        f"{metric.label} after each round of communication, mean over seeds; the shaded band is the 95 % "
        "interval (cut off at the frame), none with one seed."
    )
    caption = " ".join([caption, *footnotes(scores, entries, [metric], splits)])
    return Figure("rounds", f"{metric.label} against the round", caption, panels)


def cost_figure(results: Mapping[str, Any]) -> Figure | None:
    """Bytes and seconds of each strategy, summed over its rounds."""
    scores = Scores.of_results(results)
    entries = [e for e in entries_of(results, scores) if not e.failure and not e.members[0].startswith("parent:")]
    units = (("bytes_up", "Sent by clients"), ("bytes_down", "Sent to clients"), ("seconds", "Time"))
    panels, kinds = [], set[str]()
    for key, title in units:
        spent = [cost_of(rows_shown(scores, results["rows"], entry), entry.members[0], key) for entry in entries]
        shown = [
            (entry, value) for entry, value in zip(entries, spent, strict=True) if value is not None and value.mean > 0
        ]
        if shown:
            kinds |= {entry.kind for entry, _ in shown}
            panels.append(_bars(shown, title, duration if key == "seconds" else quantity))
    if not panels:
        return None
    caption = (
        "Mean per seed, summed over the rounds. Bytes are those of the messages' content, all clients "
        "together. Time counts training, at the slowest client where clients train side by side, and "
        "fusion; not evaluation."
    )
    caption = " ".join([caption, *footnotes(scores, entries, metrics_of(scores)[:1], scores.splits)])
    legend = tuple((role, "bar", name) for role, _, name in LEGEND if role in kinds)
    return Figure("cost", "What a run costs", caption, tuple(panels), legend)


def _bars(shown: Sequence[tuple[Entry, Estimate]], title: str, write: Callable[[float], str]) -> Panel:
    places, bottom = layout([entry for entry, _ in shown])
    scale = Scale(0, max(value.mean for _, value in shown), LABELS + 8, WIDTH - 66)
    body = [text(0, 14, title, "t"), line(scale.start, TOP, scale.start, bottom, "axis")]
    for (entry, value), y in zip(shown, places, strict=True):
        body.append(label(entry, y))
        bar = rect(
            scale.start,
            y - 6,
            scale(value.mean) - scale.start,
            12,
            "bar",
            f"{entry.label}: {write(value.mean)}",
        )
        body.append(f'<g class="k-{entry.kind}">{bar}</g>')
        body.append(text(scale(value.mean) + 5, y + 4, write(value.mean), "s n"))
    spoken = "; ".join(f"{entry.label} {write(value.mean)}" for entry, value in shown)
    return Panel(WIDTH, bottom + 4, "".join(body), f"{title}: {spoken}")
