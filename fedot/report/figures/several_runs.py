"""Figures over several runs: every strategy's mark, a line over the setting that differs, curves of the rounds."""

from collections.abc import Sequence
from itertools import product

from fedot.report.analysis.compared_runs import setting_of
from fedot.report.analysis.entries import Entry, Metric
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.over_rounds import ROUND, SECONDS, SENT, Across, Curve, curve_of
from fedot.report.analysis.statistics import Estimate
from fedot.report.figures.by_strategy import dots_panel, legend_of, metric_limits, reach_of
from fedot.report.figures.curves import curves_panel
from fedot.report.figures.drawing import Drawing


def compare_figures(runs: Sequence[Run], metric: Metric) -> tuple[Drawing, ...]:
    """Every figure that the runs have data for."""
    found = (setting_figure(runs, metric), runs_figure(runs, metric), progress_figure(runs, metric))
    return tuple(figure for figure in found if figure is not None)


def runs_figure(runs: Sequence[Run], metric: Metric) -> Drawing | None:
    """Headline metric by strategy, a panel a run, all on one scale."""
    shown = [(run, {e: value for e in run.entries if (value := run.estimate(e, metric))}) for run in runs]
    reach = [edge for _, values in shown for value in values.values() for edge in reach_of(value)]
    if not reach:
        return None
    limits = metric_limits(reach, metric)
    panels = tuple(
        dots_panel(list(values), list(values.values()), metric, run.title, run.baseline, limits)
        for run, values in shown
        if values
    )
    caption = (
        f"{metric.label} of the final model over all clients. Large mark: mean over seeds; bar: its 95 % interval, "
        "cut off at the frame; small marks below: single seeds. The dotted line marks the run's baseline. All panels "
        "have one scale."
    )
    return Drawing(
        "runs", f"{metric.label} by run and strategy", caption, panels, legend_of([run.results for run in runs])
    )


def setting_figure(runs: Sequence[Run], metric: Metric) -> Drawing | None:
    """Headline metric over the one number by which the runs differ."""
    found = setting_of(runs)
    if found is None:
        return None
    across, places = found
    entries: dict[str, Entry] = {}
    drawn: dict[str, list[tuple[float, Estimate]]] = {}
    for place, run in sorted(zip(places, runs, strict=True), key=lambda pair: pair[0]):
        for entry in run.entries:
            value = run.estimate(entry, metric)
            # a curve compares its points, so each must be of all rounds, clients and seeds
            whole = not run.scores.missing(entry.members, "all", metric.key)
            if value and whole and not entry.members[0].startswith("parent:"):
                entries.setdefault(entry.label, entry)
                drawn.setdefault(entry.label, []).append((place, value))
    values = [edge for curve in drawn.values() for _, value in curve for edge in reach_of(value)]
    if not values:
        return None
    panel = curves_panel(
        list(entries.values()), list(drawn.values()), metric, "All clients", metric_limits(values, metric), across
    )
    caption = (
        f"{metric.label} over all clients against the {across.label}, by which alone the runs differ: mean over "
        "seeds; thin bars: 95 % intervals (cut off at the frame), none with one seed. Parents are left out, and so are "
        "figures that are not of all rounds, clients and seeds of their run."
    )
    return Drawing("setting", f"{metric.label} against the {across.label}", caption, (panel,))


def progress_figure(runs: Sequence[Run], metric: Metric) -> Drawing | None:
    """Headline metric after every round, against round, bytes and seconds, of runs with several rounds."""
    drawn: list[tuple[Run, Across, list[Entry], list[Curve]]] = []
    for run, across in product(runs, (ROUND, SENT, SECONDS)):
        entries = [
            entry for entry in run.measured if len(entry.members) == 1 and run.scores.final_round[entry.members[0]] > 1
        ]
        curves = [curve_of(run.results["rows"], e.members[0], "all", metric.key, across) for e in entries]
        if any(place > 0 for curve in curves for place, _ in curve):
            drawn.append((run, across, entries, curves))
    if not drawn:
        return None
    reach = metric_limits([value.mean for *_, curves in drawn for curve in curves for _, value in curve], metric)
    panels = tuple(
        curves_panel(entries, curves, metric, run.title, reach, across) for run, across, entries, curves in drawn
    )
    caption = (
        f"{metric.label} over all clients after each round of communication, mean over seeds: against the round, the "
        "bytes that all clients have sent and received until then, and the time of training and fusion until then. The "
        "shaded band is the 95 % interval (cut off at the frame), none with one seed."
    )
    return Drawing("progress", f"{metric.label} against rounds, bytes and time", caption, panels)
