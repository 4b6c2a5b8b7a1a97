"""What every architecture promises; add a variant of yours to `VARIANTS`."""

import re

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.fusion.canonical.maps import GroupMap, apply_maps
from fedot.models import canonical_config, config_from_json, config_to_json, state_shapes, symmetry
from tests.groups import random_symmetry
from tests.models.variants import VARIANTS, canonical_of, close, config_of, logits, model_of

every = pytest.mark.parametrize("variant", VARIANTS)


@every
def test_states_shapes_and_specs_agree(variant):
    state, config = model_of(variant)
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == state_shapes(config)
    symmetry(config).validate(state)
    assert config_from_json(config_to_json(config)) == config
    for name, group in symmetry(config).groups.items():
        assert symmetry(config).tensors_of(name), f"{name} {group}"


@every
def test_the_canonical_form_keeps_the_logits(variant):
    state, config = model_of(variant)
    canonical, shape = canonical_of(variant)
    symmetry(shape).validate(canonical)
    close(logits(canonical, shape), logits(state, config), 1e-9)
    again = canonicalise(canonical, symmetry(shape))
    close(logits(again, canonical_config(shape)), logits(state, config), 1e-9)
    assert canonical_config(shape) == shape


@every
def test_a_random_symmetry_keeps_the_logits(variant):
    canonical, config = canonical_of(variant)
    spec = symmetry(config)
    moved = apply_maps(canonical, spec, random_symmetry(spec, 1))
    spec.validate(moved)
    same = {name for name in canonical if torch.equal(moved[name], canonical[name])}
    assert all(
        name.endswith("norm.weight")
        or name in ("classifier.bias", "output.bias")
        or "k_proj.bias" in name
        or "v_proj.bias" in name
        for name in same
    )
    close(logits(moved, config), logits(canonical, config), 1e-9)


@every
def test_the_canonical_form_of_a_transformed_copy_is_the_model_up_to_its_rotations(variant):
    canonical, config = canonical_of(variant)
    spec = symmetry(config)
    copy = canonicalise(apply_maps(canonical, spec, random_symmetry(spec, 3)), spec)
    for name, axes in spec.axes.items():
        kinds = [[spec.groups[group].kind for group in axis.groups] for axis in axes]
        close(copy[name].norm(), canonical[name].norm(), 1e-8)
        if kinds and all(kind[0] in ("permutation", "labels") and kind[1:] in ([], ["positive"]) for kind in kinds):
            close(copy[name].flatten().sort().values, canonical[name].flatten().sort().values, 1e-9)


@every
def test_a_flat_permutation_across_heads_changes_the_logits(variant):
    canonical, config = canonical_of(variant)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    moved = dict(canonical)
    attention = symmetry(config).attentions[-1]
    for name in (attention.q, attention.k, attention.v):
        for part in ("weight", "bias"):
            moved[f"{name}.{part}"] = canonical[f"{name}.{part}"][order]
    moved[f"{attention.o}.weight"] = canonical[f"{attention.o}.weight"][:, order]
    assert (logits(moved, config) - logits(canonical, config)).abs().max() > 1e-3


@every
def test_whatever_is_more_than_a_kind_allows_changes_the_logits(variant):
    canonical, config = canonical_of(variant)
    spec, want = symmetry(config), logits(canonical, config)
    generator = torch.Generator().manual_seed(0)
    tried = set()
    one_of_each = {name.split(".")[0]: group for name, group in spec.groups.items()}  # in the last layer
    for group in one_of_each.values():
        n, outer, name = group.size, spec.groups[group.within].size if group.within else 0, group.name
        square = torch.randn(n, n, generator=generator, dtype=torch.float64)
        if group.kind == "orthogonal":  # a shear
            wrong = GroupMap(square, torch.linalg.inv(square).mT)
        elif group.kind == "permutation":  # a rotation
            wrong = GroupMap(*(torch.linalg.qr(square).Q,) * 2)
        elif group.kind == "linear":  # the reading side does not take the inverse
            wrong = GroupMap(*(torch.full((outer, outer, 1, 1), 1.5) * torch.eye(n, dtype=torch.float64),) * 2)
        elif group.kind == "rotary":  # a rotation across planes
            wrong = GroupMap(*(torch.linalg.qr(square).Q.expand(outer, outer, n, n),) * 2)
        elif group.kind == "positive":  # a negative number
            wrong = GroupMap(*(torch.full((outer, outer, 1, 1), -1.0, dtype=torch.float64),) * 2)
        else:
            continue
        tried.add(group.kind)
        moved = apply_maps(canonical, spec, {name: wrong})
        assert (logits(moved, config) - want).abs().max() > 1e-4, f"{name} {group.kind}"
    assert {"permutation", "linear"} <= tried


@every
def test_a_wrong_state_is_refused_by_name(variant):
    state, config = model_of(variant)
    spec = symmetry(config)
    for name, tensor in state.items():
        told = re.escape(name)
        with pytest.raises(FedotError, match=f"lacks {told}"):
            spec.validate({other: t for other, t in state.items() if other != name})
        with pytest.raises(FedotError, match=f"tensor {told} .*declares {tensor.ndim} axes"):
            spec.validate({**state, name: tensor[None]})
        if tensor.ndim == 2:
            with pytest.raises(FedotError, match=f"tensor {told} .*axis 0 "):
                spec.validate({**state, name: tensor.T})
    for copy, original in spec.ties:
        with pytest.raises(FedotError, match=rf"tensor {re.escape(copy)} is tied to {re.escape(original)}.*differ"):
            canonicalise({**state, copy: state[copy] + 1.0}, spec)


def test_the_variants_are_of_every_architecture_and_setting():
    configs = [config_of(variant) for variant in VARIANTS]
    for architecture in ("encoder", "decoder", "seq2seq"):
        mine = [config for config in configs if config.architecture == architecture]
        kinds = {(config.norm, config.norm_position) for config in mine}
        assert kinds == {("rms", "pre"), ("layer", "pre"), ("rms", "post"), ("layer", "post")}
        assert {config.positions for config in mine} == {"learned", "sinusoidal", "rotary"}
        assert {config.activation for config in mine} == {"gelu", "relu", "swiglu"}
