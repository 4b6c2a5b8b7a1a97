"""Figures of the scores: by strategy and client, by round, and what they cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from fedot.report import diagnostics
from fedot.report.headline import baseline_of
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

WIDTH, LABELS, ROW, TOP = 350.0, 134.0, 22.0, 30.0
MANY_CLIENTS = 6
LEGEND = (
    ("ot", "dot", "OT fusion"),
    ("baseline", "dot", "baseline"),
    ("reference", "hollow", "reference"),
)


def figures(results: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Every figure that the results have data for."""
    makers = (
        scores_figure,
        diagnostics.lines_figure,
        rounds_figure,
        diagnostics.reliability_figure,
        diagnostics.couplings_figure,
        cost_figure,
    )
    return tuple(figure for figure in (maker(results) for maker in makers) if figure is not None)


def scores_figure(results: Mapping[str, Any]) -> Figure | None:
    """Headline metric by strategy: one panel over all and one per client, or one for all clients if many."""
    scores = Scores.of(results["rows"])
    metrics, entries = metrics_of(scores), [e for e in entries_of(results, scores) if not e.failure]
    if not metrics or not entries:
        return None
    metric, baseline = metrics[0], baseline_of(results, entries)
    many = len(scores.clients) > MANY_CLIENTS
    splits = ("all",) if many or len(scores.splits) == 1 else scores.splits
    shown = [_estimates(scores, entries, split, metric) for split in splits]
    by_client = [
        [value.mean for client in scores.clients if (value := scores.estimate(e.members, client, metric.key))]
        for e in entries
    ]
    reach = [edge for column in shown for value in column if value for edge in _edges(value)]
    reach += [mean for means in by_client for mean in means] if many else []
    low, high = _padded(reach, metric)
    panels = [
        _dots(entries, column, metric, "All clients" if split == "all" else split, baseline, low, high)
        for split, column in zip(splits, shown, strict=True)
    ]
    caption = (
        f"{metric.label} of the final model. Large mark: mean over seeds; bar: its 95 % interval; small marks: single seeds. "
        "A dotted line marks plain FedAvg. Pooled differences to it are in the table, and are tighter than these bars "
        "suggest, because they pair equal seeds."
    )
    if many:
        panels.append(_clients_panel(entries, by_client, scores.clients, metric, low, high))
        caption += " On the right every small mark is one client's mean; the bar spans them and the large mark is the client in the middle."
    return Figure("scores", f"{metric.label} by strategy and client", caption, tuple(panels), LEGEND)


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
    low, high = _padded(values, metric)
    panels = tuple(
        _rounds_panel(entries, found, metric, "All clients" if split == "all" else split, low, high)
        for split, found in curves.items()
    )
    caption = (
        f"{metric.label} after each round of communication, mean over seeds; the shaded band is the 95 % interval "
        "(cut off at the frame), none with one seed."
    )
    return Figure("rounds", f"{metric.label} against the round", caption, panels)


def cost_figure(results: Mapping[str, Any]) -> Figure | None:
    """Bytes and seconds of each strategy, summed over its rounds."""
    scores = Scores.of(results["rows"])
    entries = [e for e in entries_of(results, scores) if not e.failure and not e.members[0].startswith("parent:")]
    units = (("bytes_up", "Sent by clients"), ("bytes_down", "Sent to clients"), ("seconds", "Time"))
    panels = []
    for key, title in units:
        spent = [cost_of(results["rows"], entry.members[0], key) for entry in entries]
        shown = [(entry, value) for entry, value in zip(entries, spent, strict=True) if value is not None and value.mean > 0]
        if shown:
            panels.append(_bars(shown, title, duration if key == "seconds" else quantity))
    caption = (
        "Mean per seed over all rounds of a run. Bytes are those of the messages' content, all clients together. Strategies of one "
        "seed start from the same trained parents, so time differs by what a strategy does with them."
    )
    return Figure("cost", "What a run costs", caption, tuple(panels), LEGEND[:2] + (("reference", "bar", "reference"),)) if panels else None


def cost_of(rows: Sequence[Mapping[str, Any]], strategy: str, key: str) -> Estimate | None:
    """Mean over seeds of bytes or seconds, summed over a strategy's rounds."""
    total: dict[int, float] = {}
    for row in rows:
        if row["strategy"] == strategy and row["split"] == "all" and row.get(key) is not None:
            total[row["seed"]] = total.get(row["seed"], 0.0) + float(row[key])
    return estimate(total.values())


