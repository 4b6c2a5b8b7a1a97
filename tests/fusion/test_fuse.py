import numpy as np
import pytest
import torch

import fedot
from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse, vanilla_fusion
from fedot.fusion.align import align
from fedot.fusion.apply import GroupMap, apply_maps
from fedot.fusion.canonicalise import canonicalise, refactor
from fedot.fusion.labels import row_shares, unite
from fedot.fusion.masses import MASSES
from fedot.models import build_model, canonical_config, load_model, model_config, state_of, symmetry
from fedot.transport import Coupling
from tests.groups import random_symmetry, randomise

BASE = {"d_model": 16, "n_layer": 2, "n_head": 4, "d_ff": 24, "max_length": 12, "dropout": 0.0}
VOCAB = 60


def make(seed=0, vocab=VOCAB, **settings):
    config = model_config({"name": "encoder", **BASE, **settings}, vocab, 3)
    return randomise(state_of(build_model(config, seed)), seed), config


def run(state, config, high=VOCAB):
    ids = torch.randint(1, high, (6, 10), generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        return load_model(config, state)(ids)


@pytest.mark.parametrize("norm", ["rms", "layer"])
@pytest.mark.parametrize("count", [2, 4])
def test_fusing_with_transformed_copies_returns_the_anchor(count, norm):
    state, config = make(norm=norm)
    spec, target = symmetry(config), canonical_config(config)
    canonical = canonicalise(state, spec)
    rms = symmetry(target)
    copies = [apply_maps(canonical, rms, random_symmetry(rms, seed)) for seed in range(1, count)]
    result = fuse([(canonical, target), *((copy, target) for copy in copies)])
    torch.testing.assert_close(run(result.state, result.config), run(state, config), rtol=0, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_a_transformed_copy_is_aligned_exactly_in_float64(seed):
    state, config = make(seed)
    spec = symmetry(config)
    anchor = canonicalise(state, spec)
    copy = canonicalise(apply_maps(anchor, spec, random_symmetry(spec, seed)), spec)
    trust = {name: torch.ones(spec.groups[name].size, dtype=torch.float64) for name in ("vocab", "position", "class")}
    aligned = apply_maps(copy, spec, align(copy, anchor, spec, spec, trust, FusionConfig()).maps)
    torch.testing.assert_close(run(aligned, config), run(anchor, config), rtol=0, atol=1e-10)
    torch.testing.assert_close(aligned["layers.1.ffn.up.weight"], anchor["layers.1.ffn.up.weight"], rtol=0, atol=1e-10)


def test_a_model_fused_with_itself_is_itself():
    state, config = make()
    result = fedot.fuse([(state, config), (state, config)], weights=[3, 1])
    torch.testing.assert_close(run(result.state, result.config), run(state, config), rtol=0, atol=1e-5)
    assert all(c.distance_from_identity() < 1e-6 for c in result.alignments[1].couplings.values())


def test_one_model_returns_itself():
    state, config = make()
    torch.testing.assert_close(run(fuse([(state, config)]).state, config), run(state, config), rtol=0, atol=1e-5)


def test_splitting_neurons_is_exact_with_a_normaliser_for_each_role():
    state, config = make(d_ff=8)
    spec = symmetry(config)
    canonical = canonicalise(state, spec)
    plan = np.zeros((8, 16))
    for i in range(8):
        plan[i, 2 * i], plan[i, 2 * i + 1] = 0.03, 0.095
    coupling = Coupling(plan, plan.sum(1), plan.sum(0), 0.0)
    maps = GroupMap(torch.from_numpy(coupling.write_map()), torch.from_numpy(coupling.read_map()))
    wide = apply_maps(canonical, spec, {"ffn.0": maps, "ffn.1": maps})
    wide_config = model_config({"name": "encoder", **BASE, "d_ff": 16}, VOCAB, 3)
    torch.testing.assert_close(run(wide, wide_config), run(canonical, config), rtol=0, atol=1e-10)
    one = GroupMap(maps.write, maps.write)
    wrong = apply_maps(canonical, spec, {"ffn.0": one, "ffn.1": one})
    assert (run(wrong, wide_config) - run(canonical, config)).abs().max() > 1e-3


def test_unequal_models_take_the_anchors_shape():
    small, wide = make(0), make(1, d_model=24, n_head=3, d_head=6, d_ff=40)
    for anchor, shape in ((0, (24, 16)), (1, (40, 24))):
        result = fuse([small, wide], anchor=anchor)
        assert tuple(result.state["layers.0.ffn.up.weight"].shape) == shape
        assert torch.isfinite(run(result.state, result.config)).all()


def test_vocabularies_are_united_by_token():
    a, b = make(0, vocab=4), make(1, vocab=3)
    result = fuse([a, b], vocabularies=[["p", "u", "x", "y"], ["p", "u", "z"]])
    assert result.vocabulary == ("p", "u", "x", "y", "z")
    assert result.config.vocab_size == 5
    table, first, second = result.state["tok_emb.weight"], *(s["tok_emb.weight"] for s in result.aligned)
    torch.testing.assert_close(table[2:4], first[2:4])
    torch.testing.assert_close(table[4], second[4])
    torch.testing.assert_close(table[:2], (first[:2] + second[:2]) / 2)


def test_a_tokens_row_goes_by_who_has_seen_it():
    counts = [torch.tensor([9, 0, 3, 0]), torch.tensor([1, 5, 3, 0])]
    shares = row_shares(unite([["a", "b", "c", "d"]] * 2), [0.25, 0.75], counts)
    torch.testing.assert_close(shares[0], torch.tensor([0.9, 0.0, 0.5, 0.25], dtype=torch.float64))
    torch.testing.assert_close(shares.sum(0), torch.ones(4, dtype=torch.float64))


def test_no_common_token_is_no_obstacle():
    result = fuse([make(0, vocab=3), make(1, vocab=3)], vocabularies=[["a", "b", "c"], ["d", "e", "f"]])
    assert result.config.vocab_size == 6
    assert all(torch.isfinite(tensor).all() for tensor in result.state.values())


def test_mass_changes_the_plan():
    a, b = make(0), make(1)
    plans = {
        mass: fuse([a, b], config=FusionConfig(mass=mass)).alignments[1].couplings["ffn.0"].plan for mass in MASSES
    }
    assert np.abs(plans["uniform"] - plans["l1"]).max() > 1e-3
    assert np.abs(plans["l1"] - plans["l2"]).max() > 1e-6


@pytest.mark.parametrize("mass", MASSES)
def test_masses_are_positive_sum_to_one_and_follow_a_permutation(mass):
    state, config = make()
    spec = symmetry(config)
    canonical = canonicalise(state, spec)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(3))
    matrix = torch.eye(24, dtype=torch.float64)[order]
    moved = apply_maps(canonical, spec, {"ffn.0": GroupMap(matrix, matrix)})
    before, after = (MASSES[mass](s, spec, "ffn.0") for s in (canonical, moved))
    assert before.min() > 0
    assert before.sum() == pytest.approx(1)
    np.testing.assert_allclose(after, before[order.numpy()])


def test_refactor_is_the_best_low_rank_product():
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(6, 12, generator=generator, dtype=torch.float64) for _ in range(2))
    a, b = refactor(left, right, 4)
    u, s, vh = torch.linalg.svd(left.T @ right)
    torch.testing.assert_close(a.T @ b, u[:, :4] * s[:4] @ vh[:4])


