"""A reply that is far too long, and one of another round."""

import logging
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from flwr.app import ConfigRecord

from fedot.errors import FedotError
from fedot.strategies import Quorum, build_strategy
from fedot.strategies.lengths import step_length, times_median
from fedot.wire.messages import ClientUpdate
from fedot.wire.records import pack_state
from tests.strategies.fake_clients import FakeGrid, answer, make_update


def test_a_step_is_measured_from_the_start_where_there_is_one() -> None:
    start = {"a": torch.full((3, 2), 5.0), "b": torch.zeros(2)}
    state = {"a": torch.full((3, 2), 7.0), "b": torch.full((2,), 2.0)}
    assert step_length(state, start) == pytest.approx(2.0)
    assert step_length(state, {}) == pytest.approx(math.sqrt((6 * 49 + 2 * 4) / 8))
    assert step_length(state, {"a": torch.ones(2, 2), "b": torch.zeros(2)}) == step_length(state, {})


def test_lengths_are_told_in_medians() -> None:
    assert times_median([2.0, 200.0]) == [1.0, 100.0]
    assert times_median([1.0, 2.0, 4.0]) == [0.5, 1.0, 2.0]
    assert times_median([0.0, 0.0, 4.0]) == [1.0, 1.0, 1.0]
    assert times_median([]) == []


def scaled(update: ClientUpdate, start: dict[str, torch.Tensor] | None, factor: float = 100.0) -> ClientUpdate:
    state = {
        name: (start[name] + factor * (tensor - start[name])) if start else factor * tensor
        for name, tensor in update.state.items()
    }
    return replace(update, state=state)


def start_of(update: ClientUpdate) -> dict[str, torch.Tensor]:
    return {name: tensor + 0.01 for name, tensor in update.state.items()}


def run(name: str, updates: list[ClientUpdate], start: dict[str, torch.Tensor], **options: Any) -> Any:
    nodes = {k: answer(update) for k, update in enumerate(updates)}
    strategy = build_strategy(name, options, Quorum({k: f"client-{k}" for k in nodes}))
    config = ConfigRecord({"init": "shared" if start else "independent"})
    result = strategy.start(FakeGrid(nodes), pack_state(start), 1, train_config=config)
    return strategy, result.arrays.to_torch_state_dict()


@pytest.mark.parametrize("name", ["fedavg", "ot-fusion", "krum"])
@pytest.mark.parametrize("shared", [True, False])
def test_a_hundredfold_step_is_left_out_and_the_rest_is_what_it_would_be(name: str, shared: bool) -> None:
    good = [make_update(k, seed=0 if shared else k) for k in range(3)]
    start = start_of(good[0]) if shared else {}
    strategy, found = run(name, [*good, scaled(make_update(3, seed=0), start)], start, **{"norm-limit": 10.0})
    [(who, why)] = strategy.dropped
    assert who == "client-3"
    assert why == "its step is 100 times as long as the median of all, and norm-limit is 10" or not shared
    _, wanted = run(name, good, start)
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)


def test_without_a_limit_it_is_used_and_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    good = [make_update(k) for k in range(3)]
    with caplog.at_level(logging.WARNING, "fedot.strategy"):
        strategy, _ = run("fedavg", [*good, scaled(make_update(3), None)], {})
    assert strategy.dropped == []
    [line] = [record.getMessage() for record in caplog.records if "median" in record.getMessage()]
    assert line.startswith("round 1: client-3: its step is ")


def test_a_limit_can_miss_the_quorum() -> None:
    good = [make_update(0), scaled(make_update(1), None)]
    with pytest.raises(FedotError, match=r"1 of 2 clients sent a usable model.*client-1: its step is"):
        run("fedavg", good, {}, **{"norm-limit": 3, "min-fraction": 1.0})


def test_sums_have_no_limit_and_limits_are_at_least_one() -> None:
    with pytest.raises(FedotError, match="no norm-limit"):
        build_strategy("ot-fusion", {"align": "client", "norm-limit": 5.0})
    with pytest.raises(FedotError, match="norm"):
        build_strategy("fedavg", {"norm-limit": 0.5})
    assert build_strategy("fedadam", {"align": "client", "norm-limit": 5.0}).norm_limit == 5.0


@pytest.mark.parametrize("name", ["fedavg", "ot-fusion"])
def test_a_reply_of_another_round_is_left_out(name: str) -> None:
    updates = [make_update(0, server_round=1), make_update(1), make_update(2, server_round=2)]
    strategy, found = run(name, updates, {})
    assert strategy.dropped == [("client-2", "it answers round 2, not 1")]
    _, wanted = run(name, updates[:2], {})
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)
