from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import fedot
from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse, vanilla_fusion
from fedot.fusion.align.align import align
from fedot.fusion.align.align_options import Align
from fedot.fusion.align.average import average_aligned
from fedot.fusion.canonical.canonicalise import canonicalise, refactor
from fedot.fusion.canonical.labels import row_shares, unite
from fedot.fusion.canonical.maps import GroupMap, apply_maps
from fedot.models import build_model, canonical_config, load_model, model_config, state_of, state_shapes, symmetry
from fedot.transport import GROUND_COSTS, SOLVERS, Coupling
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
    aligned = apply_maps(copy, spec, align(copy, anchor, spec, spec, trust, Align()).maps)
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
    counts = torch.tensor([[9.0, 0, 3, 0], [1, 5, 3, 0]], dtype=torch.float64)
    shares = row_shares(unite([["a", "b", "c", "d"]] * 2), [0.25, 0.75], counts)
    torch.testing.assert_close(shares[0], torch.tensor([0.9, 0.0, 0.5, 0.25], dtype=torch.float64))
    torch.testing.assert_close(shares.sum(0), torch.ones(4, dtype=torch.float64))


def test_no_common_token_is_no_obstacle():
    result = fuse([make(0, vocab=3), make(1, vocab=3)], vocabularies=[["a", "b", "c"], ["d", "e", "f"]])
    assert result.config.vocab_size == 6
    assert all(torch.isfinite(tensor).all() for tensor in result.state.values())


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


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("weights", [[1], [1, 1, 1], [1, -1], [0, 0], [NAN, 1], [1, NAN], [1, INF]])
def test_bad_weights_are_refused(weights):
    with pytest.raises(FedotError, match="weights"):
        fuse([make(0), make(1)], weights=weights)


def test_what_does_not_fit_is_named():
    a, b = make(0), make(1)
    with pytest.raises(FedotError, match="post-norm model of 1 layers cannot be made as deep as 2"):
        fuse([make(0, norm_position="post"), make(1, norm_position="post", n_layer=1)])
    with pytest.raises(FedotError, match="n_layer"):
        fuse([a, make(1, n_layer=1)], spec=symmetry(a[1]))
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
        FusionConfig(method="aligned", solver="emd")
    with pytest.raises(FedotError, match="token_power"):
        FusionConfig.from_options({"method": "aligned", "token-power": 0})
    with pytest.raises(FedotError, match="solvr"):
        FusionConfig.from_options({"solvr": "exact"})


def widened(state, config, shares):
    """Split every feed-forward neuron in two of unequal mass, exactly."""
    spec = symmetry(config)
    half = len(shares)
    plan = np.zeros((half, 2 * half))
    for i, share in enumerate(shares):
        plan[i, 2 * i : 2 * i + 2] = np.array([share, 1 - share]) / half
    coupling = Coupling(plan, plan.sum(1), plan.sum(0), 0.0)
    maps = GroupMap(torch.from_numpy(coupling.write_map()), torch.from_numpy(coupling.read_map()))
    names = [name for name in spec.groups if name.startswith("ffn")]
    wide = apply_maps(canonicalise(state, spec), spec, dict.fromkeys(names, maps))
    return wide, replace(canonical_config(config), d_ff=2 * half)


@pytest.mark.parametrize("anchor", [0, 1])
def test_a_model_fused_with_its_widened_copy_is_itself(anchor):
    narrow = make(d_ff=8)
    wide = widened(*narrow, np.full(8, 0.5))
    want = run(*narrow)
    torch.testing.assert_close(run(*wide), want.double(), rtol=0, atol=1e-5)
    result = fuse([narrow, wide], anchor=anchor)
    assert result.config.d_ff == (8, 16)[anchor]
    torch.testing.assert_close(run(result.state, result.config), want, rtol=0, atol=1e-5)


