import re

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion.apply import GroupMap, apply_maps
from fedot.fusion.canonicalise import canonicalise
from fedot.models import MODELS, build_model, canonical_config, load_model, model_config, state_of, symmetry
from fedot.symmetry import SpecBuilder
from tests.groups import random_symmetry, randomise

SETTINGS = {"d_model": 16, "n_layer": 2, "n_head": 4, "d_ff": 24, "max_length": 12, "dropout": 0.0}


def model_and_ids(name: str, norm: str = "rms", seed: int = 0):
    config = model_config({"name": name, **SETTINGS, "norm": norm}, 30, 3)
    state = randomise(state_of(build_model(config, seed)), seed)
    ids = torch.randint(1, 30, (5, 9), generator=torch.Generator().manual_seed(seed))
    ids[0, 6:] = 0
    return config, state, ids


def logits(config, state, ids):
    with torch.no_grad():
        return load_model(config, state)(ids)


@pytest.mark.parametrize("norm", ["rms", "layer"])
@pytest.mark.parametrize("name", MODELS)
def test_the_canonical_form_keeps_the_logits(name, norm):
    config, state, ids = model_and_ids(name, norm)
    state = {key: tensor.double() for key, tensor in state.items()}
    got = logits(canonical_config(config), canonicalise(state, symmetry(config)), ids)
    torch.testing.assert_close(got, logits(config, state, ids), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", MODELS)
def test_a_random_symmetry_keeps_the_logits(name, seed, dtype, atol):
    config, state, ids = model_and_ids(name, seed=seed)
    spec = symmetry(config)
    canonical = canonicalise(state, spec)
    moved = apply_maps(canonical, spec, random_symmetry(spec, seed))
    want = logits(config, {key: t.to(dtype) for key, t in canonical.items()}, ids)
    got = logits(config, {key: t.to(dtype) for key, t in moved.items()}, ids)
    assert not torch.equal(moved["layers.0.attn.q_proj.weight"], canonical["layers.0.attn.q_proj.weight"])
    torch.testing.assert_close(got, want, rtol=0, atol=atol)


def test_a_flat_permutation_across_heads_changes_the_logits():
    config, state, ids = model_and_ids("encoder")
    canonical = canonicalise(state, symmetry(config))
    order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    moved = dict(canonical)
    for part in "qkv":
        for kind in ("weight", "bias"):
            key = f"layers.0.attn.{part}_proj.{kind}"
            moved[key] = canonical[key][order]
    moved["layers.0.attn.o_proj.weight"] = canonical["layers.0.attn.o_proj.weight"][:, order]
    difference = (logits(config, moved, ids) - logits(config, canonical, ids)).abs().max()
    assert difference > 1e-3


@pytest.mark.parametrize("name", MODELS)
def test_a_layernorm_model_has_the_symmetry_once_it_is_canonical(name):
    config, state, ids = model_and_ids(name, "layer")
    target = canonical_config(config)
    canonical = canonicalise(state, symmetry(config))
    moved = apply_maps(canonical, symmetry(target), random_symmetry(symmetry(target), 3))
    want = logits(config, {key: tensor.double() for key, tensor in state.items()}, ids)
    torch.testing.assert_close(logits(target, moved, ids), want, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["orthogonal", "linear"])
def test_a_map_that_is_no_symmetry_changes_the_logits(kind):
    config, state, ids = model_and_ids("encoder")
    spec = symmetry(config)
    canonical = canonicalise(state, spec)
    name = next(key for key, group in spec.groups.items() if group.kind == kind)
    right = random_symmetry(spec, 0)[name]
    wrong = GroupMap(right.write, right.read * 1.5 if kind == "orthogonal" else right.write)
    moved = apply_maps(canonical, spec, {name: wrong})
    assert (logits(config, moved, ids) - logits(config, canonical, ids)).abs().max() > 1e-3


@pytest.mark.parametrize("norm", ["rms", "layer"])
@pytest.mark.parametrize("name", MODELS)
def test_validate_names_whatever_is_missing_extra_or_misshapen(name, norm):
    config, state, _ = model_and_ids(name, norm)
    spec = symmetry(config)
    spec.validate(state)
    for key, tensor in state.items():
        told = re.escape(key)
        with pytest.raises(FedotError, match=f"lacks {told}"):
            spec.validate({other: t for other, t in state.items() if other != key})
        with pytest.raises(FedotError, match=f"tensor {told} .*declares {tensor.ndim} axes"):
            spec.validate({**state, key: tensor[None]})
        for axis in range(tensor.ndim):
            longer = torch.cat([tensor, tensor.narrow(axis, 0, 1)], axis)
            with pytest.raises(FedotError, match=f"tensor {told} .*axis {axis} .*length {tensor.shape[axis]}$"):
                spec.validate({**state, key: longer})
    with pytest.raises(FedotError, match="holds extra, which the spec does not declare"):
        spec.validate({**state, "extra": torch.zeros(1)})


def test_validate_sees_a_transposed_tensor():
    config, state, _ = model_and_ids("encoder")
    with pytest.raises(FedotError, match=r"layers\.0\.ffn\.up\.weight.*axis 0 \(ffn\.0\) should have length 24"):
        symmetry(config).validate({**state, "layers.0.ffn.up.weight": state["layers.0.ffn.up.weight"].T})


def test_a_spec_names_a_group_that_is_not_declared():
    spec = SpecBuilder()
    spec.group("residual", 4, "orthogonal")
    spec.linear("up", reads="residual", writes="hidden")
    with pytest.raises(FedotError, match=r"up\.weight names the neuron group hidden"):
        spec.build()


def test_maps_leave_other_groups_alone():
    config, state, _ = model_and_ids("encoder")
    spec = symmetry(config)
    canonical = canonicalise(state, spec)
    order = torch.eye(24, dtype=torch.float64)[torch.randperm(24, generator=torch.Generator().manual_seed(0))]
    moved = apply_maps(canonical, spec, {"ffn.0": GroupMap(order, order)})
    changed = {key for key in canonical if not torch.equal(canonical[key], moved[key])}
    assert changed == {"layers.0.ffn.up.weight", "layers.0.ffn.up.bias", "layers.0.ffn.down.weight"}
