"""Plans in messages and results: a client runs the strategy's or says why not; what is recorded is what was done."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fedot.errors import FedotError
from fedot.federation.client.align_mod import aligned_update, canonical_update
from fedot.federation.client.bounds import plan_of
from fedot.fusion import FusionConfig, FusionPlan
from fedot.fusion.align.align_options import Align
from fedot.fusion.align.average import Average
from fedot.fusion.by_part import large
from fedot.fusion.plan import plan_without_models
from fedot.fusion.plan.basis import Scheme
from fedot.fusion.refine.class_shares import ClassShares
from fedot.strategies import STRATEGIES
from fedot.wire.messages import ALIGN, Directive
from tests.federation.test_run import run
from tests.strategies.fake_clients import make_update
from tests.strategies.test_client_aligned import node, start

OPTIONS: list[dict[str, Any]] = [
    {},
    {"solver": "sinkhorn", "reg": 0.5},
    {"mass": "l2", "solver": "unbalanced", "mass_penalty": 0.1},
    {"support": "activations", "probe_texts": 16},
]


def directive(**options: Any) -> Directive:
    plan = plan_without_models(FusionConfig(method="aligned", circuits=False, **options))
    return Directive("align", json.dumps(plan.as_dict()), anchor=0)


@pytest.mark.parametrize("init", ["independent", "shared"])
@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "lora-products"])
def test_every_message_holds_the_plan_of_the_strategy(name: str, init: str) -> None:
    nodes = {k: node(make_update(k)) for k in range(3)}
    strategy, grid, _ = start(name, nodes, init=init, solver="sinkhorn", anchor="first", token_power=1.0)
    plans = {
        plan_of(Directive.from_record(message.content.config_records[ALIGN]))
        for message in grid.sent
        if message.content.config_records[ALIGN]["step"] == "align"
    }
    assert plans == {strategy.plan}
    assert strategy.plan.get(Scheme) == Scheme()
    assert not strategy.plan.get(Average).circuits


@pytest.mark.parametrize("parts", [False, True])
@pytest.mark.parametrize("options", OPTIONS)
def test_a_plan_that_is_read_back_aligns_to_the_bit(
    options: dict[str, Any], parts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "LARGE", 1 if parts else 10**9)
    anchor, other = canonical_update(make_update(0)), make_update(1)
    first = directive(**options)
    again = replace(first, fusion=json.dumps(plan_of(first).as_dict()))
    one, two = (aligned_update(other, anchor.state, each).state for each in (first, again))
    assert all(torch.equal(tensor, two[name]) for name, tensor in one.items())
    plain = aligned_update(other, anchor.state, directive()).state
    assert all(torch.equal(tensor, plain[name]) for name, tensor in one.items()) == (not options)


@pytest.mark.parametrize("parts", [False, True])
def test_a_plan_of_masses_that_no_client_has_is_refused(parts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "LARGE", 1 if parts else 10**9)
    anchor = canonical_update(make_update(0)).state
    with pytest.raises(FedotError, match="mass is `given`"):
        aligned_update(make_update(1), anchor, directive(mass="given"))


VALUES = (
    st.none() | st.booleans() | st.integers(-2, 10**6) | st.floats() | st.text(max_size=8) | st.just([]) | st.just({})
)


@given(data=st.data(), value=VALUES)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_changed_plan_is_run_within_bounds_or_refused_in_one_line(data: st.DataObject, value: Any) -> None:
    written = json.loads(directive().fusion)
    stage = data.draw(st.sampled_from(written["stages"]))
    stage[data.draw(st.sampled_from(sorted(stage)))] = value
    found, told = None, ""
    try:
        found = plan_of(Directive("align", json.dumps(written)))
    except FedotError as error:
        told = str(error)
    assert "\n" not in told
    assert len(told) < 500
    if found is None:
        return
    assert found.method == "aligned"
    assert not found.refinements
    assert found.as_dict() == written


@pytest.mark.parametrize(
    "options",
    [{"learn_steps": 1}, {"repair": True}, {"refit": True}, {"distil_steps": 1}, {"class_shares": True}],
)
def test_what_a_client_cannot_do_alone_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(FedotError, match="more than a client can do alone"):
        plan_of(directive(**options))


def test_a_mean_of_all_models_is_nothing_that_a_client_has() -> None:
    with pytest.raises(FedotError, match="more than a client can do alone"):
        plan_of(directive(scheme="universe"))


def test_the_results_say_what_the_fusion_of_each_round_did(tiny: Any) -> None:
    strategies = [
        {"name": "ot-fusion", "probe-texts": 32},
        {"name": "ot-fusion", "as": "solved", "method": "aligned", "solver": "sinkhorn", "class-shares": False},
        {"name": "ot-fusion", "as": "client", "align": "client", "token-power": 1.0},
        {"name": "fedavg", "as": "basis", "align": "client"},
        {"name": "fedavg"},
    ]
    plans = json.loads(json.dumps(run(tiny(rounds=2, strategies=strategies, references=[])).results))["plans"]
    told = {(each["strategy"], each["round"]): each for each in plans}
    names = ("ot-fusion", "solved", "client", "basis")
    assert sorted(told) == sorted((name, server_round) for name in names for server_round in (1, 2))
    assert [told["ot-fusion", k]["method"] for k in (1, 2)] == ["merged", "aligned"]  # then they share a start
    read = {key: FusionPlan.from_dict(each["plan"]) for key, each in told.items() if key[0] != "basis"}
    assert all(plan.method == told[key]["method"] for key, plan in read.items())
    for k in (1, 2):
        assert read["solved", k].get(Align).solver == "sinkhorn"
        assert read["solved", k].find(ClassShares) is None
        assert read["client", k].get(Align).token_power == 1.0
        # how Flower's rule brings models of one basis together is no average of fedot's
        assert "average" not in [stage["stage"] for stage in told["basis", k]["plan"]["stages"]]
