"""OT fusion as a Flower strategy: anchors, unequal models, options."""

from dataclasses import replace

import pytest
import torch
from flwr.app import ConfigRecord

from fedot.errors import FedotError
from fedot.federation.messages import ClientUpdate
from fedot.federation.records import pack_state, unpack_state
from fedot.fusion import FusionConfig
from fedot.models import load_model, state_of
from fedot.strategies import OTFusion, Quorum, build_strategy
from tests.strategies.fake_clients import CONFIG, FakeGrid, Reply, answer, make_update

IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 0]])


def fuse(updates: list[ClientUpdate], rounds: int = 1, **options: object) -> OTFusion:
    nodes = {k: answer(update) for k, update in enumerate(updates)}
    strategy = build_strategy("ot-fusion", options, Quorum({k: update.client for k, update in enumerate(updates)}))
    assert isinstance(strategy, OTFusion)
    result = strategy.start(FakeGrid(nodes), pack_state({}), rounds, train_config=ConfigRecord())
    assert strategy.latest is not None
    sent = unpack_state(result.arrays)
    assert all(torch.equal(sent[key], value) for key, value in strategy.latest.result.state.items())
    return strategy


def flipped(update: ClientUpdate) -> ClientUpdate:
    """The same function, with the feed-forward neurons of every layer in reverse order."""
    model = load_model(update.config, {key: value.clone() for key, value in update.state.items()})
    for key, value in state_of(model).items():
        if ".ffn.up." in key:
            update.state[key] = value.flip(0)
        elif ".ffn.down.weight" in key:
            update.state[key] = value.flip(1)
    return update


def test_a_reordered_copy_fuses_to_the_same_function_where_a_mean_does_not() -> None:
    expected = load_model(CONFIG, make_update(seed=7).state)(IDS)
    updates = [make_update(0, seed=7), flipped(make_update(1, seed=7))]
    assert any(not torch.equal(updates[0].state[key], updates[1].state[key]) for key in updates[0].state)
    latest = fuse(updates, method="aligned").latest
    assert latest is not None
    torch.testing.assert_close(
        load_model(latest.result.config, latest.result.state)(IDS), expected, rtol=1e-4, atol=1e-5
    )


def test_the_client_with_most_examples_is_the_first_anchor() -> None:
    updates = [make_update(0), make_update(1, num_examples=30), make_update(2)]
    latest = fuse(updates).latest
    assert latest is not None
    assert latest.anchor == "client-1"
    assert not latest.result.alignments[1].couplings
    assert latest.result.alignments[0].couplings


def test_from_the_second_round_the_global_model_is_the_anchor() -> None:
    latest = fuse([make_update(0), make_update(1)], rounds=2).latest
    assert latest is not None
    assert latest.anchor is None
    assert len(latest.result.alignments) == 3


