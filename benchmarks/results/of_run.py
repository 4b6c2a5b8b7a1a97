"""Results of a scenario: what is kept of a `results.json`, and how it is read again.

What is kept becomes a `results.json` of schema 1 again, with fewer parts, so that all tables of `fedot.report` show
it.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.results.packed import pack, rounded, unpack
from benchmarks.results.stamp import Stamp, checked, without_places
from benchmarks.results.studies import Study
from fedot.errors import FedotError
from fedot.report.analysis.entries import METRICS
from fedot.report.analysis.findings import findings
from fedot.report.analysis.titles import plan_lines
from fedot.report.tables.by_round import rounds_markdown
from fedot.report.tables.differences import NAMES, paired_markdown
from fedot.report.tables.summary import markdown_row, summary_markdown
from fedot.results import SCHEMA, load_results
from fedot.results.results_schema import check_results

KIND = "run"
BY = ("strategy", "split", "round")
COSTS = ("bytes_up", "bytes_down", "seconds")
SHOWN = (
    "accuracy", "bleu", "bits_per_byte", "perplexity", "chrf", "nll", "ece", "nll_scaled", "ece_scaled", "temperature",
)  # fmt: skip
"""Metrics that are kept over all clients; of each client it is the first of them that there is."""
VERSIONS = ("fedot", "python", "torch", "flwr", "pot", "numpy", "platform")


def collect(path: Path, title: str, *, dirty: bool) -> tuple[Stamp, dict[str, Any]]:
    """Reduce a run to what tables need.

    Parameters
    ----------
    path
        Its `results.json`.
    dirty
        Whether code that is in no commit may have run.

    Raises
    ------
    FedotError
        If the run is not complete, used made-up data, or does not say which commit ran.
    """
    results = load_results(path)
    provenance = results["provenance"]
    if not provenance.get("complete", True):
        raise FedotError(f"{path} is of a run that was not finished; go on with it by --resume")
    if provenance["stand_in"]:
        raise FedotError(f"{path} is of made-up data, whose figures say nothing; run it with --data-dir")
    commit = checked(provenance.get("commit"), dirty, str(path))
    stamp = Stamp(commit, (provenance.get("started") or "")[:10], without_places(provenance.get("command") or ""))
    metric = next(
        (name for name in METRICS if name in SHOWN and any(name in r["metrics"] for r in results["rows"])), ""
    )
    data = {
        client: {key: each[key] for key in ("source", "train", "validation", "test") if key in each}
        for client, each in provenance["data"].items()
    }
    return stamp, {
        "kind": KIND,
        "title": title,
        "scenario": _told(results["scenario"]),
        "provenance": {
            **{key: provenance[key] for key in VERSIONS if provenance.get(key)},
            "seconds": rounded(provenance["seconds"]),
            "data": data,
        },
        "plans": _plans_once(results["plans"]),
        "failures": results["failures"],
        "rows": pack((_flat(row, metric) for row in results["rows"]), BY),
    }


def results_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give the kept parts of a `results.json`, checked as one.

    Raises
    ------
    FedotError
        If a field cannot be: one line with its path.
    """
    results = {
        "schema": SCHEMA,
        "scenario": values["scenario"],
        "provenance": {**values["provenance"], "stand_in": False, "complete": True},
        "plans": values["plans"],
        "failures": values["failures"],
        "rows": [_nested(record) for record in unpack(values["rows"], BY)],
    }
    check_results(results, values["title"])
    return results


def rows(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows as `results.json` has them."""
    return list(results_of(values)["rows"])


def markdown(values: Mapping[str, Any], study: Study) -> Iterator[str]:
    """Give the tables of one run: figures, differences, rounds, and what each strategy did."""
    results = results_of(values)
    found = findings(results)
    yield f"{found.headline}\n"
    yield summary_markdown(results)
    known = {row["strategy"] for row in results["rows"]}
    parents = any(name.startswith("parent:") for name in known)
    for name in study.against:
        if name in known or (name in NAMES and parents):
            yield f"Differences to {_name(name)}, paired by seed:\n"
            yield paired_markdown(results, name)
    if results["scenario"].get("rounds", 1) > 1:
        yield "After every round:\n"
        yield rounds_markdown(results, "all")
    yield _plans(results)


def _name(strategy: str) -> str:
    return NAMES[strategy].lower() if strategy in NAMES else f"`{strategy}`"


def _plans(results: Mapping[str, Any]) -> str:
    lines = ["| strategy | its stages and their options |", "| :--- | :--- |"]
    for plan in plan_lines(results):
        stages = "; ".join(f"{name} ({options})" if options else name for name, options in plan.stages)
        lines.append(markdown_row([f"{plan.label}{f', {plan.when}' if plan.when else ''}", stages]))
    return "\n".join(lines) + "\n" if len(lines) > 2 else ""


def _flat(row: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """One row with its metrics beside its name; of a client the headline alone, and what the run cost only once."""
    of_all = row["split"] == "all"
    metrics = {name: row["metrics"][name] for name in (SHOWN if of_all else (metric,)) if name in row["metrics"]}
    costs = {name: row[name] for name in COSTS if row.get(name) is not None} if of_all else {}
    without = {"without": list(row["without"])} if row.get("without") else {}
    return {**{name: row[name] for name in (*BY, "seed")}, **metrics, **costs, **without}


def _nested(record: Mapping[str, Any]) -> dict[str, Any]:
    beside = {name: record[name] for name in (*BY, "seed", *COSTS, "without") if name in record}
    return {**beside, "metrics": {name: value for name, value in record.items() if name not in beside}}


def _plans_once(plans: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Plans of the first seed of a strategy, and of each later seed that did something else."""
    by_place: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for plan in plans:
        by_place.setdefault((plan["strategy"], plan["seed"]), []).append(plan)
    seen: list[Any] = []
    kept: list[dict[str, Any]] = []
    for (strategy, _), found in by_place.items():
        did = (strategy, [(plan["round"], plan["plan"]) for plan in found])
        if did not in seen:
            seen.append(did)
            kept += map(dict, found)
    return kept


def _told(value: Any) -> Any:
    """Leave out what a scenario does not say."""
    if isinstance(value, Mapping):
        return {key: _told(each) for key, each in value.items() if each not in (None, {}, [])}
    return [_told(each) for each in value] if isinstance(value, list) else value
