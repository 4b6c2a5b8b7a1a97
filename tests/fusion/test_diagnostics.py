import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, barrier, fuse, vanilla_fusion
from fedot.fusion.align.diagnostics import diagnose, rows_fit
from fedot.fusion.canonical.maps import apply_maps
from fedot.models import symmetry
from fedot.transport import Coupling
from tests.fusion.small import copy_of, make, run
from tests.groups import random_symmetry

FREE = ("residual", "heads.0", "heads.1", "qk.0", "vo.1", "ffn.0", "ffn.1")


def ones(spec):
    return {name: torch.ones(group.size) for name, group in spec.groups.items() if group.kind == "labels"}


def disagreement(model):
    """Mean squared difference to a model's logits, as a loss."""
    state, config = model
    target = run(state, config)
    return lambda other: float((run(other, config).double() - target).square().mean())


def test_a_transformed_copy_fits_perfectly():
    model = make()
    copy, _ = copy_of(model, 3)
    anchor, other = fuse([model, copy]).diagnostics
    assert (anchor.groups, anchor.fit) == ({}, 1.0)
    assert other.fit == pytest.approx(1, abs=1e-9)
    assert set(FREE) < set(other.groups)
    for name in FREE:
        assert other.groups[name].fit == pytest.approx(1, abs=1e-9)
        assert other.groups[name].pinned is None
    for name in ("heads.0", "ffn.1"):
        assert other.groups[name].cost == pytest.approx(0, abs=1e-9)
        assert other.groups[name].entropy == 0
    assert other.groups["ffn.0"].distance_from_identity > 0.5  # its neurons were reordered