def test_a_copy_widened_by_unequal_shares_is_brought_back_exactly():
    state, config = make(d_ff=8)
    shares = np.random.default_rng(0).uniform(0.2, 0.8, 8)
    wide, wide_config = widened(state, config, shares)
    plan = np.zeros((16, 8))
    for i, share in enumerate(shares):
        plan[2 * i : 2 * i + 2, i] = np.array([share, 1 - share]) / 8
    coupling = Coupling(plan, plan.sum(1), plan.sum(0), 0.0)
    maps = GroupMap(torch.from_numpy(coupling.write_map()), torch.from_numpy(coupling.read_map()))
    spec = symmetry(wide_config)
    back = apply_maps(wide, spec, {name: maps for name in spec.groups if name.startswith("ffn")})
    canonical = canonicalise(state, symmetry(config))
    for name, tensor in back.items():
        torch.testing.assert_close(tensor, canonical[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("norm", ["rms", "layer"])
def test_modules_and_pairs_fuse_alike_and_stay_as_they_were(norm):
    (state, config), (other, _) = make(0, norm=norm), make(1, norm=norm)
    before = {name: tensor.clone() for name, tensor in state.items()}
    pairs = fuse([(state, config), (other, config)])
    modules = fuse([load_model(config, state), load_model(config, other)])
    assert all(torch.equal(tensor, modules.state[name]) for name, tensor in pairs.state.items())
    assert all(torch.equal(tensor, before[name]) for name, tensor in state.items())
    assert all(tensor.dtype == torch.float32 for tensor in pairs.state.values())
    assert pairs.config.norm == "rms"
    with pytest.raises(FedotError, match="Linear has no `config`"):
        fuse([torch.nn.Linear(2, 2)])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("ground_cost", GROUND_COSTS)
@pytest.mark.parametrize("mass", ["uniform", "l1"])
def test_every_choice_keeps_the_shapes(solver, ground_cost, mass):
    options = FusionConfig(method="aligned", solver=solver, ground_cost=ground_cost, mass=mass)
    models = [make(0, n_layer=1), make(1, n_layer=1, d_ff=16)]
    result = fuse(models, config=options)
    assert {name: tuple(tensor.shape) for name, tensor in result.state.items()} == state_shapes(result.config)
    assert all(torch.isfinite(tensor).all() for tensor in result.state.values())
    assert not result.diagnostics[0].groups
    transported = {name for name, group in result.diagnostics[1].groups.items() if group.entropy is not None}
    assert transported == {"residual", "heads.0", "ffn.0"}


def test_weights_are_shares():
    a, b = make(0), make(1)
    one, two = (fuse([a, b], weights=weights) for weights in ([0.25, 0.75], [10, 30]))
    assert all(torch.allclose(tensor, two.state[name], atol=1e-6) for name, tensor in one.state.items())
    expected = 0.25 * one.aligned[0]["layers.0.ffn.up.weight"] + 0.75 * one.aligned[1]["layers.0.ffn.up.weight"]
    torch.testing.assert_close(one.state["layers.0.ffn.up.weight"], expected)
    mostly = fuse([a, b], weights=[1e6, 1e-6])
    torch.testing.assert_close(run(mostly.state, mostly.config), run(*a), rtol=0, atol=1e-4)


def test_token_counts_decide_rows_and_the_trust_in_tokens():
    a, b = make(0), make(1)
    counts = [torch.zeros(VOCAB, dtype=torch.int64), torch.ones(VOCAB, dtype=torch.int64)]
    counts[0][:5] = 7
    counts[1][:5] = 0
    counts[1][VOCAB - 1] = 0
    result = fuse([a, b], token_counts=counts, config=FusionConfig(method="aligned"))
    table, first, second = result.state["tok_emb.weight"], *(s["tok_emb.weight"] for s in result.aligned)
    torch.testing.assert_close(table[:5], first[:5])
    torch.testing.assert_close(table[5:-1], second[5:-1])
    torch.testing.assert_close(table[-1], (first[-1] + second[-1]) / 2)
    plain = fuse([a, b], token_counts=counts, config=FusionConfig(method="aligned", count_rows=False))
    torch.testing.assert_close(plain.state["tok_emb.weight"], (first + second) / 2)
    shared = [torch.arange(VOCAB) + 1, torch.arange(VOCAB) + 1]
    flat, steep = (
        fuse([a, b], token_counts=shared, config=FusionConfig(method="aligned", token_power=p)) for p in (0.01, 2.0)
    )
    assert not torch.allclose(flat.aligned[1]["tok_emb.weight"], steep.aligned[1]["tok_emb.weight"], atol=1e-3)


@given(seed=st.integers(0, 10**6), counted=st.booleans())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_row_shares_sum_to_one_and_go_to_those_who_have_the_row(seed, counted):
    rng = np.random.default_rng(seed)
    words = [rng.choice(list("abcdefghij"), rng.integers(1, 9), replace=False).tolist() for _ in range(3)]
    union = unite(words)
    counts = [torch.from_numpy(rng.integers(0, 4, len(each))).double() for each in words]
    seen = torch.stack([union.scatter(k, count) for k, count in enumerate(counts)]) if counted else None
    shares = row_shares(union, rng.uniform(0.1, 1, 3).tolist(), seen)
    torch.testing.assert_close(shares.sum(0), torch.ones(len(union.labels), dtype=torch.float64))
    assert set(union.labels) == set().union(*words)
    for k, each in enumerate(words):
        assert [union.labels[i] for i in union.index[k]] == each
        assert not shares[k][union.present(k) == 0].any()


@pytest.mark.parametrize("circuits", [True, False])
def test_the_average_of_equal_heads_is_the_head(circuits):
    state, config = make()
    spec = symmetry(config)
    canonical = canonicalise(state, spec)
    fused = average_aligned([canonical] * 3, [1, 2, 3], spec, {}, circuits=circuits)
    torch.testing.assert_close(run(fused, config), run(canonical, config), rtol=0, atol=1e-10)


def test_circuits_are_averaged_whatever_rotation_their_factors_are_in():
    state, config = make()
    spec = symmetry(config)
    canonical = canonicalise(state, spec)
    maps = {name: m for name, m in random_symmetry(spec, 5).items() if name.startswith(("qk", "vo"))}
    turned = apply_maps(canonical, spec, maps)
    want = run(canonical, config)
    by_circuit = average_aligned([canonical, turned], None, spec, {}, circuits=True)
    torch.testing.assert_close(run(by_circuit, config), want, rtol=0, atol=1e-10)
    by_factor = average_aligned([canonical, turned], None, spec, {}, circuits=False)
    assert (run(by_factor, config) - want).abs().max() > 1e-3


@pytest.mark.parametrize("rank", [1, 4, 6, 9])
def test_refactored_factors_are_balanced(rank):
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(3, 6, 12, generator=generator, dtype=torch.float64) for _ in range(2))
    a, b = refactor(left, right, rank)
    assert a.shape == b.shape == (3, rank, 12)
    torch.testing.assert_close(a @ a.mT, b @ b.mT)
    u, s, vh = torch.linalg.svd(left.mT @ right)
    s[:, rank:] = 0
    torch.testing.assert_close(a.mT @ b, u * s[:, None] @ vh)


def test_a_model_of_weight_zero_gives_its_basis_and_the_rows_that_only_it_has():
    a, b = make(0, vocab=3), make(1, vocab=3)
    result = fuse([a, b], weights=[0, 1], vocabularies=[["p", "u", "x"], ["p", "u", "y"]])
    only_b = fuse([b], vocabularies=[["p", "u", "y"]])
    ids = torch.tensor([[1, 2, 1]])
    with torch.no_grad():
        want = load_model(only_b.config, only_b.state)(ids)
        got = load_model(result.config, result.state)(torch.tensor([[1, 3, 1]]))
    torch.testing.assert_close(got, want, rtol=0, atol=1e-5)
    torch.testing.assert_close(result.state["tok_emb.weight"][2], result.aligned[0]["tok_emb.weight"][2])


@pytest.mark.parametrize("norm", ["rms", "layer"])
@pytest.mark.parametrize("change", [{"d_model": 24, "d_head": 4}, {"d_head": 6}, {"d_ff": 48}])
def test_a_model_aligned_to_a_wider_one_computes_what_it_did(norm, change):
    small, wide = make(0, norm=norm), make(1, **change)
    result = fuse([small, wide], anchor=1)
    torch.testing.assert_close(run(result.aligned[0], result.config), run(*small), rtol=0, atol=1e-4)


def test_lists_of_the_wrong_length_are_refused():
    models = [make(0), make(1)]
    with pytest.raises(FedotError, match="1 vocabularies for 2 models"):
        fuse(models, vocabularies=[[str(i) for i in range(VOCAB)]])
    with pytest.raises(FedotError, match="1 token counts for 2 models"):
        fuse(models, token_counts=[torch.ones(VOCAB)])
    with pytest.raises(FedotError, match="model 1 has 60 embedding rows, but its vocabulary has 3 tokens"):
        fuse(models, vocabularies=[[str(i) for i in range(VOCAB)], ["a", "b", "c"]])
    with pytest.raises(FedotError, match="a token twice"):
        fuse([make(0, vocab=2)], vocabularies=[["a", "a"]])
    with pytest.raises(FedotError, match=r"anchor is model 2.*0 to 1"):
        fuse(models, anchor=2)
    with pytest.raises(FedotError, match="no model"):
        vanilla_fusion([])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"ground_cost": "hamming"}, "ground_cost.*squared-euclidean, euclidean, cosine, correlation, manhattan"),
        ({"mass": "l3"}, "mass.*uniform, l1, l2"),
        ({"solver": ["exact"]}, r"solver.*\['exact'\].*exact, sinkhorn"),
        ({"reg": -1}, "reg is -1.*above 0"),
        ({"reg": float("nan")}, "reg is nan"),
        ({"mass-penalty": float("inf")}, "mass_penalty is inf"),
        ({"token-power": True}, "token_power is True"),
        ({"reg": "much"}, "reg is 'much'"),
        ({"circuits": 1}, "circuits is 1.*true or false"),
        ({"count-rows": "yes"}, "count_rows is 'yes'"),
    ],
)
def test_each_bad_option_is_named(options, told):
    with pytest.raises(FedotError, match=told):
        FusionConfig.from_options({"method": "aligned", **options})


@pytest.mark.parametrize("config", ["merged", {"method": "merged"}])
def test_what_is_no_request_is_not_taken_for_the_defaults(config):
    with pytest.raises(AttributeError):
        fuse([make(0), make(1)], config=config)


def test_options_may_have_dashes():
    found = FusionConfig.from_options({"method": "aligned", "ground-cost": "cosine", "mass_penalty": 2})
    assert found == FusionConfig(method="aligned", ground_cost="cosine", mass_penalty=2)
