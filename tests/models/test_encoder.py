import json

import pytest
import torch

from fedot.errors import FedotError
from fedot.models import (
    MODELS,
    architecture,
    build_model,
    canonical_config,
    config_from_json,
    config_to_json,
    load_model,
    model_config,
    state_of,
    state_shapes,
    symmetry,
)
from tests.groups import randomise

OWN = [name for name, kind in MODELS.items() if kind.whole_in_state]
"""Architectures of fedot's own: a checkpoint is one only with its folder."""

SETTINGS = {"d_model": 16, "n_layer": 2, "n_head": 4, "d_ff": 24, "max_length": 12}
NORMS = ["rms", "layer"]


def make(**settings):
    return model_config({"name": "encoder", **SETTINGS, **settings}, 30, 3)


def logits(config, state, ids):
    with torch.no_grad():
        return load_model(config, state)(ids)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("length", [1, 7, 12])
def test_ids_give_one_row_of_logits_each(norm, length):
    config = make(norm=norm)
    model = build_model(config, 0).eval()
    ids = torch.randint(1, 30, (5, length), generator=torch.Generator().manual_seed(0))
    assert model(ids).shape == (5, 3)
    assert model(ids).dtype == torch.float32


def test_the_width_of_heads_follows_from_the_model_unless_given():
    assert make().d_head == 4
    assert make(d_head=6).d_head == 6
    assert state_shapes(make(d_model=15, d_head=6))["layers.0.attn.q_proj.weight"] == (24, 15)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"d_model": 18}, "model.d_model is 18, which 4 heads do not divide.*multiple of 4"),
        ({"d_modle": 16}, r"model\.d_modle is no setting.*model\.d_model"),
        ({"vocab_size": 9}, r"model\.vocab_size is no setting"),
        ({"zzz": 1}, "choose from d_model"),
        ({"n_layer": 0}, r"model\.n_layer is 0.*at least 1"),
        ({"n_head": "four"}, r"model\.n_head is 'four'"),
        ({"d_ff": True}, r"model\.d_ff is True"),
        ({"max_length": 1.5}, r"model\.max_length is 1\.5"),
        ({"norm": "batch"}, "rms or layer"),
        ({"norm_position": "middle"}, "model.norm_position is 'middle'.*pre or post"),
        ({"positions": "none"}, "learned, sinusoidal or rotary"),
        ({"activation": "tanh"}, "gelu, relu or swiglu"),
        ({"positions": "rotary", "d_head": 5}, "heads have 5 channels.*make model.d_head even"),
        ({"tied": True}, "model.tied is no setting of encoder"),
        ({"dropout": 1.0}, r"model\.dropout is 1\.0"),
        ({"dropout": True}, r"model\.dropout is True"),
        ({"dropout": "none"}, r"model\.dropout is 'none'"),
        ({"name": "encodr"}, "did you mean encoder"),
        ({"name": "zzz"}, "choose from encoder"),
    ],
)
def test_a_bad_setting_is_named(settings, told):
    with pytest.raises(FedotError, match=told) as caught:
        make(**settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("norm", NORMS)
def test_padding_never_changes_the_logits(norm):
    config = make(norm=norm)
    state = {name: t.double() for name, t in randomise(state_of(build_model(config, 0)), 0).items()}
    ids = torch.randint(1, 30, (4, 6), generator=torch.Generator().manual_seed(1))
    padded = torch.cat([ids, torch.zeros(4, 6, dtype=ids.dtype)], 1)
    torch.testing.assert_close(logits(config, state, padded), logits(config, state, ids), rtol=0, atol=1e-12)
    state["tok_emb.weight"][0] = 100.0  # even a row for padding that shouts
    torch.testing.assert_close(logits(config, state, padded), logits(config, state, ids), rtol=0, atol=1e-12)


def test_order_of_words_matters_and_company_in_the_batch_does_not():
    config = make()
    state = {name: t.double() for name, t in randomise(state_of(build_model(config, 0)), 0).items()}
    ids = torch.randint(1, 30, (4, 6), generator=torch.Generator().manual_seed(1))
    want = logits(config, state, ids)
    torch.testing.assert_close(logits(config, state, ids[1:2]), want[1:2], rtol=0, atol=1e-12)
    assert (logits(config, state, ids.flip(1)) - want).abs().max() > 1e-3


@pytest.mark.parametrize("name", OWN)
def test_the_seed_alone_decides_the_weights(name):
    config = model_config({"name": name, **SETTINGS}, 30, 3 if name == "encoder" else 0)
    torch.manual_seed(5)
    first = state_of(build_model(config, 1))
    torch.manual_seed(6)
    again, other = state_of(build_model(config, 1)), state_of(build_model(config, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["tok_emb.weight"], other["tok_emb.weight"])


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", OWN)
def test_shapes_states_and_specs_agree(name, norm):
    config = model_config({"name": name, **SETTINGS, "norm": norm}, 30, 3 if name == "encoder" else 0)
    state = state_of(build_model(config, 0))
    assert {key: tuple(tensor.shape) for key, tensor in state.items()} == state_shapes(config)
    symmetry(config).validate(state)
    assert canonical_config(config).norm == "rms"
    assert not any(key.endswith("norm.bias") for key in state_shapes(canonical_config(config)))


def test_loading_keeps_every_tensor_and_leaves_dropout_off():
    config = make(dropout=0.5)
    state = randomise(state_of(build_model(config, 0)), 0)
    model = load_model(config, state)
    assert not model.training
    assert all(torch.equal(tensor, state[key]) for key, tensor in model.state_dict().items())
    ids = torch.ones(2, 5, dtype=torch.int64)
    torch.testing.assert_close(model(ids), model(ids), rtol=0, atol=0)


def test_a_copied_state_does_not_follow_the_model():
    model = build_model(make(), 0)
    state = state_of(model)
    with torch.no_grad():
        model.classifier.weight.add_(1.0)
    torch.testing.assert_close(model.classifier.weight - 1.0, state["classifier.weight"])


@pytest.mark.parametrize("norm", NORMS)
def test_a_configuration_survives_json(norm):
    config = make(norm=norm, d_head=6)
    text = config_to_json(config)
    assert "\n" not in text
    assert config_from_json(text) == config


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "7", json.dumps({"architecture": "encoder"}), json.dumps({"architecture": ["encoder"]})]
)
def test_a_configuration_that_cannot_be_read_is_told(text):
    with pytest.raises(FedotError, match="cannot be read"):
        config_from_json(text)


def test_an_unknown_architecture_is_told():
    with pytest.raises(FedotError, match=r"decodr.*no architecture"):
        architecture("decodr")
