"""What the numbers say, in sentences that also tell when a comparison was lost or not settled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedot.report.analysis.entries import Entry, Metric, best_of, finished
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.loss_barriers import course_of, lines_by_strategy
from fedot.report.analysis.statistics import Estimate, Scores
from fedot.report.analysis.titles import label_of

MAX_NAMED_CLIENTS = 4
NAMES = {
    "ensemble": "the ensemble",
    "centralised": "the centralised model",
    "fedavg-shared-init": "FedAvg from a shared start",
}


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
    strategies = run.rivals
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


def joint_findings(runs: Sequence[Run]) -> Findings:
    """Say of several runs which strategy came out best, how often, and how far from the baseline; then of each run."""
    each = tuple(f"{run.title}: {findings(run.results).headline}" for run in runs)
    if len(runs) == 1:
        return Findings(findings(runs[0].results).headline)
    metric = next((run.headline for run in runs if run.headline), None)
    winners = [(run, best) for run in runs if (best := best_of(run.scores, run.rivals))]
    if metric is None or not winners:
        return Findings("No strategy finished in any run, so there is nothing to compare.", each)
    by_label: dict[str, list[Run]] = {}
    for run, best in winners:
        by_label.setdefault(best.label, []).append(run)
    ranked = sorted(by_label.items(), key=lambda pair: -len(pair[1]))
    label, mine = ranked[0]
    every = "both" if len(runs) == 2 else f"all {len(runs)}"
    of = f"{every if len(mine) == len(runs) else f'{len(mine)} of {len(runs)}'} runs"
    told = [f"{label} is best in {of}: {_span(metric, mine)}."]
    told += [f"{other} is best in {len(them)}." for other, them in ranked[1:]]
    unfinished = len(runs) - len(winners)
    told += [f"In {unfinished} no strategy finished."] if unfinished else []
    return Findings(" ".join(told), each)


def _span(metric: Metric, runs: Sequence[Run]) -> str:
    """Say between which figures the best strategies of some runs lie, and how far from their baselines."""
    tops = [best_of(run.scores, run.rivals) for run in runs]
    pairs = [
        (run, top, value) for run, top in zip(runs, tops, strict=True) if top and (value := run.estimate(top, metric))
    ]
    text = f"{_range([value.mean for *_, value in pairs], metric)}{metric.unit} {_name(metric)} over all clients"
    against = [
        (run.baseline.label, found) for run, top, _ in pairs if run.baseline and (found := run.against(top, metric))
    ]
    names = list(dict.fromkeys(name for name, _ in against))
    if len(against) < len(runs) or len(names) != 1:
        return text
    differences = [found.difference for _, found in against]
    settled = sum(difference.settled for difference in differences)
    apart = f"{_range([each.mean for each in differences], metric, signed=True)}{metric.points} against {names[0]}"
    tested = sum(difference.n > 1 for difference in differences)
    sure = f" (the 95 % interval leaves out zero in {settled} of {tested})" if tested else " (one seed, no interval)"
    return f"{text}, {apart}{sure}"


def _range(values: Sequence[float], metric: Metric, signed: bool = False) -> str:
    ends = dict.fromkeys(metric.number(end, signed) for end in (min(values), max(values)))
    return " to ".join(ends)


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
    """Tell of each strategy that has lines what its plot shows."""
    found, told = lines_by_strategy(results), []
    for strategy, lines in found.items():
        aligned, unaligned = (course_of([x for x in lines if x["kind"] == k]) for k in ("aligned", "unaligned"))
        if aligned is None or unaligned is None:
            continue
        whose = f"{label_of(strategy, results)}: between" if len(found) > 1 else "Between"
        of = "one line" if aligned.rise.n == 1 else f"mean of {aligned.rise.n} lines"
        told.append(
            f"{whose} the anchor and a client's model the loss {aligned.told} after alignment. "
            f"Without alignment it {unaligned.told} ({of})."
        )
    return told


def _but(scores: Scores, metric: Metric, entry: Entry) -> str:
    """Say in brackets what a mean lacks."""
    missing = scores.missing(entry.members, "all", metric.key)
    return f" ({missing})" if missing else ""


def _name(metric: Metric) -> str:
    return "accuracy" if metric.key == "accuracy" else metric.label


def _join(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
