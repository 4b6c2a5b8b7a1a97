"""How results are named, ordered and written: shared by console, Markdown, CSV and page."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from fedot.report.analysis.standing import MARK
from fedot.report.analysis.statistics import Estimate, Scores
from fedot.report.analysis.titles import SECTIONS, Kind, base_names, kind_of, label_of
from fedot.text.outside import printable

MAX_PARENTS = 4
MAX_PLACES = 3
LONGEST_REASON = 1000
PLUS_MINUS, MINUS, DASH = "\u00b1", "\u2212", "\u2013"


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
        Metric("bits_per_byte", "Bits per byte", higher_is_better=False),
        Metric("perplexity", "Perplexity", digits=1, higher_is_better=False),
        Metric("token_accuracy", "Next token", **PERCENT),  # type: ignore[arg-type]
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
    """One line of a table: a strategy or reference, or several parents taken together (`members`).

    `missing` says what keeps its figures from being what they seem (`fedot.report.analysis.standing`).
    """

    label: str
    kind: Kind
    members: tuple[str, ...]
    failure: str = ""
    missing: str = ""

    @property
    def marked(self) -> str:
        """The label as it stands in a figure."""
        return f"{self.label} {MARK}" if self.missing else self.label


def entries_of(results: Mapping[str, Any], scores: Scores) -> tuple[Entry, ...]:
    """List the lines of a table by section, in the scenario's order.

    More than four parents become two lines: their mean, and the one that is best over all.
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
            found.append(Entry(label_of(name, results), kind_of(name, bases), (name,), reason))
    found += _parents(scores)
    order: list[Kind] = list(SECTIONS)
    whole = (replace(entry, missing=_missing(scores, entry)) for entry in found)
    return tuple(sorted(whole, key=lambda entry: order.index(entry.kind)))


def marked(text: str, scores: Scores, entry: Entry, split: str, metric: Metric) -> str:
    """Write a figure with the mark behind it that says that it is not what it seems, if so."""
    return f"{text}{MARK}" if scores.missing(entry.members, split, metric.key) else text


def footnotes(
    scores: Scores, entries: Sequence[Entry], metrics: Sequence[Metric], splits: Sequence[str] = ("all",)
) -> tuple[str, ...]:
    """Say of each line what its marks mean, beginning with the mark: of all metrics over all, of the first by split."""
    found = []
    for entry in entries:
        told: dict[str, list[str]] = {}
        cells = [*product(metrics[:1], splits), *product(metrics[1:], splits[:1])]
        for metric, split in cells:
            if text := scores.missing(entry.members, split, metric.key):
                named = ("" if split == "all" else split, "" if metric == metrics[0] else metric.label)
                told.setdefault(text, []).append(" ".join(filter(None, named)))
        for text, places in told.items():
            more = ", ..." if len(places) > MAX_PLACES else ""
            where = "" if "" in places or len(places) == len(cells) else f" ({', '.join(places[:MAX_PLACES])}{more})"
            found.append(f"{MARK} {entry.label}{where}: {text}.")
    return tuple(found)


def _missing(scores: Scores, entry: Entry) -> str:
    """What is missing over all clients, or else at the first client where something is."""
    metric = next(iter(metrics_of(scores)), None)
    told = (scores.missing(entry.members, split, metric.key) for split in scores.splits) if metric else ()
    return next(filter(None, told), "")


def _parents(scores: Scores) -> list[Entry]:
    parents = tuple(name for name in scores.strategies if name.startswith("parent:"))
    each = [Entry(label_of(name, {}), "reference", (name,)) for name in parents]
    if len(parents) <= MAX_PARENTS:
        return each
    mean = Entry(f"Parents, mean of {len(parents)}", "reference", parents)
    best = best_of(scores, each)
    if best is None:
        return [mean]
    return [mean, replace(best, label=f"Best parent, {best.members[0].removeprefix('parent:')}")]


def best_of(scores: Scores, entries: Sequence[Entry], split: str = "all", metric: Metric | None = None) -> Entry | None:
    """Pick the entry with the best mean of a metric, the headline metric by default.

    Only what can be compared competes: means over the seeds in which all are final and of the same clients. Where
    there is no such seed, those with the fewest seeds drop out.
    """
    chosen = metric or next(iter(metrics_of(scores)), None)
    if chosen is None:
        return None
    found = [(entry, scores.comparable(entry.members, split, chosen.key)) for entry in entries]
    rivals = [(entry, figures) for entry, figures in found if figures]
    while rivals:
        shared = set.intersection(*(set(figures) for _, figures in rivals))
        if shared:
            means = [(math.fsum(figures[place] for place in shared) / len(shared), entry) for entry, figures in rivals]
            return (max if chosen.higher_is_better else min)(means, key=lambda pair: pair[0])[1]
        fewest = min(len(figures) for _, figures in rivals)
        rivals = [(entry, figures) for entry, figures in rivals if len(figures) > fewest]
    return None


def finished(scores: Scores, entries: Sequence[Entry]) -> list[Entry]:
    """Leave out what has no figure that can be compared: what failed, and what ended early in every seed."""
    keys = [metric.key for metric in metrics_of(scores)[:1]]
    return [
        entry
        for entry in entries
        if not entry.failure
        and any(scores.comparable(entry.members, split, key) for split, key in product(scores.splits, keys))
    ]


def failures_by_strategy(results: Mapping[str, Any]) -> dict[str, list[str]]:
    """Collect each strategy's distinct reasons, with the seeds it failed for."""
    seeds: dict[tuple[str, str], list[int]] = {}
    for failure in results.get("failures", []):
        seeds.setdefault((failure["strategy"], failure["reason"]), []).append(failure["seed"])
    reasons: dict[str, list[str]] = {}
    for (strategy, reason), where in seeds.items():
        plural = "s" if len(where) > 1 else ""
        reasons.setdefault(strategy, []).append(
            f"{printable(reason, LONGEST_REASON)} (seed{plural} {', '.join(map(str, where))})"
        )
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


def shorten(text: str, limit: int) -> str:
    """Cut a long name in the middle, so that its end (often a number) stays."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}\u2026{text[len(text) - (limit - 1 - head) :]}"
