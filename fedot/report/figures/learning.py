"""How the clients' losses went while they trained."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from fedot.report.analysis.statistics import estimate
from fedot.report.analysis.titles import base_names, kind_of, label_of
from fedot.report.figures.by_strategy import MANY_CLIENTS
from fedot.report.figures.drawing import COLOURS, CURVES, Drawing, Panel, dot, padded

PARENTS = "parent"
"""What the trainings are recorded under that all strategies begin with."""

FEW = 2
"""So many groups of curves share a panel with both losses; of more only the training loss is drawn."""

Curve = list[list[tuple[float, float]]]
"""Stretches of points, one a round: place and mean loss."""


def learning_figure(results: Mapping[str, Any]) -> Drawing | None:
    """Training and validation loss of each client by epoch, of every strategy that trained by itself.

    Where a run has not kept its epochs, as a federation of several hosts does not, there is no figure.
    """
    found = results.get("epochs", [])
    if not any(len(item["train"]) > 1 or item["round"] > 1 for item in found):
        return None
    clients = tuple(dict.fromkeys(item["client"] for item in found))
    bases = base_names(results)
    # colours as in the figures of rounds: fusion comes first, and has the blue; what all start from is grey
    order = sorted(dict.fromkeys(item["strategy"] for item in found), key=lambda name: kind_of(name, bases) != "ot")
    trained = [name for name in order if name != PARENTS][: len(CURVES)]
    colours = {PARENTS: "reference"} if PARENTS in order else {}
    strategies = colours | dict(zip(trained, CURVES, strict=False))
    kept = [item for item in found if item["strategy"] in strategies]
    each = max((results["scenario"].get("train") or {}).get("epochs", 0), *(len(item["train"]) for item in kept))
    kinds = ("train", "validation") if len(strategies) <= FEW else ("train",)
    groups = {client: [item for item in kept if item["client"] == client] for client in clients}
    if len(clients) > MANY_CLIENTS:
        groups = {f"All {len(clients)} clients": kept}
    panels = tuple(panel for title, items in groups.items() if (panel := _panel(items, strategies, kinds, each, title)))
    if not panels:
        return None
    rounds = max(item["round"] for item in kept)
    caption = (
        "Mean loss of a client's training texts in each epoch, in nats"
        + (", and dashed of its validation texts" if len(kinds) > 1 else "")
        + "; mean over seeds, of those that trained so long"
        + (" and over clients" if len(clients) > MANY_CLIENTS else "")
        + (f". Each of the {rounds} rounds begins where the global model is sent" if rounds > 1 else "")
        + ". A training loss has dropout and label smoothing in it, where these are on; a validation loss has not."
    )
    named = tuple((colour, "line", label_of(name, results)) for name, colour in strategies.items())
    legend = (*named, (named[0][0], "dash", "validation")) if len(kinds) > 1 else named
    return Drawing("learning", "Local training, epoch by epoch", caption, panels, legend)


def _panel(
    items: Sequence[Mapping[str, Any]], strategies: Mapping[str, str], kinds: Sequence[str], each: int, title: str
) -> Panel | None:
    curves = {
        (strategy, kind): _curve([item for item in items if item["strategy"] == strategy], kind, each)
        for strategy in strategies
        for kind in kinds
    }
    points = [point for curve in curves.values() for stretch in curve for point in stretch]
    if not points:
        return None
    last = max(place for place, _ in points)

    def draw(axes: Axes) -> None:
        axes.set_xlim(1, max(last, 2))
        axes.set_ylim(*padded([loss for _, loss in points], 0.0))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        axes.grid(axis="y")
        axes.set_xlabel("epoch", labelpad=2)
        for (strategy, kind), curve in curves.items():
            colour = strategies[strategy]
            for stretch in curve:
                line = "--" if kind == "validation" else "-"
                axes.plot(
                    *zip(*stretch, strict=True), color=COLOURS[colour], linestyle=line, linewidth=2, clip_on=False
                )
                for place, loss in stretch if last <= 40 else ():
                    dot(axes, place, loss, colour, 4.6, title=f"{kind} loss in epoch {place:.0f}: {loss:.3f}")

    ends = [f"{kind} {curve[-1][-1][1]:.3f}" for (_, kind), curve in curves.items() if curve][:FEW]
    label = f"Loss by epoch, {title}: at the end {', '.join(ends)}"
    return Panel(title, (350.0, 230.0), (40.0, 30.0, 10.0, 36.0), draw, label, aside="loss, nats")


def _curve(items: Sequence[Mapping[str, Any]], kind: str, each: int) -> Curve:
    """Mean loss at each epoch, counted through all rounds of `each` epochs."""
    at: dict[int, dict[int, list[float | None]]] = {}
    for item in items:
        for number, loss in enumerate(item[kind], 1):
            at.setdefault(item["round"], {}).setdefault((item["round"] - 1) * each + number, []).append(loss)
    means = ([(float(place), estimate(found[place])) for place in sorted(found)] for _, found in sorted(at.items()))
    stretches = ([(place, mean.mean) for place, mean in stretch if mean] for stretch in means)
    return [stretch for stretch in stretches if stretch]
