"""What holds for every fusion method, and what each of the published ones is exact for."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fedot.errors import FedotError
from fedot.fusion import FusionConfig
from fedot.fusion.align.assignments import alignment_of, products
from fedot.fusion.canonical.canonicalise import get_heads
from fedot.fusion.canonical.maps import GroupMap, apply_maps
from fedot.fusion.merges.fisher import information_of
from fedot.fusion.merges.regmean import regress, shrunk
from fedot.fusion.methods.git_rebasin import match_weights
from fedot.fusion.methods.pairwise import steady_signs, with_signs
from fedot.fusion.methods.theus import head_distance, match_orthogonally, shared_rows, weight_covariance
from fedot.fusion.methods.verma import correlation
from fedot.fusion.methods.zhang import best_scale
from fedot.fusion.plan.stages import METHODS, UNLIKE
from fedot.fusion.problem.prepare import prepare, with_own_heads
from fedot.fusion.texts.probe import Probe
from fedot.models import build_model, model_config, state_of, symmetry
from fedot.symmetry import SpecBuilder
from tests.fusion.small import BASE, VOCAB, counts, make, run
from tests.fusion.small import fused as fused_by
from tests.groups import permuted, random_symmetry, randomise
from tests.models.variants import canonical_of, logits

PUBLISHED = ("c2m3", "fisher", "git-rebasin", "imfeld", "regmean", "singh-jaggi", "theus", "verma", "zhang")
ON_PROBE = ("fisher", "regmean", "verma")
EQUAL_SHAPES = ("c2m3", "git-rebasin", "verma", "zhang")
KINDS = ("encoder-rotary-swiglu", "decoder-post-layer", "seq2seq-layer-two-untied")
PERMUTATIONS = ("c2m3", "git-rebasin", "singh-jaggi", "theus")

each = pytest.mark.parametrize("name", [name for name in METHODS if name not in UNLIKE])
published = pytest.mark.parametrize("name", PUBLISHED)


def probe(inputs=1, high=VOCAB):
    """Some texts; unequal lengths tell the rows of one input from those of another."""
    generator = torch.Generator().manual_seed(3)
    batches = (tuple(torch.randint(1, high, (6, 8 - i), generator=generator) for i in range(inputs)) for _ in range(2))
    return Probe(tuple(batches))


def fused(name, models, **options):
    """Fuse without rounding the result to float32."""
    inputs = 2 if models[0][1].architecture == "seq2seq" else 1
    high = min(models[0][1].vocab_size, getattr(models[0][1], "target_vocab_size", None) or VOCAB)
    return fused_by(prepare(models, probe=probe(inputs, high)), FusionConfig(method=name, probe_texts=16, **options))


def close(got, want, atol=1e-10):
    torch.testing.assert_close(got, want, rtol=0, atol=atol)


def generator(seed):
    return torch.Generator().manual_seed(seed)


@cache
def pair():
    return make(0), make(1)


@each
def test_a_model_fused_with_itself_is_itself(name):
    state, config = pair()[0]
    options = {"flow_reg": 1e-3} if name == "imfeld" else {}
    result = fused(name, [(state, config)] * 3, **options)
    got = run(result.state, result.config or config)
    # a reduction rounds its model, and what a soft plan spreads is what its regularisation leaves
    close(got.double(), run(state, config), 1e-3 if name in ("merged", "imfeld") else 1e-10)


@each
def test_fusion_is_deterministic_finite_and_of_the_anchors_shape(name):
    models = pair()
    first, second = (fused(name, models) for _ in range(2))
    assert all(torch.equal(tensor, second.state[key]) for key, tensor in first.state.items())
    assert all(torch.isfinite(tensor).all() for tensor in first.state.values())
    symmetry(models[0][1]).validate(first.state)
    if first.aligned:
        close(run(first.aligned[0], models[0][1]), run(*models[0]))
    assert (run(first.state, models[0][1]) - run(*models[0])).abs().max() > 1e-3


@published
@pytest.mark.parametrize("anchor", [0, 1])
def test_unequal_widths_are_fused_or_refused_in_one_line(name, anchor):
    models = [make(0), make(1, d_model=12, n_head=3, d_ff=16)]
    problem = prepare(models, anchor=anchor, probe=probe())
    config = FusionConfig(method=name, probe_texts=16)
    if name in EQUAL_SHAPES:
        with pytest.raises(FedotError, match=f"{name} needs models of equal shapes, but residual has size") as caught:
            fused_by(problem, config)
        assert "\n" not in str(caught.value)
    else:
        result = fused_by(problem, config)
        symmetry(models[anchor][1]).validate(result.state)
        assert torch.isfinite(run(result.state, models[anchor][1])).all()


def test_a_plain_mean_of_unequal_widths_is_refused():
    with pytest.raises(FedotError, match="vanilla needs models of equal shapes, but residual has size 12 in model 1"):
        fused_by(prepare([make(0), make(1, d_model=12, n_head=3, d_ff=16)]), FusionConfig(method="vanilla"))


@pytest.mark.parametrize("name", ON_PROBE)
def test_what_looks_at_activations_draws_texts_or_says_what_it_lacks(name):
    models, config = pair(), FusionConfig(method=name, probe_texts=8)
    with pytest.raises(FedotError, match="probe inputs, or token counts"):
        fused_by(prepare(models), config)
    drawn = fused_by(prepare(models, token_counts=counts(0, 2)), config)
    assert torch.isfinite(run(drawn.state, models[0][1])).all()


@pytest.mark.parametrize("name", ["singh-jaggi", "imfeld"])
def test_layers_are_compared_by_weights_or_activations_only(name):
    assert fused(name, pair(), support="activations").alignments[1].couplings
    with pytest.raises(FedotError, match=r"fusion\.support is 'gradients'; choose from weights, activations"):
        fused(name, pair(), support="gradients")


@pytest.mark.parametrize("variant", KINDS)
@pytest.mark.parametrize("name", PERMUTATIONS)
def test_a_permuted_copy_is_the_anchor(name, variant):
    state, config = canonical_of(variant)
    spec = symmetry(config)
    copy = permuted(state, spec, stream=True)
    result = fused(name, [(state, config), (copy, config)])
    close(logits(result.state, config), logits(state, config))
    plain = fused("vanilla", [(state, config), (copy, config)])
    assert (logits(plain.state, config) - logits(state, config)).abs().max() > 1e-3


@pytest.mark.parametrize("variant", KINDS)
def test_a_copy_that_any_symmetry_transformed_is_the_anchor_for_theus(variant):
    state, config = canonical_of(variant)
    copy = apply_maps(state, symmetry(config), random_symmetry(symmetry(config), 4))
    close(logits(fused("theus", [(state, config), (copy, config)]).state, config), logits(state, config))


@pytest.mark.parametrize("name", ["fisher", "regmean"])
def test_a_merge_of_aligned_models_does_not_see_in_which_basis_they_came(name):
    first, second = pair()
    spec = symmetry(second[1])
    copy = apply_maps(second[0], spec, random_symmetry(spec, 2))
    want, got = (fused(name, [first, other]) for other in (second, (copy, second[1])))
    close(run(got.state, first[1]), run(want.state, first[1]), 1e-8)


@pytest.mark.parametrize("variant", KINDS)
@pytest.mark.parametrize("residual", ["identity", "permutation"])
def test_a_copy_with_reordered_heads_and_neurons_is_the_anchor_for_verma(variant, residual):
    state, config = canonical_of(variant)
    copy = permuted(state, symmetry(config), stream=residual == "permutation" and "post" in variant)
    result = fused("verma", [(state, config), (copy, config)], residual=residual)
    close(logits(result.state, config), logits(state, config))


@pytest.mark.parametrize("variant", KINDS)
def test_a_copy_with_mixed_channels_and_reordered_neurons_is_the_anchor_for_zhang(variant):
    state, config = canonical_of(variant)
    spec = symmetry(config)
    heads = spec.heads()
    maps = {
        name: each
        for name, each in random_symmetry(spec, 4).items()
        if spec.groups[name].within in heads or (spec.groups[name].kind == "permutation" and name.startswith("ffn"))
    }
    assert any(spec.groups[name].within in heads for name in maps)
    copy = apply_maps(state, spec, maps)
    result = fused("zhang", [(state, config), (copy, config)], heads="canonical")
    close(logits(result.state, config), logits(state, config))


@pytest.mark.parametrize("support", ["weights", "activations"])
def test_a_soft_plan_comes_near_a_permuted_copy_as_its_regularisation_falls(support):
    state, config = pair()[0]
    copy = permuted(state, symmetry(config), stream=True)
    far = [
        (
            run(fused("imfeld", [(state, config), (copy, config)], support=support, **reg).state, config)
            - run(state, config)
        )
        .abs()
        .max()
        for reg in ({"flow_reg": 0.5}, {}, {"flow_reg": 0.02})
    ]
    assert far[0] > 10 * far[1] > 10 * far[2]
    assert far[2] < 1e-3


def test_options_of_the_flow_change_the_result_and_the_reading_of_them_is_checked():
    models = pair()
    by = {
        (name, key, value): run(fused(name, models, **{key: value}).state, models[0][1])
        for name in ("imfeld", "singh-jaggi")
        for key, value in (("residual", "default"), ("residual", "mean"), ("residual", "latest"))
    }
    equal = run(fused("imfeld", models, qk_maps="equal").state, models[0][1])
    for name in ("imfeld", "singh-jaggi"):
        close(by[name, "residual", "default"], by[name, "residual", "mean"])
        assert (by[name, "residual", "default"] - by[name, "residual", "latest"]).abs().max() > 1e-3
    assert (by["imfeld", "residual", "default"] - equal).abs().max() > 1e-3
    for key, value in (("residual", "sum"), ("qk_maps", "joint"), ("flow_reg", 0)):
        with pytest.raises(FedotError, match=f"fusion.{key} is"):
            FusionConfig(method="imfeld", **{key: value})


def test_a_flow_takes_the_map_of_what_came_before():
    """A copy whose stream and neurons are reordered is brought to the anchor tensor by tensor."""
    state, config = pair()[0]
    spec = symmetry(config)
    result = fused("singh-jaggi", [(state, config), (permuted(state, spec, stream=True), config)])
    for name in spec.axes:
        close(result.aligned[1][name], result.aligned[0][name])
    assert set(result.alignments[1].couplings) == {"residual", "ffn.0", "ffn.1"}


def raw(seed, **settings):
    """A model as it is trained: norms with gains and shifts, heads in channels of their own."""
    config = model_config({"name": "encoder", **BASE, "norm": "layer", **settings}, VOCAB, 3)
    return randomise(state_of(build_model(config, seed)), seed), config


def test_own_heads_are_those_that_a_model_was_trained_with():
    problem = prepare([raw(0), raw(1)])
    own = with_own_heads(problem)
    for k in (0, 1):
        state, config = raw(k)
        close(run(own.states[k], problem.config_of(k)).double(), run(state, config).double(), 1e-4)
        for attention in problem.specs[k].attentions:
            value, key = (f"{name}.weight" for name in (attention.v, attention.k))
            gain = state[f"{next(n.name for n in symmetry(config).norms if attention.v in n.feeds)}.weight"].double()
            for name in (value, key):
                close(own.states[k][name], state[name].double() * gain)
                assert not torch.allclose(problem.states[k][name], own.states[k][name], atol=1e-3)
    mean = replace(problem, states=(*problem.states, problem.states[0]))
    assert with_own_heads(mean).states[2] is problem.states[0]


@pytest.mark.parametrize("name", ["git-rebasin", "zhang", "verma", "imfeld", "singh-jaggi", "c2m3"])
def test_channels_are_matched_as_they_were_trained_or_in_the_canonical_form(name):
    models = [raw(0), raw(1)]
    own, canonical = (fused(name, models, heads=heads) for heads in ("own", "canonical"))
    config = prepare(models).config_of(0)
    assert (run(own.state, config) - run(canonical.state, config)).abs().max() > 1e-3
    close(run(own.aligned[0], config), run(canonical.aligned[0], config), 1e-5)


def test_own_channels_that_were_turned_come_back_by_zhang():
    state, config = make(0)
    spec = symmetry(config)
    draw, maps = generator(3), {}
    for name, group in spec.groups.items():
        if group.within in spec.heads():
            turn = torch.linalg.qr(torch.randn(4, 4, group.size, group.size, generator=draw, dtype=torch.float64)).Q
            scale = torch.rand(4, 1, 1, 1, generator=draw, dtype=torch.float64) + 0.5
            maps[name] = GroupMap(turn * scale, turn / scale)
    copy = apply_maps(state, spec, maps)
    close(run(fused("zhang", [(state, config), (copy, config)]).state, config), run(state, config))


def test_theus_counts_only_rows_that_both_clients_have_seen():
    seen = [torch.ones(VOCAB), torch.ones(VOCAB)]
    seen[0][:20], seen[1][40:] = 0, 0
    problem = prepare(pair(), token_counts=seen)
    assert shared_rows(problem, 1)["vocab"].nonzero().flatten().tolist() == list(range(20, 40))
    assert shared_rows(prepare(pair()), 1)["vocab"].sum() == VOCAB
    nothing = prepare(pair(), token_counts=[seen[0] * 0 + torch.eye(VOCAB)[1], torch.eye(VOCAB)[2]])
    assert shared_rows(nothing, 1)["vocab"].sum() == VOCAB


def test_theus_compares_heads_by_the_distances_of_their_circuits():
    (a, config), (b, _) = pair()
    spec = symmetry(config)
    x, y = (get_heads(state, spec, spec.attentions[0]) for state in (a, b))
    got = head_distance(x, y)
    for i, j in ((0, 0), (1, 3), (2, 1)):
        scores = x.q[i].T @ x.k[i] - y.q[j].T @ y.k[j]
        outputs = x.o[i].T @ x.v[i] - y.o[j].T @ y.v[j]
        want = scores.norm() * (17 / 4) ** 0.5 + outputs.norm()
        assert float(got[i, j]) == pytest.approx(float(want))


def test_theus_weighs_every_matrix_by_its_columns():
    """The covariance of a stream, written out with the circuits that the authors' queries and outputs hold."""
    (a, config), (b, _) = pair()
    spec = symmetry(config)
    found = match_orthogonally(a, b, spec, spec, shared_rows(prepare(pair()), 1), sweeps=1)
    got = weight_covariance(a, b, spec, spec, "residual", found)
    moved = apply_maps(a, spec, {name: each for name, each in found.maps.items() if name != "residual"})
    seen = apply_maps(a, spec, found.maps)
    want = torch.zeros(16, 16, dtype=torch.float64)
    for layer in ("layers.0", "layers.1"):
        up, down = (f"{layer}.ffn.{name}.weight" for name in ("up", "down"))
        want += (b[up].T @ moved[up] + b[down] @ moved[down].T) / 24
    for attention in spec.attentions:
        own, now, to = (get_heads(state, spec, attention) for state in (moved, seen, b))
        for h in range(4):
            scores = to.q[h, :, :-1].T @ to.k[h] @ (own.q[h, :, :-1].T @ now.k[h]).T
            outputs = to.o[h].T @ to.v[h] @ (own.o[h].T @ now.v[h]).T
            want += (17 / 4) * scores / (3 * 4 * 17) + outputs / (4 * 17)
        want += 2 * found.maps["residual"].write / (3 * 17)
    close(got, want)


