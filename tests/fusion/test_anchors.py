"""Many models: which one is the anchor, and a mean that favours none."""

from dataclasses import replace
from typing import get_args

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.align.align_options import Align
from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.fusion.canonical.maps import apply_maps
from fedot.fusion.fuse import in_one_basis, run_core, with_basis
from fedot.fusion.plan import plan_fusion
from fedot.fusion.plan.basis import Basis, Scheme, distance_to_others, universe, with_mean
from fedot.fusion.problem.prepare import prepare
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.text_source import TextSource
from fedot.models import build_model, canonical_config, load_model, model_config, state_of, symmetry
from tests.groups import random_symmetry, randomise

SETTINGS = {"d_model": 12, "n_layer": 1, "n_head": 3, "d_ff": 16, "max_length": 8, "dropout": 0.0}
VOCAB = 40
LOSSES = [0.7, 0.4, 0.9, 0.6]
ANCHORS, SCHEMES = (
    get_args(kind.__dataclass_fields__[name].type) for kind, name in ((Basis, "anchor"), (Scheme, "scheme"))
)
OPTIONS = [(anchor, scheme) for anchor in ANCHORS for scheme in SCHEMES]


def make(seed, **settings):
    config = model_config({"name": "encoder", **SETTINGS, **settings}, VOCAB, 3)
    return randomise(state_of(build_model(config, seed)), seed), config


def relatives(count, spread=0.3):
    """Models that come from one, each moved away from it and then mixed by a symmetry of its own."""
    state, config = make(0)
    out = []
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)
        moved = {k: v.double() * (1 + spread * torch.randn(v.shape, generator=generator)) for k, v in state.items()}
        out.append(mixed((moved, config), seed))
    return out


def mixed(model, seed):
    state, config = model
    target = canonical_config(config)
    spec = symmetry(target)
    return apply_maps(canonicalise(state, symmetry(config)), spec, random_symmetry(spec, seed)), target