def test_vanilla_fusion_is_the_mean_and_refuses_unequal_models():
    (a, _), (b, _) = make(0), make(1)
    fused = vanilla_fusion([a, b], [1, 3])
    torch.testing.assert_close(fused["pos_emb.weight"], 0.25 * a["pos_emb.weight"] + 0.75 * b["pos_emb.weight"])
    with pytest.raises(FedotError, match="has shapes"):
        vanilla_fusion([a, make(1, d_ff=8)[0]])
    with pytest.raises(FedotError, match="not in all of them"):
        vanilla_fusion([a, make(1, n_layer=1)[0]])


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [0.0, 0.0], [1.0, float("nan")]])
def test_bad_weights_are_refused(weights):
    with pytest.raises(FedotError, match="weights"):
        fuse([make(0), make(1)], weights=weights)


def test_what_does_not_fit_is_named():
    a, b = make(0), make(1)
    with pytest.raises(FedotError, match="n_layer"):
        fuse([a, make(1, n_layer=1)])
    with pytest.raises(FedotError, match=r"model 1 holds NaN.*pos_emb"):
        fuse([a, ({**b[0], "pos_emb.weight": b[0]["pos_emb.weight"] * torch.nan}, b[1])])
    with pytest.raises(FedotError, match="vocabularies"):
        fuse([a, make(1, vocab=9)])
    with pytest.raises(FedotError, match="token counts of model 1"):
        fuse([a, b], token_counts=[torch.ones(VOCAB), torch.ones(3)])
    with pytest.raises(FedotError, match="at least one"):
        fuse([])


def test_bad_options_name_the_choices():
    with pytest.raises(FedotError, match="exact, sinkhorn, unbalanced"):
        FusionConfig(solver="emd")
    with pytest.raises(FedotError, match="token_power"):
        FusionConfig.from_options({"token-power": 0})
    with pytest.raises(FedotError, match="solvr"):
        FusionConfig.from_options({"solvr": "exact"})
