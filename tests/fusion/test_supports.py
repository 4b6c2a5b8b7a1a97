import numpy as np
import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.align.activations import Evidence, measure
from fedot.fusion.align.align_models import evidence_of as align_evidence
from fedot.fusion.align.align_options import Align
from fedot.fusion.align.supports import ON_PROBE, SUPPORTS
from fedot.fusion.problem.prepare import prepare
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.texts.probe import Probe, readers
from fedot.models import load_model, symmetry
from tests.fusion.small import MATCHED, VOCAB, copy_of, counts, make, run


def texts(seed=0):
    ids = torch.randint(1, VOCAB, (5, 8), generator=torch.Generator().manual_seed(seed))
    ids[0, 5:] = 0
    return Probe(((ids[:3],), (ids[3:],)))


def evidence_of(model, probe):
    state, config = model
    return Evidence(*measure(load_model(config, state), probe, symmetry(config), MATCHED))


@pytest.mark.parametrize("name", SUPPORTS)
def test_supports_are_finite_and_follow_the_neurons(name):
    model = make()
    copy, order = copy_of(model, 3, only=MATCHED)
    before, after = (SUPPORTS[name](*symmetric(m), "ffn.0", evidence_of(m, texts())) for m in (model, copy))
    assert before.shape[0] == 24
    assert before.dtype == np.float64
    assert np.isfinite(before).all()
    assert np.ptp(before, axis=0).max() > 1e-6
    np.testing.assert_allclose(after, before[order["ffn.0"].numpy()], atol=1e-9)


def symmetric(model):
    return model[0], symmetry(model[1])


@pytest.mark.parametrize("name", ["activations", "gradients"])
def test_what_neurons_do_is_blind_to_every_other_symmetry(name):
    model = make()
    copy, order = copy_of(model, 5)  # the stream is rotated, heads and their channels are mixed
    before, after = (SUPPORTS[name](*symmetric(m), "ffn.1", evidence_of(m, texts())) for m in (model, copy))
    np.testing.assert_allclose(after, before[order["ffn.1"].numpy()], atol=1e-9)


def test_activations_are_those_of_the_reader_without_padding():
    state, config = make()
    probe = texts()
    (reader,) = readers(symmetry(config), "ffn.0")
    seen = []
    module = load_model(config, state)
    module.get_submodule(reader).register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    found = evidence_of((state, config), probe).activations["ffn.0"]
    with torch.no_grad():
        module(*probe.batches[0])
    assert len(found) == 5 * 8 - 3
    torch.testing.assert_close(found[:5], seen[0][0, :5])
    torch.testing.assert_close(found[5:13], seen[0][1])


def test_gradients_are_those_of_the_models_own_log_likelihood():
    """Nudging a neuron's activation everywhere changes the log-likelihood as the gradients say."""
    state, config = make()
    probe = Probe((texts().batches[1],))
    slopes = evidence_of((state, config), probe).gradients["ffn.1"]
    down, bias = "layers.1.ffn.down.weight", "layers.1.ffn.down.bias"

    def likelihoods(step):
        nudged = {**state, bias: state[bias] + step * state[down][:, 4]}
        with torch.no_grad():
            return load_model(config, nudged)(*probe.batches[0]).log_softmax(-1)

    each_label = (likelihoods(1e-5) - likelihoods(-1e-5)) / 2e-5  # (texts, classes)
    told = slopes[:, 4].reshape(2, 8).sum(1)
    assert (each_label - told[:, None]).abs().min(1).values.max() < 1e-7


def test_weights_and_activations_count_alike_whatever_their_units():
    model = make()
    evidence = evidence_of(model, texts())
    louder = Evidence({"ffn.0": 100 * evidence.activations["ffn.0"]})
    both = SUPPORTS["weights+activations"]
    support = both(*symmetric(model), "ffn.0", evidence)
    np.testing.assert_allclose(both(*symmetric(model), "ffn.0", louder), support, atol=1e-12)
    wide = SUPPORTS["weights"](*symmetric(model), "ffn.0", evidence).shape[1]
    for part in (support[:, :wide], support[:, wide:]):
        assert np.square(part).sum(1).mean() == pytest.approx(1)


@pytest.mark.parametrize("probe", [None, texts(4)], ids=["drawn", "given"])
@pytest.mark.parametrize("name", SUPPORTS)
def test_fusing_with_a_transformed_copy_returns_the_anchor(name, probe):
    model = make()
    copy, order = copy_of(model, 2)
    known = None if probe else counts(0) * 2
    result = fuse([model, copy], config=FusionConfig(method="aligned", support=name), probe=probe, token_counts=known)
    torch.testing.assert_close(run(result.state, result.config), run(*model).float(), rtol=0, atol=1e-5)
    back = result.alignments[1].couplings["ffn.0"].plan.argmax(1)
    np.testing.assert_array_equal(back, order["ffn.0"].numpy())


def test_models_of_unequal_widths_are_matched_on_one_probe():
    small, wide = make(0), make(1, d_model=24, n_head=3, d_head=6, d_ff=40)
    result = fuse([small, wide], config=FusionConfig(method="aligned", support="activations"), probe=texts())
    assert result.alignments[1].couplings["ffn.0"].plan.shape == (40, 24)
    assert torch.isfinite(run(result.state, result.config)).all()


def test_supports_differ_in_the_neurons_that_they_match():
    models = [make(0), make(1)]
    plans = [
        fuse(models, config=FusionConfig(method="aligned", support=name), probe=texts())
        .alignments[1]
        .couplings["ffn.0"]
        .plan
        for name in SUPPORTS
    ]
    assert all(np.abs(x - y).max() > 1e-3 for i, x in enumerate(plans) for y in plans[:i])


@pytest.mark.parametrize("name", sorted(ON_PROBE))
def test_a_support_without_anything_to_look_at_is_refused(name):
    with pytest.raises(FedotError, match="looks at activations; give it probe inputs, or token counts"):
        fuse([make(0), make(1)], config=FusionConfig(method="aligned", support=name))
    with pytest.raises(FedotError, match=r"nothing is known of the (activations|gradients) of the neuron group ffn\.0"):
        SUPPORTS[name](*symmetric(make()), "ffn.0", Evidence())


def test_weights_need_neither_a_probe_nor_a_forward_pass():
    def refuse(config, state):
        raise AssertionError("no module is needed")

    problem = prepare([make(0), make(1)], probe=Probe(texts().batches, refuse))
    assert align_evidence(problem, TextSource(problem), 0, Align()) == Evidence()


def test_a_group_whose_reader_never_runs_is_named():
    state, config = make()
    module = load_model(config, state)
    module.layers[1].forward = lambda x, _: x
    with pytest.raises(FedotError, match=r"reads the neuron group ffn\.1 runs"):
        measure(module, texts(), symmetry(config), MATCHED)


def test_a_group_that_no_logit_depends_on_has_no_gradient():
    state, config = make()
    module = load_model(config, state)
    module.layers[1].ffn.down.register_forward_hook(lambda *seen: seen[2].detach())
    found = Evidence(*measure(module, texts(), symmetry(config), MATCHED))
    assert not found.gradients["ffn.1"].any()
    assert found.activations["ffn.1"].any()
    assert found.gradients["ffn.0"].any()


def test_an_unknown_support_names_the_choices():
    with pytest.raises(FedotError, match=r"fusion\.support is 'noise'; choose from weights, unit-weights, activations"):
        FusionConfig(method="aligned", support="noise")
