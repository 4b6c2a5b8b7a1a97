"""Repair: neurons of an average vary as their parents do, and copies of one model have nothing to repair."""

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.problem.prepare import prepare
from fedot.fusion.refine.repair import repair, writers
from fedot.fusion.texts.probe import activations
from fedot.models import symmetry
from tests.fusion.small import MATCHED, copy_of, counts, make, run

SETTINGS = [{}, {"activation": "relu"}, {"activation": "swiglu"}, {"norm_position": "post", "norm": "layer"}]
REPAIRED = FusionConfig(method="aligned", repair=True, probe_texts=64)


@pytest.mark.parametrize("settings", SETTINGS)
def test_copies_of_one_model_have_nothing_to_repair(settings):
    model = make(0, **settings)
    twin, _ = copy_of(model, seed=3)
    result = fuse([model, twin], token_counts=counts(0, 2), config=REPAIRED)
    torch.testing.assert_close(run(result.state, result.config), run(*model).float(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("settings", SETTINGS)
def test_neurons_vary_as_their_parents_do(settings):
    models = [make(seed, **settings) for seed in (0, 1)]
    problem = prepare(models, weights=[1, 3], token_counts=counts(0, 2))
    probe = problem.probe_or_drawn(64)
    plain = fuse(models, weights=[1, 3], token_counts=counts(0, 2), config=FusionConfig(method="aligned"))
    config, spec = plain.config, symmetry(plain.config)
    aligned = [{name: tensor.double() for name, tensor in state.items()} for state in plain.aligned]
    fixed = repair({name: tensor.double() for name, tensor in plain.state.items()}, aligned, problem, probe)
    for name in [name for group in MATCHED for name in writers(spec, group)]:
        before, after, *parents = (_spread(state, config, probe, name) for state in (plain.state, fixed, *aligned))
        wanted = [0.25 * a + 0.75 * b for a, b in zip(*parents, strict=True)]
        torch.testing.assert_close(torch.stack(after), torch.stack(wanted), rtol=1e-3, atol=1e-4)
        assert (before[1] - wanted[1]).abs().max() > 1e-2


def _spread(state, config, probe, name):
    state = {key: tensor.float() for key, tensor in state.items()}
    inputs = activations(probe.module(config, state), probe, [name])[name]
    out = inputs @ state[f"{name}.weight"].double().T
    if f"{name}.bias" in state:
        out = out + state[f"{name}.bias"].double()
    return out.mean(0), out.std(0)


def test_a_reduction_is_refused_before_anything_is_trained():
    with pytest.raises(FedotError, match="repair is for averages, which merged does not make"):
        FusionConfig(method="merged", repair=True)


def test_what_is_averaged_after_an_alignment_is_repaired():
    models = [make(0), make(1)]
    fused = fuse(models, token_counts=counts(0, 2), config=FusionConfig(method="regmean", repair=True, probe_texts=16))
    assert torch.isfinite(run(fused.state, models[0][1])).all()
