"""The task translation over the real apps, on the user's own files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sacrebleu
from tokenizers import Tokenizer

from fedot.errors import FedotError
from fedot.evaluation.metrics import tally
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.evaluation.translation_scores import tally_translations
from fedot.report import render_report
from fedot.scenario import Scenario, load_scenario, parse_scenario
from fedot.tasks import TASKS
from fedot.translation import encode_pairs
from fedot.translation.pairs import decode_ids
from fedot.translation.translator import Translator
from fedot.wire.evaluations import pack_tallies, unpack_tallies
from tests.federation.test_run import Outcome, run

WORDS = {"one": "eins", "two": "zwei", "red": "rot", "dog": "Hund", "house": "Haus"}
SHAPE = {"d_model": 8, "n_layer": 1, "n_head": 2, "d_ff": 8, "max_length": 12}


def write(path: Path, number: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [rng.choice(list(WORDS), rng.integers(1, 5)) for _ in range(number)]
    lines = [{"en": " ".join(row), "de": " ".join(WORDS[word] for word in row)} for row in rows]
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")


@pytest.fixture
def scenario(tmp_path: Path) -> Callable[..., Scenario]:
    clients = []
    for k, name in enumerate(("north", "south")):
        write(tmp_path / f"{name}.jsonl", 60, k)
        write(tmp_path / f"{name}-test.jsonl", 6, 10 + k)
        own = {"train": f"{name}.jsonl", "test": f"{name}-test.jsonl", "source": "en", "target": "de"}
        clients.append({"dataset": "files", "name": name, **own})
    base: dict[str, Any] = {
        **{"name": "words", "task": "translation", "clients": clients, "seeds": [0], "base_dir": tmp_path},
        **{"tokenizer": {"vocab_size": 60}, "model": SHAPE, "train": {"epochs": 1, "batch_size": 16, "lr": 0.01}},
        **{"decoding": {"beam": 2}, "strategies": ["fedavg", "fedavg-token-rows", "ot-fusion"]},
        "references": ["parents", "ensemble", "centralised", "fedavg-shared-init"],
    }
    return lambda **changes: parse_scenario({**base, **changes})


def metrics(outcome: Outcome, strategy: str, split: str = "all") -> dict[str, float]:
    [row] = outcome.rows(strategy=strategy, split=split)
    found: dict[str, float] = row["metrics"]
    return found


def test_everything_asked_for_is_in_the_results_and_on_the_page(scenario: Any) -> None:
    outcome = run(scenario())
    assert outcome.record.failures == []
    assert outcome.strategies() == {
        *("fedavg", "fedavg-token-rows", "ot-fusion", "fedavg-shared-init", "centralised", "ensemble"),
        *("parent:north", "parent:south"),
    }
    assert all(row["metrics"].keys() == {"bleu", "chrf", "nll"} for row in outcome.record.rows)
    assert [row["split"] for row in outcome.rows(strategy="ensemble")] == ["all", "north", "south"]
    assert metrics(outcome, "centralised")["nll"] < np.log(40)
    assert {entry["kind"] for entry in outcome.record.lines} == {"aligned", "unaligned"}
    assert all(entry["accuracy"] == [] and len(entry["loss"]) == 11 for entry in outcome.record.lines)
    assert outcome.record.reliability == []
    assert "tok:13a" in outcome.results["provenance"]["sacrebleu"]["bleu"]

    page = render_report(outcome.results)
    assert 0 < page.index("BLEU") < page.index("chrF")


def test_pooled_scores_are_those_of_all_sentences_together(scenario: Any, tmp_path: Path) -> None:
    outcome = run(scenario(references=["parents"], strategies=["fedavg"]))
    state, config, words = outcome.models["parent:north", 0]
    tokenizer, said, right = Tokenizer.from_str(words), [], []
    for name in ("north", "south"):
        lines = (tmp_path / f"{name}-test.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        pairs = encode_pairs(tokenizer, [row["en"] for row in rows], [row["de"] for row in rows], 12)
        found = Translator.of([(config, state)]).translate(pairs.source, beam=2)
        said += decode_ids(tokenizer, found)
        right += [row["de"] for row in rows]
    assert metrics(outcome, "parent:north")["bleu"] == pytest.approx(sacrebleu.corpus_bleu(said, [right]).score)
    assert metrics(outcome, "parent:north")["chrf"] == pytest.approx(sacrebleu.corpus_chrf(said, [right]).score)


def test_models_with_their_own_tokenizers_are_fused_but_form_no_ensemble(scenario: Any) -> None:
    own = {"vocab_size": 60, "scope": "per-client"}
    outcome = run(scenario(tokenizer=own, strategies=["ot-fusion"], references=["parents", "ensemble"]))
    assert outcome.strategies() == {"ot-fusion", "parent:north", "parent:south"}
    [failure] = outcome.record.failures
    assert failure["strategy"] == "ensemble"
    assert "tokenizer" in failure["reason"]


def test_sums_of_another_task_are_refused() -> None:
    classes = tally(np.array([[0.2, 0.8]]), np.array([1]))
    pairs = tally_translations(1.0, 2, ["a"], ["a"])
    request = EvaluationRequest((), (), (), (EvaluationItem("weights", ((0, 1.0),)),))
    for tally_of_one, other in ((classes, "translation"), (pairs, "classification"), (pairs, "language-model")):
        with pytest.raises(FedotError, match="of another task"):
            unpack_tallies(pack_tallies([tally_of_one]), request, TASKS[other])


def test_a_task_brings_its_defaults() -> None:
    clients = {"dataset": "multi30k", "partition": {"kind": "iid", "count": 2}}
    found = parse_scenario({"name": "t", "task": "translation", "clients": clients, "train": {"epochs": 3}})
    assert (found.model["name"], found.tokenizer.kind, found.train.label_smoothing) == ("seq2seq", "reversible", 0.1)
    assert found.train.epochs == 3
    shipped = load_scenario(Path(__file__).parents[2] / "scenarios" / "translation.yaml")
    plain = parse_scenario({"name": "t", "task": "translation", "clients": clients})
    assert (plain.train, plain.tokenizer) == (shipped.train, shipped.tokenizer)  # which is known to translate
    assert {**shipped.model, **plain.model} == {**shipped.model, "d_model": 96}
    kept = parse_scenario({**found.model_dump(exclude_none=True), "train": {"label_smoothing": 0.0}})
    assert kept.train.label_smoothing == 0.0
