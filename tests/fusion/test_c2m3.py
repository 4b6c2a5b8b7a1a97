"""Matching many models through one universe: what is exact, what cancels, and what does not depend on the anchor."""

from functools import cache

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig
from fedot.fusion.align.assignments import axis_order
from fedot.fusion.methods.c2m3 import match_to_universe, through_universe
from fedot.fusion.methods.git_rebasin import match_weights
from fedot.fusion.methods.pairwise import steady_signs, with_signs
from fedot.fusion.problem.prepare import prepare
from fedot.models import symmetry
from tests.fusion.small import BASE, counts, fused, make, run
from tests.groups import permuted
from tests.models.variants import canonical_of, logits

C2M3 = FusionConfig(method="c2m3")
KINDS = ("encoder", "encoder-rotary-swiglu", "decoder-post-layer", "seq2seq-layer-two-untied")


def close(got, want, atol=1e-10):
    torch.testing.assert_close(got, want, rtol=0, atol=atol)


def near(number, noise, seed=5):
    """Models near each other whose neurons come in orders of their own, as those that were trained from one start."""
    state, config = make(0)
    spec, generator = symmetry(config), torch.Generator().manual_seed(seed)

    def moved(k):
        drawn = {
            name: x + noise * torch.randn(x.shape, generator=generator, dtype=torch.float64) if name in spec.axes else x
            for name, x in state.items()
        }
        return permuted(drawn, spec, stream=True, seed=seed + k)

    return [moved(k) for k in range(number)], spec


def unrelated(number, seed=0):
    models = [make(10 * seed + k) for k in range(number)]
    return [state for state, _ in models], symmetry(models[0][1])


def steady(states, spec):
    return [with_signs(state, spec, steady_signs(state, spec)) for state in states]


def sum_over_pairs(states, spec, orders):
    """What is maximised: the scalar products of all pairs of models that were reordered."""
    total = 0.0
    for name, axes in spec.axes.items():
        tensors = []
        for state, each in zip(states, orders, strict=True):
            x = state[name]
            for index, axis in enumerate(axes):
                order = axis_order(each, axis, spec)
                x = x if order is None else x.index_select(index, order)
            tensors.append(x)
        total += sum(float((x * y).sum()) for i, x in enumerate(tensors) for y in tensors[:i])
    return total


def pairwise(states, spec):
    """Orders of git-rebasin, each model to the first."""
    first = {name: order.clone() for name, order in match_weights(states[0], states[0], spec).items()}
    return [first, *(match_weights(state, states[0], spec) for state in states[1:])]


@pytest.mark.parametrize("variant", KINDS)
@pytest.mark.parametrize(("number", "heads"), [(2, "own"), (3, "own"), (4, "canonical")])
def test_permuted_copies_come_back_as_the_anchor(variant, number, heads):
    state, config = canonical_of(variant)
    spec = symmetry(config)
    models = [(permuted(state, spec, stream=True, seed=4 + k), config) for k in range(number)]
    for anchor in range(number):
        problem = prepare(models, anchor=anchor)
        found = fused(problem, FusionConfig(method="c2m3", heads=heads))
        close(logits(found.state, config), logits(state, config))
        for name, tensor in (models[anchor][0] if heads == "own" else problem.states[anchor]).items():
            close(found.state[name], tensor)
    plain = fused(prepare(models), FusionConfig(method="vanilla"))
    assert (logits(plain.state, config) - logits(state, config)).abs().max() > 1e-3


@cache
def three():
    return tuple((state, make(0)[1]) for state in near(3, 0.2)[0])


def test_the_anchor_only_says_in_which_basis_the_same_model_is_written():
    told = {"weights": [1, 2, 3], "token_counts": counts(0, 3)}
    results = [fused(prepare(three(), anchor=anchor, **told), C2M3) for anchor in range(3)]
    want = run(results[0].state, three()[0][1])
    for anchor, result in enumerate(results):
        close(run(result.state, three()[0][1]), want)
        close(result.aligned[anchor]["layers.0.ffn.up.weight"], three()[anchor][0]["layers.0.ffn.up.weight"])
    by_pairs = [
        run(fused(prepare(three(), anchor=anchor, **told), FusionConfig(method="git-rebasin")).state, three()[0][1])
        for anchor in range(3)
    ]
    assert max((each - by_pairs[0]).abs().max() for each in by_pairs[1:]) > 1e-3


