"""`merged` on what is no encoder of two voters: causal language models, translators, and one voter alone."""

from dataclasses import replace
from functools import cache

import pytest
import torch

from fedot.fusion import FusionConfig, fuse
from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.fusion.canonical.maps import apply_maps
from fedot.models import build_model, canonical_config, model_config, state_of, symmetry
from tests.fusion.small import BASE, VOCAB, counts, make, run
from tests.groups import random_symmetry, randomise
from tests.models.variants import logits

MERGED = FusionConfig(method="merged", probe_texts=64)
ARCHITECTURES = {
    "decoder": {"name": "decoder"},
    "decoder-rotary-untied": {"name": "decoder", "positions": "rotary", "tied": False},
    "seq2seq-rotary": {"name": "seq2seq", "n_layer": 1, "positions": "rotary", "activation": "swiglu"},
}


@cache
def model(kind, seed=0):
    """A canonical model in float64: (state, config); a translator that says different things to different sources."""
    config = model_config({**BASE, **ARCHITECTURES[kind]}, VOCAB, 0)
    spec, state = symmetry(config), state_of(build_model(config, seed))
    if kind.startswith("seq2seq"):  # else what its decoder reads on the probe is two or three tokens
        generator = torch.Generator().manual_seed(seed)
        state |= {name: torch.randn(t.shape, generator=generator) for name, t in state.items() if t.ndim > 1}
    return canonicalise(randomise(state, seed, spec.ties), spec), canonical_config(config)


def checked(models, **options):
    """Fuse twice; the result is finite, fits its configuration and is the same bit by bit."""
    first, second = (fuse(models, token_counts=counts(0, len(models)), config=MERGED, **options) for _ in range(2))
    symmetry(first.config).validate(first.state)
    assert all(bool(tensor.isfinite().all()) for tensor in first.state.values())
    assert all(torch.equal(tensor, second.state[name]) for name, tensor in first.state.items())
    return first


def same_widths(config, other):
    """Whether configurations differ in nothing but how heads share their channels, which a reduction chooses."""
    channels = [each.n_head * each.d_head for each in (config, other)]
    return channels[0] == channels[1] and replace(config, n_head=other.n_head, d_head=other.d_head) == other


def close(result, state, config, show):
    """Whether a result says what a model does, up to the ridge of the reduction."""
    expected = show(state, config).log_softmax(-1)
    found = show({name: tensor.double() for name, tensor in result.state.items()}, result.config).log_softmax(-1)
    return bool((found - expected).abs().max() < 0.02 * expected.abs().max())


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_other_architectures_are_merged(kind):
    models = [model(kind, seed) for seed in (0, 1)]
    result = checked(models)
    assert same_widths(result.config, models[0][1])
    found = logits(result.state, result.config)
    assert bool(found.isfinite().all())
    assert all((found - logits(*each)).abs().max() > 1e-3 for each in models)


@pytest.mark.parametrize("kind", ["decoder", "decoder-rotary-untied"])
def test_merging_a_decoder_with_its_transformed_copy_returns_it(kind):
    state, config = model(kind)
    twin = apply_maps(state, symmetry(config), random_symmetry(symmetry(config), 3))
    assert (twin["tok_emb.weight"] - state["tok_emb.weight"]).abs().max() > 0.1
    options = FusionConfig(method="merged", probe_texts=200)
    result = fuse([(state, config), (twin, config)], token_counts=counts(0) * 2, config=options)
    assert same_widths(result.config, config)
    assert close(result, state, config, logits)


@pytest.mark.parametrize("kind", ["encoder", *ARCHITECTURES])
def test_one_voter_beside_an_anchor_without_a_vote_is_what_comes_out(kind):
    models = [make(0), make(1)] if kind == "encoder" else [model(kind, seed) for seed in (0, 1)]
    result = checked(models, weights=[0, 1])
    assert result.config == models[0][1]
    assert close(result, *models[1], run if kind == "encoder" else logits)
    assert not close(result, *models[0], run if kind == "encoder" else logits)