def test_the_anchor_without_examples_has_no_vote() -> None:
    # both clients send the same model again: whatever the global model was, that function comes out
    latest = fuse([make_update(0, seed=5), make_update(1, seed=5)], rounds=2).latest
    assert latest is not None
    torch.testing.assert_close(
        load_model(latest.result.config, latest.result.state)(IDS),
        load_model(CONFIG, make_update(seed=5).state)(IDS),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize(("anchor", "name"), [("first", "client-0"), ("largest", "client-1"), ("best", "client-2")])
@pytest.mark.parametrize("rounds", [1, 2])
def test_the_anchor_is_chosen_by_name(anchor: str, name: str, rounds: int) -> None:
    updates = [make_update(0), make_update(1, num_examples=30), make_update(2, validation_loss=0.1)]
    latest = fuse(updates, rounds=rounds, anchor=anchor).latest
    assert latest is not None
    assert latest.anchor == name
    assert len(latest.result.alignments) == 3


def test_a_universe_aligns_the_anchor_too() -> None:
    latest = fuse([make_update(k) for k in range(3)], scheme="universe", anchor="medoid").latest
    assert latest is not None
    assert all(alignment.couplings for alignment in latest.result.alignments)


def test_from_a_shared_start_the_global_model_is_the_anchor_at_once() -> None:
    nodes = {k: answer(make_update(k)) for k in range(2)}
    strategy = build_strategy("ot-fusion", {}, Quorum({k: f"client-{k}" for k in nodes}))
    assert isinstance(strategy, OTFusion)
    start = pack_state(make_update(seed=9).state)
    strategy.start(FakeGrid(nodes), start, 1, train_config=ConfigRecord({"init": "shared"}))
    assert strategy.latest is not None
    assert strategy.latest.anchor is None
    assert len(strategy.latest.result.alignments) == 3


def test_clients_of_unequal_width_are_fused() -> None:
    wide = replace(CONFIG, d_model=16, d_head=8, d_ff=24)
    latest = fuse([make_update(0, num_examples=20), make_update(1, config=wide)]).latest
    assert latest is not None
    assert latest.result.config.d_model == CONFIG.d_model
    assert torch.isfinite(load_model(latest.result.config, latest.result.state)(IDS)).all()


def test_clients_with_other_classes_are_refused() -> None:
    with pytest.raises(FedotError, match="same classes at all clients"):
        fuse([make_update(0), make_update(1, config=replace(CONFIG, n_class=3))])


def test_options_reach_the_fusion() -> None:
    strategy = build_strategy("ot-fusion", {"align": "server", "solver": "sinkhorn", "count-rows": False})
    assert isinstance(strategy, OTFusion)
    assert strategy.fusion == FusionConfig(solver="sinkhorn", count_rows=False)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"align": "both"}, "server or client"),
        ({"align": "client", "scheme": "universe"}, "no one sees all models"),
        ({"align": "client", "anchor": "medoid"}, "global or first or largest or best"),
        ({"align": "client", "circuits": True}, "ot-fusion.circuits"),
        ({"align": "client", "learn-steps": 5}, "learn-steps is 5"),
        ({"align": "client", "method": "merged"}, "auto or aligned"),
        ({"anchor": "middle"}, "fusion.anchor"),
        ({"scheme": "twice"}, "fusion.scheme"),
        ({"solver": "magic"}, "fusion.solver"),
        ({"solvr": "exact"}, "did you mean solver"),
        ({"min-fraction": "most"}, "min-fraction"),
        ({"min-fraction": 1.5}, "min-fraction"),
        ({"connect-seconds": -1}, "connect-seconds"),
        ({"fraction-train": "half"}, "fraction-train"),
    ],
)
def test_a_bad_option_is_refused_in_one_line(options: dict[str, object], told: str) -> None:
    with pytest.raises(FedotError, match=told) as caught:
        build_strategy("ot-fusion", options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fedavg", {"fraction-train": "half"}),
        ("fedprox", {"proximal-mu": "a"}),
        ("fedtrimmedavg", {"beta": 0.7}),
    ],
)
def test_a_bad_option_of_flowers_own_is_refused_in_one_line(name: str, options: dict[str, object]) -> None:
    with pytest.raises(FedotError, match=name):
        build_strategy(name, options)


def test_the_anchor_has_no_vote_in_token_rows_either() -> None:
    # both clients now send another model than the one that the global model came from
    first, second = make_update(seed=5), make_update(seed=6)

    def change(k: int) -> Reply:
        rounds = iter([first, second])
        return lambda message: answer(replace(next(rounds), client=f"client-{k}", partition_id=k))(message)

    strategy = build_strategy("ot-fusion", {}, Quorum({0: "client-0", 1: "client-1"}))
    assert isinstance(strategy, OTFusion)
    strategy.start(FakeGrid({0: change(0), 1: change(1)}), pack_state({}), 2, train_config=ConfigRecord())
    assert strategy.latest is not None
    torch.testing.assert_close(
        load_model(strategy.latest.result.config, strategy.latest.result.state)(IDS),
        load_model(CONFIG, second.state)(IDS),
        rtol=1e-4,
        atol=1e-5,
    )