@pytest.mark.parametrize("rows", [1, 2])
def test_a_table_of_one_row_does_not_decide_the_map_of_its_stream(rows):
    spec = SpecBuilder()
    spec.group("start", rows, "labels")
    spec.group("vocab", 30, "labels")
    spec.group("class", 3, "labels")
    spec.group("residual", 8, "permutation")
    spec.embedding("tokens", reads="vocab", writes="residual")
    spec.embedding("first", reads="start", writes="residual")
    spec.linear("head", reads="residual", writes="class", bias=False)
    built, draw = spec.build(), generator(0)
    anchor = {name: torch.randn(shape, generator=draw).double() for name, shape in built.shapes().items()}
    order = torch.randperm(8, generator=draw)
    source = {name: tensor[..., order] for name, tensor in anchor.items()}
    source["first.weight"] = torch.randn(rows, 8, generator=draw).double()  # a stranger
    problem = prepare([(anchor, {}), (source, {})], spec=built)
    found = fused_by(problem, FusionConfig(method="singh-jaggi")).aligned[1]
    agrees = torch.allclose(found["head.weight"], anchor["head.weight"])
    assert agrees == (rows == 1)
    close(found["tokens.weight"], anchor["tokens.weight"])


def test_no_single_group_improves_what_git_rebasin_finds():
    (a, config), (b, _) = pair()
    spec = symmetry(config)
    anchor, source = (with_signs(state, spec, steady_signs(state, spec)) for state in (a, b))
    orders = match_weights(source, anchor, spec)

    def gain(orders):
        aligned = apply_maps(source, spec, alignment_of(orders, source, anchor, spec).maps)
        return sum(float((aligned[name] * anchor[name]).sum()) for name in spec.axes)

    best = gain(orders)
    assert best > gain({name: torch.arange(spec.groups[name].size) for name in ("residual", "ffn.0", "ffn.1")})
    rng = generator(0)
    for name in ("residual", "ffn.0", "ffn.1", "heads.0", "heads.1"):
        for _ in range(6):
            swapped = orders[name].clone()
            i, j = torch.randperm(len(swapped), generator=rng)[:2].tolist()
            swapped[[i, j]] = swapped[[j, i]]
            within = {n: o.clone() for n, o in orders.items() if spec.groups[n].within == name}
            for order in within.values():
                order[[i, j]] = order[[j, i]]
            assert gain(orders | {name: swapped} | within) <= best + 1e-9


