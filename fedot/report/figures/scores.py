"""Every figure of a report; the scores by strategy and client are drawn here."""

from collections.abc import Mapping, Sequence
from typing import Any

from fedot.report.analysis.entries import Entry, Metric, entries_of, finished, footnotes, metrics_of, shorten
from fedot.report.analysis.findings import baseline_of
from fedot.report.analysis.statistics import Estimate, Scores
from fedot.report.figures.axes import (
    LABELS,
    LEGEND,
    MANY_CLIENTS,
    TOP,
    WIDTH,
    label,
    layout,
    name_of_split,
    padded,
    x_axis,
)
from fedot.report.figures.couplings import couplings_figure
from fedot.report.figures.fits import fits_figure
from fedot.report.figures.loss_lines import lines_figure, reliability_figure
from fedot.report.figures.rounds_and_cost import cost_figure, rounds_figure
from fedot.report.figures.svg import Figure, Panel, Scale, circle, line, text


def figures(results: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Every figure that the results have data for."""
    makers = (
        scores_figure,
        lines_figure,
        rounds_figure,
        reliability_figure,
        couplings_figure,
        fits_figure,
        cost_figure,
    )
    return tuple(figure for figure in (maker(results) for maker in makers) if figure is not None)


def scores_figure(results: Mapping[str, Any]) -> Figure | None:
    """Headline metric by strategy: one panel over all and one per client, or one for all clients if many."""
    scores = Scores.of_results(results)
    metrics, entries = metrics_of(scores), [e for e in entries_of(results, scores) if not e.failure]
    if not metrics or not entries:
        return None
    metric, baseline = metrics[0], baseline_of(results, finished(scores, entries))
    many = len(scores.clients) > MANY_CLIENTS
    splits = ("all",) if many or len(scores.splits) == 1 else scores.splits
    # there is no `all` where a client was lost
    splits = tuple(split for split in splits if split in scores.splits) or scores.splits
    shown = [[scores.estimate(e.members, split, metric.key) for e in entries] for split in splits]
    by_client = [
        {client: v.mean for client in scores.clients if (v := scores.estimate(e.members, client, metric.key))}
        for e in entries
    ]
    reach = [edge for column in shown for value in column if value for edge in reach_of(value)]
    reach += [mean for means in by_client for mean in means.values()] if many else []
    low, high = padded(reach, metric)
    panels = [
        dots_panel(entries, column, metric, name_of_split(split), baseline, low, high)
        for split, column in zip(splits, shown, strict=True)
    ]
    caption = (
        f"{metric.label} of the final model. Large mark: mean over seeds; bar: its 95 % interval, cut off at "
        "the frame; small marks below: single seeds. The dotted line marks the baseline (plain FedAvg, if it was run). "
        "Paired differences to it are in the table; they can be tighter than these bars suggest, because they compare "
        "equal seeds."
    )
    if many:
        panels.append(_clients_panel(entries, by_client, len(scores.clients), metric, low, high))
        caption += (
            " In the second panel every small mark is one client's mean; the bar spans them and the large "
            "mark is the client in the middle."
        )
    caption = " ".join([caption, *footnotes(scores, entries, [metric], scores.splits)])
    return Figure("scores", f"{metric.label} by strategy and client", caption, tuple(panels), LEGEND)


def reach_of(value: Estimate) -> tuple[float, ...]:
    """Values an axis must show: every seed, and as much of the interval as does not squeeze the rest."""
    low, high = min(value.values), max(value.values)
    room = max(high - low, abs(value.mean) * 0.02)
    if value.low is None or value.high is None:
        return low, high
    return low, high, max(value.low, low - room), min(value.high, high + room)


def dots_panel(
    entries: Sequence[Entry],
    column: Sequence[Estimate | None],
    metric: Metric,
    title: str,
    baseline: Entry | None,
    low: float,
    high: float,
) -> Panel:
    """Draw a mark with its interval and seeds for each line; the baseline gets a dotted line."""
    places, bottom = layout(entries)
    scale = Scale(low, high, LABELS + 8, WIDTH - 10)
    body = [text(0, 14, shorten(title, 40), "t", title=title), x_axis(scale, metric, bottom)]
    spoken = []
    for entry, value, y in zip(entries, column, places, strict=True):
        body.append(label(entry, y))
        if value is None:
            body.append(text(scale.start + 4, y + 4, "not measured", "s"))
            continue
        spoken.append(f"{entry.marked} {metric.estimate(value)}")
        if entry is baseline:
            body.append(line(scale(value.mean), TOP, scale(value.mean), bottom, "ref"))
        body.append(f'<g class="k-{entry.kind}">{_mark(entry, value, metric, scale, y)}</g>')
    return Panel(WIDTH, bottom + 36, "".join(body), f"{metric.label}, {title}: {'; '.join(spoken)}")


def _mark(entry: Entry, value: Estimate, metric: Metric, scale: Scale, y: float) -> str:
    marks = []
    if value.low is not None and value.high is not None:
        marks.append(line(scale(value.low), y, scale(value.high), y, "whisker"))
    if value.n > 1:
        marks += [circle(scale(single), y + 6.5, 1.9, "seed") for single in value.values]
    role = "hollow" if entry.kind == "reference" else "dot"
    hover = f"{entry.marked}: {metric.estimate(value)} ({metric.interval(value)})"
    return "".join([*marks, circle(scale(value.mean), y, 5, role, hover)])


def _clients_panel(
    entries: Sequence[Entry],
    by_client: Sequence[Mapping[str, float]],
    count: int,
    metric: Metric,
    low: float,
    high: float,
) -> Panel:
    places, bottom = layout(entries)
    scale = Scale(low, high, LABELS + 8, WIDTH - 10)
    title = f"Each of the {count} clients"
    body = [text(0, 14, title, "t"), x_axis(scale, metric, bottom)]
    for entry, found, y in zip(entries, by_client, places, strict=True):
        body.append(label(entry, y))
        if not found:
            continue
        means = sorted(found.values())
        marks = line(scale(means[0]), y, scale(means[-1]), y, "whisker faint")
        marks += "".join(
            circle(scale(mean), y, 2.6, "seed", f"{client}: {metric.number(mean)}") for client, mean in found.items()
        )
        middle = means[len(means) // 2]
        role = "hollow" if entry.kind == "reference" else "dot"
        hover = f"{entry.label}: {metric.number(means[0])} to {metric.number(means[-1])}"
        body.append(f'<g class="k-{entry.kind}">{marks}{circle(scale(middle), y, 4.5, role, hover)}</g>')
    return Panel(WIDTH, bottom + 36, "".join(body), f"{metric.label} of every client by strategy")
