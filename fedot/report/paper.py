"""The summary as a LaTeX table for a paper."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedot.report.headline import baseline_of
from fedot.report.latex import Cell, booktabs
from fedot.report.progress import costs_of
from fedot.report.results import write_atomically
from fedot.report.sections import bounds, effect, paired_of
from fedot.report.standing import MARK
from fedot.report.statistics import Scores
from fedot.report.views import (
    DASH,
    PLUS_MINUS,
    SECTIONS,
    Entry,
    Metric,
    duration,
    entries_of,
    finished,
    footnotes,
    marked,
    metrics_of,
    quantity,
    winner_of,
)

SIDE_METRICS = ("chrf", "perplexity", "nll", "ece", "ece_scaled")


def summary_latex(results: Mapping[str, Any]) -> str:
    """Write quality, paired difference, effect size, bytes, seconds and seeds of every strategy with booktabs.

    The best mean of each metric among the strategies is bold; references do not compete.
    """
    scores = Scores.of_results(results)
    entries, metrics = entries_of(results, scores), metrics_of(scores)
    first, side = metrics[:1], tuple(metric for metric in metrics[1:] if metric.key in SIDE_METRICS)
    baseline = baseline_of(results, finished(scores, entries))
    shown = (*first, *side)
    rivals = [entry for entry in entries if entry.kind != "reference" and not entry.failure]
    best = {m.key: winner_of(scores, rivals, "all", m) for m in shown}
    header = ["Strategy", *(f"{m.label}{', %' if m.unit else ''}" for m in first), "Difference", "95 % interval"]
    header += ["Effect", *(m.label for m in side), "Sent", "Received", "Time", "Seeds"]

    def line(entry: Entry) -> list[Cell]:
        if entry.failure:
            return [Cell(entry.label), Cell("failed"), *[Cell("")] * (len(header) - 2)]
        values = {m.key: Cell(_value(scores, entry, m, m in first), best[m.key] is entry) for m in shown}
        against = paired_of(scores, entry, baseline, metrics[0]) if metrics else None
        paired = ("", "", "")
        if against:
            difference = against.difference
            number = metrics[0].number(difference.mean, signed=True)
            paired = (number, bounds(metrics[0], difference), effect(against.effect))
        costs = zip(costs_of(scores, results["rows"], entry), (quantity, quantity, duration), strict=True)
        seeds = len(scores.values(entry.members, "all", metrics[0].key)) if metrics else 0
        return [
            Cell(entry.label),
            *(values[m.key] for m in first),
            *map(Cell, paired),
            *(values[m.key] for m in side),
            *(Cell(f"{write(cost.mean)}{MARK if entry.missing else ''}" if cost else DASH) for cost, write in costs),
            Cell(str(seeds)),
        ]

    blocks = [[line(entry) for entry in entries if entry.kind == kind] for kind in SECTIONS]
    notes = footnotes(scores, entries, shown)
    return booktabs(header, [block for block in blocks if block], " ".join([_caption(results, baseline), *notes]))


def write_latex(results: Mapping[str, Any], path: Path) -> Path:
    """Write `summary_latex` into a file.

    Raises
    ------
    FedotError
        If the file cannot be written.
    """
    return write_atomically(path, summary_latex(results))


def _value(scores: Scores, entry: Entry, metric: Metric, with_interval: bool) -> str:
    value = scores.estimate(entry.members, "all", metric.key)
    if value is None:
        return DASH
    text = metric.estimate(value) if with_interval else metric.number(value.mean)
    return marked(text, scores, entry, "all", metric)


def _caption(results: Mapping[str, Any], baseline: Entry | None) -> str:
    against = f"Difference to {baseline.label}, paired by seed, with its t interval" if baseline else "No baseline"
    made_up = " Made on the built-in stand-in data." if results["provenance"].get("stand_in") else ""
    return (
        f"{results['scenario'].get('name', 'results')}. Over all clients, final round: mean {PLUS_MINUS} half the "
        f"95 % interval over seeds (Student t). {against}; effect: Cohen's d for paired values with Hedges' "
        f"correction. Sent by and to all clients and time: mean per seed, summed over rounds. Bold: best of the "
        f"strategies, references apart, over the seeds that all have.{made_up}"
    )
