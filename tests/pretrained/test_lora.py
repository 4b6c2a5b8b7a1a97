"""Adapters: what is sent, how they are averaged, and what folders are written of them."""

from collections.abc import Callable
from pathlib import Path

import peft
import pytest
import torch
import transformers
from torch import Tensor

from fedot.fusion.merges.adapter_products import DOWN, UP, average_products, cut_to_rank, factored
from fedot.hf.checkpoint_folder import merged, write_checkpoint
from fedot.models import State, load_model, state_of
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from tests.pretrained.test_state import batch, each_kind, opened, said_by

Folders = Callable[[str], Path]
HEADS = ("classifier", "pre_classifier", "score", "pooler")


def drawn(state: State, seed: int = 0) -> State:
    """Adapters and a head as far from their start as training takes them."""
    generator = torch.Generator().manual_seed(seed)
    return {name: t + 0.2 * torch.randn(t.shape, generator=generator) for name, t in state.items()}


def trained_of(folder: Path, rank: int = 2) -> tuple[PretrainedConfig, State, State]:
    """A configuration with adapters, what lies below them, and what is trained."""
    found, config = opened(folder, lora_rank=rank, lora_alpha=6.0)
    names = found.trained(config)
    state = {name: tensor for name, tensor in found.start(config, 5).items() if name in names}
    return config, found.weights(config), state


def product(state: State, layer: str, scale: float = 1.0) -> Tensor:
    return scale * (state[layer + UP].double() @ state[layer + DOWN].double())


@each_kind
def test_what_is_trained_is_adapters_and_the_head(kind: str, checkpoints: Folders) -> None:
    config, below, state = trained_of(checkpoints(kind))
    rest = {name for name in state if not name.endswith((DOWN, UP))}
    assert rest
    assert all(any(head in name for head in HEADS) for name in rest)
    assert not below.keys() & state.keys()
    assert any(name.endswith(DOWN) for name in state)
    again = state_of(load_model(config, {**below, **state}))
    assert again.keys() == state.keys()
    assert all(again[name].equal(tensor) for name, tensor in state.items())


@each_kind
@torch.no_grad()
def test_training_starts_at_the_checkpoint_itself(kind: str, checkpoints: Folders) -> None:
    found, plain = opened(checkpoints(kind))
    config, below, state = trained_of(checkpoints(kind))
    ids = batch(found)
    want = load_model(plain, found.start(plain, 5))(ids)
    torch.testing.assert_close(load_model(config, {**below, **state})(ids), want, rtol=0, atol=0)


@each_kind
@torch.no_grad()
def test_a_merged_folder_says_what_base_and_adapters_say(kind: str, checkpoints: Folders, tmp_path: Path) -> None:
    found, _ = opened(checkpoints(kind))
    config, below, state = trained_of(checkpoints(kind))
    state = drawn(state)
    want = load_model(config, {**below, **state})(batch(found))
    write_checkpoint(tmp_path / "out", config, state, ("no", "yes"), found)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "out")
    got = said_by(theirs, tmp_path / "out")
    assert want.std() > 0.1
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)
    assert theirs.config.id2label == {0: "no", 1: "yes"}
    assert not any(name.endswith((DOWN, UP)) for name in merged(config, {**below, **state}))


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of peft itself
@each_kind
@torch.no_grad()
def test_adapters_alone_are_read_by_peft(kind: str, checkpoints: Folders, tmp_path: Path) -> None:
    """As a server writes them that does not hold the checkpoint."""
    folder = checkpoints(kind)
    found, _ = opened(folder)
    config, below, state = trained_of(folder)
    state = drawn(state)
    want = load_model(config, {**below, **state})(batch(found))
    write_checkpoint(tmp_path / "out", config, state, ("no", "yes"))
    base = transformers.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    got = said_by(peft.PeftModel.from_pretrained(base, tmp_path / "out"), folder)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


