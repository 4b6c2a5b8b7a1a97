"""A line's figures as texts: paired differences, costs, and calibration with and without temperature scaling."""

from typing import Any

from fedot.report.analysis.entries import DASH, METRICS, MINUS, Entry, Metric
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.paired import Paired
from fedot.report.analysis.statistics import Estimate

PAIRED_COLUMNS = (
    "difference", "difference_low", "difference_high", "bootstrap_low", "bootstrap_high", "effect_size", "paired_seeds",
)  # fmt: skip
SCALED = {"ece": "ece_scaled", "brier": "brier_scaled", "nll": "nll_scaled"}


def line_cells(run: Run, entry: Entry, metric: Metric | None) -> dict[str, Any]:
    """Write a line's mean, paired difference to the baseline, seeds and costs for people."""
    against = run.against(entry, metric) if metric else None
    value = run.estimate(entry, metric) if metric else None
    sent, received, seconds = run.write_costs(entry)
    return {
        "value": run.write(entry, metric) if metric else DASH,
        "seeds": value.n if value else 0,
        **paired_cells(metric, against),
        "sent": sent,
        "received": received,
        "seconds": seconds,
    }


def paired_cells(metric: Metric | None, against: Paired | None) -> dict[str, Any]:
    """Write a paired difference for people; nothing where there is none."""
    if metric is None or against is None:
        return {**dict.fromkeys(("difference", "half", "interval", "bootstrap", "effect"), ""), "settled": False}
    return {
        "difference": metric.number(against.difference.mean, signed=True),
        "half": metric.estimate(against.difference).split(" ", 1)[1],
        "settled": against.difference.settled,
        "interval": bounds(metric, against.difference),
        "bootstrap": bounds(metric, against.bootstrap),
        "effect": DASH if against.effect is None else f"{against.effect:+.2f}".replace("-", MINUS),
        "paired_seeds": against.n,
    }


def bounds(metric: Metric, value: Estimate | None) -> str:
    """Write an interval of a difference as ``low to high``."""
    if value is None or value.low is None or value.high is None:
        return DASH
    return f"{metric.number(value.low, signed=True)} to {metric.number(value.high, signed=True)}"


def paired_figures(against: Paired | None) -> tuple[float | None, ...]:
    """Give the figures of `PAIRED_COLUMNS`, None where there are none."""
    if against is None:
        return (None,) * len(PAIRED_COLUMNS)
    difference, bootstrap = against.difference, against.bootstrap
    redrawn = (bootstrap.low, bootstrap.high) if bootstrap else (None, None)
    return (difference.mean, difference.low, difference.high, *redrawn, against.effect, against.n)


def calibration_lines(run: Run) -> list[dict[str, Any]]:
    """Lay out ECE, Brier score and NLL before and after temperature scaling, and the temperature."""
    if not set(SCALED.values()) & set(run.scores.metrics):
        return []
    metrics = [METRICS[key] for pair in SCALED.items() for key in pair]
    found: list[dict[str, Any]] = []
    for entry in run.measured:
        chosen = run.estimate(entry, METRICS["temperature"])
        if chosen is not None:
            cells = [run.write(entry, metric) for metric in metrics]
            found.append({"entry": entry, "cells": cells, "temperature": f"{chosen.mean:.2f}", "seeds": chosen.n})
    return found
