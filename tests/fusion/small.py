"""Small models, and copies of them that compute the same."""

import torch

from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.fusion.canonical.maps import GroupMap, apply_maps
from fedot.fusion.fuse import in_one_basis, run_core
from fedot.fusion.plan import plan_fusion
from fedot.fusion.plan.stages import run_stage
from fedot.fusion.problem.text_source import TextSource
from fedot.models import build_model, canonical_config, load_model, model_config, state_of, symmetry
from tests.groups import random_symmetry, randomise

BASE = {"d_model": 16, "n_layer": 2, "n_head": 4, "d_ff": 24, "max_length": 12, "dropout": 0.0}
VOCAB = 60
MATCHED = ("ffn.0", "ffn.1")


def make(seed=0, **settings):
    """Build a canonical model in float64: (state, config)."""
    config = model_config({"name": "encoder", **BASE, **settings}, VOCAB, 3)
    state = randomise(state_of(build_model(config, seed)), seed)
    return canonicalise(state, symmetry(config)), canonical_config(config)


def copy_of(model, seed=0, only=None):
    """Transform a model by a random symmetry (of `only` some groups); also return the new order of the neurons."""
    state, config = model
    maps = random_symmetry(symmetry(config), seed)
    maps = {name: maps[name] for name in only or maps}
    return (apply_maps(state, symmetry(config), maps), config), {name: maps[name].write.argmax(1) for name in MATCHED}


def silence(model, group, neurons):
    """Set all weights of some neurons of a group to zero."""
    state, config = model
    spec = symmetry(config)
    keep = torch.ones(spec.groups[group].size, dtype=torch.float64)
    keep[neurons] = 0.0
    return apply_maps(state, spec, {group: GroupMap(keep.diag(), keep.diag())}), config


def counts(seed, number=1):
    """Draw token counts, padding never seen."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(0, 50, (number, VOCAB), generator=generator)
    drawn[:, 0] = 0
    return list(drawn)


def run(state, config):
    """Logits on some texts."""
    ids = torch.randint(1, VOCAB, (6, 10), generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        return load_model(config, state)(ids)


def fused(problem, config):
    """Run the core of a plan on a prepared problem: one model of many, not rounded to float32, nor refined."""
    return run_core(problem, plan_fusion(config, problem).core)


def refined(problem, config):
    """Run all of a plan on a prepared problem, not rounded to float32: the core, then all that works on its model."""
    plan, texts = plan_fusion(config, problem), TextSource(problem)
    found = in_one_basis(problem, texts, plan)
    for stage in plan.refinements:
        found = run_stage(problem, texts, found, stage)
    return found
