"""The report: one HTML page that needs nothing but itself."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from fedot.errors import FedotError
from fedot.report.analysis.compared_runs import task_in
from fedot.report.analysis.entries import DASH, MAX_PARENTS, METRICS, Entry, duration, failures_by_strategy
from fedot.report.analysis.findings import findings
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.neuron_groups import coupling_summary, fit_summary
from fedot.report.analysis.statistics import estimate
from fedot.report.analysis.titles import label_of, plan_lines, section_titles
from fedot.report.figures.one_run import figures
from fedot.report.pages.citation import bibtex
from fedot.report.pages.render import figure_parts, render
from fedot.report.pages.use_model import use_of
from fedot.report.tables.by_class import class_lines
from fedot.report.tables.cells import SCALED, calibration_lines, line_cells
from fedot.report.tables.over_clients import MOST_COLUMNS, ranges, spread_cells
from fedot.report.tables.timings import timing_lines
from fedot.results.notices import notices_of, stand_in_sentence
from fedot.storage.atomic import write_bytes
from fedot.tasks import TASK_FACTS

TOLD = ("fedot", "data", "notices", "command", "started", "engine", "commit", "platform", "cpu_count")
"""What the page says of the provenance; nothing where an older file has it not."""

TRAINED = ("num_examples", "train_loss", "validation_loss", "truncated")


def write_report(results: Mapping[str, Any], out_dir: Path) -> Path:
    """Write `report.html` into `out_dir` and return its path.

    Raises
    ------
    FedotError
        If the folder cannot be written to.
    """
    page = out_dir / "report.html"
    write_bytes(page, render_report(results).encode())
    return page


def render_report(results: Mapping[str, Any]) -> str:
    """Render the page; equal results give equal text."""
    run, provenance = Run.of(results), results["provenance"]
    scores, scaled = run.scores, [METRICS[key] for key in SCALED.values() if key in run.scores.metrics]
    elsewhere = ["f1_macro", "temperature", *SCALED.values()]  # the first only in the CSV file, else of calibration
    elsewhere += ["brier"] if "brier_scaled" in scores.metrics else []
    metrics = [metric for metric in run.metrics if metric.key not in elsewhere]
    first = metrics[0] if metrics else None
    cells = {entry: line_cells(run, entry, first) for entry in run.measured}
    task = TASK_FACTS.get(task_in(results))
    return render(
        "run.html",
        sums_in_words=task.sums_in_words if task else "",
        run=run,
        scenario={"name": "results", "question": "", **results["scenario"]},
        provenance={**dict.fromkeys(TOLD, ""), **provenance, "notices": notices_of(results)},
        stand_in=stand_in_sentence(results),
        incomplete=not provenance.get("complete", True),
        facts=_facts(run),
        findings=findings(results),
        metrics=metrics,
        seeds=scores.seeds,
        clients=scores.clients,
        sections=[
            (kind, title, lines)
            for kind, title in section_titles(results).items()
            if (lines := [entry for entry in run.entries if entry.kind == kind])
        ],
        cells=cells,
        best={metric.key: run.winner(metric) for metric in metrics},
        many=len(scores.clients) > MOST_COLUMNS,
        spreads={entry: spread_cells(run, entry, first) for entry in run.measured if first},
        data_lines=_data_lines(provenance.get("data") or {}),
        timings=timing_lines(results),
        best_by_client={
            c: run.winner(first, c) for c in scores.clients if first and len(scores.clients) <= MOST_COLUMNS
        },
        bootstrap=any(cell["bootstrap"] not in ("", DASH) for cell in cells.values()),
        baseline=run.baseline.label if run.baseline else "",
        notes=run.notes(metrics),
        client_notes=run.notes(metrics[:1], scores.clients) if len(scores.clients) <= MOST_COLUMNS else (),
        calibration_notes=run.notes(scaled),
        calibration=calibration_lines(run),
        classes=class_lines(run),
        use=use_of(run),
        citation=bibtex(results),
        parents=_parents(run),
        figures=[figure_parts(figure) for figure in figures(results)],
        couplings=coupling_summary(results),
        fits=fit_summary(results),
        failures={label_of(name, results): found for name, found in failures_by_strategy(results).items()},
        plans=plan_lines(results),
        training=_training(results),
        versions=[
            (key, provenance[key]) for key in ("fedot", "flwr", "torch", "pot", "numpy", "python") if key in provenance
        ],
        duration=duration(provenance["seconds"]) if provenance.get("seconds") else DASH,
        scenario_yaml=scenario_yaml(results["scenario"]),
    )


def scenario_yaml(scenario: Mapping[str, Any]) -> str:
    """Write the scenario as it was run, in the form a scenario file has."""
    from fedot.scenario import dump_scenario, parse_scenario

    try:
        return dump_scenario(parse_scenario(scenario))
    except FedotError:  # results of a version with other keys still deserve a report
        return str(yaml.safe_dump(dict(scenario), sort_keys=False, allow_unicode=True, width=100))


def _facts(run: Run) -> list[tuple[str, str]]:
    """Collect what a reader asks first."""
    scenario = run.results["scenario"]
    rounds, model = scenario.get("rounds", 1), scenario.get("model") or {}
    size = [f"{key} {model[key]}" for key in ("d_model", "n_layer", "n_head") if key in model]
    return [
        ("Task", str(scenario.get("task", DASH))),
        ("Clients", str(run.num_clients)),
        ("Rounds", "one-shot" if rounds == 1 else str(rounds)),
        ("Start", f"{scenario.get('init', DASH)} initialisation"),
        ("Model", ", ".join([str(model.get("name", DASH)), *size])),
        ("Seeds", ", ".join(map(str, run.scores.seeds)) or DASH),
    ]


def _parents(run: Run) -> list[Entry]:
    """List every parent, if the main table folds them together."""
    names = [name for name in run.scores.strategies if name.startswith("parent:")]
    if len(names) > MOST_COLUMNS:  # the CSV file has them
        return []
    return [Entry(name.removeprefix("parent:"), "reference", (name,)) for name in names if len(names) > MAX_PARENTS]


def _training(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Summarise the last round of local training; strategies that share a client's figures share a line."""
    rounds: dict[tuple[str, str], dict[int, list[Mapping[str, Any]]]] = {}
    for item in results.get("training", []):
        rounds.setdefault((item["client"], item["strategy"]), {}).setdefault(item["round"], []).append(item)
    groups: dict[tuple[Any, ...], dict[str, Any]] = {}
    for (client, strategy), found in rounds.items():
        number = max(found)
        means = {key: estimate(item.get(key) for item in found[number]) for key in TRAINED}
        shared = (client, number, *(value.mean if value else None for value in means.values()))
        group = groups.setdefault(
            shared, {"client": client, "round": number, "means": means, "strategies": [], "seconds": []}
        )
        group["strategies"].append(label_of(strategy, results))
        group["seconds"] += [item.get("seconds") for item in found[number]]
    if len({client for client, *_ in groups}) > MOST_COLUMNS:
        return _training_over_clients(groups.values())
    names = [client for client, *_ in groups]
    lines = sorted(groups.values(), key=lambda group: names.index(group["client"]))
    return [{**group, "seconds": estimate(group["seconds"])} for group in lines]


