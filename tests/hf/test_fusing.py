import re

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import fuse
from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.fusion.canonical.maps import GroupMap, apply_maps
from fedot.hf import forward_module, load_folder
from tests.groups import random_symmetry
from tests.hf.models import VARIANTS, folder_of, run

every = pytest.mark.parametrize("name", VARIANTS)
ALIKE = {
    "bert-span",
    "bert-tokens",
    "roberta-words",
    "xlm-roberta",
    "distilbert-words-untied",
    "gpt2-untied",
    "gpt2-tokens",
}


def outputs(state, config):
    return run(forward_module(state, config, torch.float64))


def moved_copy(model, seed, *, streams=True):
    """The canonical form under a random symmetry; without streams where the model returns its stream."""
    maps = random_symmetry(model.spec, seed)
    kept = {key: value for key, value in maps.items() if streams or not key.startswith("residual")}
    return apply_maps(canonicalise(model.state, model.spec), model.spec, kept)


@every
def test_a_random_symmetry_keeps_the_logits(name, folders, logits):
    model = load_folder(folders[name])
    want = logits[name]
    moved = moved_copy(model, 1, streams=name != "bert-base")
    assert any(not torch.allclose(moved[key], tensor.double()) for key, tensor in model.state.items())
    atol = 1e-5 if name.startswith("t5") else 1e-9  # its norms and scores compute in float32 in any case
    torch.testing.assert_close(outputs(moved, model.config), want, rtol=0, atol=atol)


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in ALIKE])
def test_fusing_with_a_transformed_copy_returns_the_anchor(name, folders, logits):
    model = load_folder(folders[name])
    copy = moved_copy(model, 2)
    anchor = {key: tensor.double() for key, tensor in model.state.items()}
    result = fuse([(anchor, model.config), (copy, model.config)], spec=model.spec)
    want = logits[name]
    torch.testing.assert_close(outputs(result.state, model.config), want, rtol=0, atol=1e-5)
    plain = {key: (anchor[key] + copy[key]) / 2 for key in anchor}
    assert (outputs(plain, model.config) - want).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["gpt2", "vit", "bert", "marian"])
def test_a_general_rotation_of_the_stream_is_no_symmetry(name, folders, logits):
    model = load_folder(folders[name])
    maps = {}
    for key, group in model.spec.groups.items():
        if key.startswith("residual"):
            noise = torch.randn(group.size, group.size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
            maps[key] = GroupMap(*(torch.linalg.qr(noise).Q,) * 2)
    moved = apply_maps(canonicalise(model.state, model.spec), model.spec, maps)
    assert (outputs(moved, model.config) - logits[name]).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["bert", "distilbert-words", "gpt2", "gpt2-class", "vit", "t5", "marian"])
def test_models_trained_apart_and_of_unequal_widths_are_fused(name, folders, tmp_path):
    wide = {"bert": {"hidden_size": 24}, "gpt2": {"n_embd": 24}, "gpt2-class": {"n_embd": 24}, "t5": {"d_model": 24}}
    wide |= {"vit": {"hidden_size": 24}, "distilbert-words": {"dim": 24}, "marian": {"d_model": 24}}
    a = load_folder(folders[name])
    b = load_folder(folder_of(name, tmp_path / "wide", 3, **wide[name]))
    for first, second in ((a, b), (b, a)):
        result = fuse([(first.state, first.config), (second.state, second.config)], spec=[first.spec, second.spec])
        first.spec.validate(result.state)
        assert torch.isfinite(outputs(result.state, first.config)).all()


def test_models_of_other_depths_and_heads_are_refused_by_name(folders, tmp_path):
    shallow, other = load_folder(folders["bert"]), load_folder(folders["bert-tokens"])
    deep = load_folder(folder_of("bert", tmp_path / "deep", num_hidden_layers=3))
    for model, name in ((deep, "encoder.layer.2.attention.output.LayerNorm.bias"), (other, "pooler.dense.bias")):
        for pair in ((shallow, model), (model, shallow)):
            with pytest.raises(FedotError, match=f"model 1 and model 0 do not both have {re.escape(name)}"):
                fuse([(each.state, each.config) for each in pair], spec=[each.spec for each in pair])