def _estimates(scores: Scores, entries: Sequence[Entry], split: str, metric: Metric) -> list[Estimate | None]:
    return [scores.estimate(entry.members, split, metric.key) for entry in entries]


def _edges(value: Estimate) -> tuple[float, ...]:
    """Values an axis must show: every seed, and as much of the interval as does not squeeze the rest."""
    low, high = min(value.values), max(value.values)
    room = max(high - low, abs(value.mean) * 0.02)
    if value.low is None or value.high is None:
        return low, high
    return low, high, max(value.low, low - room), min(value.high, high + room)


def _padded(values: Sequence[float], metric: Metric) -> tuple[float, float]:
    low, high = min(values), max(values)
    pad = (high - low) * 0.06 or abs(low) * 0.05 or 0.05
    bounded = metric.scale == 100.0 or metric.points
    return (max(low - pad, 0.0) if bounded else low - pad), (min(high + pad, 1.0) if metric.scale == 100.0 else high + pad)


def _layout(entries: Sequence[Entry]) -> tuple[list[float], float]:
    """Give each line its height, with a little more air between sections."""
    places, y = [], TOP + 14
    for index, entry in enumerate(entries):
        y += 8 if index and entry.kind != entries[index - 1].kind else 0
        places.append(y)
        y += ROW
    return places, y


def _x_axis(scale: Scale, metric: Metric, top: float, bottom: float) -> str:
    marks = ticks(scale.low * metric.scale, scale.high * metric.scale)
    body = [line(scale(m / metric.scale), top, scale(m / metric.scale), bottom, "grid") for m in marks]
    body += [text(scale(m / metric.scale), bottom + 15, tick_label(m, marks), "s n", "middle") for m in marks]
    return "".join([*body, line(scale.start, bottom, scale.end, bottom, "axis")])


def _dots(
    entries: Sequence[Entry],
    column: Sequence[Estimate | None],
    metric: Metric,
    title: str,
    baseline: Entry | None,
    low: float,
    high: float,
) -> Panel:
    places, bottom = _layout(entries)
    scale = Scale(low, high, LABELS + 8, WIDTH - 10)
    body = [text(0, 14, shorten(title, 40), "t", title=title), _x_axis(scale, metric, TOP, bottom)]
    spoken = []
    for entry, value, y in zip(entries, column, places, strict=True):
        body.append(text(LABELS, y + 4, shorten(entry.label, 21), "l" if entry.kind == "ot" else "", "end", entry.label))
        if value is None:
            body.append(text(scale.start + 4, y + 4, "not measured", "s"))
            continue
        spoken.append(f"{entry.label} {metric.estimate(value)}")
        if entry is baseline:
            body.append(line(scale(value.mean), TOP, scale(value.mean), bottom, "ref"))
        body.append(f'<g class="k-{entry.kind}">{_mark(entry, value, metric, scale, y)}</g>')
    body.append(text(scale.end, bottom + 30, f"{metric.label}{' in %' if metric.unit else ''}", "s", "end"))
    return Panel(WIDTH, bottom + 36, "".join(body), f"{metric.label}, {title}: {'; '.join(spoken)}")


def _mark(entry: Entry, value: Estimate, metric: Metric, scale: Scale, y: float) -> str:
    marks = []
    if value.low is not None and value.high is not None:
        marks.append(line(scale(value.low), y, scale(value.high), y, "whisker"))
    if value.n > 1:
        marks += [circle(scale(single), y, 2.6, "seed") for single in value.values]
    role = "hollow" if entry.kind == "reference" else "dot"
    hover = f"{entry.label}: {metric.estimate(value)} ({metric.interval(value)})"
    return "".join([*marks, circle(scale(value.mean), y, 5, role, hover)])


