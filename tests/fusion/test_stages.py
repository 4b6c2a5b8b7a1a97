"""What holds for every stage and method: a new one is tested once it has its line in `fedot.fusion.plan.stages`.

Of a method that nothing else is said of, the copy that it has to find was transformed by all symmetries of the model.
"""

import json
from dataclasses import fields, replace
from functools import cache

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, FusionPlan, fuse
from fedot.fusion.canonical.maps import apply_maps
from fedot.fusion.plan import basis
from fedot.fusion.plan.config import OF_METHODS
from fedot.fusion.plan.stages import KINDS, METHODS, REFINEMENTS, STAGES, run_stage
from fedot.fusion.problem.prepare import prepare
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.refine.class_shares import ClassShares
from fedot.fusion.refine.distil import Distil
from fedot.fusion.texts.probe import Probe
from fedot.models import symmetry
from tests.fusion.small import VOCAB, copy_of, counts, fused, make, refined, run
from tests.groups import permuted, random_symmetry
from tests.models.variants import canonical_of, inputs_of, logits

VARIANTS = ("encoder", "encoder-rotary-swiglu", "decoder-post-layer", "seq2seq-layer-two-untied")
CLASSES = [torch.tensor([5, 9, 2]), torch.tensor([1, 2, 8])]
SMALL = {"probe_texts": 32, "learn_steps": 2, "distil_steps": 2}
ON = {"repair": True, "refit": True, "class_shares": True, **SMALL}

REFUSED = {("merged", "decoder-post-layer"): "post-norm"}
TOLERANCES = {"merged": 1e-3}
"""A reduction rounds its model; all others are exact."""

CLOSENESS = {Distil: 0.2}
"""Adam takes steps of its own size, however small a gradient is."""


def unchanged(state, spec):
    return state


def in_another_order(state, spec):
    return permuted(state, spec, stream=True)


def with_other_neurons_and_heads(state, spec):
    return permuted(state, spec, stream=False)


def with_other_neurons_and_channels(state, spec):
    heads = spec.heads()
    maps = random_symmetry(spec, 4)
    found = {name for name in maps if spec.groups[name].within in heads or name.startswith("ffn")}
    return apply_maps(state, spec, {name: maps[name] for name in found})


def transformed(state, spec):
    return apply_maps(state, spec, random_symmetry(spec, 4))


FOUND = {
    "vanilla": unchanged,
    "c2m3": in_another_order,
    "git-rebasin": in_another_order,
    "imfeld": in_another_order,
    "singh-jaggi": in_another_order,
    "verma": with_other_neurons_and_heads,
    "zhang": with_other_neurons_and_channels,
}
"""What a method can undo, where it is not every symmetry."""


def known(number=2):
    return {"token_counts": counts(0, number), "class_counts": [CLASSES[k % 2] for k in range(number)]}


def all_on(method):
    """Every optional stage that a method has."""
    return FusionConfig(method=method, **{name: value for name, value in ON.items() if name in OF_METHODS[method]})


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("method", METHODS)
def test_a_model_fused_with_its_transformed_copy_is_itself(method, variant):
    state, config = canonical_of(variant)
    copy = FOUND.get(method, transformed)(state, symmetry(config))
    texts = Probe(tuple(tuple(inputs_of(config, seed)) for seed in range(1, 5)))
    problem = prepare([(state, config), (copy, config)], probe=texts)
    options = {"imfeld": {"flow_reg": 1e-3}, "zhang": {"heads": "canonical"}, "distilled": {"distil_steps": 0}}
    options = options.get(method, {})  # what is learnt is another matter
    if (method, variant) in REFUSED:
        with pytest.raises(FedotError, match=REFUSED[method, variant]):
            refined(problem, FusionConfig(method=method, **options))
        return
    found, want = refined(problem, FusionConfig(method=method, **options)), logits(state, config)
    got = logits(found.state, found.config or config)
    torch.testing.assert_close(got, want, rtol=0, atol=TOLERANCES.get(method, 1e-10))
    plain = {name: (tensor + copy[name]) / 2 for name, tensor in state.items()}
    assert (logits(plain, config) - want).abs().max() > 1e-3 or copy is state


@pytest.mark.parametrize("method", METHODS)
def test_with_all_its_stages_a_method_is_deterministic_and_finite(method):
    problem, config = prepare([make(0), make(1)], **known()), all_on(method)
    own = [{name: tensor.clone() for name, tensor in state.items()} for state in problem.states]
    torch.manual_seed(1)
    first = refined(problem, config)
    torch.manual_seed(2)
    second = refined(problem, config)
    symmetry(first.config or problem.config_of(0)).validate(first.state)
    for name, tensor in first.state.items():
        assert torch.equal(tensor, second.state[name])
        assert torch.isfinite(tensor).all()
        assert all(torch.equal(state[name], kept[name]) for state, kept in zip(problem.states, own, strict=True))
    assert (run(first.state, first.config or problem.config_of(0)) - run(*make(0))).abs().max() > 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_a_plan_of_all_stages_is_read_back_and_runs_again_to_the_bit(method):
    models = [make(0), make(1)]
    first = fuse(models, config=all_on(method), **known())
    assert [type(stage) for stage in first.plan.stages] == list(METHODS[method])
    again = fuse(models, config=FusionPlan.from_dict(json.loads(json.dumps(first.plan.as_dict()))), **known())
    assert again.plan == first.plan
    for one, two in zip((first.state, *first.aligned), (again.state, *again.aligned), strict=True):
        assert all(torch.equal(tensor, two[name]) for name, tensor in one.items())


