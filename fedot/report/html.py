"""The report: one HTML page that needs nothing but itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fedot.errors import FedotError
from fedot.report.couplings import coupling_summary
from fedot.report.fits import fit_summary
from fedot.report.headline import baseline_of, findings
from fedot.report.page import figure_parts, page_template
from fedot.report.plots import figures
from fedot.report.progress import costs_of
from fedot.report.results import write_atomically
from fedot.report.runs import task_in
from fedot.report.sections import SCALED, calibration_lines, paired_lines
from fedot.report.standing import MARK
from fedot.report.statistics import Scores, estimate
from fedot.report.svg import Figure, standalone
from fedot.report.template import TEMPLATE
from fedot.report.views import (
    DASH,
    METRICS,
    SECTIONS,
    Entry,
    Metric,
    duration,
    entries_of,
    failures_by_strategy,
    finished,
    footnotes,
    label_of,
    marked,
    metrics_of,
    quantity,
    winner_of,
)

TOLD = ("fedot", "data", "notices", "command", "started", "engine", "commit", "platform", "cpu_count")
"""What the page says of the provenance; nothing where an older file has it not."""


def write_report(results: Mapping[str, Any], out_dir: Path) -> Path:
    """Write `report.html` into `out_dir` and return its path.

    Raises
    ------
    FedotError
        If the folder cannot be written to.
    """
    return write_atomically(out_dir / "report.html", render_report(results))


def write_figures(results: Mapping[str, Any], out_dir: Path) -> tuple[Path, ...]:
    """Write every figure as an SVG file of its own, for a paper or a README."""
    return write_each(figures(results), out_dir)


def write_each(drawn: Sequence[Figure], out_dir: Path) -> tuple[Path, ...]:
    """Write figures as SVG files of their own, named by their keys."""
    return tuple(write_atomically(out_dir / f"{figure.key}.svg", standalone(figure)) for figure in drawn)


def render_report(results: Mapping[str, Any]) -> str:
    """Render the page; equal results give equal text."""
    from fedot.tasks import TASKS  # late, since it takes seconds

    scores, provenance = Scores.of_results(results), results["provenance"]
    entries, metrics = entries_of(results, scores), table_metrics(scores)
    measured = [entry for entry in entries if not entry.failure]
    baseline = baseline_of(results, finished(scores, measured))
    headline, task = metrics_of(scores)[:1], TASKS.get(task_in(results))
    return page_template(TEMPLATE).render(
        scenario={"name": "results", "question": "", **results["scenario"]},
        provenance={**dict.fromkeys(TOLD, ""), **provenance},
        stand_in=bool(provenance.get("stand_in")),
        incomplete=not provenance.get("complete", True),
        facts=_facts(results, scores),
        findings=findings(results),
        metrics=metrics,
        seeds=scores.seeds,
        clients=scores.clients,
        summary=_summary(results, scores, entries),
        baseline=baseline.label if baseline else "",
        notes=footnotes(scores, entries, metrics),
        client_notes=footnotes(scores, entries, headline, scores.clients),
        calibration_notes=footnotes(
            scores, entries, [METRICS[key] for key in SCALED.values() if key in scores.metrics]
        ),
        paired=paired_lines(scores, measured, baseline, metrics),
        calibration=calibration_lines(scores, measured),
        by_client=_by_client(scores, entries),
        parents=_parents(scores),
        figures=[figure_parts(figure) for figure in figures(results)],
        couplings=coupling_summary(results.get("couplings", [])),
        fits=fit_summary(results),
        failures=failures_by_strategy(results),
        training=_training(results),
        versions=[
            (key, provenance[key]) for key in ("fedot", "flwr", "torch", "pot", "numpy", "python") if key in provenance
        ],
        duration=duration(provenance["seconds"]) if provenance.get("seconds") else DASH,
        scenario_yaml=scenario_yaml(results["scenario"]),
        label_of=label_of,
        sums_in_words=task.sums_in_words if task else "",
    )


def scenario_yaml(scenario: Mapping[str, Any]) -> str:
    """Write the scenario as it was run, in the form a scenario file has."""
    from fedot.scenario import dump_scenario, parse_scenario

    try:
        return dump_scenario(parse_scenario(scenario))
    except FedotError:  # results of a version with other keys still deserve a report
        return str(yaml.safe_dump(dict(scenario), sort_keys=False, allow_unicode=True, width=100))


def table_metrics(scores: Scores) -> tuple[Metric, ...]:
    """Metrics of the main table; calibration has its own, and the macro average is left to the CSV file."""
    elsewhere = ["f1_macro", "temperature", *SCALED.values()]
    elsewhere += ["brier"] if "brier_scaled" in scores.metrics else []
    return tuple(metric for metric in metrics_of(scores) if metric.key not in elsewhere)


def _facts(results: Mapping[str, Any], scores: Scores) -> list[tuple[str, str]]:
    """Collect what a reader asks first."""
    scenario, provenance = results["scenario"], results["provenance"]
    rounds, model = scenario.get("rounds", 1), scenario.get("model") or {}
    size = [f"{key} {model[key]}" for key in ("d_model", "n_layer", "n_head") if key in model]
    return [
        ("Task", str(scenario.get("task", DASH))),
        ("Clients", str(len(provenance.get("data") or scores.clients))),
        ("Rounds", "one-shot" if rounds == 1 else str(rounds)),
        ("Start", f"{scenario.get('init', DASH)} initialisation"),
        ("Model", ", ".join([str(model.get("name", DASH)), *size])),
        ("Seeds", ", ".join(map(str, scores.seeds)) or DASH),
    ]


def _summary(results: Mapping[str, Any], scores: Scores, entries: tuple[Entry, ...]) -> list[dict[str, Any]]:
    """Lay out the main table: by section, every metric over all, and the paired difference to the baseline, costs."""
    metrics = table_metrics(scores)
    strategies = [e for e in entries if e.kind != "reference" and not e.failure]
    baseline = baseline_of(results, finished(scores, strategies))
    best = {m.key: winner_of(scores, strategies, "all", m) for m in metrics}
    sections = []
    for kind, title in SECTIONS.items():
        lines = []
        for entry in (item for item in entries if item.kind == kind):
            values = [scores.estimate(entry.members, "all", metric.key) for metric in metrics]
            cells = [
                {
                    "mean": m.number(v.mean),
                    "half": marked(m.estimate(v).split(" ", 1)[1], scores, entry, "all", m),
                    "best": best[m.key] is entry,
                }
                if v
                else None
                for m, v in zip(metrics, values, strict=True)
            ]
            lines.append(
                {
                    "entry": entry,
                    "cells": cells,
                    "difference": _difference(scores, metrics, entry, baseline),
                    "seeds": values[0].n if values and values[0] else 0,
                    "costs": _costs(scores, results, entry),
                }
            )
        if lines:
            sections.append({"title": title, "kind": kind, "lines": lines})
    return sections


def _costs(scores: Scores, results: Mapping[str, Any], entry: Entry) -> list[str]:
    """Write what was sent up, down, and the time; a reference that sends nothing has dashes."""
    costs = costs_of(scores, results["rows"], entry)
    return [
        f"{write(cost.mean)}{MARK if entry.missing else ''}" if cost else DASH
        for cost, write in zip(costs, (quantity, quantity, duration), strict=True)
    ]


def _difference(
    scores: Scores, metrics: tuple[Metric, ...], entry: Entry, baseline: Entry | None
) -> dict[str, Any] | None:
    if baseline is None or entry is baseline or not metrics:
        return None
    found = scores.difference(entry.members, baseline.members, "all", metrics[0].key)
    if found is None:
        return None
    half = metrics[0].estimate(found).split(" ", 1)[1]
    return {"mean": metrics[0].number(found.mean, signed=True), "half": half, "settled": found.settled}


def _by_client(scores: Scores, entries: tuple[Entry, ...]) -> list[dict[str, Any]]:
    """Lay out the headline metric of every client."""
    metrics = metrics_of(scores)
    if not metrics or len(scores.clients) < 1:
        return []
    strategies = [entry for entry in entries if entry.kind != "reference" and not entry.failure]
    best = {client: winner_of(scores, strategies, client, metrics[0]) for client in scores.clients}
    return [
        {
            "entry": entry,
            "cells": [
                {
                    "text": _estimate(scores, entry, client, metrics[0]),
                    "best": best[client] is entry,
                }
                for client in scores.clients
            ],
        }
        for entry in entries
        if not entry.failure
    ]


def _estimate(scores: Scores, entry: Entry, split: str, metric: Metric) -> str:
    return marked(metric.estimate(scores.estimate(entry.members, split, metric.key)), scores, entry, split, metric)


def _parents(scores: Scores) -> list[dict[str, Any]]:
    """Lay out every parent on every split, if the main table folds them together."""
    metrics = metrics_of(scores)
    names = [name for name in scores.strategies if name.startswith("parent:")]
    if not metrics or len(names) <= 4:
        return []
    found = []
    for name in names:
        entry = Entry(name, "reference", (name,))
        values = {split: scores.estimate(name, split, metrics[0].key) for split in scores.splits}
        cells = [
            marked(metrics[0].number(value.mean) if value else DASH, scores, entry, split, metrics[0])
            for split, value in values.items()
        ]
        found.append({"name": name.removeprefix("parent:"), "cells": cells})
    return found


def _training(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Summarise the last round of local training; strategies that share a client's figures share a line."""
    last: dict[tuple[str, str], int] = {}
    for item in results.get("training", []):
        key = (item["client"], item["strategy"])
        last[key] = max(item["round"], last.get(key, 0))
    groups: dict[tuple[str, tuple[Any, ...]], dict[str, Any]] = {}
    for (client, strategy), number in last.items():
        mine = [
            i for i in results["training"] if (i["client"], i["strategy"], i["round"]) == (client, strategy, number)
        ]
        means = {
            key: estimate(i.get(key) for i in mine)
            for key in ("num_examples", "train_loss", "validation_loss", "truncated")
        }
        shared = (number, *(value.mean if value else None for value in means.values()))
        group = groups.setdefault(
            (client, shared),
            {"client": client, "round": number, "means": means, "strategies": [], "seconds": []},
        )
        group["strategies"].append(label_of(strategy))
        group["seconds"] += [i.get("seconds") for i in mine]
    for group in groups.values():
        group["seconds"] = estimate(group["seconds"])
    names = list(dict.fromkeys(client for client, _ in groups))
    return sorted(groups.values(), key=lambda group: names.index(group["client"]))
