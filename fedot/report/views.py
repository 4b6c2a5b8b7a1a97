"""How results are named, ordered and written: shared by console, Markdown, CSV and page."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fedot.report.statistics import Estimate, Scores

Kind = Literal["baseline", "ot", "reference"]
SECTIONS: dict[Kind, str] = {"baseline": "Baselines", "ot": "OT fusion", "reference": "References"}
MAX_PARENTS = 4
PLUS_MINUS, MINUS, DASH = "\u00b1", "\u2212", "\u2013"

LABELS = {
    "fedavg": "FedAvg",
    "fedavg-token-rows": "FedAvg, token rows",
    "fedavg-class-shares": "FedAvg, class shares",
    "fedavgm": "FedAvgM",
    "fedadam": "FedAdam",
    "fedyogi": "FedYogi",
    "fedadagrad": "FedAdagrad",
    "fedprox": "FedProx",
    "fedmedian": "FedMedian",
    "fedtrimmedavg": "FedTrimmedAvg",
    "krum": "Krum",
    "multikrum": "MultiKrum",
    "bulyan": "Bulyan",
    "ot-fusion": "OT fusion",
    "parent": "Parents",
    "ensemble": "Ensemble",
    "centralised": "Centralised",
    "fedavg-shared-init": "FedAvg, shared init",
}
REFERENCES = ("ensemble", "centralised", "fedavg-shared-init")


@dataclass(frozen=True, slots=True)
class Metric:
    """How a metric is written; a shown figure is the stored one times `scale`."""

    key: str
    label: str
    scale: float = 1.0
    digits: int = 3
    higher_is_better: bool = True
    unit: str = ""
    points: str = ""

    def number(self, value: float, signed: bool = False) -> str:
        """Write one value, with a real minus sign and no minus zero."""
        text = f"{value * self.scale:.{self.digits}f}"
        if float(text) == 0:
            text = text.lstrip("-")
        sign = "+" if signed and float(text) > 0 else ""
        return sign + text.replace("-", MINUS)

    def estimate(self, value: Estimate | None, signed: bool = False) -> str:
        """Write ``mean ± half width``; one seed has no interval and says so."""
        if value is None:
            return DASH
        half = DASH if value.half_width is None else self.number(value.half_width)
        return f"{self.number(value.mean, signed)} {PLUS_MINUS} {half}"

    def interval(self, value: Estimate) -> str:
        """Write ``low to high``, or that there is none."""
        if value.low is None or value.high is None:
            return "one seed, no interval"
        return f"95 % interval {self.number(value.low)} to {self.number(value.high)}, {value.n} seeds"

    def better(self, a: float, b: float) -> bool:
        """Whether `a` beats `b`."""
        return a > b if self.higher_is_better else a < b


PERCENT = {"scale": 100.0, "digits": 1, "unit": " %", "points": " points"}
METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric("accuracy", "Accuracy", **PERCENT),  # type: ignore[arg-type]
        Metric("bleu", "BLEU", digits=1, points=" points"),
        Metric("chrf", "chrF", digits=1, points=" points"),
        Metric("f1_weighted", "F1 weighted", **PERCENT),  # type: ignore[arg-type]
        Metric("f1_macro", "F1 macro", **PERCENT),  # type: ignore[arg-type]
        Metric("nll", "NLL", higher_is_better=False),
        Metric("ece", "ECE", higher_is_better=False),
        Metric("brier", "Brier", higher_is_better=False),
        Metric("nll_scaled", "NLL, scaled", higher_is_better=False),
        Metric("ece_scaled", "ECE, scaled", higher_is_better=False),
        Metric("brier_scaled", "Brier, scaled", higher_is_better=False),
        Metric("temperature", "Temperature", digits=2),
    )
}


def metrics_of(scores: Scores) -> tuple[Metric, ...]:
    """Metrics that the results have, known ones first, the headline metric first of all."""
    known = [METRICS[key] for key in METRICS if key in scores.metrics]
    return (*known, *(Metric(key, key) for key in scores.metrics if key not in METRICS))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a table: a strategy or reference, or several parents taken together (`members`)."""

    label: str
    kind: Kind
    members: tuple[str, ...]
    failure: str = ""