@pytest.mark.parametrize("settings", [{}, {"norm": "layer"}, {"activation": "swiglu", "positions": "rotary"}])
@pytest.mark.parametrize("name", [name for name, (kind, _) in STAGES.items() if kind in REFINEMENTS])
def test_a_refinement_leaves_what_copies_of_one_model_say(name, settings):
    kind, model = KINDS[name], make(0, **settings)
    problem = prepare([model, copy_of(model, seed=3)[0]], **known())
    average = fused(problem, FusionConfig(method="aligned"))
    given = replace(average, config=problem.config_of(0))
    kept = {name: tensor.clone() for name, tensor in given.state.items()}
    stage = kind(**{each.name: SMALL[each.name] for each in fields(kind) if each.name in SMALL})
    found = run_stage(problem, TextSource(problem), given, stage)
    assert all(torch.equal(tensor, kept[name]) for name, tensor in given.state.items())
    assert all(torch.isfinite(tensor).all() for tensor in found.state.values())
    change = (run(found.state, model[1]) - run(*model)).double()
    if kind is ClassShares:  # every text is told the same constants
        assert change.abs().max() > 0.1
        torch.testing.assert_close(change, change[:1].expand_as(change), rtol=0, atol=1e-10)
        return
    change = change - change.mean(1, keepdim=True)  # no probability depends on the level
    assert change.abs().max() < CLOSENESS.get(kind, 1e-6)


def test_every_stage_is_of_a_method_and_a_method_is_of_stages():
    assert {kind for kinds in METHODS.values() for kind in kinds} == set(KINDS.values())
    for kinds in METHODS.values():
        order = [kinds.index(kind) for kind in REFINEMENTS if kind in kinds]
        assert min(order) == len(kinds) - len(order), "what works on a fused model comes last"


@pytest.mark.parametrize("name", KINDS)
def test_a_stage_says_what_each_of_its_options_does(name):
    told = KINDS[name].__doc__
    assert told.partition("\n")[0].endswith(".")
    for each in fields(KINDS[name]):
        assert any(each.name in line.split(", ") for line in map(str.strip, told.splitlines())), each.name


OTHERS = {
    "at_once": (2, {}),
    "anchor": ("largest", {}),
    "scheme": ("universe", {}),
    "support": ("activations", {}),
    "ground_cost": ("cosine", {}),
    "solver": ("sinkhorn", {}),
    "mass": ("l2", {}),
    "reg": (0.5, {"solver": "sinkhorn"}),
    "mass_penalty": (0.1, {"solver": "unbalanced"}),
    "mass_share": (0.3, {"solver": "partial"}),
    "token_power": (2.0, {}),
    "class_rows": (False, {}),
    "position_rows": (True, {}),
    "circuits": (False, {}),
    "count_rows": (False, {}),
    "size": (0.5, {}),
    "heads": ("canonical", {}),
    "sweeps": (1, {}),
    "residual": ("latest", {}),
    "qk_maps": ("equal", {}),
    "flow_reg": (0.5, {}),
    "repair": (True, {}),
    "refit": (True, {}),
    "class_shares": (False, {}),
    "learn_steps": (10, {}),
    "learn_from": ("labels", {"learn_steps": 10}),
    "learn_both": (True, {"learn_steps": 10}),
    "distil_steps": (3, {}),
}
"""Another value of an option, and what else has to be said for it to count."""

# with their own channels, two models are permuted to their mean just as to each other
OF_THEIR_OWN = {
    ("merged", "refit"): (False, {}),
    ("verma", "residual"): ("identity", {}),
    ("git-rebasin", "scheme"): ("universe", {"heads": "canonical"}),
    ("singh-jaggi", "scheme"): ("universe", {"heads": "canonical"}),
}


def another(method, name):
    if name != "probe_texts":
        return OF_THEIR_OWN.get((method, name), OTHERS[name])
    core = [each.name for kind in METHODS[method] if kind not in REFINEMENTS for each in fields(kind)]
    if "support" in core:
        return 64, {"support": "activations"}
    return 64, {} if name in core or "refit" not in OF_METHODS[method] else {"refit": True}


@cache
def outcome(method, wider, labelled, many, **options):
    models = [make(0), make(1, d_ff=32) if wider else make(1), *(make(k) for k in range(2, 2 + many))]
    few = {"probe_texts": 32} if "probe_texts" in OF_METHODS[method] else {}
    config = FusionConfig(method=method, **{**few, **options})
    probe = None
    if labelled:
        ids = torch.randint(1, VOCAB, (4, 16, 8), generator=torch.Generator().manual_seed(1))
        probe = Probe(tuple((each,) for each in ids), labels=tuple(ids.sum(-1) % 3))
    told = known(len(models))
    return fuse(models, weights=range(1, len(models) + 1), config=config, probe=probe, **told).state


@pytest.mark.parametrize("method", METHODS)
def test_every_option_of_a_method_changes_what_comes_out(method, monkeypatch):
    monkeypatch.setattr(basis, "SWEEPS", 1)
    for name in OF_METHODS[method]:
        value, beside = another(method, name)
        wider = (method, name) == ("merged", "anchor")  # which only gives the widths
        many = name == "at_once"
        plain, found = (
            outcome(method, wider, name == "learn_from", many, **beside, **more) for more in ({}, {name: value})
        )
        same = all(torch.equal(tensor, found[key]) for key, tensor in plain.items())
        assert not same, name
