"""Layers that do nothing: a deeper model computes the same, and models of unequal depth can be fused."""

import pytest
import torch
from safetensors.torch import load_file

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.canonical.depth import deepen, equally_deep, places
from fedot.models import build_model, load_model, model_config, state_of
from tests.fusion.disk import VOCAB, call, model, write
from tests.groups import randomise

COUNTS = torch.arange(VOCAB)


def logits(state, config, *inputs):
    return load_model(config, {name: tensor.double() for name, tensor in state.items()}).double()(*inputs)


def tokens(seed):
    return torch.randint(1, VOCAB, (5, 9), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("norm", ["rms", "layer"])
@pytest.mark.parametrize("positions", ["learned", "rotary"])
@pytest.mark.parametrize("name", ["encoder", "decoder", "seq2seq"])
def test_a_deeper_model_computes_the_same(name, positions, norm):
    settings = {"name": name, "d_model": 16, "n_layer": 2, "n_head": 2, "d_ff": 24, "max_length": 12}
    config = model_config({**settings, "norm": norm, "positions": positions}, VOCAB, 3 if name == "encoder" else 0)
    state = randomise(state_of(build_model(config, 0)), 0)
    deeper, shape = deepen(state, config, 5)
    inputs = (tokens(0), tokens(1)) if name == "seq2seq" else (tokens(0),)
    assert shape.n_layer == 5
    torch.testing.assert_close(logits(deeper, shape, *inputs), logits(state, config, *inputs), rtol=1e-9, atol=1e-9)


def test_layers_keep_their_order_and_their_ends():
    assert places(2, 6) == [0, 5]
    assert places(3, 3) == [0, 1, 2]
    assert places(1, 4) == [3]
    for few in range(1, 7):
        for many in range(few, 12):
            found = places(few, many)
            assert sorted(set(found)) == found
            assert found[-1] == many - 1


def test_a_post_norm_model_is_refused():
    state, config = model(norm_position="post")
    with pytest.raises(FedotError, match="post-norm model of 2 layers cannot be made as deep as 3"):
        deepen(state, config, 3)


def test_models_of_one_depth_stay_as_they_are():
    pairs = [model(0), model(1)]
    states, configs = equally_deep(*zip(*pairs, strict=True))
    assert all(a is b for a, b in zip(states, (state for state, _ in pairs), strict=True))
    assert configs == (pairs[0][1], pairs[1][1])


@pytest.mark.parametrize("method", ["aligned", "merged"])
def test_a_model_and_its_deeper_self_give_the_model(method):
    state, config = model(0)
    deeper = deepen(state, config, 4)
    result = fuse([(state, config), deeper], token_counts=[COUNTS, COUNTS], config=FusionConfig(method=method))
    assert result.config.n_layer == 4
    exact, found = (logits(*pair, tokens(2)).softmax(1) for pair in ((state, config), (result.state, result.config)))
    assert (found - exact).abs().max() < {"aligned": 1e-5, "merged": 1e-3}[method]


@pytest.mark.parametrize("method", ["aligned", "merged", "theus", "vanilla"])
def test_unequal_depths_are_fused(method):
    pairs = [model(0), model(1, n_layer=3)]
    result = fuse(pairs, token_counts=[COUNTS, COUNTS], anchor=1, config=FusionConfig(method=method))
    assert result.config.n_layer == 3
    assert torch.isfinite(logits(result.state, result.config, tokens(0))).all()


def test_files_of_unequal_depth_are_fused_too(tmp_path):
    pairs = [model(0), model(1, n_layer=3)]
    files = [write(tmp_path / f"{k}.safetensors", *pair) for k, pair in enumerate(pairs)]
    done = call(*files, "-o", tmp_path / "out.safetensors", "--anchor", 1, "--method", "aligned")
    assert done.exit_code == 0, done.output
    expected = fuse(pairs, anchor=1, config=FusionConfig(method="aligned"))
    for name, tensor in load_file(tmp_path / "out.safetensors").items():
        torch.testing.assert_close(tensor, expected.state[name], rtol=1e-4, atol=1e-5)
