"""What a server sends is held against bounds before anything is built from it; each refusal is one line."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from flwr.app import ConfigRecord, Context, Message, RecordDict

from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.federation.client.bounds import check_config, read_config, read_scenario
from fedot.fusion import FusionConfig
from fedot.fusion.plan import plan_without_models
from fedot.models import config_to_json
from fedot.wire.evaluations import pack_evaluations
from fedot.wire.messages import ALIGN, ARRAYS, CONFIG, EVALUATION, Directive
from fedot.wire.records import pack_counts, pack_state
from tests.federation.test_policy import Deployed, home

__all__ = ["home"]

BASE = {
    "architecture": "encoder",
    "vocab_size": 100,
    "n_class": 2,
    "d_model": 8,
    "n_layer": 1,
    "n_head": 2,
    "d_head": 4,
}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"n_layer": 10**9}, "n_layer 1000000000, but at most 1024 can be"),
        (
            {"max_length": 2**24, "positions": "sinusoidal"},
            "max_length 16777216, but",
        ),
        ({"d_model": 10**30}, "d_model a huge number"),
        ({"d_model": "wide"}, "d_model 'wide', but a whole number"),
        ({"d_head": 1.5}, "d_head 1.5, but a whole number"),
        ({"n_head": True}, "n_head True, but a whole number"),
        ({"d_ff": 0}, "d_ff 0, but"),
        ({"n_class": -1}, "n_class -1, but"),
        ({"vocab_size": [1]}, "nested more than 1 deep"),
        ({"d_model": 2**14, "n_layer": 2**10}, "a model would have .* weights"),
        ({"norm": "none"}, "norm 'none', but it can only be rms or layer"),
        ({"activation": "gelo"}, "activation 'gelo', but it can only be"),
        ({"dropout": 2}, "dropout 2, but a number from 0 up to 1"),
        ({"dropout": float("nan")}, "dropout nan, but a number"),
        ({"positions": "rotary", "d_head": 3}, "rotary positions need an even number"),
        ({"architecture": "seq2seq", "n_class": None}, "cannot be read"),
        ({"architecture": "mamba"}, "no architecture"),
        ({"architecture": 5}, "no architecture"),
    ],
)
def test_a_configuration_out_of_bounds_is_refused_before_a_model_is_built(
    monkeypatch: pytest.MonkeyPatch, changes: Mapping[str, Any], told: str
) -> None:
    def build(*_: Any, **__: Any) -> None:
        raise AssertionError("it was built")

    monkeypatch.setattr(torch.nn.Module, "__init__", build)
    with pytest.raises(FedotError, match=told) as found:
        read_config(json.dumps({**BASE, **changes}))
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    "changes", [{}, {"n_layer": 96, "d_model": 1024}, {"max_length": 16384}, {"vocab_size": 2**20}]
)
def test_a_configuration_within_bounds_is_read(changes: Mapping[str, Any]) -> None:
    assert read_config(json.dumps({**BASE, **changes})).architecture == "encoder"


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", "7", '{"architecture": 1}', "[" * 100_000, "{" + " " * 2**17 + "}"]
)
def test_what_is_no_configuration_is_one_line(text: str) -> None:
    with pytest.raises(FedotError) as found:
        read_config(text)
    assert len(str(found.value)) < 300


@pytest.mark.parametrize(
    "text", ["", "null", "[" * 100_000, '{"name": "x"}', '{"a": 1, "a": 1}', '"' + "x" * 2**23 + '"']
)
def test_what_is_no_scenario_is_one_line(text: str) -> None:
    with pytest.raises(FedotError, match="the scenario of a message") as found:
        read_scenario(text)
    assert "\n" not in str(found.value)
    assert len(str(found.value)) < 400


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"device": "meta"}, "device of a message is 'meta', not cpu or cuda"),
        ({"device": "cpu:9"}, "device of a message"),
        ({"init": "mine"}, "init of a message is 'mine', not independent or shared"),
        ({"transfer": "int8"}, "transfer of a message"),
        ({"seed": -1}, "seed of a message"),
        ({"seed": 2**40}, "seed of a message"),
        ({"seed": "0"}, "seed of a message is of type str"),
        ({"seed": True}, "seed of a message is of type bool"),
        ({"server_round": 0}, "server_round of a message"),
        ({"server_round": 2**40}, "server_round of a message"),
        ({"proximal_mu": -1.0}, "proximal_mu of a message is no finite number"),
        ({"proximal_mu": float("inf")}, "proximal_mu of a message is no finite number"),
        ({"proximal_mu": float("nan")}, "proximal_mu of a message is no finite number"),
        ({"cache": 7}, "cache of a message is of type int"),
        ({"tokenizer": ["x"]}, "tokenizer of a message is of type list"),
        ({"scenario": b"{}"}, "scenario of a message is of type bytes"),
        ({"scenario": "{"}, "the scenario of a message cannot be read"),
    ],
)
def test_settings_out_of_bounds_are_refused_in_one_line(home: Path, changes: dict[str, Any], told: str) -> None:
    node = Deployed(home)
    for reply in (node.describe(**changes), node.train(**changes), node.evaluate(node.request(), **changes)):
        assert told in reply.error.reason
        assert "\n" not in reply.error.reason


@pytest.mark.parametrize("missing", [CONFIG, ARRAYS])
def test_a_training_request_without_a_record_is_one_line(home: Path, missing: str) -> None:
    node = Deployed(home)
    content = RecordDict({ARRAYS: pack_state({}), CONFIG: node.settings.to_record()})
    del content[missing]
    assert "cannot be read (KeyError)" in node.ask("train", content).error.reason


@pytest.mark.parametrize("tokenizer", ["", "{}", "x", '{"model": {"vocab": {"a": 0}}}', "[" * 10_000])
def test_a_tokenizer_that_is_not_fedots_is_refused(home: Path, tokenizer: str) -> None:
    node = Deployed(home)
    reason = node.train(tokenizer=tokenizer).error.reason
    assert "a tokenizer" in reason
    if tokenizer:
        request = replace(node.request(), tokenizers=(tokenizer,))
        assert node.evaluate(request).error.reason == reason


def items(*members: Any, combine: str = "weights") -> list[EvaluationItem]:
    return [EvaluationItem(combine, tuple(members))]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ([], "asks for 0 things"),
        (items((0, 1.0)) * 5000, "asks for 5000 things"),
        (items((1, 1.0)), "names a model that is none of its 1"),
        (items((-1, 1.0)), "names a model that is none of its 1"),
        (items((10**30, 1.0)), "names a model that is none of its 1"),
        (items(), "is no mixture of weights or probabilities"),
        (items((0, 1.0), combine="logits"), "is no mixture of weights or probabilities"),
        (items((0, float("nan"))), "coefficient that is no finite number"),
        (items((0, 0.5), (0, float("inf"))), "coefficient that is no finite number"),
        (items((0, 1e6)), "by shares that are not of a whole"),
        (items((0, 2.0), (0, -1.0), combine="probabilities"), "by shares that are not of a whole"),
    ],
)
def test_items_out_of_bounds_are_refused(home: Path, asked: list[EvaluationItem], told: str) -> None:
    node = Deployed(home)
    reply = node.evaluate(replace(node.request(), items=tuple(asked)))
    assert told in reply.error.reason
    assert not node.evaluate(node.request()).has_error()


@pytest.mark.parametrize(
    "changes",
    [
        {"items": "{"},
        {"items": "[[1]]"},
        {"items": '[["weights", [["x", 1]]]]'},
        {"items": "[" * 10_000},
        {"model-configs": ["{}"]},
        {"model-configs": []},
        {"model-configs": "x"},
        {"tokenizers": []},
        {"translated": "yes", "items": "null"},
    ],
)
def test_a_malformed_request_is_one_line(home: Path, changes: dict[str, Any]) -> None:
    node = Deployed(home)
    content = pack_evaluations({5: node.request()}, node.settings)[5]
    content.config_records[EVALUATION].update(changes)
    reason = node.ask("evaluate", content).error.reason
    assert "\n" not in reason
    assert "see this client's log" not in reason
    del content[EVALUATION]
    assert "an evaluation request cannot be read (KeyError)" in node.ask("evaluate", content).error.reason


def test_models_that_do_not_fit_are_refused(home: Path) -> None:
    node = Deployed(home)
    state, config = node.model()
    fitting = node.request()
    cases: list[tuple[EvaluationRequest, str]] = [
        (replace(fitting, configs=(replace(config, d_ff=17),)), "does not fit its configuration"),
        (replace(fitting, configs=(replace(config, n_layer=10**9),)), "n_layer 1000000000"),
        (replace(fitting, states=({**state, "more": torch.ones(2)},)), "more is"),
        (replace(fitting, states=({k: t.long() for k, t in state.items()},)), "not a float"),
    ]
    for request, told in cases:
        assert told in node.evaluate(request).error.reason
    for sizes, told in (({"vocab_size": 60}, "has rows for 60 tokens"), ({"n_class": 7}, "a model has 7 classes")):
        other = replace(config, **sizes)
        grown = dict(state)
        if "vocab_size" in sizes:
            grown["tok_emb.weight"] = state["tok_emb.weight"][:60]
        else:
            grown |= {"classifier.weight": torch.zeros(7, 8), "classifier.bias": torch.zeros(7)}
        assert told in node.evaluate(replace(fitting, states=(grown,), configs=(other,))).error.reason


def test_weights_of_models_of_different_shapes_are_not_mixed(home: Path) -> None:
    node = Deployed(home)
    state, config = node.model()
    wide = {k: torch.zeros(17, 8) if "up" in k and t.ndim == 2 else t for k, t in state.items()}
    narrow = replace(node.request(), states=(state, wide), configs=(config, config), tokenizers=(None, None))
    assert "does not fit" in node.evaluate(narrow).error.reason
    short = replace(config, max_length=6)
    cut = {**state, "pos_emb.weight": state["pos_emb.weight"][:6]}
    both = EvaluationRequest((state, cut), (config, short), (None, None), tuple(items((0, 0.5), (1, 0.5))))
    assert "mixes weights of models with different shapes" in node.evaluate(both).error.reason


def whole_plan(method: str, **options: Any) -> str:
    return json.dumps(plan_without_models(FusionConfig(method=method, **options)).as_dict())


def plan(method: str = "aligned", **changed: dict[str, Any]) -> str:
    """A plan of an alignment as JSON, some of its stages changed by name."""
    written = plan_without_models(FusionConfig(method="aligned", circuits=False)).as_dict()
    stages = [{**stage, **changed.get(stage["stage"], {})} for stage in written["stages"]]
    return json.dumps({"method": method, "stages": stages})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"step": "steal"}, "step of a directive is 'steal'"),
        ({"step": 1}, "step of a directive is of another type"),
        ({"anchor": "0"}, "anchor of a directive is of another type"),
        ({"fusion": plan(align={"probe_texts": 10**9})}, "more than 100000 texts"),
        ({"fusion": "{" + " " * 2**17 + "}"}, "at most 65536 are taken"),
        ({"fusion": plan(align={"solver": "magic"})}, "fusion.solver is 'magic'"),
        ({"fusion": plan(align={"solve": "exact"})}, "has, or lacks, the option solve"),
        ({"fusion": plan(basis={"stage": "distil", "distil_steps": 1})}, "has, or lacks, the option anchor"),
        ({"fusion": plan(method="vanilla")}, "has not the stages of its method vanilla"),
        ({"fusion": whole_plan("zhang")}, "has the method zhang"),
        (
            {"fusion": whole_plan("aligned", distil_steps=9)},
            "alone",
        ),
        ({"anchor-config": json.dumps({**BASE, "n_layer": 10**9})}, "n_layer 1000000000"),
        ({"anchor-config": json.dumps({**BASE, "vocab_size": 120, "max_length": 12})}, "anchor does not fit"),
        ({"anchor-counts": b"123"}, "token counts cannot be read"),
        ({"anchor-counts": pack_counts(torch.ones(7, dtype=torch.int64))}, "token counts are not those of 120 tokens"),
    ],
)
def test_directives_out_of_bounds_are_refused(home: Path, changes: dict[str, Any], told: str) -> None:
    node = Deployed(home)
    state, config = node.model()
    record = Directive("align", plan(), anchor=1, anchor_config=config_to_json(config), canonicalise=True).to_record()
    content = RecordDict({ARRAYS: pack_state(state), CONFIG: node.settings.to_record(), ALIGN: record})
    assert not node.ask("train", content).has_error()
    content[ALIGN] = ConfigRecord({**record, **changes})
    assert told in node.ask("train", content).error.reason


def test_a_scenario_of_a_model_that_is_too_large_is_refused(home: Path) -> None:
    node = Deployed(home, run={"model": {"n_layer": 10**9}})
    assert "n_layer is 1000000000" in node.train().error.reason


def test_the_bounds_know_every_architecture() -> None:
    for extra in ({"architecture": "decoder"}, {"architecture": "seq2seq", "target_vocab_size": 7, "shared": False}):
        values = {**{k: v for k, v in BASE.items() if k != "n_class"}, **extra}
        check_config(read_config(json.dumps(values)))
        with pytest.raises(FedotError, match="only be true or false"):
            read_config(json.dumps({**values, "tied": "yes"}))
    with pytest.raises(FedotError, match="target_vocab_size"):
        read_config(json.dumps({**values, "target_vocab_size": 2**40}))


def test_a_message_without_anything_is_one_line(home: Path) -> None:
    node = Deployed(home)
    for kind in ("query.describe", "train", "evaluate"):
        reply: Message = node.ask(kind, RecordDict())
        assert "cannot be read" in reply.error.reason
    assert isinstance(node.context, Context)