def base_names(results: Mapping[str, Any]) -> dict[str, str]:
    """Map each strategy's title to its registered name; they differ where the scenario says `as`."""
    names = {}
    for item in results["scenario"].get("strategies", []):
        spec: Mapping[str, Any] = {"name": item} if isinstance(item, str) else item
        options = spec.get("options") or {}
        names[str(options.get("as") or spec.get("as") or spec["name"])] = str(spec["name"])
    return names


def kind_of(strategy: str, bases: Mapping[str, str]) -> Kind:
    """Tell baselines, optimal-transport strategies and references apart."""
    if strategy.startswith("parent:") or (strategy in REFERENCES and strategy not in bases):
        return "reference"
    return "ot" if bases.get(strategy, strategy).startswith("ot") else "baseline"


def label_of(strategy: str) -> str:
    """Write a strategy's name for people; a name given by the user stays as it is."""
    if strategy.startswith("parent:"):
        return f"Parent {strategy.removeprefix('parent:')}"
    return LABELS.get(strategy, strategy)


def entries_of(results: Mapping[str, Any], scores: Scores, max_parents: int = MAX_PARENTS) -> tuple[Entry, ...]:
    """List the lines of a table by section, in the scenario's order.

    More than `max_parents` parents become two lines: their mean, and the one that is best over all.
    Strategies without a single figure keep their line and carry the reason.
    """
    bases = base_names(results)
    reasons = failures_by_strategy(results)
    names = list(dict.fromkeys((*bases, *scores.strategies, *reasons)))
    found = []
    for name in names:
        measured = name in scores.strategies
        if (measured or name in reasons) and not name.startswith("parent:"):
            reason = "" if measured else reasons[name][0]
            found.append(Entry(label_of(name), kind_of(name, bases), (name,), reason))
    found += _parents(scores, max_parents)
    order: list[Kind] = list(SECTIONS)
    return tuple(sorted(found, key=lambda entry: order.index(entry.kind)))


def _parents(scores: Scores, max_parents: int) -> list[Entry]:
    parents = tuple(name for name in scores.strategies if name.startswith("parent:"))
    if len(parents) <= max_parents:
        return [Entry(label_of(name), "reference", (name,)) for name in parents]
    mean = Entry(f"Parents, mean of {len(parents)}", "reference", parents)
    best = best_of(scores, [Entry(label_of(name), "reference", (name,)) for name in parents])
    return (
        [mean]
        if best is None
        else [
            mean,
            Entry(f"Best parent, {best.members[0].removeprefix('parent:')}", "reference", best.members),
        ]
    )


def best_of(scores: Scores, entries: Sequence[Entry], split: str = "all", metric: Metric | None = None) -> Entry | None:
    """Pick the entry with the best mean of a metric, the headline metric by default."""
    chosen = metric or next(iter(metrics_of(scores)), None)
    best, record = None, math.nan
    if chosen is None:
        return None
    for entry in entries:
        value = scores.estimate(entry.members, split, chosen.key)
        if value and (best is None or chosen.better(value.mean, record)):
            best, record = entry, value.mean
    return best


def failures_by_strategy(results: Mapping[str, Any]) -> dict[str, list[str]]:
    """Collect each strategy's distinct reasons, with the seeds it failed for."""
    seeds: dict[tuple[str, str], list[int]] = {}
    for failure in results.get("failures", []):
        seeds.setdefault((failure["strategy"], failure["reason"]), []).append(failure["seed"])
    reasons: dict[str, list[str]] = {}
    for (strategy, reason), where in seeds.items():
        plural = "s" if len(where) > 1 else ""
        reasons.setdefault(strategy, []).append(f"{reason} (seed{plural} {', '.join(map(str, where))})")
    return reasons


def quantity(count: float) -> str:
    """Write a number of bytes, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def duration(seconds: float) -> str:
    """Write seconds as people do."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
