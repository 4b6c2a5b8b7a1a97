"""A panel of curves, one a strategy, with its name at the end: over rounds, bytes, seconds, or a setting."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fedot.report.rows import TOP, WIDTH
from fedot.report.statistics import Estimate, Scores, estimate
from fedot.report.svg import Panel, Scale, circle, line, path, shorten, spread, text, tick_label, ticks
from fedot.report.views import Entry, Metric, duration, quantity

Curve = Sequence[tuple[float, Estimate]]
WIDE = 4.0  # an axis whose ends lie this far apart, and whose marks are given, is logarithmic


def whole(value: float) -> str:
    """Write a number of rounds."""
    return f"{value:.0f}"


@dataclass(frozen=True, slots=True)
class Across:
    """What a curve runs over: `key` of the rows (summed up), how it is named and written.

    With `marks` the ticks are these numbers, else round ones.
    """

    key: str
    label: str
    write: Callable[[float], str] = whole
    marks: tuple[float, ...] = field(default=())


ROUND = Across("round", "round")
SENT = Across("bytes", "bytes sent, both ways", quantity)
SECONDS = Across("seconds", "time of training and fusion", duration)


def curve_of(rows: Sequence[Mapping[str, Any]], strategy: str, split: str, metric: str, across: Across) -> Curve:
    """Follow a strategy's metric: at each round its mean over seeds, at the mean of what was spent until then.

    A round's mean is over seeds of the same clients only (`fedot.report.standing`).
    """
    mine = [row for row in rows if row["strategy"] == strategy]
    cost = {(row["seed"], row["round"]): _spent(row, across.key) for row in mine}  # all splits of a round have the same
    curve = []
    for number in sorted({row["round"] for row in mine}):
        reached = Scores.of(row for row in mine if row["round"] == number).values(strategy, split, metric)
        places = [
            float(number)
            if across.key == "round"
            else math.fsum(value for (seed, before), value in cost.items() if seed == of and before <= number)
            for of in reached
        ]
        if (value := estimate(reached.values())) and (place := estimate(places)):
            curve.append((place.mean, value))
    return curve


def _spent(row: Mapping[str, Any], key: str) -> float:
    names = ("bytes_up", "bytes_down") if key == "bytes" else (key,)
    return sum(float(row.get(name) or 0) for name in names)


def curves_panel(
    entries: Sequence[Entry],
    curves: Sequence[Curve],
    metric: Metric,
    title: str,
    reach: tuple[float, float],
    across: Across = ROUND,
) -> Panel:
    """Draw curves over one axis; bands, or bars at given marks, are intervals, dots say their figures on hovering."""
    height, left, right = 250.0, 38.0, WIDTH - 124
    inset = 12.0 if across.marks else 0.0  # room for the bars at both ends
    places = sorted({place for curve in curves for place, _ in curve} | set(across.marks))
    start = places[0] if across is ROUND or across.marks else 0.0
    along = Scale(_bend(across, start), _bend(across, places[-1]), left + inset, right - inset)
    up = Scale(*reach, height - 34, TOP)
    marks = ticks(up.low * metric.scale, up.high * metric.scale)
    body = [text(0, 14, shorten(title, 40), "t", title=title)]
    for mark in marks:
        y = up(mark / metric.scale)
        body += [line(left, y, right, y, "grid"), text(left - 6, y + 4, tick_label(mark, marks), "s n", "end")]
    free = 0.0  # where the last label ended; one that would touch it is left out
    for mark in across.marks or _ticks(start, places[-1], across):
        x, label = along(_bend(across, mark)), across.write(mark)
        half = 3.5 * len(label)
        if x - half >= free:
            body.append(text(x, height - 18, label, "s n", "middle"))
            free = x + half
    body += [
        line(left, up.start, right, up.start, "axis"),
        text((left + right) / 2, height - 3, across.label, "s", "middle"),
    ]
    drawn = [(index, curve) for index, curve in enumerate(curves) if curve]
    # OT fusion comes first, so that it has the blue and FedAvg the orange of all other figures.
    order = sorted(range(len(entries)), key=lambda index: entries[index].kind != "ot")
    colours = {index: place % 8 for place, index in enumerate(order)}
    labels = spread([up(curve[-1][1].mean) + 4 for _, curve in drawn], 15, TOP, height - 24)
    for (index, curve), y in zip(drawn, labels, strict=True):
        entry, points = entries[index], [(along(_bend(across, place)), value) for place, value in curve]
        role = "line dash" if entry.kind == "reference" else "line"
        reach_of = _whiskers(points, up, colours[index]) if across.marks else _band(points, up)
        body.append(f'<g class="k-{colours[index]}">{reach_of}')
        body.append(path([(x, up(value.mean)) for x, value in points], role))
        body += [
            circle(
                x, up(v.mean), 3.2, "dot", f"{entry.label}, {across.label} {across.write(place)}: {metric.estimate(v)}"
            )
            for (x, v), (place, _) in zip(points, curve, strict=True)
        ]
        body.append(text(right + 9, y, shorten(entry.marked, 20), "s own", title=entry.marked) + "</g>")
    return Panel(WIDTH, height, "".join(body), f"{metric.label} against the {across.label}, {title}")


def _bend(across: Across, value: float) -> float:
    """Map a place to the axis: logarithmic for given marks far apart (2, 4, 8, 16 clients)."""
    given = across.marks
    return math.log(value) if given and min(given) > 0 and max(given) / min(given) >= WIDE else value


def _ticks(low: float, high: float, across: Across) -> list[float]:
    if across is ROUND:
        return [mark for mark in ticks(low, high) if mark == int(mark)]
    return ticks(low, high, 3)


def _whiskers(points: Sequence[tuple[float, Estimate]], up: Scale, place: int) -> str:
    """Draw each point's interval, set off a little so that several curves' bars stay apart."""
    return "".join(
        line(x + 2 * place - 5, up(v.low), x + 2 * place - 5, up(v.high), "whisker faint")
        for x, v in points
        if v.low is not None and v.high is not None
    )


def _band(points: Sequence[tuple[float, Estimate]], up: Scale) -> str:
    known = [(x, value.low, value.high) for x, value in points if value.low is not None and value.high is not None]
    if len(known) < 2:
        return ""
    outline = [(x, up(high)) for x, _, high in known]
    outline += [(x, up(low)) for x, low, _ in reversed(known)]
    return path(outline, "band")
