"""What the numbers say, in sentences that also tell when a comparison was lost or not settled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedot.report.analysis.entries import Entry, Metric, best_of, finished
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.statistics import Estimate, Scores, barrier, estimate

MAX_NAMED_CLIENTS = 4
NAMES = {
    "ensemble": "the ensemble",
    "centralised": "the centralised model",
    "fedavg-shared-init": "FedAvg from a shared start",
}
NO_BARRIER = 0.005  # nats; would be written as 0.00


@dataclass(frozen=True, slots=True)
class Findings:
    """One sentence to remember and the facts behind it, as plain text."""

    headline: str
    points: tuple[str, ...] = ()


def findings(results: Mapping[str, Any]) -> Findings:
    """Compute the findings of a results file."""
    run = Run.of(results)
    scores, metric, baseline = run.scores, run.headline, run.baseline
    entries = finished(scores, run.entries)
    strategies = [entry for entry in entries if entry.kind != "reference"]
    best = best_of(scores, strategies)
    if metric is None or best is None:
        return Findings("No strategy finished, so there is nothing to compare.")
    points: list[str] = []
    for entry in strategies:
        if baseline and entry.kind == "ot":
            points += _by_client(scores, metric, entry, baseline)
    ours = best_of(scores, [entry for entry in strategies if entry.kind == "ot"]) or best
    points += _against_references(scores, metric, ours, [e for e in entries if e.kind == "reference"])
    points += _barriers(results)
    points += [
        f"{entry.label} is compared with nothing: {entry.missing}."
        for entry in run.entries
        if entry.missing and entry not in entries
    ]
    return Findings(_headline(scores, metric, strategies, best, baseline), tuple(points))


def relation(metric: Metric, difference: Estimate) -> str:
    """Say where a paired difference puts us: ``1.2 points below``, ``level with``."""
    size = metric.number(abs(difference.mean))
    if float(size) == 0:
        return "level with"
    return f"{size}{metric.points} {'above' if difference.mean > 0 else 'below'}"


def _headline(scores: Scores, metric: Metric, strategies: Sequence[Entry], best: Entry, baseline: Entry | None) -> str:
    top = scores.estimate(best.members, "all", metric.key)
    assert top is not None  # best_of only returns measured entries
    reached = f"{metric.number(top.mean)}{metric.unit} {_name(metric)} over all clients{_but(scores, metric, best)}"
    others = [entry for entry in strategies if entry is not baseline]
    challenger = best_of(scores, others)
    if baseline is None or challenger is None:
        return f"{best.label} reaches {reached}."
    difference = scores.difference(challenger.members, baseline.members, "all", metric.key)
    if difference is None:
        alike = "final and of the same clients"
        return f"{best.label} reaches {reached}; no seed has both it and {baseline.label}, {alike}."
    open_still = difference.n > 1 and not difference.settled
    doubt = " The interval includes zero: these seeds do not settle it." if open_still else ""
    where = f"{relation(metric, difference)} {baseline.label} ({metric.interval(difference)})"
    if best is not baseline:
        ours = _behind(scores, metric, strategies, best)
        return f"{challenger.label} reaches {reached}, {where}.{doubt}{ours}"
    second = f"{challenger.label}, the next best, is {where}"
    return f"{baseline.label} is not beaten: it reaches {reached}, and {second}.{doubt}"


def _behind(scores: Scores, metric: Metric, strategies: Sequence[Entry], best: Entry) -> str:
    """Add where fusion ended, if something else won."""
    ours = best_of(scores, [entry for entry in strategies if entry.kind == "ot"])
    if ours is None or best.kind == "ot":
        return ""
    difference = scores.difference(ours.members, best.members, "all", metric.key)
    if difference is None:
        return ""
    return f" {ours.label} is {relation(metric, difference)} that ({metric.interval(difference)})."


def _by_client(scores: Scores, metric: Metric, ours: Entry, baseline: Entry) -> list[str]:
    pairs = [(each, scores.difference(ours.members, baseline.members, each, metric.key)) for each in scores.clients]
    known = [(client, difference) for client, difference in pairs if difference is not None]
    if not known:
        return []
    if len(known) <= MAX_NAMED_CLIENTS:
        parts = [f"{relation(metric, d)} {baseline.label} on {client} ({metric.interval(d)})" for client, d in known]
        return [f"{ours.label} is {_join(parts)}."]
    wins = sum(difference.mean > 0 for _, difference in known)
    client, worst = min(known, key=lambda pair: pair[1].mean)
    return [
        f"{ours.label} is above {baseline.label} on {wins} of {len(known)} clients; "
        f"its weakest is {client}, {relation(metric, worst)} {baseline.label} ({metric.interval(worst)})."
    ]


def _against_references(scores: Scores, metric: Metric, ours: Entry, references: Sequence[Entry]) -> list[str]:
    parents = [entry for entry in references if entry.members[0].startswith("parent:") and len(entry.members) == 1]
    best_parent = best_of(scores, parents)
    parts = []
    for entry in references:
        if (entry in parents and entry is not best_parent) or len(entry.members) > 1:
            continue
        difference = scores.difference(ours.members, entry.members, "all", metric.key)
        if difference is not None:
            best = f"the best parent ({entry.members[0].removeprefix('parent:')})"
            name = best if entry in parents else NAMES.get(entry.members[0], entry.label)
            parts.append(f"{relation(metric, difference)} {name}")
    return [f"Against the references over all clients, {ours.label} is {_join(parts)}."] if parts else []


def _barriers(results: Mapping[str, Any]) -> list[str]:
    heights = {}
    for kind in ("aligned", "unaligned"):
        lines = [line for line in results.get("lines", []) if line["kind"] == kind]
        heights[kind] = estimate(barrier(line["alpha"], line["loss"]) for line in lines)
    aligned, unaligned = heights["aligned"], heights["unaligned"]
    if aligned is None or unaligned is None:
        return []
    if max(aligned.mean, unaligned.mean) < NO_BARRIER:
        return ["The straight line to the anchor has no loss barrier, neither with nor without alignment."]
    of = "one line" if aligned.n == 1 else f"mean of {aligned.n} lines"
    return [
        f"Between a client's model and the anchor the loss rises {aligned.mean:.2f} nats above the straight line "
        f"between its two ends after alignment and {unaligned.mean:.2f} without ({of})."
    ]


def _but(scores: Scores, metric: Metric, entry: Entry) -> str:
    """Say in brackets what a mean lacks."""
    missing = scores.missing(entry.members, "all", metric.key)
    return f" ({missing})" if missing else ""


def _name(metric: Metric) -> str:
    return "accuracy" if metric.key == "accuracy" else metric.label


def _join(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