def _clients_panel(
    entries: Sequence[Entry],
    by_client: Sequence[Sequence[float]],
    clients: Sequence[str],
    metric: Metric,
    low: float,
    high: float,
) -> Panel:
    places, bottom = _layout(entries)
    scale = Scale(low, high, LABELS + 8, WIDTH - 10)
    title = f"Each of the {len(clients)} clients"
    body = [text(0, 14, title, "t"), _x_axis(scale, metric, TOP, bottom)]
    for entry, means, y in zip(entries, by_client, places, strict=True):
        body.append(text(LABELS, y + 4, shorten(entry.label, 21), "l" if entry.kind == "ot" else "", "end", entry.label))
        if not means:
            continue
        marks = line(scale(min(means)), y, scale(max(means)), y, "whisker faint")
        marks += "".join(
            circle(scale(mean), y, 2.6, "seed", f"{client}: {metric.number(mean)}")
            for client, mean in zip(clients, means, strict=False)
        )
        middle = sorted(means)[len(means) // 2]
        role = "hollow" if entry.kind == "reference" else "dot"
        hover = f"{entry.label}: {metric.number(min(means))} to {metric.number(max(means))}"
        body.append(f'<g class="k-{entry.kind}">{marks}{circle(scale(middle), y, 4.5, role, hover)}</g>')
    body.append(text(scale.end, bottom + 30, f"{metric.label}{' in %' if metric.unit else ''}", "s", "end"))
    return Panel(WIDTH, bottom + 36, "".join(body), f"{metric.label} of every client by strategy")


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
    height, left, right = 250.0, 38.0, WIDTH - 118
    rounds = sorted({number for curve in curves for number, _ in curve})
    across, up = Scale(rounds[0], rounds[-1], left, right), Scale(low, high, height - 34, TOP)
    marks = ticks(low * metric.scale, high * metric.scale)
    body = [text(0, 14, shorten(title, 40), "t", title=title)]
    for mark in marks:
        y = up(mark / metric.scale)
        body += [line(left, y, right, y, "grid"), text(left - 6, y + 4, tick_label(mark, marks), "s n", "end")]
    body += [
        text(across(mark), height - 18, f"{mark:.0f}", "s n", "middle")
        for mark in ticks(rounds[0], rounds[-1])
        if mark == int(mark)
    ]
    body += [line(left, up.start, right, up.start, "axis"), text((left + right) / 2, height - 3, "round", "s", "middle")]
    drawn = [(index, curve) for index, curve in enumerate(curves) if curve]
    labels = spread([up(curve[-1][1].mean) + 4 for _, curve in drawn], 15, TOP, height - 24)
    for (index, curve), y in zip(drawn, labels, strict=True):
        entry = entries[index]
        role = "line dash" if entry.kind == "reference" else "line"
        body.append(f'<g class="k-{index % 8}">{_band(curve, across, up)}')
        body.append(path([(across(number), up(value.mean)) for number, value in curve], role))
        body += [
            circle(across(n), up(v.mean), 3.2, "dot", f"{entry.label}, round {n}: {metric.estimate(v)}") for n, v in curve
        ]
        body.append(text(right + 9, y, shorten(entry.label, 17), "s own", title=entry.label) + "</g>")
    return Panel(WIDTH, height, "".join(body), f"{metric.label} against the round, {title}")


def _band(curve: Sequence[tuple[int, Estimate]], across: Scale, up: Scale) -> str:
    known = [(number, value.low, value.high) for number, value in curve if value.low is not None and value.high is not None]
    if len(known) < 2:
        return ""
    outline = [(across(number), up(high)) for number, _, high in known]
    outline += [(across(number), up(low)) for number, low, _ in reversed(known)]
    return path(outline, "band")


def _bars(shown: Sequence[tuple[Entry, Estimate]], title: str, write: Any) -> Panel:
    places, bottom = _layout([entry for entry, _ in shown])
    scale = Scale(0, max(value.mean for _, value in shown), LABELS + 8, WIDTH - 66)
    body = [text(0, 14, title, "t"), line(scale.start, TOP, scale.start, bottom, "axis")]
    for (entry, value), y in zip(shown, places, strict=True):
        body.append(text(LABELS, y + 4, shorten(entry.label, 21), "l" if entry.kind == "ot" else "", "end", entry.label))
        bar = rect(scale.start, y - 6, scale(value.mean) - scale.start, 12, "bar", f"{entry.label}: {write(value.mean)}")
        body.append(f'<g class="k-{entry.kind}">{bar}</g>')
        body.append(text(scale(value.mean) + 5, y + 4, write(value.mean), "s n"))
    spoken = "; ".join(f"{entry.label} {write(value.mean)}" for entry, value in shown)
    return Panel(WIDTH, bottom + 4, "".join(body), f"{title}: {spoken}")