def _training_over_clients(groups: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Put the lines of many clients together, one for each round and its strategies: means over the clients."""
    alike: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for group in groups:
        alike.setdefault((group["round"], *group["strategies"]), []).append(group)
    return [
        {
            "client": f"mean of {len(found)} clients",
            "round": number,
            "means": {key: estimate(value.mean for g in found if (value := g["means"][key])) for key in TRAINED},
            "strategies": strategies,
            "seconds": estimate(second for group in found for second in group["seconds"]),
        }
        for (number, *strategies), found in alike.items()
    ]


def _data_lines(data: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, dict[str, str], str]]:
    """Name, source, rows and classes of each client; many are put together by source and classes."""
    alike: dict[Any, list[str]] = {}
    for client, item in data.items():
        key = (item.get("source"), *(item.get("labels") or []))
        alike.setdefault(key if len(data) > MOST_COLUMNS else client, []).append(client)
    lines = []
    for clients in alike.values():
        items = [data[client] for client in clients]
        name = clients[0] if len(clients) == 1 else f"{len(clients)} clients, {clients[0]} to {clients[-1]}"
        labels = ", ".join(items[0].get("labels") or []) or DASH
        lines.append((name, str(items[0].get("source", DASH)), ranges(items, ("train", "validation", "test")), labels))
    return lines
