"""One model of each kind: (architecture, settings), by a name for the test."""

from functools import cache

import torch

from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.models import build_model, canonical_config, load_model, model_config, state_of, symmetry
from tests.groups import randomise

POST = {"norm_position": "post"}
VARIANTS = {
    "encoder": ("encoder", {"n_layer": 2}),
    "encoder-layer": ("encoder", {"norm": "layer"}),
    "encoder-post": ("encoder", {**POST}),
    "encoder-post-layer": ("encoder", {**POST, "norm": "layer"}),
    "encoder-layer-sinusoidal-relu": ("encoder", {"norm": "layer", "positions": "sinusoidal", "activation": "relu"}),
    "encoder-rotary-swiglu": ("encoder", {"positions": "rotary", "activation": "swiglu"}),
    "encoder-layer-rotary": ("encoder", {"norm": "layer", "positions": "rotary"}),
    "encoder-post-rotary-relu": ("encoder", {**POST, "positions": "rotary", "activation": "relu"}),
    "encoder-post-sinusoidal-swiglu": ("encoder", {**POST, "positions": "sinusoidal", "activation": "swiglu"}),
    "decoder": ("decoder", {}),
    "decoder-untied": ("decoder", {"tied": False}),
    "decoder-layer-relu": ("decoder", {"norm": "layer", "activation": "relu"}),
    "decoder-layer-sinusoidal": ("decoder", {"norm": "layer", "positions": "sinusoidal"}),
    "decoder-rotary-swiglu-untied": (
        "decoder",
        {"n_layer": 2, "positions": "rotary", "activation": "swiglu", "tied": False},
    ),
    "decoder-post-layer": ("decoder", {**POST, "norm": "layer", "n_layer": 2}),
    "decoder-post-layer-untied-relu": ("decoder", {**POST, "norm": "layer", "tied": False, "activation": "relu"}),
    "decoder-post-rotary-swiglu": ("decoder", {**POST, "positions": "rotary", "activation": "swiglu"}),
    "decoder-post-sinusoidal": ("decoder", {**POST, "positions": "sinusoidal"}),
    "seq2seq": ("seq2seq", {"n_layer": 2}),
    "seq2seq-layer-untied-relu": ("seq2seq", {"norm": "layer", "tied": False, "activation": "relu"}),
    "seq2seq-rotary-swiglu-two": ("seq2seq", {"positions": "rotary", "activation": "swiglu", "shared": False}),
    "seq2seq-layer-two-untied": (
        "seq2seq",
        {"norm": "layer", "shared": False, "tied": False, "target_vocab_size": 23},
    ),
    "seq2seq-post-layer-sinusoidal-relu": (
        "seq2seq",
        {**POST, "norm": "layer", "positions": "sinusoidal", "activation": "relu"},
    ),
    "seq2seq-post-layer": ("seq2seq", {**POST, "norm": "layer"}),
    "seq2seq-post-two": ("seq2seq", {**POST, "shared": False}),
    "seq2seq-post-rotary-swiglu-untied": (
        "seq2seq",
        {**POST, "positions": "rotary", "activation": "swiglu", "tied": False},
    ),
}
SIZES = {"d_model": 12, "n_layer": 1, "n_head": 4, "d_head": 4, "d_ff": 20, "max_length": 9, "dropout": 0.0}
VOCAB = 30


def config_of(variant, **changes):
    """A small configuration of a variant."""
    name, settings = VARIANTS[variant]
    return model_config({"name": name, **SIZES, **settings, **changes}, VOCAB, 3 if name == "encoder" else 0)


@cache
def model_of(variant, seed=0, **changes):
    """A model whose gains and biases are random too, in float64: (state, config)."""
    config = config_of(variant, **changes)
    state = randomise(state_of(build_model(config, seed)), seed, symmetry(config).ties)
    return {name: tensor.double() for name, tensor in state.items()}, config


@cache
def canonical_of(variant, seed=0, **changes):
    """The canonical form of `model_of`: (state, config)."""
    state, config = model_of(variant, seed, **changes)
    return canonicalise(state, symmetry(config)), canonical_config(config)


def inputs_of(config, seed=0):
    """Token ids for `forward`, some of them padding."""
    generator = torch.Generator().manual_seed(seed)
    inputs = [torch.randint(1, 23, (5, length), generator=generator) for length in (7, 6)]
    for ids in inputs:
        ids[0, 4:] = 0
    return inputs if config.architecture == "seq2seq" else inputs[:1]


def logits(state, config, seed=0):
    """What a model puts out on `inputs_of`."""
    with torch.no_grad():
        return load_model(config, state)(*inputs_of(config, seed))


def close(got, want, atol):
    """Check that logits are equal to an absolute tolerance."""
    torch.testing.assert_close(got, want, rtol=0, atol=atol)
