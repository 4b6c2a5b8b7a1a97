"""How well aligned models fit the anchor, neuron group by neuron group."""

from collections.abc import Mapping, Sequence
from typing import Any

from fedot.report.analysis.entries import label_of, shorten
from fedot.report.analysis.neuron_groups import group_family
from fedot.report.figures.svg import Figure, Panel, Scale, circle, line, text, tick_label, ticks

MAX_ROWS = 36


def fits_figure(results: Mapping[str, Any]) -> Figure | None:
    """Fit of every matched group: small marks single clients and seeds, large marks their mean."""
    records = results.get("diagnostics", [])
    drawn = {
        label_of(strategy): _rows([g for item in records if item["strategy"] == strategy for g in item["groups"]])
        for strategy in dict.fromkeys(item["strategy"] for item in records)
    }
    values = [value for rows in drawn.values() for fits in rows.values() for value in fits]
    if not values:
        return None
    low, high = min(0.0, *values), max(0.0, *values)
    pad = (high - low) * 0.06 or 0.05
    reach = (low - pad, max(high, min(1.0, high + pad)))  # one scale for all strategies
    panels = tuple(_panel(rows, title, reach) for title, rows in drawn.items() if rows)
    caption = (
        "What share of the anchor's weights (squared norm) the clients' aligned weights explain: 1 if they are equal, "
        "0 if they are no nearer than zeros, below 0 if they are farther. Of a residual stream only the labelled rows "
        "count (tokens, classes) that its map is fitted to. Large mark: mean; small marks: single clients and seeds. "
        "Models that were trained apart explain little of each other's weights, and may still average well."
    )
    return Figure("fits", "Fit of the aligned weights", caption, panels)


def _rows(groups: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Fits by name of those groups that have a plan; by family where there are too many."""
    matched = [group for group in groups if group["entropy"] is not None and group["fit"] is not None]
    many = len({group["group"] for group in matched}) > MAX_ROWS
    rows: dict[str, list[float]] = {}
    for group in matched:
        rows.setdefault(group_family(group["group"]) if many else group["group"], []).append(group["fit"])
    return rows


def _panel(rows: Mapping[str, Sequence[float]], title: str, reach: tuple[float, float]) -> Panel:
    width, left, top, step = 350.0, 96.0, 30.0, 20.0
    across = Scale(*reach, left, width - 10)
    bottom = top + 8 + step * len(rows)
    marks = ticks(across.low, across.high)
    body = [text(0, 14, shorten(title, 48), "t", title=title)]
    body += [line(across(mark), top, across(mark), bottom, "grid") for mark in marks]
    body += [text(across(mark), bottom + 15, tick_label(mark, marks), "s n", "middle") for mark in marks]
    body += [line(across(0.0), top, across(0.0), bottom, "ref"), line(left, bottom, across.end, bottom, "axis")]
    body += [
        text(across.end, bottom + 30, "explained share of the anchor's squared norm", "s", "end"),
        '<g class="k-ot">',
    ]
    for index, (name, fits) in enumerate(rows.items()):
        y, mean = top + 14 + step * index, sum(fits) / len(fits)
        body.append(text(left - 8, y + 4, shorten(name, 16), "l", "end", name))
        body += [circle(across(value), y, 2.2, "seed") for value in fits if len(fits) > 1]
        body.append(circle(across(mean), y, 4.5, "dot", f"{name}: {mean:.3f}"))
    told = ", ".join(f"{name} {sum(fits) / len(fits):.2f}" for name, fits in rows.items())
    return Panel(width, bottom + 36, "".join([*body, "</g>"]), f"Fit of the aligned weights, {title}: {told}")
