"""Every architecture is fused as its symmetry allows."""

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.canonical.maps import apply_maps
from fedot.fusion.methods import method
from fedot.fusion.problem.prepare import prepare
from fedot.models import canonical_config, symmetry
from tests.groups import random_symmetry
from tests.models.variants import VARIANTS, canonical_of, close, logits, model_of

every = pytest.mark.parametrize("variant", VARIANTS)


@every
def test_fusing_with_a_transformed_copy_returns_the_anchor(variant):
    state, config = model_of(variant)
    canonical, shape = canonical_of(variant)
    copy = apply_maps(canonical, symmetry(shape), random_symmetry(symmetry(shape), 4))
    want = logits(state, config)
    problem = prepare([(state, config), (copy, shape)])
    fused = method("aligned")(problem, FusionConfig(method="aligned"))
    symmetry(shape).validate(fused.state)
    close(logits(fused.state, shape), want, 1e-6)
    result = fuse([(state, config), (copy, shape)], config=FusionConfig(method="aligned"))
    assert result.config == shape
    close(logits(result.state, shape).double(), want, 1e-4)
    plain = {name: (canonical[name] + copy[name]) / 2 for name in canonical}
    assert (logits(plain, shape) - want).abs().max() > 1e-3


@every
def test_models_trained_apart_and_of_unequal_widths_are_fused(variant):
    wide = model_of(variant, 1, d_model=16, n_head=5, d_ff=24)
    for pair in ((model_of(variant), wide), (wide, model_of(variant))):
        result = fuse(pair)
        symmetry(result.config).validate(result.state)
        assert result.config == canonical_config(pair[0][1])
        assert torch.isfinite(logits(result.state, result.config)).all()


@pytest.mark.parametrize(
    ("variant", "first", "second", "told"),
    [
        ("encoder", {}, {"activation": "relu"}, "model 1 and model 0 differ .* scale.0"),
        ("decoder", {}, {"norm_position": "post"}, "norm.weight|residual"),
        ("encoder", {"positions": "rotary"}, {}, "pos_emb.weight"),
        ("encoder-rotary-swiglu", {}, {"d_head": 6}, "qk.0 have 6 channels in one model and 4 in the other.*d_head"),
        ("decoder-post-layer", {}, {"tied": False}, "output.weight is tied to tok_emb.weight in only one"),
        ("seq2seq", {}, {"shared": False}, "model 1 and model 0 do not both have"),
    ],
)
def test_models_of_unlike_kinds_are_not_fused(variant, first, second, told):
    with pytest.raises(FedotError, match=told) as caught:
        fuse([model_of(variant, 0, **first), model_of(variant, 1, **second)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("variant", ["decoder", "encoder", "seq2seq-layer-two-untied"])
def test_sinusoidal_and_learned_positions_have_one_canonical_form(variant):
    pair = [model_of(variant, 0), model_of(variant, 1, positions="sinusoidal")]
    result = fuse(pair)
    assert result.config == canonical_config(pair[0][1])
    assert torch.isfinite(logits(result.state, result.config)).all()


@pytest.mark.parametrize("support", ["weights", "activations", "weights+activations"])
def test_gated_neurons_are_matched_up_to_their_sign(support):
    canonical, config = canonical_of("decoder-rotary-swiglu-untied")
    copy = apply_maps(canonical, symmetry(config), random_symmetry(symmetry(config), 5))
    counts = [torch.arange(30)] * 2
    result = fuse(
        [(canonical, config), (copy, config)],
        config=FusionConfig(method="aligned", support=support),
        token_counts=counts,
    )
    close(logits(result.state, config).double(), logits(canonical, config), 1e-4)
    signs = result.alignments[1].maps["scale.0"].write
    assert 0 < (signs < 0).double().mean() < 1


def test_a_tie_that_lasts_is_one_tensor_after_fusion_too():
    pair = [model_of("decoder-post-layer", 0), model_of("decoder-post-layer", 1, d_model=16)]
    for models in (pair, pair[::-1]):
        result = fuse(models)
        assert result.config.tied
        assert torch.equal(result.state["output.weight"], result.state["tok_emb.weight"])


@pytest.mark.parametrize("variant", ["seq2seq", "decoder-layer-relu"])
def test_supports_on_a_probe_are_drawn_from_counts_for_every_input(variant):
    canonical, config = canonical_of(variant)
    copy = apply_maps(canonical, symmetry(config), random_symmetry(symmetry(config), 5))
    counts = [torch.arange(30)] * 2
    result = fuse(
        [(canonical, config), (copy, config)],
        config=FusionConfig(method="aligned", support="activations"),
        token_counts=counts,
    )
    close(logits(result.state, config).double(), logits(canonical, config), 1e-4)
