"""Waiting with a deadline, quorum, and what a reply must hold."""

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
import torch
from flwr.app import ConfigRecord, Message, MetricRecord, RecordDict

from fedot.errors import FedotError
from fedot.strategies import STRATEGIES, Quorum, build_strategy
from fedot.wire import updates
from fedot.wire.messages import METRICS, pack_update
from fedot.wire.nodes import wait_for_nodes
from fedot.wire.records import pack_state
from fedot.wire.updates import check_update
from tests.strategies.fake_clients import (
    CONFIG,
    FakeGrid,
    answer,
    crash,
    lost,
    make_update,
    own_tokenizer,
    silence,
)


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
    nodes = {k: answer(make_update(k, tokenizer=own_tokenizer())) for k in range(2)}
    with pytest.raises(FedotError, match="needs one tokenizer for all"):
        build_strategy("fedavg", {}).start(FakeGrid(nodes), pack_state({}), 1, train_config=ConfigRecord())


def test_a_sole_survivor_with_its_own_tokenizer_is_no_mean_of_all() -> None:
    nodes = {0: answer(make_update(0, tokenizer=own_tokenizer())), 1: crash()}
    with pytest.raises(FedotError, match="needs one tokenizer for all"):
        build_strategy("fedavg", {}).start(FakeGrid(nodes), pack_state({}), 1, train_config=ConfigRecord())


def test_a_lone_client_may_have_its_own_tokenizer_and_a_sampled_one_may_not() -> None:
    nodes = {k: answer(make_update(k, tokenizer=own_tokenizer())) for k in range(2)}
    lone = build_strategy("fedavg", {}, Quorum({0: "a"}))
    lone.start(FakeGrid({0: nodes[0]}), pack_state({}), 1, train_config=ConfigRecord())
    assert len(lone.accepted) == 1
    sampled = build_strategy("fedavg", {"fraction-train": 0.5}, Quorum({0: "a", 1: "b"}))
    with pytest.raises(FedotError, match="needs one tokenizer for all"):
        sampled.start(FakeGrid(nodes), pack_state({}), 1, train_config=ConfigRecord())


MEANS = [name for name in STRATEGIES if name not in ("ot-fusion", "lora-products")]


@pytest.mark.parametrize("name", MEANS)
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"n_class": 1}, "n_class is 2 at client-0 and 1 at client-3"),  # (1, 8) would be broadcast to (2, 8)
        ({"d_ff": 1}, "d_ff is 16 at client-0 and 1 at client-3"),
        ({"n_layer": 2}, "n_layer is 1 at client-0 and 2 at client-3"),  # has all tensors of the others, and more
        ({"n_head": 4, "d_head": 2}, "n_head is 2 at client-0 and 4 at client-3"),  # has the very same shapes
    ],
)
def test_a_mean_refuses_unequal_models(name: str, change: dict[str, int], told: str) -> None:
    nodes = {k: answer(make_update(k)) for k in range(3)}
    nodes[3] = answer(make_update(3, config=replace(CONFIG, **change)))
    with pytest.raises(FedotError, match=rf"needs equal models, but {told}"):
        build_strategy(name, {}).start(FakeGrid(nodes), pack_state({}), 1, train_config=ConfigRecord())


def test_dropout_may_differ() -> None:
    nodes = {k: answer(make_update(k, config=replace(CONFIG, dropout=0.1 * k))) for k in range(2)}
    strategy = build_strategy("fedavg", {})
    strategy.start(FakeGrid(nodes), pack_state({}), 1, train_config=ConfigRecord())
    assert len(strategy.accepted) == 2


@pytest.mark.parametrize("name", ["fedavg", "ot-fusion"])
def test_a_lost_node_counts_once_and_under_its_own_name(name: str) -> None:
    nodes = {10: answer(make_update(0)), 11: lost}
    strategy = build_strategy(name, {}, Quorum({10: "here", 11: "gone"}))
    strategy.start(FakeGrid(nodes), pack_state({}), 1, train_config=ConfigRecord())  # one of two is enough
    assert strategy.dropped == [("gone", "Node Unavailable")]


def test_two_replies_of_one_node_are_used_once() -> None:
    class Twice(FakeGrid):
        def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
            return [reply for reply in super().send_and_receive(messages, timeout=timeout) for _ in range(2)]

    nodes = {k: answer(make_update(k)) for k in range(2)}
    strategy = build_strategy("fedavg", {})
    strategy.start(Twice(nodes), pack_state({}), 1, train_config=ConfigRecord())
    assert [update.partition_id for update in strategy.accepted] == [0, 1]
    assert strategy.dropped == []


@pytest.mark.parametrize("size", [11, 13])
def test_a_tokenizer_that_does_not_go_with_its_model_is_told(size: int) -> None:
    with pytest.raises(FedotError, match=f"tokenizer has {size} tokens, but its model 12"):
        check_update(make_update(tokenizer=own_tokenizer(size)))


def test_an_unreadable_tokenizer_is_told() -> None:
    with pytest.raises(FedotError, match="tokenizer cannot be read"):
        check_update(make_update(tokenizer="{}"))


@pytest.mark.parametrize("change", [{"d_model": -8}, {"d_model": "8"}, {"n_head": None}, {"dropout": 2}])
def test_a_configuration_of_no_model_is_told(change: dict[str, Any]) -> None:
    update = make_update()
    with pytest.raises(FedotError, match="describes no model") as caught:
        check_update(replace(update, config=replace(CONFIG, **change)))
    assert "\n" not in str(caught.value)


def test_a_good_update_passes() -> None:
    check_update(make_update())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"num_examples": -1}, "-1 examples"),
        ({"token_counts": torch.zeros(3, dtype=torch.int64)}, "counts 3 tokens, not 12"),
        ({"token_counts": -torch.ones(12, dtype=torch.int64)}, "tokens"),
        ({"class_counts": torch.tensor([4, 5])}, "counts 9 examples of 2 classes, not 10 of 2"),
        ({"class_counts": torch.tensor([10])}, "counts 10 examples of 1 classes, not 10 of 2"),
        ({"class_counts": torch.tensor([11, -1])}, "examples"),
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


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"n_layer": 10**9}, "n_layer 1000000000"),
        ({"d_model": 2**40}, "d_model 1099511627776"),
        ({"vocab_size": 10**12}, "vocab_size"),
        ({"d_ff": 1e30}, "d_ff"),
    ],
)
def test_absurd_sizes_are_told_before_any_model_is_built(
    change: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "state_shapes", lambda _: pytest.fail("a model was built"))
    update = make_update()
    with pytest.raises(FedotError, match=f"its configuration says {told}"):
        check_update(replace(update, config=replace(CONFIG, **change)))


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        ({"client": "client-0"}, "it says that it is 'client-0'"),
        ({"partition_id": 0}, "it says that its partition is 0, not 1"),
    ],
)
def test_a_client_that_says_it_is_another_is_dropped_by_its_own_name(claim: dict[str, Any], told: str) -> None:
    nodes = {0: answer(make_update(0)), 1: answer(replace(make_update(1), **claim)), 2: answer(make_update(2))}
    quorum = Quorum({k: f"client-{k}" for k in nodes}, connect_seconds=0.0, partitions={k: k for k in nodes})
    strategy = build_strategy("fedavg", {}, quorum)
    strategy.start(FakeGrid(nodes), pack_state({}), 1, train_config=ConfigRecord())
    assert strategy.dropped == [("client-1", told)]
    assert [update.client for update in strategy.accepted] == ["client-0", "client-2"]