def test_fits_fall_with_noise_and_alignment_raises_them():
    model = make()
    spec = symmetry(model[1])
    fits = []
    for noise in (0.0, 0.1, 0.5):
        generator = torch.Generator().manual_seed(1)
        noisy = {
            name: tensor + noise * tensor.std() * torch.randn(tensor.shape, generator=generator)
            if name in spec.axes
            else tensor
            for name, tensor in model[0].items()
        }
        copy, _ = copy_of((noisy, model[1]), 2)
        aligned, apart = (
            fuse([model, copy], config=FusionConfig(method=method)).diagnostics[1] for method in ("aligned", "vanilla")
        )
        fits.append([aligned.fit, aligned.groups["residual"].fit, aligned.groups["ffn.0"].fit])
        assert aligned.fit > apart.fit + 0.3
    assert (np.diff(fits, axis=0) < 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_fits_do_not_depend_on_the_basis_that_a_source_came_in(seed):
    anchor, source = make(0), make(1)
    copy, _ = copy_of(source, seed)
    one, two = (fuse([anchor, other]).diagnostics[1] for other in (source, copy))
    assert one.fit == pytest.approx(two.fit, abs=1e-8)
    for name in FREE:
        assert one.groups[name].fit == pytest.approx(two.groups[name].fit, abs=1e-8)


def test_the_fit_of_labelled_rows_by_hand():
    state, config = make(n_layer=1)
    spec = symmetry(config)
    other = {
        **state,
        "tok_emb.weight": 0.5 * state["tok_emb.weight"],
        "classifier.weight": torch.zeros_like(state["classifier.weight"]),
    }
    rows = ones(spec)
    assert rows_fit(other, state, spec, "residual", rows) == pytest.approx((0.75 + 0.0 + 1.0) / 3)
    without_classes = {**rows, "class": torch.zeros(3), "position": torch.zeros(12)}
    assert rows_fit(other, state, spec, "residual", without_classes) == pytest.approx(0.75)
    half = {**rows, "vocab": (torch.arange(60) < 30).double(), "class": torch.zeros(3), "position": torch.zeros(12)}
    broken = {**other, "tok_emb.weight": torch.cat([state["tok_emb.weight"][:30], torch.zeros(30, 16).double()])}
    assert rows_fit(broken, state, spec, "residual", half) == pytest.approx(1.0)
    nobody = {name: torch.zeros_like(weight) for name, weight in rows.items()}
    assert rows_fit(other, state, spec, "residual", nobody) is None


def test_the_rotation_is_the_best_of_all():
    """No other rotation of the stream explains more of the labelled rows."""
    anchor, source = make(0), make(1)
    spec = symmetry(anchor[1])
    found = fuse([anchor, source], config=FusionConfig(method="aligned", position_rows=True))
    best = found.diagnostics[1].groups["residual"].fit
    rotations = (random_symmetry(spec, seed)["residual"] for seed in range(5))
    assert all(
        rows_fit(apply_maps(source[0], spec, {"residual": each}), anchor[0], spec, "residual", ones(spec)) < best
        for each in rotations
    )


def test_why_a_group_is_pinned():
    anchor, other = make(0), make(1)
    groups = fuse([anchor, other]).diagnostics[1].groups
    assert all(
        "have names" in group.pinned if group.kind == "labels" else group.pinned is None for group in groups.values()
    )
    plain = fuse([anchor, other], config=FusionConfig(method="vanilla")).diagnostics[1].groups
    assert "leaves it as it is" in plain["ffn.0"].pinned
    assert (plain["ffn.0"].cost, plain["ffn.0"].entropy) == (None, None)
    found = fuse([anchor, other])
    spec = symmetry(anchor[1])
    states = [{name: tensor.double() for name, tensor in state.items()} for state in found.aligned]

    def told(changed):
        return (
            diagnose(states[1], states[0], changed, changed, found.alignments[1], ones(spec)).groups["residual"].pinned
        )

    permuted = {**spec.groups, "residual": replace(spec.groups["residual"], kind="permutation")}
    assert "not rotated" in told(replace(spec, groups=permuted))
    rotary = {**spec.groups, "residual": replace(spec.groups["residual"], kind="rotary")}
    assert "rotary positions" in told(replace(spec, groups=rotary))
    kept = replace(spec, norms=tuple(replace(norm, kind="layer", kept=True) for norm in spec.norms))
    assert "mean direction" in told(kept)


def test_neurons_that_are_left_unmatched_explain_nothing():
    models = [make(0), make(1)]
    fits = []
    for share in (1.0, 0.5):
        result = fuse(models, config=FusionConfig(method="aligned", solver="partial", mass_share=share))
        fits.append(result.diagnostics[1].groups["ffn.0"].fit)
        lone = torch.from_numpy(result.alignments[1].couplings["ffn.0"].anchor_mass == 0)
    assert fits[1] < 0.5  # they are the anchor's own, which would explain half of everything
    anchor, aligned = (
        torch.cat([s["layers.0.ffn.up.weight"], s["layers.0.ffn.down.weight"].T], 1) for s in result.aligned
    )
    biases = [s["layers.0.ffn.up.bias"][~lone] for s in result.aligned]
    error = (anchor - aligned)[~lone].square().sum() + (biases[0] - biases[1]).square().sum()
    assert fits[1] == pytest.approx(
        float(1 - error / (anchor[~lone].square().sum() + biases[0].square().sum())), abs=1e-5
    )


def test_unequal_widths_are_diagnosed_too():
    small, wide = make(0), make(1, d_model=24, n_head=3, d_head=6, d_ff=40)
    group = fuse([small, wide]).diagnostics[1].groups["ffn.0"]
    assert (group.source_size, group.anchor_size) == (40, 24)
    assert 0 < group.entropy < 1
    assert math.isfinite(group.fit)


def test_entropy_of_a_plan():
    def entropy(plan):
        plan = np.asarray(plan, dtype=np.float64)
        return Coupling(plan / plan.sum(), plan.sum(1), plan.sum(0), 0.0).entropy()

    assert str(entropy(np.eye(5)[[3, 1, 0, 2, 4]])) == "0.0"
    assert entropy(np.ones((3, 7))) == pytest.approx(1)
    assert entropy([[1, 1, 0, 0], [0, 0, 1, 1]]) == pytest.approx(0.5)
    assert entropy([[1, 1], [2, 0]]) == pytest.approx(0.5)
    assert entropy([[1.0], [2.0]]) == 0


def test_a_barrier_by_hand():
    left, right = {"x": torch.tensor([-1.0])}, {"x": torch.tensor([1.0])}
    hill = barrier(left, right, lambda state: float(1 - state["x"] ** 2), points=5)
    assert hill.losses == pytest.approx((0, 0.75, 1, 0.75, 0))
    assert hill.barrier == pytest.approx(1)
    assert barrier(left, right, lambda state: float(state["x"] ** 2)).barrier == 0  # a valley is no barrier
    assert barrier(left, right, lambda state: float(3 * state["x"])).barrier == pytest.approx(0, abs=1e-6)
    skewed = barrier(left, right, lambda state: float(3 * state["x"] + 1 - state["x"] ** 2))
    assert skewed.barrier == pytest.approx(1)  # over the line between the ends, not over the lower end
    assert len(skewed.losses) == 11


def test_a_path_may_be_another_one_than_the_straight_line():
    left, right = {"x": torch.tensor(1.0)}, {"x": torch.tensor(4.0)}

    def geometric(states, weights):
        logs = sum(weight * state["x"].log() for state, weight in zip(states, weights, strict=True))
        return {"x": logs.exp()}

    seen = barrier(left, right, lambda state: float(state["x"]), points=3, mean=geometric)
    assert seen.losses == pytest.approx((1.0, 2.0, 4.0))
    assert barrier(left, right, lambda state: float(state["x"]), points=3).losses == (1.0, 2.5, 4.0)


def test_alignment_removes_the_barrier_between_a_model_and_its_copy():
    model = make()
    copy, _ = copy_of(model, 4)
    loss = disagreement(model)
    apart = barrier(model[0], copy[0], loss)
    aligned = fuse([model, copy]).aligned
    together = barrier(*aligned, loss)
    assert (apart.losses[0], apart.losses[-1]) == pytest.approx((0, 0), abs=1e-12)
    assert apart.barrier > 1e-4
    assert together.barrier < 1e-9
    assert vanilla_fusion(aligned)["tok_emb.weight"].shape == aligned[0]["tok_emb.weight"].shape


def test_a_barrier_is_the_same_from_both_ends():
    first, second = make(0), make(1)
    loss = disagreement(make(2))
    there, back = barrier(first[0], second[0], loss), barrier(second[0], first[0], loss)
    assert there.barrier == pytest.approx(back.barrier)
    assert there.losses == pytest.approx(back.losses[::-1])


def test_a_barrier_needs_two_ends_of_one_shape():
    model, wide = make(0), make(1, d_ff=40)
    with pytest.raises(FedotError, match="at least its 2 ends, got points=1"):
        barrier(model[0], model[0], disagreement(model), points=1)
    with pytest.raises(FedotError, match="shapes"):
        barrier(model[0], wide[0], disagreement(model))