def test_maps_around_a_cycle_cancel():
    models = unrelated(3)
    maps = []
    for home in range(3):
        found = fused(prepare([(state, make(0)[1]) for state in models[0]], anchor=home), C2M3)
        maps.append([each.maps for each in found.alignments])
    for name in ("residual", "heads.0", "ffn.1"):
        around = maps[0][1][name].write @ maps[1][2][name].write @ maps[2][0][name].write
        close(around, torch.eye(len(around), dtype=torch.float64))
        close(maps[0][1][name].write, maps[1][0][name].write.T)
        close(maps[0][1][name].write @ maps[1][2][name].write, maps[0][2][name].write)
    a, b, c = match_to_universe(steady(*models), models[1])
    spec = models[1]
    ab, bc, ac = (through_universe(x, y, spec) for x, y in ((b, a), (c, b), (c, a)))
    for name, order in ac.items():
        if order.ndim == 1:
            assert torch.equal(bc[name][ab[name]], order)
        else:  # of each head of a, the channels of its head in b, and those of that head's head in c
            heads = ab[spec.groups[name].within]
            assert torch.equal(bc[name][heads].gather(1, ab[name]), order)


@pytest.mark.parametrize(
    "models",
    [*(unrelated(number, seed) for number in (2, 3, 5) for seed in (0, 1)), near(3, 0.1), near(4, 0.2), near(6, 0.1)],
)
def test_all_pairs_fit_at_least_as_well_as_when_each_is_matched_to_the_first(models):
    states, spec = steady(*models), models[1]
    found = sum_over_pairs(states, spec, match_to_universe(states, spec))
    assert found >= sum_over_pairs(states, spec, pairwise(states, spec)) - 1e-9


def test_no_other_order_of_one_group_of_one_model_fits_better():
    """A permutation that the whole gradient cannot improve cannot be improved in one group either."""
    models = unrelated(4)
    states, spec = steady(*models), models[1]
    orders = match_to_universe(states, spec)
    best, generator = sum_over_pairs(states, spec, orders), torch.Generator().manual_seed(0)
    for k, name in ((0, "residual"), (1, "ffn.0"), (2, "ffn.1"), (3, "residual")):
        for _ in range(6):
            swapped = orders[k][name].clone()
            i, j = torch.randperm(len(swapped), generator=generator)[:2].tolist()
            swapped[[i, j]] = swapped[[j, i]]
            changed = [{**each, name: swapped} if at == k else each for at, each in enumerate(orders)]
            assert sum_over_pairs(states, spec, changed) <= best + 1e-9


def test_long_tables_count_as_if_they_were_whole(monkeypatch):
    """Rows that are never permuted are replaced by fewer with the same scalar products."""
    models = [make(k, d_model=8, n_head=2, d_ff=8) for k in range(3)]  # 60 words, 3 x 8 columns
    spec = symmetry(models[0][1])
    states = steady([state for state, _ in models], spec)
    short = match_to_universe(states, spec)
    monkeypatch.setattr("fedot.fusion.methods.c2m3._shortened", lambda tensors, axes: (tensors, axes))
    for found, want in zip(short, match_to_universe(states, spec), strict=True):
        assert all(torch.equal(order, want[name]) for name, order in found.items())


@pytest.mark.parametrize("silent", [0, 2])
def test_a_model_without_a_vote_changes_nothing_but_the_basis(silent):
    weights = [1.0, 1.0, 1.0]
    weights[silent] = 0.0
    voters = [model for k, model in enumerate(three()) if k != silent]
    want = run(fused(prepare(voters), C2M3).state, three()[0][1])
    found = fused(prepare(three(), weights=weights, anchor=silent), C2M3)
    close(run(found.state, three()[0][1]), want)
    own = three()[silent][0]["layers.0.ffn.up.weight"]
    close(found.aligned[silent]["layers.0.ffn.up.weight"], own)
    distance = (found.aligned[1]["layers.0.ffn.up.weight"] - own).norm()
    assert distance < (three()[1][0]["layers.0.ffn.up.weight"] - own).norm() * 0.9


def test_a_single_vote_is_what_comes_out():
    found = fused(prepare(three(), weights=[0, 1, 0], anchor=0), C2M3)
    close(run(found.state, three()[0][1]), run(*three()[1]))


def test_the_same_models_give_the_same_result_to_the_bit():
    first, second = (fused(prepare(three()), C2M3) for _ in range(2))
    assert all(torch.equal(tensor, second.state[name]) for name, tensor in first.state.items())


def test_models_of_unequal_shapes_are_refused():
    models = [make(0), make(1), make(2, d_ff=BASE["d_ff"] + 8)]
    with pytest.raises(FedotError, match=r"c2m3 needs models of equal shapes, but ffn\.0 has size 32 in model 2"):
        fused(prepare(models), C2M3)
