"""A panel of curves, one a strategy, with its name at the end: over rounds, bytes, seconds, or a setting."""

import math
from collections.abc import Sequence

from fedot.report.analysis.entries import Entry, Metric, shorten
from fedot.report.analysis.over_rounds import ROUND, Across, Curve
from fedot.report.analysis.statistics import Estimate
from fedot.report.figures.axes import TOP, WIDTH
from fedot.report.figures.svg import Panel, Scale, circle, line, path, spread, text, tick_label, ticks

WIDE = 4.0  # an axis whose ends lie this far apart, and whose marks are given, is logarithmic


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
