"""Scores of `benchmarks.hf_fusion`: what is kept of an `hf_scores.jsonl`, and how it is read again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.hf_scores import Score, table
from benchmarks.results.of_scores import plans_markdown
from benchmarks.results.packed import pack, unpack
from benchmarks.results.studies import Study

KIND = "hf_fusion"
BY = ("kind", "method")


def keep(scores: Sequence[Score], plans: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Pack the scores of one kind of models."""
    return {"kind": KIND, "title": scores[0].kind, "plans": list(plans), "rows": pack(map(asdict, scores), BY)}


def scores_of(values: Mapping[str, Any]) -> list[Score]:
    """Give the kept scores."""
    return [Score(**{**each, "rises": tuple(each["rises"])}) for each in unpack(values["rows"], BY)]


def rows(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows as `results.json` has them: the accuracy at the best settings."""
    head = {"round": 1, "split": "all"}
    return [
        {**head, "seed": score.seed, "strategy": score.method, "metrics": {"accuracy": score.best}}
        for score in scores_of(values)
    ]


def markdown(values: Mapping[str, Any], study: Study) -> Iterator[str]:  # noqa: ARG001
    """Give the table of one kind of models, and what each method did."""
    _, _, *lines = table(scores_of(values), values["title"]).splitlines()
    yield "\n".join(lines) + "\n"
    yield plans_markdown(values)
