import math
import re

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.fusion.canonical.maps import GroupMap, apply_maps
from fedot.models import build_model, canonical_config, load_model, model_config, state_of, symmetry
from fedot.symmetry import SpecBuilder, sinusoids
from tests.groups import random_symmetry, randomise

SETTINGS = {"d_model": 16, "n_layer": 2, "n_head": 4, "d_ff": 24, "max_length": 12, "dropout": 0.0}


def model_and_ids(norm: str = "rms", seed: int = 0):
    config = model_config({"name": "encoder", **SETTINGS, "norm": norm}, 30, 3)
    state = randomise(state_of(build_model(config, seed)), seed)
    ids = torch.randint(1, 30, (5, 9), generator=torch.Generator().manual_seed(seed))
    ids[0, 6:] = 0
    return config, state, ids


def logits(config, state, ids):
    with torch.no_grad():
        return load_model(config, state)(ids)


@pytest.mark.parametrize("norm", ["rms", "layer"])
def test_the_canonical_form_keeps_the_logits(norm):
    config, state, ids = model_and_ids(norm)
    state = {key: tensor.double() for key, tensor in state.items()}
    got = logits(canonical_config(config), canonicalise(state, symmetry(config)), ids)
    torch.testing.assert_close(got, logits(config, state, ids), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize("seed", range(5))
def test_a_random_symmetry_keeps_the_logits(seed, dtype, atol):
    config, state, ids = model_and_ids(seed=seed)
    spec = symmetry(config)
    canonical = canonicalise(state, spec)
    moved = apply_maps(canonical, spec, random_symmetry(spec, seed))
    want = logits(config, {key: t.to(dtype) for key, t in canonical.items()}, ids)
    got = logits(config, {key: t.to(dtype) for key, t in moved.items()}, ids)
    assert not torch.equal(moved["layers.0.attn.q_proj.weight"], canonical["layers.0.attn.q_proj.weight"])
    torch.testing.assert_close(got, want, rtol=0, atol=atol)


def test_a_flat_permutation_across_heads_changes_the_logits():
    config, state, ids = model_and_ids()
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


def test_a_layernorm_model_has_the_symmetry_once_it_is_canonical():
    config, state, ids = model_and_ids("layer")
    target = canonical_config(config)
    canonical = canonicalise(state, symmetry(config))
    moved = apply_maps(canonical, symmetry(target), random_symmetry(symmetry(target), 3))
    want = logits(config, {key: tensor.double() for key, tensor in state.items()}, ids)
    torch.testing.assert_close(logits(target, moved, ids), want, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["orthogonal", "linear"])
def test_a_map_that_is_no_symmetry_changes_the_logits(kind):
    config, state, ids = model_and_ids()
    spec = symmetry(config)
    canonical = canonicalise(state, spec)
    name = next(key for key, group in spec.groups.items() if group.kind == kind)
    right = random_symmetry(spec, 0)[name]
    wrong = GroupMap(right.write, right.read * 1.5 if kind == "orthogonal" else right.write)
    moved = apply_maps(canonical, spec, {name: wrong})
    assert (logits(config, moved, ids) - logits(config, canonical, ids)).abs().max() > 1e-3


@pytest.mark.parametrize("norm", ["rms", "layer"])
def test_validate_names_whatever_is_missing_extra_or_misshapen(norm):
    config, state, _ = model_and_ids(norm)
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
    config, state, _ = model_and_ids()
    with pytest.raises(FedotError, match=r"layers\.0\.ffn\.up\.weight.*axis 0 \(ffn\.0\) should have length 24"):
        symmetry(config).validate({**state, "layers.0.ffn.up.weight": state["layers.0.ffn.up.weight"].T})


def test_a_spec_names_a_group_that_is_not_declared():
    spec = SpecBuilder()
    spec.group("residual", 4, "orthogonal")
    spec.linear("up", reads="residual", writes="hidden")
    with pytest.raises(FedotError, match=r"up\.weight names the neuron group hidden"):
        spec.build()


def test_maps_leave_other_groups_alone():
    config, state, _ = model_and_ids()
    spec = symmetry(config)
    canonical = canonicalise(state, spec)
    order = torch.eye(24, dtype=torch.float64)[torch.randperm(24, generator=torch.Generator().manual_seed(0))]
    moved = apply_maps(canonical, spec, {"ffn.0": GroupMap(order, order)})
    changed = {key for key in canonical if not torch.equal(canonical[key], moved[key])}
    assert changed == {"layers.0.ffn.up.weight", "layers.0.ffn.up.bias", "layers.0.ffn.down.weight"}


def small_spec(**scales):
    """An embedding that is tied to an output layer, behind a norm where `fed`."""
    spec = SpecBuilder()
    spec.group("vocab", 7, "labels")
    spec.group("residual", 4, "orthogonal")
    spec.embedding("emb", reads="vocab", writes="residual", scale=scales.get("scale", 1.0))
    spec.linear("output", reads="residual", writes="vocab", bias=False)
    if scales.get("fed"):
        spec.norm("norm", "rms", feeds=["output"])
    spec.tie("output.weight", "emb.weight")
    return spec.build()


@pytest.mark.parametrize(("settings", "lasts"), [({}, True), ({"scale": 2.0}, False), ({"fed": True}, False)])
def test_a_tie_lasts_where_nothing_is_folded_into_one_side_alone(settings, lasts):
    spec = small_spec(**settings)
    table = torch.randn(7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    state = {"emb.weight": table, "output.weight": table.clone()}
    if settings.get("fed"):
        state["norm.weight"] = torch.full((4,), 3.0, dtype=torch.float64)
    got = canonicalise(state, spec)
    assert bool(spec.lasting_ties()) == lasts
    assert torch.equal(got["output.weight"], got["emb.weight"]) == lasts
    torch.testing.assert_close(got["emb.weight"], table * settings.get("scale", 1.0))
    torch.testing.assert_close(got["output.weight"], table * (3.0 if settings.get("fed") else 1.0))


def test_tied_tensors_must_have_the_same_groups():
    spec = SpecBuilder()
    spec.group("vocab", 4, "labels")
    spec.group("residual", 4, "orthogonal")
    spec.embedding("emb", reads="vocab", writes="residual")
    spec.linear("output", reads="vocab", writes="residual", bias=False)
    spec.tie("output.weight", "emb.weight")
    with pytest.raises(FedotError, match=r"output\.weight is tied to emb\.weight.*same neuron groups"):
        spec.build()


def test_neurons_that_may_be_scaled_get_equal_norms_and_dead_ones_stay():
    spec = SpecBuilder()
    spec.group("in", 5, "labels")
    spec.group("ffn", 3, "permutation")
    spec.group("scale", 1, "positive", within="ffn")
    spec.linear("up", reads="in", writes="ffn scale")
    spec.linear("down", reads="ffn scale", writes="in", bias=False)
    generator = torch.Generator().manual_seed(0)
    state = {
        "up.weight": torch.randn(3, 5, generator=generator, dtype=torch.float64),
        "up.bias": torch.tensor([1.0, -2.0, 0.0], dtype=torch.float64),
        "down.weight": torch.randn(5, 3, generator=generator, dtype=torch.float64),
    }
    state["up.weight"][2] = 0.0
    got = canonicalise(state, spec.build())
    ups = torch.cat([got["up.weight"], got["up.bias"][:, None]], 1).norm(dim=1)
    torch.testing.assert_close(ups[:2], got["down.weight"].norm(dim=0)[:2])
    torch.testing.assert_close(got["down.weight"][:, 2], state["down.weight"][:, 2])
    x = torch.randn(9, 5, generator=generator, dtype=torch.float64)

    def run(weights):
        return torch.relu(x @ weights["up.weight"].T + weights["up.bias"]) @ weights["down.weight"].T

    torch.testing.assert_close(run(got), run(state))


@pytest.mark.parametrize("width", [6, 7])
def test_sinusoids_are_those_of_the_paper(width):
    table = sinusoids(5, width)
    assert table.shape == (5, width)
    for position in range(5):
        for channel in range(width):
            angle = position / 10000 ** (2 * (channel // 2) / width)
            want = math.cos(angle) if channel % 2 else math.sin(angle)
            assert table[position, channel].item() == pytest.approx(want, abs=1e-12)
