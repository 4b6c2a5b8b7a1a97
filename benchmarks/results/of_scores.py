"""Scores of `benchmarks.fusion`: what is kept of a `scores.jsonl`, and how it is read again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from benchmarks.fusion_scores import Score, table
from benchmarks.results.packed import pack, unpack
from benchmarks.results.studies import Study

KIND = "fusion"
BY = ("work", "method")
PARENT = "parent "


def keep(scores: Sequence[Score], plans: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Pack the scores of one work."""
    return {"kind": KIND, "title": scores[0].work, "plans": list(plans), "rows": pack(map(asdict, scores), BY)}


def scores_of(values: Mapping[str, Any]) -> list[Score]:
    """Give the kept scores."""
    return [Score(**{**each, "accuracies": tuple(each["accuracies"])}) for each in unpack(values["rows"], BY)]


def rows(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows as `results.json` has them: each client's accuracy, and over all clients their mean."""
    return [row for score in scores_of(values) for row in _rows(score)]


def _rows(score: Score) -> Iterator[dict[str, Any]]:
    name = score.method.replace(PARENT, "parent:client ") if score.method.startswith(PARENT) else score.method
    figures = {"all": fmean(score.accuracies), **{f"client {k}": each for k, each in enumerate(score.accuracies)}}
    for split, accuracy in figures.items():
        head = {"seed": score.seed, "strategy": name, "round": 1, "split": split}
        yield {**head, "metrics": {"accuracy": accuracy}}


def markdown(values: Mapping[str, Any], study: Study) -> Iterator[str]:  # noqa: ARG001
    """Give the table of one work, and what each method did."""
    _, _, *lines = table(scores_of(values), values["title"]).splitlines()
    yield "\n".join(lines) + "\n"
    yield plans_markdown(values)


def plans_markdown(values: Mapping[str, Any]) -> str:
    """List the stages of every method; their options are in the file of figures."""
    lines = ["| method | its stages |", "| :--- | :--- |"]
    for plan in values["plans"]:
        lines.append(f"| {plan['method']} | {', '.join(stage['stage'] for stage in plan['stages'])} |")
    return "\n".join(lines) + "\n"
