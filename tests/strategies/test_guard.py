"""Waiting with a deadline, quorum, and what a reply must hold."""

import time
from dataclasses import replace

import pytest
import torch
from flwr.app import ConfigRecord, Message, MetricRecord, RecordDict

from fedot.errors import FedotError
from fedot.federation.messages import METRICS, pack_state, pack_update
from fedot.strategies import Quorum, build_strategy
from fedot.strategies.guard import wait_for_nodes
from fedot.strategies.validation import check_update
from tests.strategies.fake_clients import CONFIG, FakeGrid, answer, make_update, silence


class Late(FakeGrid):
    """A grid whose nodes connect one with each question."""

    asked = 0

    def get_node_ids(self) -> list[int]:
        self.asked += 1
        return list(self.nodes)[: self.asked]


def test_waiting_ends_as_soon_as_all_are_there() -> None:
    grid = Late(dict.fromkeys(range(3), silence))
    began = time.monotonic()
    assert wait_for_nodes(grid, 3, 60.0, pause=0.01) == [0, 1, 2]
    assert time.monotonic() - began < 10


def test_waiting_ends_at_the_deadline_with_those_that_are_there() -> None:
    began = time.monotonic()
    assert wait_for_nodes(FakeGrid({7: silence}), 2, 0.2, pause=0.05) == [7]
    assert 0.2 <= time.monotonic() - began < 5


@pytest.mark.parametrize("name", ["fedavg", "ot-fusion"])
def test_a_federation_without_enough_nodes_does_not_wait_for_ever(name: str) -> None:
    strategy = build_strategy(
        name, {"connect-seconds": 0.2, "min-fraction": 1.0}, Quorum({0: "here", 1: "gone", 2: "lost"})
    )
    began = time.monotonic()
    with pytest.raises(FedotError, match=r"only 1 of 3 clients are connected.*missing: gone, lost"):
        strategy.start(FakeGrid({0: answer(make_update(0))}), pack_state({}), 1, train_config=ConfigRecord())
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("name", ["fedavg", "ot-fusion"])
def test_one_connected_node_is_enough_where_the_quorum_says_so(name: str) -> None:
    strategy = build_strategy(name, {"connect-seconds": 0.0, "min-fraction": 0.5}, Quorum({0: "here", 1: "gone"}))
    result = strategy.start(FakeGrid({0: answer(make_update(0))}), pack_state({}), 1, train_config=ConfigRecord())
    assert result.arrays


def test_a_reply_without_a_number_of_examples_is_dropped() -> None:
    content = pack_update(make_update(1))
    content[METRICS] = MetricRecord({"train-loss": 1.0})
    nodes = {0: answer(make_update(0)), 1: lambda message: Message(content, reply_to=message)}
    strategy = build_strategy("fedavg", {}, Quorum({0: "good", 1: "bad"}))
    strategy.start(FakeGrid(nodes), pack_state({}), 1, train_config=ConfigRecord())
    assert strategy.dropped == [("bad", "a training reply is malformed (KeyError: 'num-examples')")]


def test_an_empty_reply_is_dropped() -> None:
    nodes = {0: answer(make_update(0)), 1: lambda message: Message(RecordDict(), reply_to=message)}
    strategy = build_strategy("ot-fusion", {}, Quorum({0: "good", 1: "bad"}))
    strategy.start(FakeGrid(nodes), pack_state({}), 1, train_config=ConfigRecord())
    assert [name for name, _ in strategy.dropped] == ["bad"]


def test_models_of_unequal_width_are_refused_by_a_mean_and_named() -> None:
    wide = replace(CONFIG, d_model=16, d_head=8)
    nodes = {0: answer(make_update(0)), 1: answer(make_update(1, config=wide))}
    strategy = build_strategy("fedavg", {}, Quorum({0: "a", 1: "b"}))
    with pytest.raises(FedotError, match=r"needs equal models.*client-0.*client-1; use ot-fusion"):
        strategy.start(FakeGrid(nodes), pack_state({}), 1, train_config=ConfigRecord())


def test_own_tokenizers_are_refused_by_a_mean() -> None:
    nodes = {k: answer(make_update(k, tokenizer="{}")) for k in range(2)}
    with pytest.raises(FedotError, match="tokenizer"):
        build_strategy("fedavg", {}).start(FakeGrid(nodes), pack_state({}), 1, train_config=ConfigRecord())


def test_a_good_update_passes() -> None:
    check_update(make_update())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"num_examples": -1}, "-1 examples"),
        ({"token_counts": torch.zeros(3, dtype=torch.int64)}, "counts 3 tokens, not 12"),
        ({"token_counts": -torch.ones(12, dtype=torch.int64)}, "tokens"),
    ],
)
def test_a_bad_update_is_told_from_a_good_one(change: dict[str, object], told: str) -> None:
    with pytest.raises(FedotError, match=told):
        check_update(make_update(**change))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda t: t.double().int(), "not a float"),
        (lambda t: torch.full_like(t, float("inf")), "NaN or infinite"),
        (lambda t: t[..., :1], "shape"),
    ],
)
def test_a_bad_tensor_is_named(spoil: object, told: str) -> None:
    update = make_update()
    update.state["tok_emb.weight"] = spoil(update.state["tok_emb.weight"])  # type: ignore[operator]
    with pytest.raises(FedotError, match=f"tok_emb.weight.*{told}"):
        check_update(update)


def test_a_tensor_too_many_is_named() -> None:
    update = make_update()
    update.state["extra"] = torch.zeros(1)
    with pytest.raises(FedotError, match="unknown tensor extra"):
        check_update(update)
