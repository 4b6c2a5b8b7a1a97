import numpy as np
import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.align.activations import Evidence
from fedot.fusion.align.align_models import evidence_of
from fedot.fusion.align.align_options import Align
from fedot.fusion.align.masses import FLOOR, MASSES, ON_PROBE
from fedot.fusion.problem.prepare import prepare
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.texts.probe import Probe
from fedot.models import symmetry
from tests.fusion.small import MATCHED, VOCAB, copy_of, counts, make, run, silence

OWN = torch.linspace(0.1, 2.0, 24, dtype=torch.float64)


def options(number=2, **more):
    """All that any mass may need."""
    ids = torch.randint(1, VOCAB, (12, 8), generator=torch.Generator().manual_seed(1))
    known = counts(3, number)
    given = [dict.fromkeys(MATCHED, OWN.roll(3 * k)) for k in range(number)]
    return {"probe": Probe(((ids,),)), "token_counts": known, "masses": given, **more}


def mass_of(model, name, group="ffn.0", given=OWN):
    problem = prepare([model], **options(1, masses=[{group: given}]))
    evidence = evidence_of(problem, TextSource(problem), 0, Align(mass=name))
    return MASSES[name](problem.states[0], symmetry(model[1]), group, evidence)


@pytest.mark.parametrize("name", MASSES)
def test_masses_are_positive_sum_to_one_and_follow_a_permutation(name):
    model = make()
    copy, order = copy_of(model, 3, only=MATCHED)
    before, after = (mass_of(m, name, given=own) for m, own in ((model, OWN), (copy, OWN[order["ffn.0"]])))
    assert before.shape == (24,)
    assert before.min() > 0
    assert before.sum() == pytest.approx(1)
    assert (np.ptp(before) > 1e-3) == (name != "uniform")
    np.testing.assert_allclose(after, before[order["ffn.0"].numpy()], rtol=1e-8)


@pytest.mark.parametrize("name", sorted({*ON_PROBE, "token-count"}))
def test_what_neurons_do_weighs_the_same_in_any_basis(name):
    model = make()
    copy, order = copy_of(model, 4)
    np.testing.assert_allclose(mass_of(copy, name), mass_of(model, name)[order["ffn.0"].numpy()], rtol=1e-7)


@pytest.mark.parametrize("name", [name for name in MASSES if name != "uniform"])
def test_mass_changes_the_plan_and_the_fused_weights(name):
    models = [make(0), make(1)]
    plain, weighed = (
        fuse(models, config=FusionConfig(method="aligned", mass=each), **options()) for each in ("uniform", name)
    )
    plans = [result.alignments[1].couplings["ffn.0"].plan for result in (plain, weighed)]
    assert (np.count_nonzero(plans[0], axis=1) == 1).all()  # equal sizes and masses: a permutation
    assert (np.count_nonzero(plans[1], axis=1) > 1).any()  # unequal masses: some neuron is split
    assert (plain.state["layers.0.ffn.up.weight"] - weighed.state["layers.0.ffn.up.weight"]).abs().max() > 1e-3


@pytest.mark.parametrize("name", MASSES)
def test_fusing_with_a_permuted_copy_returns_the_anchor_whatever_the_mass(name):
    """Equal neurons have equal masses, so each goes whole to its own place at no cost."""
    model = make()
    copy, order = copy_of(model, 5)
    same = counts(3) * 2
    given = [{"ffn.0": OWN}, {"ffn.0": OWN[order["ffn.0"]]}]
    result = fuse(
        [model, copy], config=FusionConfig(method="aligned", mass=name), **options(token_counts=same, masses=given)
    )
    torch.testing.assert_close(run(result.state, result.config), run(*model).float(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in MASSES if name not in ("uniform", "given")])
def test_dead_neurons_have_the_least_mass_but_some(name):
    model = make()
    dead = silence(model, "ffn.0", [2, 9])
    mass = mass_of(dead, name)
    alive = np.delete(mass, [2, 9])
    np.testing.assert_allclose(mass[[2, 9]], FLOOR * mass[:].mean(), rtol=1e-3)
    assert alive.min() > 10 * mass[2]
    result = fuse([make(1), dead], config=FusionConfig(method="aligned", mass=name), **options())
    assert torch.isfinite(run(result.state, result.config)).all()


def test_a_group_of_dead_neurons_is_uniform():
    dead = silence(make(), "ffn.0", list(range(24)))
    for name in MASSES:
        if name != "given":
            np.testing.assert_allclose(mass_of(dead, name), 1 / 24)