def test_products_see_the_other_axes_in_order():
    (a, config), (b, _) = pair()
    spec = symmetry(config)
    order = torch.randperm(24, generator=generator(0))
    total = sum(gain for axis, gain in products(a, b, spec, {"ffn.0": order}, "residual"))
    assert isinstance(total, torch.Tensor)
    matrix = torch.eye(24, dtype=torch.float64)[order]
    moved = apply_maps(a, spec, {"ffn.0": GroupMap(matrix, matrix)})
    want = torch.zeros_like(total)
    for name, index in spec.tensors_of("residual"):
        x, y = (torch.movedim(state[name], index, 0).reshape(16, -1) for state in (moved, b))
        want += y @ x.T
    close(total, want)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_the_best_scale_is_a_minimum(seed):
    rng = np.random.default_rng(seed)
    x, y, u, v = rng.normal(size=(4, 6)) * rng.uniform(0.2, 3, size=(4, 1))
    a, b, c, d = x @ x, x @ u, y @ y, y @ v
    scale = best_scale(a, b, c, d)

    def error(s):
        return np.square(s * x - u).sum() + np.square(y / s - v).sum()

    assert scale > 0
    assert all(error(scale) <= error(s) + 1e-9 for s in np.geomspace(1e-2, 1e2, 400))
    assert best_scale(a, b, 0.0, 0.0) == 1.0
    assert best_scale(4 * a, 2 * a, c, 2 * c) == pytest.approx(0.5)  # one factor twice its target, the other half


