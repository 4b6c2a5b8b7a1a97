"""Figures of how a run went: the headline metric against the round, and what it cost."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

from fedot.report.curves import ROUND, curve_of, curves_panel
from fedot.report.rows import LABELS, LEGEND, MANY_CLIENTS, TOP, WIDTH, label, layout, name_of_split, padded
from fedot.report.statistics import Estimate, Scores, estimate
from fedot.report.svg import (
    Figure,
    Panel,
    Scale,
    line,
    rect,
    text,
)
from fedot.report.views import Entry, duration, entries_of, footnotes, metrics_of, quantity


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
        spent = [cost_of(_rows_shown(scores, results["rows"], entry), entry.members[0], key) for entry in entries]
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


def cost_of(rows: Sequence[Mapping[str, Any]], strategy: str, key: str) -> Estimate | None:
    """Mean over seeds of bytes or seconds, summed over a strategy's rounds."""
    spent = {
        (row["seed"], row["round"]): float(row[key])
        for row in rows
        if row["strategy"] == strategy and row.get(key) is not None
    }
    total: dict[int, float] = {}
    for (seed, _), value in spent.items():  # all splits of a round have the same
        total[seed] = total.get(seed, 0.0) + value
    return estimate(total.values())


def costs_of(
    scores: Scores, rows: Sequence[Mapping[str, Any]], entry: Entry
) -> tuple[Estimate | None, Estimate | None, Estimate | None]:
    """Bytes up, bytes down and seconds of an entry, summed over rounds; None where nothing was spent.

    They are means over the seeds that the entry's figures are of.
    """
    rows = _rows_shown(scores, rows, entry)
    found = [cost_of(rows, entry.members[0], key) for key in ("bytes_up", "bytes_down", "seconds")]
    up, down, seconds = (value if value and value.mean > 0 and len(entry.members) == 1 else None for value in found)
    return up, down, seconds


def _rows_shown(scores: Scores, rows: Sequence[Mapping[str, Any]], entry: Entry) -> list[Mapping[str, Any]]:
    """Rows of the seeds that a line's figures are of, at its first split that has any."""
    for split, metric in product(scores.splits, metrics_of(scores)):
        if seeds := scores.values(entry.members, split, metric.key):
            return [row for row in rows if row["strategy"] in entry.members and row["seed"] in seeds]
    return []


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
