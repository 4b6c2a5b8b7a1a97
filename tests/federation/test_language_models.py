"""Language models over the real apps: on built-in text, and on the user's own files of nothing but text."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from fedot.data import load_client
from fedot.errors import FedotError
from fedot.report.analysis.entries import METRICS, best_of, entries_of, metrics_of
from fedot.report.analysis.statistics import Scores
from fedot.report.pages.run_page import render_report
from fedot.report.tables.summary import summary_table
from fedot.scenario import Scenario, load_scenario, parse_scenario
from fedot.scenario.yaml_file import runs_of
from fedot.tasks import TASKS
from tests.federation.conftest import TINY
from tests.federation.test_run import Outcome, run

ROOT = Path(__file__).parents[2]
SHAPE = {"name": "decoder", "d_model": 8, "n_layer": 1, "n_head": 2, "d_ff": 16, "max_length": 12}
EVERYTHING = ["parents", "ensemble", "centralised", "fedavg-shared-init"]


@pytest.fixture
def scenario(tmp_path: Path) -> Any:
    base = {**TINY, "task": "language-model", "model": SHAPE, "base_dir": tmp_path}
    return lambda **changes: parse_scenario({**base, **changes})


def bits(outcome: Outcome, strategy: str, split: str = "all") -> float:
    [row] = outcome.rows(strategy=strategy, split=split)
    value: float = row["metrics"]["bits_per_byte"]
    return value


def test_the_scenario_that_comes_along_runs_cut_to_seconds() -> None:
    path = ROOT / "scenarios" / "language_model.yaml"
    [small] = runs_of(path, "small")
    cuts = [f"clients.{k}.{key}={value}" for k in (0, 1) for key, value in (("examples", 80), ("test_examples", 20))]
    cuts += ["seeds=[0]", "train.epochs=1", "tokenizer.vocab_size=520", "model.d_model=16", "data.source=stand-in"]
    outcome = run(load_scenario(path, [*small.overrides, *cuts, "strategies.3.distil_steps=2"]))
    assert outcome.record.failures == []
    assert outcome.strategies() == {
        *("fedavg", "ot-fusion", "ot-fusion-aligned", "ot-fusion-distilled", "fedavg-shared-init", "centralised"),
        *("ensemble", "parent:xed-en", "parent:xed-fi"),
    }
    methods = {plan["strategy"]: plan["method"] for plan in outcome.record.plans}
    assert methods == {"ot-fusion": "merged", "ot-fusion-aligned": "aligned", "ot-fusion-distilled": "merged"}
    wanted = {"bits_per_byte", "perplexity", "token_accuracy", "nll"}
    assert all(row["metrics"].keys() == wanted for row in outcome.record.rows)
    for row in outcome.record.rows:
        assert 0 < row["metrics"]["bits_per_byte"] < 20
        assert row["metrics"]["perplexity"] == pytest.approx(math.exp(row["metrics"]["nll"]))
    assert outcome.record.reliability == []
    assert all(entry["accuracy"] == [] and len(entry["loss"]) == 11 for entry in outcome.record.lines)


def test_the_report_ranks_by_bits_per_byte_and_less_is_better(scenario: Any) -> None:
    results = run(scenario(references=EVERYTHING)).results
    scores = Scores.of_results(results)
    headline = metrics_of(scores)[0]
    assert headline is METRICS["bits_per_byte"]
    assert not headline.higher_is_better
    entries = [entry for entry in entries_of(results, scores) if entry.members in (("fedavg",), ("ot-fusion",))]
    best = best_of(scores, entries, "all", headline)
    means = {row["strategy"]: row["metrics"]["bits_per_byte"] for row in results["rows"] if row["split"] == "all"}
    assert best is not None
    assert means[best.members[0]] == min(means["fedavg"], means["ot-fusion"])
    page = render_report(results)
    assert 0 < page.index("Bits per byte") < page.index("Perplexity")
    assert "how many were foreseen" in page
    summary_table(results)


def test_pooled_figures_are_those_of_all_texts_together(scenario: Any) -> None:
    outcome = run(scenario(strategies=["fedavg"]))
    for strategy in ("fedavg", "parent:xed-en", "ensemble"):
        both = sorted(bits(outcome, strategy, split) for split in ("xed-en", "xed-fi"))
        assert both[0] <= bits(outcome, strategy) <= both[1]
    assert bits(outcome, "ensemble") <= max(bits(outcome, f"parent:xed-{lang}") for lang in ("en", "fi"))


def test_models_with_vocabularies_of_their_own_are_fused_and_compared_by_bytes(scenario: Any) -> None:
    own = {"vocab_size": 520, "scope": "per-client"}
    outcome = run(scenario(tokenizer=own, strategies=["ot-fusion"], references=["parents", "ensemble"]))
    assert outcome.strategies() == {"ot-fusion", "parent:xed-en", "parent:xed-fi"}
    [failure] = outcome.record.failures
    assert failure["strategy"] == "ensemble"
    assert bits(outcome, "ot-fusion") > 0


def test_a_client_that_reads_backwards_is_a_worse_teacher(scenario: Any) -> None:
    longer = {"epochs": 12, "batch_size": 8, "lr": 0.02, "patience": 12}
    clients = [{**client, "examples": 300} for client in TINY["clients"]]
    good = run(scenario(clients=clients, train=longer, strategies=["fedavg"], references=["parents"]))
    clients[0]["fault"] = "flipped-labels"
    bad = run(scenario(clients=clients, train=longer, strategies=["fedavg"], references=["parents"]))
    assert bits(bad, "parent:xed-en", "xed-en") > bits(good, "parent:xed-en", "xed-en") + 0.05
    assert bits(bad, "parent:xed-fi") == bits(good, "parent:xed-fi")


def files(tmp_path: Path, **keys: Any) -> Scenario:
    for name in ("train", "test"):
        lines = [{"text": f"line {i} of the {name}ing file", "n": i} for i in range(40)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    client = {"dataset": "files", "train": "train.jsonl", "test": "test.jsonl", "text": "text", **keys}
    values = {"name": "own", "task": "language-model", "clients": [client] * 2, "base_dir": tmp_path, "model": SHAPE}
    return parse_scenario({**values, "train": {"epochs": 1}, "seeds": [0], "strategies": ["fedavg"]})


def test_files_need_a_column_of_texts_and_nothing_else(tmp_path: Path) -> None:
    data = load_client(files(tmp_path), 0, 0)
    assert data.train.column_names == ["text"]
    assert data.labels == ()
    assert len(data.train) + len(data.validation) == len(data.test) == 40
    assert load_client(files(tmp_path, text=None), 0, 0).train["text"][:] == data.train["text"][:]
    with pytest.raises(FedotError, match="has no column 'body', only text"):
        load_client(files(tmp_path, text="body"), 0, 0)
    outcome = run(files(tmp_path))
    assert outcome.record.failures == []


def test_a_labelled_data_set_gives_its_texts_alone(scenario: Any) -> None:
    data = load_client(scenario(), 0, 0)
    assert data.train.column_names == list(TASKS["language-model"].columns) == ["text"]
    assert data.labels == ()
