"""Figures of how a run went: the headline metric against the round, and what it cost."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fedot.report.rows import LABELS, LEGEND, MANY_CLIENTS, TOP, WIDTH, label, layout, name_of_split, padded
from fedot.report.statistics import Estimate, Scores, estimate
from fedot.report.svg import (
    Figure,
    Panel,
    Scale,
    circle,
    line,
    path,
    rect,
    shorten,
    spread,
    text,
    tick_label,
    ticks,
)
from fedot.report.views import Entry, Metric, duration, entries_of, metrics_of, quantity


def rounds_figure(results: Mapping[str, Any]) -> Figure | None:
    """Headline metric against the round, if there was more than one."""
    scores = Scores.of(results["rows"])
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
    curves = {split: [_curve(results, entry, split, metric) for entry in entries] for split in splits}
    values = [value.mean for found in curves.values() for curve in found for _, value in curve]
    if not values:
        return None
    low, high = padded(values, metric)
    panels = tuple(
        _rounds_panel(entries, found, metric, name_of_split(split), low, high) for split, found in curves.items()
    )
    caption = (
        f"{metric.label} after each round of communication, mean over seeds; the shaded band is the 95 % "
        "interval (cut off at the frame), none with one seed."
    )
    return Figure("rounds", f"{metric.label} against the round", caption, panels)


def cost_figure(results: Mapping[str, Any]) -> Figure | None:
    """Bytes and seconds of each strategy, summed over its rounds."""
    scores = Scores.of(results["rows"])
    entries = [e for e in entries_of(results, scores) if not e.failure and not e.members[0].startswith("parent:")]
    units = (("bytes_up", "Sent by clients"), ("bytes_down", "Sent to clients"), ("seconds", "Time"))
    panels, kinds = [], set[str]()
    for key, title in units:
        spent = [cost_of(results["rows"], entry.members[0], key) for entry in entries]
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
    legend = tuple((role, "bar", name) for role, _, name in LEGEND if role in kinds)
    return Figure("cost", "What a run costs", caption, tuple(panels), legend)


def cost_of(rows: Sequence[Mapping[str, Any]], strategy: str, key: str) -> Estimate | None:
    """Mean over seeds of bytes or seconds, summed over a strategy's rounds."""
    total: dict[int, float] = {}
    for row in rows:
        if row["strategy"] == strategy and row["split"] == "all" and row.get(key) is not None:
            total[row["seed"]] = total.get(row["seed"], 0.0) + float(row[key])
    return estimate(total.values())


def _curve(results: Mapping[str, Any], entry: Entry, split: str, metric: Metric) -> list[tuple[int, Estimate]]:
    by_round: dict[int, list[float]] = {}
    for row in results["rows"]:
        if row["strategy"] == entry.members[0] and row["split"] == split:
            by_round.setdefault(row["round"], []).append(row["metrics"].get(metric.key))
    return [(number, value) for number, found in sorted(by_round.items()) if (value := estimate(found))]


def _rounds_panel(
    entries: Sequence[Entry],
    curves: Sequence[Sequence[tuple[int, Estimate]]],
    metric: Metric,
    title: str,
    low: float,
    high: float,
) -> Panel:
    height, left, right = 250.0, 38.0, WIDTH - 124
    rounds = sorted({number for curve in curves for number, _ in curve})
    across, up = Scale(rounds[0], rounds[-1], left, right), Scale(low, high, height - 34, TOP)
    marks = ticks(low * metric.scale, high * metric.scale)
    body = [text(0, 14, shorten(title, 40), "t", title=title)]
    for mark in marks:
        y = up(mark / metric.scale)
        body += [
            line(left, y, right, y, "grid"),
            text(left - 6, y + 4, tick_label(mark, marks), "s n", "end"),
        ]
    body += [
        text(across(mark), height - 18, f"{mark:.0f}", "s n", "middle")
        for mark in ticks(rounds[0], rounds[-1])
        if mark == int(mark)
    ]
    body += [
        line(left, up.start, right, up.start, "axis"),
        text((left + right) / 2, height - 3, "round", "s", "middle"),
    ]
    drawn = [(index, curve) for index, curve in enumerate(curves) if curve]
    # OT fusion comes first, so that it has the blue and FedAvg the orange of all other figures.
    order = sorted(range(len(entries)), key=lambda index: entries[index].kind != "ot")
    colours = {index: place % 8 for place, index in enumerate(order)}
    labels = spread([up(curve[-1][1].mean) + 4 for _, curve in drawn], 15, TOP, height - 24)
    for (index, curve), y in zip(drawn, labels, strict=True):
        entry = entries[index]
        role = "line dash" if entry.kind == "reference" else "line"
        body.append(f'<g class="k-{colours[index]}">{_band(curve, across, up)}')
        body.append(path([(across(number), up(value.mean)) for number, value in curve], role))
        body += [
            circle(across(n), up(v.mean), 3.2, "dot", f"{entry.label}, round {n}: {metric.estimate(v)}")
            for n, v in curve
        ]
        body.append(text(right + 9, y, shorten(entry.label, 20), "s own", title=entry.label) + "</g>")
    return Panel(WIDTH, height, "".join(body), f"{metric.label} against the round, {title}")


def _band(curve: Sequence[tuple[int, Estimate]], across: Scale, up: Scale) -> str:
    known = [
        (number, value.low, value.high) for number, value in curve if value.low is not None and value.high is not None
    ]
    if len(known) < 2:
        return ""
    outline = [(across(number), up(high)) for number, _, high in known]
    outline += [(across(number), up(low)) for number, low, _ in reversed(known)]
    return path(outline, "band")


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
