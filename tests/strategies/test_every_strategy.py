"""What holds for every strategy in the register; a new one is tested by being listed there."""

from collections.abc import Mapping

import pytest
import torch
from flwr.app import ConfigRecord

from fedot.errors import FedotError
from fedot.models import State, build_model, load_model, state_of
from fedot.strategies import STRATEGIES, Guarded, Quorum, build_strategy
from fedot.wire.messages import Settings
from fedot.wire.records import pack_state, unpack_state
from tests.strategies.fake_clients import CONFIG, FakeGrid, Reply, answer, crash, make_update, silence

# Flower's adaptive strategies take a step of their own size from the old model towards the mean.
STEPPING = {"fedadam", "fedyogi", "fedadagrad"}
IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 0]])


def run(strategy: Guarded, nodes: Mapping[int, Reply], rounds: int = 1) -> State | None:
    """Run a strategy over nodes; return the global model, or None where it did not change."""
    grid = FakeGrid(nodes)
    strategy.quorum = Quorum({node: f"client-{node}" for node in nodes}, strategy.quorum.fraction, 0.0)
    initial = pack_state(state_of(build_model(CONFIG, 99)))
    config = Settings("{}", 0).to_record()
    arrays = strategy.start(grid, initial, num_rounds=rounds, train_config=config).arrays
    return unpack_state(arrays) if arrays else None


def logits(strategy: Guarded, state: State) -> torch.Tensor:
    latest = getattr(strategy, "latest", None)
    return load_model(latest.result.config if latest else CONFIG, state)(IDS)


OF_MODELS = [name for name in STRATEGIES if name != "lora-products"]
"""All but what averages adapters (`tests/pretrained`)."""


@pytest.mark.parametrize("name", OF_MODELS)
def test_identical_replies_give_the_same_model(name: str) -> None:
    strategy = build_strategy(name, {})
    state = run(strategy, {k: answer(make_update(k, seed=7)) for k in range(4)})
    assert state is not None
    if name in STEPPING:
        old, target = state_of(build_model(CONFIG, 99)), make_update(seed=7).state
        assert all(torch.isfinite(tensor).all() for tensor in state.values())
        moved = torch.cat([(state[key] - old[key]).ravel() for key in state])
        wanted = torch.cat([(target[key] - old[key]).ravel() for key in state])
        clear = wanted.abs() > 1e-3
        assert torch.equal(moved[clear].sign(), wanted[clear].sign())
    else:
        expected = load_model(CONFIG, make_update(seed=7).state)(IDS)
        loose = 1e-2 if name == "ot-fusion" else 1e-5  # by default it fits a model to all of them by least squares
        found = logits(strategy, state).log_softmax(-1)
        torch.testing.assert_close(found, expected.log_softmax(-1), rtol=1e-4, atol=loose)


@pytest.mark.parametrize("name", OF_MODELS)
def test_bad_replies_are_dropped_by_name_and_the_rest_is_used(name: str) -> None:
    nan = make_update(4)
    nan.state["norm.weight" if "norm.weight" in nan.state else next(iter(nan.state))].view(-1)[0] = float("nan")
    wrong = make_update(5)
    key = next(iter(wrong.state))
    wrong.state[key] = wrong.state[key][:1].clone()
    lacking = make_update(6)
    del lacking.state[key]
    bad = {
        4: answer(nan),
        5: answer(wrong),
        6: answer(lacking),
        7: answer(make_update(7, num_examples=0)),
        8: crash(),
        9: silence,
    }
    good = {k: answer(make_update(k)) for k in range(4)}
    with_bad, without = build_strategy(name, {"min-fraction": 0.4}), build_strategy(name, {})
    state, clean = run(with_bad, {**bad, **good}), run(without, good)
    assert state is not None
    assert clean is not None
    for key in clean:
        assert torch.equal(state[key], clean[key]), key
    reasons = dict(with_bad.dropped)
    assert reasons.keys() == {f"client-{k}" for k in bad}
    assert "NaN" in reasons["client-4"]
    assert "shape" in reasons["client-5"]
    assert "lacks tensor" in reasons["client-6"]
    assert "0 examples" in reasons["client-7"]
    assert reasons["client-8"] == "ValueError (see this client's log)"
    assert "no answer" in reasons["client-9"]
    assert without.dropped == []


@pytest.mark.parametrize("name", OF_MODELS)
def test_the_order_of_replies_does_not_matter(name: str) -> None:
    updates = {k: answer(make_update(k)) for k in range(3)}
    first = run(build_strategy(name, {}), updates)
    second = run(build_strategy(name, {}), dict(reversed(updates.items())))
    assert first is not None
    assert second is not None
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", OF_MODELS)
def test_several_rounds(name: str) -> None:
    strategy = build_strategy(name, {})
    state = run(strategy, {k: answer(make_update(k)) for k in range(3)}, rounds=2)
    assert state is not None
    assert torch.isfinite(logits(strategy, state)).all()
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}


@pytest.mark.parametrize("name", OF_MODELS)
def test_a_missed_quorum_names_who_is_missing(name: str) -> None:
    nodes = {0: answer(make_update(0)), 1: crash("no data"), 2: silence, 3: silence}
    with pytest.raises(FedotError) as caught:
        run(build_strategy(name, {}), nodes)
    told = str(caught.value)
    assert "1 of 4" in told
    assert "client-1: no data" in told
    assert "client-2: no answer" in told


@pytest.mark.parametrize("name", OF_MODELS)
def test_an_unknown_option_is_refused_and_the_nearest_named(name: str) -> None:
    with pytest.raises(FedotError, match="did you mean fraction_train"):
        build_strategy(name, {"fraction-trian": 0.5})


def test_an_unknown_strategy_is_refused_and_the_nearest_named() -> None:
    with pytest.raises(FedotError, match="did you mean ot-fusion"):
        build_strategy("ot-fuison", {})


def test_no_strategy_asks_for_flowers_own_evaluation() -> None:
    grid = FakeGrid({k: answer(make_update(k)) for k in range(3)})
    build_strategy("fedavg", {}).start(grid, pack_state({}), num_rounds=1, train_config=ConfigRecord())
    assert {message.metadata.message_type for message in grid.sent} == {"train"}