def logits(state, config):
    ids = torch.randint(1, VOCAB, (5, 7), generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        return load_model(config, {name: tensor.double() for name, tensor in state.items()})(ids)


def exact(models, options, **rest):
    """Logits of the fused model before it is rounded to single precision."""
    problem = problem_of(models, **rest)
    plan = plan_fusion(options, problem)
    problem = with_basis(problem, plan)
    fused = in_one_basis(problem, TextSource(problem), plan)
    return logits(fused.state, problem.config_of(problem.anchor))


def problem_of(models, **rest) -> FusionProblem:
    return prepare(models, **rest)


def test_the_options_name_what_there_is():
    for key in ("anchor", "scheme"):
        with pytest.raises(FedotError, match=f"fusion.{key} is 'x'; choose from"):
            FusionConfig(method="aligned", **{key: "x"})


@pytest.mark.parametrize(("anchor", "scheme"), OPTIONS)
def test_copies_of_a_model_fuse_to_it(anchor, scheme):
    model = make(3)
    copies = [mixed(model, seed) for seed in range(4)]
    options = FusionConfig(method="aligned", anchor=anchor, scheme=scheme)
    result = fuse(copies, weights=[3, 1, 2, 1], validation_losses=LOSSES, config=options)
    torch.testing.assert_close(logits(result.state, result.config), logits(*model), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("anchor", "index"), [("global", 2), ("first", 0), ("largest", 3), ("best", 1)])
def test_the_anchor_is_the_one_that_is_named(anchor, index):
    options = FusionConfig(method="aligned", anchor=anchor)
    result = fuse(relatives(4), weights=[1, 1, 1, 5], validation_losses=LOSSES, anchor=2, config=options)
    assert result.anchor == index
    assert not result.alignments[index].couplings
    assert all(result.alignments[k].couplings for k in range(4) if k != index)


def test_the_medoid_is_the_model_between_the_others():
    state, config = make(0)
    far, other = (
        {k: v * (1 + s * torch.sin(torch.arange(v.numel()).reshape(v.shape))) for k, v in state.items()}
        for s in (0.4, -0.4)
    )
    models = [mixed((each, config), seed) for seed, each in enumerate((far, state, other))]
    assert fuse(models, config=FusionConfig(method="aligned", anchor="medoid")).anchor == 1
    problem, options = problem_of(models), FusionConfig(method="aligned")
    core = plan_fusion(options, problem).core
    costs = [distance_to_others(problem, lambda each: run_core(each, core), k, Align()) for k in range(3)]
    assert costs[1] < min(costs[0], costs[2])


@pytest.mark.parametrize("anchor", ["first", "largest", "medoid", "best"])
def test_a_model_without_a_vote_is_no_anchor(anchor):
    options = FusionConfig(method="aligned", anchor=anchor)
    result = fuse(relatives(3), weights=[0, 1, 2], validation_losses=[0.1, 0.2, 0.3], config=options)
    assert result.anchor != 0


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_order_of_models_does_not_matter_from_the_medoid(scheme):
    models, weights = relatives(3), [3.0, 1.0, 2.0]
    counts = [torch.randint(0, 9, (VOCAB,), generator=torch.Generator().manual_seed(k)) for k in range(3)]
    options = FusionConfig(method="aligned", anchor="medoid", scheme=scheme)
    expected = exact(models, options, weights=weights, token_counts=counts)
    for order in ([2, 1, 0], [1, 0, 2]):
        found = exact(
            [models[k] for k in order],
            options,
            weights=[weights[k] for k in order],
            token_counts=[counts[k] for k in order],
        )
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_one_pass_depends_on_the_anchor_and_a_universe_less_so():
    models = relatives(4)
    spread = {}
    for scheme in SCHEMES:
        options = FusionConfig(method="aligned", scheme=scheme)
        each = torch.stack([exact(models, options, anchor=k) for k in range(4)])
        spread[scheme] = float(each.std(0).mean())
    assert spread["one-pass"] > 1e-3
    assert spread["universe"] < 0.5 * spread["one-pass"]


def test_a_universe_has_settled():
    problem, options = problem_of(relatives(4)), FusionConfig(method="aligned", circuits=False)
    core, config = plan_fusion(options, problem).core, problem.config_of(0)

    def method(each):
        return run_core(each, core)

    def next_sweep(state):
        return logits(method(with_mean(problem, state)).state, config)

    once, settled = method(problem).state, universe(problem, method, method).state
    assert (next_sweep(settled) - logits(settled, config)).abs().max() < 1e-5
    assert (next_sweep(once) - logits(once, config)).abs().max() > 1e-3


def test_a_row_that_one_model_alone_knows_does_not_hold_it_in_place():
    counts = torch.tensor([[5.0, 0.0, 4.0], [0.0, 0.0, 3.0], [0.0, 2.0, 1.0]], dtype=torch.float64)
    problem = problem_of([make(k) for k in range(3)])
    problem = replace(problem, counts={"vocab": counts})
    seen = with_mean(problem, problem.states[0]).counts["vocab"][-1]
    assert seen.tolist() == [0.0, 0.0, 4.0]  # of the last token: 4, 3 and 1 against all others' 4, 5 and 7


def test_widths_are_the_anchors_under_a_universe_too():
    models = [make(0), make(1, d_model=18, n_head=3, d_head=4, d_ff=24)]
    for anchor, width in ((0, 12), (1, 18)):
        result = fuse(models, anchor=anchor, config=FusionConfig(method="aligned", scheme="universe"))
        assert result.config.d_model == width
        assert torch.isfinite(logits(result.state, result.config)).all()


def test_losses_are_needed_for_the_best_and_a_mean_for_a_universe():
    with pytest.raises(FedotError, match="got none validation losses for 2 models"):
        fuse(relatives(2), config=FusionConfig(anchor="best"))
    for method in ("merged", "auto"):
        with pytest.raises(FedotError, match=f"scheme is an option of the method aligned .* the method is {method}"):
            FusionConfig(method=method, scheme="universe")
