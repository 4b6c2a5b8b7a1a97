"""A refit classifier says what its parents say, and where they agree nothing is changed."""

from dataclasses import replace

import pytest
import torch
from fedot.fusion.methods.auto import settle

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.problem.ensemble import gated_ensemble
from fedot.fusion.problem.prepare import prepare
from fedot.fusion.refine.classifier import refit_outputs, refittable
from fedot.models import build_model, canonical_config, load_model, model_config, state_of
from tests.fusion.small import BASE, VOCAB, copy_of, counts, make, run

SETTINGS = [{}, {"activation": "swiglu"}, {"positions": "rotary"}, {"norm_position": "post", "norm": "layer"}]
REFIT = FusionConfig(method="aligned", refit=True, probe_texts=64)
PLAIN = replace(REFIT, refit=False)


def said(state, config):
    """Log-probabilities on some texts."""
    return run({name: tensor.float() for name, tensor in state.items()}, config).log_softmax(-1)


def decoder():
    config = model_config({"name": "decoder", **BASE}, VOCAB, 0)
    return state_of(build_model(config, 0)), config


@pytest.mark.parametrize("settings", SETTINGS)
def test_what_copies_of_one_model_say_is_not_changed(settings):
    model = make(0, **settings)
    twin, _ = copy_of(model, seed=3)
    result = fuse([model, twin], token_counts=counts(0, 2), config=REFIT)
    torch.testing.assert_close(said(result.state, result.config), said(*model), rtol=0, atol=1e-4)


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_lost_threshold_is_found_again(settings):
    state, config = make(0, **settings)
    problem = prepare([(state, config), copy_of((state, config))[0]], token_counts=counts(0, 2))
    lost = {**state, "classifier.bias": state["classifier.bias"] + torch.tensor([4.0, 0.0, -2.0])}
    assert (said(lost, config) - said(state, config)).abs().max() > 2
    found = refit_outputs(lost, config, problem, 64)
    torch.testing.assert_close(said(found, config), said(state, config), rtol=0, atol=1e-4)
    assert {name for name in state if not torch.equal(found[name], lost[name])} <= {
        "classifier.weight",
        "classifier.bias",
    }


def test_an_average_comes_closer_to_what_its_parents_say():
    models, seen = [make(0), make(1)], counts(0, 2)
    problem = prepare(models, token_counts=seen)
    texts = problem.probe_or_drawn(200, seed=77)  # others than those that the classifier is fitted on
    teacher = gated_ensemble(problem)

    def divergence(config):
        result = fuse(models, token_counts=seen, config=config)
        model, total = load_model(result.config, result.state), 0.0
        with torch.no_grad():
            for batch in texts.batches:
                goal = teacher(*batch).log_softmax(-1)
                total += float((goal.exp() * (goal - model(*batch).log_softmax(-1))).sum())
        return total

    assert divergence(REFIT) < 0.9 * divergence(PLAIN)


def test_no_symmetry_of_a_parent_changes_what_comes_out():
    models, seen = [make(0), make(1)], counts(0, 2)
    turned = [models[0], copy_of(models[1], seed=5)[0]]
    one, two = (fuse(each, token_counts=seen, config=REFIT) for each in (models, turned))
    torch.testing.assert_close(said(one.state, one.config), said(two.state, two.config), rtol=0, atol=1e-3)


def test_texts_are_drawn_for_those_who_have_a_vote():
    seen = counts(0, 3)
    for weights, sources in (([1, 1, 0], [0, 1]), ([0, 1, 1], [1, 2]), ([1, 1, 1], [0, 1, 2])):
        problem = prepare([make(k) for k in range(3)], weights=weights, token_counts=seen)
        assert problem.sources() == sources
    silent = [seen[0], torch.zeros_like(seen[0])]
    assert prepare([make(0), make(1)], weights=[0, 1], token_counts=silent).sources() == [0]


@pytest.mark.parametrize(("made", "seen"), [(make, None), (decoder, None), (decoder, counts(0, 2))])
def test_models_without_classes_or_counts_are_refused(made, seen):
    models = [made(), made()]
    assert not refittable([config for _, config in models], seen or ())
    with pytest.raises(FedotError, match=r"refit fits the classifier.*no classes or no counts"):
        fuse(models, token_counts=seen, config=REFIT)


def test_who_has_counted_nothing_cannot_be_fitted_to():
    silent = [counts(0)[0], torch.zeros(VOCAB, dtype=torch.int64)]
    assert not refittable([make(0)[1]] * 2, silent)
    with pytest.raises(FedotError, match="refit fits the classifier"):
        fuse([make(0), make(1)], token_counts=silent, config=REFIT)


def test_a_reduction_fits_its_classifier_anyway():
    with pytest.raises(FedotError, match="merged fits its classifier anyway"):
        FusionConfig(method="merged", refit=True)


@pytest.mark.parametrize(
    ("weights", "given", "large", "settled"),
    [
        ([1, 1], counts(0, 2), False, ("merged", False)),
        ([0, 1], counts(0, 2), False, ("aligned", False)),  # the anchor is the model that the other comes from
        ([1, 1], None, False, ("aligned", False)),
    ],
)
def test_the_automatic_method_fits_the_classifier_of_what_it_averages(weights, given, large, settled):
    problem = prepare([make(0), make(1)], weights=weights, token_counts=given)
    chosen = settle(problem, FusionConfig(), probed=False, large=large)
    assert (chosen.method, chosen.refit) == settled
    named = settle(problem, FusionConfig(method="vanilla"), probed=False, large=large)
    assert named == FusionConfig(method="vanilla")


@pytest.mark.parametrize(("large", "silent", "fitted"), [(False, 0, True), (True, 0, False), (False, 1, False)])
def test_it_does_so_for_models_that_start_apart_where_they_can_be_run(large, silent, fitted):
    models = [make(k, norm_position="post", norm="layer") for k in (0, 1)]  # which cannot be reduced
    seen = [*counts(0, 2 - silent), *[torch.zeros(VOCAB)] * silent]
    chosen = settle(prepare(models, token_counts=seen), FusionConfig(), probed=False, large=large)
    assert (chosen.method, chosen.refit) == ("aligned", fitted)


def test_who_wants_an_alignment_from_the_automatic_method_gets_its_classifier_fitted():
    models, seen = [make(0), make(1)], counts(0, 2)
    for options in ({"circuits": False}, {"refit": True}):
        auto = fuse(models, token_counts=seen, config=FusionConfig(probe_texts=64, **options)).state
        named = fuse(models, token_counts=seen, config=replace(REFIT, **options)).state
        assert all(torch.equal(auto[name], named[name]) for name in named)


def test_a_plain_mean_can_be_fitted_too():
    models, seen = [make(0), make(1)], counts(0, 2)
    plain, fitted = (
        fuse(models, token_counts=seen, config=FusionConfig(method="vanilla", refit=refit)) for refit in (False, True)
    )
    assert fitted.config == plain.config == canonical_config(models[0][1])
    changed = {name for name in plain.state if not torch.equal(plain.state[name], fitted.state[name])}
    assert changed == {"classifier.weight", "classifier.bias"}