def test_masses_by_hand():
    values = torch.tensor([[1.0, -2.0, 0.0], [3.0, 2.0, 0.0]], dtype=torch.float64)
    slopes = torch.tensor([[0.5, 1.0, 9.0], [0.5, -1.0, 9.0]], dtype=torch.float64)
    evidence = Evidence({"g": values}, {"g": slopes}, {"g": values[:, [1, 0, 2]]}, {"g": torch.tensor([6, 1, 1])})
    spec = make()[0], symmetry(make(d_ff=3)[1])
    expected = {
        "activation-mean": [2, 2, 0],
        "activation-variance": [1, 4, 0],
        "gradient": [1, 2, 0],
        "fisher": [1.25, 4, 0],
        "token-count": [2, 2, 0],
    }
    for name, mass in expected.items():
        got = MASSES[name](*spec, "g", evidence)
        np.testing.assert_allclose(got[:2], np.array(mass[:2]) / sum(mass), rtol=1e-5)
        assert 0 < got[2] < 1e-5


def test_token_counts_of_a_client_decide_which_of_its_neurons_count():
    model = make()
    left, right = torch.zeros(VOCAB, dtype=torch.int64), torch.zeros(VOCAB, dtype=torch.int64)
    left[1:5], right[40:44] = 7, 7
    config = FusionConfig(method="aligned", mass="token-count")
    problem = prepare([model, model], token_counts=[left, right])
    told = [evidence_of(problem, TextSource(problem), k, Align(mass="token-count")) for k in (0, 1)]
    one, two = (MASSES["token-count"](model[0], symmetry(model[1]), "ffn.0", each) for each in told)
    assert np.abs(one - two).max() > 1e-3
    with pytest.raises(FedotError, match="needs token counts, but model 1 has none"):
        fuse([model, model], config=config, token_counts=[left, torch.zeros_like(right)])
    with pytest.raises(FedotError, match="needs token counts, but model"):
        fuse([model, model], config=config)


@pytest.mark.parametrize(
    "vector", [torch.ones(23), torch.full((24,), -1.0), torch.full((24,), float("nan")), torch.ones(24, 1)]
)
def test_masses_that_do_not_fit_are_refused(vector):
    with pytest.raises(FedotError, match=r"given for the neuron group ffn\.0 .* give 24 finite numbers of at least 0"):
        mass_of(make(), "given", given=vector)


def test_given_masses_are_looked_up_by_group():
    model, other = make(0), make(1)
    config = FusionConfig(method="aligned", mass="given")
    partly = fuse([model, other], config=config, masses=[{}, {"ffn.1": OWN}]).alignments[1].couplings
    np.testing.assert_allclose(partly["ffn.0"].source_mass, 1 / 24)
    np.testing.assert_allclose(partly["ffn.1"].source_mass, OWN / OWN.sum())
    with pytest.raises(FedotError, match=r"masses of model 1 name ffn\.7, .* choose from ffn\.0, ffn\.1"):
        fuse([model, other], config=config, masses=[{}, {"ffn.7": OWN}])
    with pytest.raises(FedotError, match="got 1 neuron masses for 2 models"):
        fuse([model, other], config=config, masses=[{}])
    with pytest.raises(FedotError, match="mass is `given`, but no masses were"):
        fuse([model, other], config=config)


def test_neurons_that_partial_transport_leaves_alone_stay_the_anchors():
    models = [make(0), make(1)]
    result = fuse(models, config=FusionConfig(method="aligned", solver="partial", mass_share=0.5))
    lone = result.alignments[1].couplings["ffn.0"].anchor_mass == 0
    assert lone.sum() == 12
    anchor, fused = (state["layers.0.ffn.up.weight"] for state in (result.aligned[0], result.state))
    torch.testing.assert_close(fused[lone], anchor[lone])
    assert (fused[~lone] - anchor[~lone]).abs().max() > 1e-2
    copy, _ = copy_of(models[0], 6)
    same = fuse([models[0], copy], config=FusionConfig(method="aligned", solver="partial", mass_share=0.5))
    torch.testing.assert_close(run(same.state, same.config), run(*models[0]).float(), rtol=0, atol=1e-5)


def test_a_share_of_the_mass_is_a_share():
    with pytest.raises(FedotError, match=r"fusion\.mass_share is 1\.5, but it must be a share"):
        FusionConfig(method="aligned", mass_share=1.5)
