"""Loss and accuracy along the straight line between two models."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from fedot.report.analysis.loss_barriers import course_of, lines_by_strategy
from fedot.report.analysis.statistics import estimate
from fedot.report.analysis.titles import label_of
from fedot.report.figures.drawing import COLOURS, Drawing, Panel, dot, padded

MAX_PAIRS = 3
KINDS = (("unaligned", "baseline", "--"), ("aligned", "ot", "-"))


def lines_figure(results: Mapping[str, Any]) -> Drawing | None:
    """Loss and accuracy along the line from the anchor to each client's model, aligned and not."""
    strategies = lines_by_strategy(results)
    panels = []
    for strategy, mine in strategies.items():
        pairs = tuple(dict.fromkeys((item["client"], item["anchor"]) for item in mine))
        prefix = f"{label_of(strategy, results)}: " if len(strategies) > 1 else ""
        groups = [
            (f"{prefix}{anchor} to {client}", [i for i in mine if i["client"] == client]) for client, anchor in pairs
        ]
        if len(pairs) > MAX_PAIRS:
            groups = [(f"{prefix}anchor to each of {len(pairs)} clients", mine)]
        for title, group in groups:
            panels += [panel for key in ("loss", "accuracy") if (panel := _line_panel(group, key, title))]
    if not panels:
        return None
    caption = (
        "Every model on the straight line between the anchor's weights (left) and a client's (right), "
        "evaluated on all clients' test sets; thick: mean where there are several lines, thin: each of "
        "them; dotted: the straight line between a loss's two ends. The figures beside the title are the mean "
        "over lines of how far the loss goes from it, above or below, whichever is more. Above is a barrier: the "
        "models lie in different basins, and their average is worse than they are. Below, the average is "
        "better than they are. Alignment reorders a client's "
        "neurons, exactly or nearly without changing its predictions; it helps as far as it lowers the "
        "curve between the ends."
    )
    legend = (("ot", "line", "after alignment"), ("baseline", "dash", "without alignment"))
    return Drawing("lines", "Along the line between two models", caption, tuple(panels), legend)


def _line_panel(group: Sequence[Mapping[str, Any]], key: str, title: str) -> Panel | None:
    scale = 100.0 if key == "accuracy" else 1.0
    drawn = [item for item in group if item.get(key) and any(value is not None for value in item[key])]
    values = [value * scale for item in drawn for value in item[key] if value is not None]
    if not values:
        return None
    what = "Loss, nats" if key == "loss" else "Accuracy, %"
    by_kind = {kind: [item for item in drawn if item["kind"] == kind] for kind, *_ in KINDS}

    def draw(axes: Axes) -> None:
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1], ["anchor", "\u00bd", "client"])
        first, _, last = axes.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")
        axes.set_ylim(*padded(values, 0.0))
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        axes.grid(axis="y")
        for kind, colour, dashes in KINDS:
            mine = by_kind[kind]
            ink = COLOURS[colour]
            for item in mine if len(mine) > 1 else ():
                points = [(a, y * scale) for a, y in zip(item["alpha"], item[key], strict=True) if y is not None]
                axes.plot(*zip(*sorted(points), strict=True), color=ink, linestyle=dashes, linewidth=1, alpha=0.4)
            alphas = sorted({alpha for item in mine for alpha in item["alpha"]})
            means = [(a, estimate(dict(zip(i["alpha"], i[key], strict=True)).get(a) for i in mine)) for a in alphas]
            known = [(a, mean.mean * scale) for a, mean in means if mean]
            if known and key == "loss":
                axes.plot(*zip(known[0], known[-1], strict=True), color=ink, linestyle=":", linewidth=1, alpha=0.7)
            if known:
                axes.plot(*zip(*known, strict=True), color=ink, linestyle=dashes, linewidth=2)
            for a, y in known:
                dot(axes, a, y, colour, 4.6, title=f"{kind}, {y:.3g}")

    courses = {kind: course_of(mine) if key == "loss" else None for kind, mine in by_kind.items() if mine}
    spoken = [f"{kind}: {course.told}" if course else kind for kind, course in courses.items()]
    label = f"{what} along the line, {title} ({'; '.join(spoken)})"
    aside = ", ".join(f"{kind} {course.short}" for kind, course in courses.items() if course)
    return Panel(what, (350.0, 230.0), (40.0, 42.0, 10.0, 24.0), draw, label, note=title, aside=aside)
