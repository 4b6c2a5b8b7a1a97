"""What figures with one line per strategy have in common: layout, names, the axis at the foot."""

from collections.abc import Sequence

from fedot.report.analysis.entries import Entry, Metric, shorten
from fedot.report.figures.svg import Scale, line, text, tick_label, ticks

WIDTH, LABELS, ROW, TOP = 350.0, 134.0, 22.0, 30.0
MANY_CLIENTS = 6
LEGEND = (
    ("ot", "dot", "OT fusion"),
    ("baseline", "dot", "baseline"),
    ("reference", "hollow", "reference"),
)


def padded(values: Sequence[float], metric: Metric) -> tuple[float, float]:
    """Axis limits with air at both ends, inside what the metric can reach."""
    low, high = min(values), max(values)
    pad = (high - low) * 0.06 or abs(low) * 0.05 or 0.05
    bounded = metric.scale == 100.0 or metric.points
    low, high = low - pad, high + pad
    return (max(low, 0.0) if bounded else low), (min(high, 1.0) if metric.scale == 100.0 else high)


def layout(entries: Sequence[Entry]) -> tuple[list[float], float]:
    """Give each line its height, with a little more air between sections."""
    places, y = [], TOP + 14
    for index, entry in enumerate(entries):
        y += 8 if index and entry.kind != entries[index - 1].kind else 0
        places.append(y)
        y += ROW
    return places, y


def name_of_split(split: str) -> str:
    """Title of a panel."""
    return "All clients" if split == "all" else split


def label(entry: Entry, y: float) -> str:
    """Name a line at its left."""
    role = "l" if entry.kind == "ot" else ""
    return text(LABELS, y + 4, shorten(entry.marked, 21), role, "end", entry.marked)


def x_axis(scale: Scale, metric: Metric, bottom: float) -> str:
    """Draw grid, ticks and the metric's name."""
    marks = ticks(scale.low * metric.scale, scale.high * metric.scale)
    body = [line(scale(m / metric.scale), TOP, scale(m / metric.scale), bottom, "grid") for m in marks]
    body += [text(scale(m / metric.scale), bottom + 15, tick_label(m, marks), "s n", "middle") for m in marks]
    body.append(line(scale.start, bottom, scale.end, bottom, "axis"))
    body.append(text(scale.end, bottom + 30, f"{metric.label}{' in %' if metric.unit else ''}", "s", "end"))
    return "".join(body)