def adapters(ranks: tuple[int, ...], seed: int = 0) -> list[State]:
    """Adapters of one map of 7 to 5 numbers, and a head."""
    generator = torch.Generator().manual_seed(seed)

    def one(rank: int) -> State:
        shapes = {f"f{DOWN}": (rank, 7), f"f{UP}": (5, rank), "classifier.weight": (2, 5)}
        return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}

    return [one(rank) for rank in ranks]


@pytest.mark.parametrize("ranks", [(2, 2), (1, 3), (1, 1, 2)])
def test_the_mean_of_products_is_exact_where_the_rank_suffices(ranks: tuple[int, ...]) -> None:
    states, scales, weights = adapters(ranks), [2.0, 0.5, 1.0][: len(ranks)], [1.0, 3.0, 2.0][: len(ranks)]
    mean = average_products(states, scales, weights, rank=sum(ranks), scale=1.5)
    pairs = zip(weights, scales, states, strict=True)
    want = sum(w / sum(weights) * product(state, "f", s) for w, s, state in pairs)
    torch.testing.assert_close(product(mean, "f", 1.5), want, rtol=1e-5, atol=1e-5)
    heads = [w / sum(weights) * state["classifier.weight"] for w, state in zip(weights, states, strict=True)]
    torch.testing.assert_close(mean["classifier.weight"], sum(heads, torch.zeros(2, 5)))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_else_it_is_as_near_as_the_rank_allows(rank: int) -> None:
    states = adapters((2, 2), seed=1)
    mean = average_products(states, [1.0, 1.0], [1.0, 1.0], rank=rank, scale=1.0)
    want = sum(product(state, "f") / 2 for state in states)
    sizes = torch.linalg.svdvals(want)
    missed = torch.linalg.norm(product(mean, "f") - want)
    torch.testing.assert_close(missed, sizes[rank:].square().sum().sqrt(), rtol=1e-4, atol=1e-5)


def test_averaged_factors_are_something_else() -> None:
    """Even of one rank, where averaging them is possible at all."""
    states = adapters((2, 2), seed=2)
    want = sum(product(state, "f") / 2 for state in states)
    factors = {name: (states[0][name] + states[1][name]) / 2 for name in states[0]}
    exact = average_products(states, [1.0, 1.0], [1.0, 1.0], rank=4, scale=1.0)
    best = average_products(states, [1.0, 1.0], [1.0, 1.0], rank=2, scale=1.0)
    missed = [float(torch.linalg.norm(product(state, "f") - want) / want.norm()) for state in (exact, best, factors)]
    assert missed[0] < 1e-6
    assert missed[1] < 0.6 * missed[2]
    assert missed[2] > 0.3


def test_fewer_columns_are_the_best_adapter_of_that_rank() -> None:
    states = adapters((2, 3), seed=3)
    mean = average_products(states, [1.0, 1.0], [1.0, 1.0], rank=5, scale=2.0)
    cut = cut_to_rank(mean, 2, 4.0)
    alone = average_products(states, [1.0, 1.0], [1.0, 1.0], rank=2, scale=2.0)
    torch.testing.assert_close(product(cut, "f"), 4 * product(alone, "f"), rtol=1e-4, atol=1e-5)
    assert cut["classifier.weight"].equal(mean["classifier.weight"])
    assert mean[f"f{DOWN}"].shape == (5, 7)


def test_where_nothing_is_left_training_can_go_on() -> None:
    """Columns are 0, as LoRA starts; rows are not, or no gradient would ever come."""
    up, down = factored(torch.zeros(5, 2).double(), torch.randn(2, 7).double(), 3, 1.0)
    assert up.shape == (5, 3)
    assert not up.any()
    assert down.abs().min() > 0


def test_adapters_of_one_seed_are_the_same_bits() -> None:
    first, second = (average_products(adapters((2, 3)), [1.0, 1.0], [1.0, 2.0], 4, 1.0) for _ in range(2))
    assert all(first[name].equal(tensor) for name, tensor in second.items())