def test_correlation_is_pearsons():
    x, y = torch.randn(2, 40, 5, generator=generator(0), dtype=torch.float64)
    x[:, 2] = 1.0
    got = correlation(x, y)
    want = np.corrcoef(np.concatenate([y.numpy().T, x[:, [0, 1, 3, 4]].numpy().T]))[:5, 5:]
    close(got[:, [0, 1, 3, 4]], torch.from_numpy(want))
    assert not got[:, 2].any()


def test_regression_gives_the_outputs_of_all_models_on_their_own_inputs():
    rng = generator(0)
    first, second = (torch.randn(3, 4, generator=rng, dtype=torch.float64) for _ in range(2))
    x, y = (torch.zeros(50, 4, dtype=torch.float64) for _ in range(2))
    x[:, :2], y[:, 2:] = (torch.randn(50, 2, generator=rng, dtype=torch.float64) for _ in range(2))
    merged = regress([first, second], [x.T @ x, y.T @ y], (0.5, 0.5))
    close(merged[:, :2], first[:, :2], 1e-7)  # inputs that only the first model uses
    close(merged[:, 2:], second[:, 2:], 1e-7)
    grams = [shrunk(each.T @ each) for each in torch.randn(2, 50, 4, generator=rng, dtype=torch.float64)]
    best = regress([first, second], grams, (0.3, 0.7))

    def error(matrix):
        pairs = zip((0.3, 0.7), (first, second), grams, strict=True)
        return sum(w * float(((matrix - own) @ gram @ (matrix - own).T).trace()) for w, own, gram in pairs)

    for _ in range(20):
        assert error(best) <= error(best + 1e-3 * torch.randn(3, 4, generator=rng, dtype=torch.float64))
    unused = torch.zeros(4, 4, dtype=torch.float64)
    close(regress([first, second], [unused, unused], (0.25, 0.75)), 0.25 * first + 0.75 * second)


def test_fisher_information_of_the_classifier_bias_is_that_of_a_softmax():
    state, config = pair()[0]
    texts = probe()
    texts = Probe(texts.batches * 12)
    got = information_of(config, state, texts, symmetry(config))["classifier.bias"]
    logit = torch.cat([texts.module(config, state)(*batch) for batch in texts.batches[:2]]).detach()
    share = logit.softmax(-1)
    close(got, (share * (1 - share)).mean(0), 0.05)  # labels drawn from the model: the variance of its predictions


def test_fisher_weighs_rows_of_tokens_that_no_text_holds_as_every_method_does():
    first, second = pair()
    seen = [count.clone() for count in counts(0, 2)]
    seen[0][50:], seen[1][50:] = 3, 1
    low = Probe(tuple(tuple(ids.clamp(max=40) for ids in batch) for batch in probe().batches))
    problem = prepare([first, second], token_counts=seen, probe=low)
    result = fused_by(problem, FusionConfig(method="fisher"))
    rows = [state["tok_emb.weight"][50:] for state in result.aligned]
    close(result.state["tok_emb.weight"][50:], 0.75 * rows[0] + 0.25 * rows[1])
