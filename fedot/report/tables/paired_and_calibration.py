"""Tables beside the summary: paired differences, and calibration with and without temperature scaling."""

from collections.abc import Sequence
from typing import Any

from fedot.report.analysis.entries import DASH, METRICS, MINUS, Entry, Metric, marked
from fedot.report.analysis.paired import Paired, paired_of
from fedot.report.analysis.statistics import Estimate, Scores

PAIRED_COLUMNS = (
    "difference", "difference_low", "difference_high", "bootstrap_low", "bootstrap_high", "effect_size", "paired_seeds",
)  # fmt: skip
SCALED = {"ece": "ece_scaled", "brier": "brier_scaled", "nll": "nll_scaled"}


def paired_figures(against: Paired | None) -> tuple[float | None, ...]:
    """Give the figures of `PAIRED_COLUMNS`, None where there are none."""
    if against is None:
        return (None,) * len(PAIRED_COLUMNS)
    difference, bootstrap = against.difference, against.bootstrap
    redrawn = (bootstrap.low, bootstrap.high) if bootstrap else (None, None)
    return (difference.mean, difference.low, difference.high, *redrawn, against.effect, against.n)


def bounds(metric: Metric, value: Estimate | None) -> str:
    """Write an interval of a difference as ``low to high``."""
    if value is None or value.low is None or value.high is None:
        return DASH
    return f"{metric.number(value.low, signed=True)} to {metric.number(value.high, signed=True)}"


def effect(value: float | None) -> str:
    """Write an effect size."""
    return DASH if value is None else f"{value:+.2f}".replace("-", MINUS)


def paired_cells(metric: Metric | None, against: Paired | None) -> dict[str, Any]:
    """Write a paired difference for people; nothing where there is none."""
    if metric is None or against is None:
        return {"difference": "", "settled": False, "interval": "", "bootstrap": "", "effect": ""}
    return {
        "difference": metric.number(against.difference.mean, signed=True),
        "settled": against.difference.settled,
        "interval": bounds(metric, against.difference),
        "bootstrap": bounds(metric, against.bootstrap),
        "effect": effect(against.effect),
    }


def paired_lines(
    scores: Scores, entries: Sequence[Entry], baseline: Entry | None, metrics: Sequence[Metric]
) -> list[dict[str, Any]]:
    """Lay out every entry's paired difference to the baseline in the headline metric."""
    found = []
    for entry in entries if metrics else ():
        against = paired_of(scores, entry, baseline, metrics[0])
        if against is not None:
            cells = {**paired_cells(metrics[0], against), "entry": entry, "seeds": against.n}
            found.append(cells if against.bootstrap else {**cells, "bootstrap": ""})
    return found


def calibration_lines(scores: Scores, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Lay out ECE, Brier score and NLL before and after temperature scaling, and the temperature."""
    if not set(SCALED.values()) & set(scores.metrics):
        return []
    keys = [key for pair in SCALED.items() for key in pair]
    found = []
    for entry in entries:
        values = {key: scores.estimate(entry.members, "all", key) for key in (*keys, "temperature")}
        chosen = values["temperature"]
        if chosen is not None:
            cells = [marked(METRICS[key].estimate(values[key]), scores, entry, "all", METRICS[key]) for key in keys]
            found.append({"entry": entry, "cells": cells, "temperature": f"{chosen.mean:.2f}", "seeds": chosen.n})
    return found
