"""A classifier's constants are set so that its mean prediction over drawn texts is each class's share."""

from dataclasses import replace

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.by_part import large as large_module
from fedot.fusion.problem.prepare import prepare
from fedot.fusion.refine.class_shares import constants, match_shares
from fedot.fusion.texts.draw import draw_texts
from fedot.models import build_model, load_model, model_config, state_of
from tests.fusion.small import BASE, VOCAB, copy_of, counts, make, run

CLASSES = [torch.tensor([10, 20, 70]), torch.tensor([10, 10, 80])]
SHARES = torch.tensor([0.1, 0.15, 0.75], dtype=torch.float64)
PLAIN = FusionConfig(method="aligned")
BIAS = "classifier.bias"


def fused(models, seen, config=PLAIN, **options):
    return fuse(models, token_counts=seen, class_counts=CLASSES, config=config, **options)


def given(result, seen, number=4000):
    """Mean prediction over texts drawn from all counts, other ones than those that it was fitted on."""
    model = load_model(result.config, result.state)
    texts = torch.cat([draw_texts(count, number, (2, 12), 99 + k) for k, count in enumerate(seen)])
    with torch.no_grad():
        return model(texts).double().softmax(-1).mean(0)


@pytest.mark.parametrize("method", ["aligned", "merged", "vanilla", "theus"])
def test_mean_predictions_are_the_classes_shares(method):
    models, seen = [make(0), make(1)], counts(0, 2)
    config = FusionConfig(method=method, probe_texts=1000)
    plain = fuse(models, token_counts=seen, config=config)
    result = fused(models, seen, config)
    assert (given(plain, seen) - SHARES).abs().max() > 0.05
    torch.testing.assert_close(given(result, seen), SHARES, rtol=0, atol=0.03)
    changed = {name for name in plain.state if not torch.equal(plain.state[name], result.state[name])}
    assert changed == {BIAS}


def test_who_does_not_want_shares_gets_none():
    models, seen = [make(0), make(1)], counts(0, 2)
    off = fused(models, seen, replace(PLAIN, class_shares=False))
    assert torch.equal(off.state[BIAS], fuse(models, token_counts=seen, config=PLAIN).state[BIAS])


def test_clients_count_by_their_examples():
    models, seen = [make(0), make(1)], counts(0, 2)
    few = [CLASSES[0], CLASSES[1] * 3]
    result = fuse(
        models, weights=[100, 300], token_counts=seen, class_counts=few, config=replace(PLAIN, probe_texts=1000)
    )
    problem = prepare(models, weights=[100, 300], token_counts=seen, class_counts=few)
    torch.testing.assert_close(problem.class_counts.sum(0), torch.tensor([40, 50, 310], dtype=torch.float64))
    model = load_model(result.config, result.state)
    texts = [draw_texts(count, 1000 * share, (2, 12), 99) for count, share in zip(seen, (1, 3), strict=True)]
    with torch.no_grad():
        mean = model(torch.cat(texts)).double().softmax(-1).mean(0)
    torch.testing.assert_close(mean, torch.tensor([0.1, 0.125, 0.775], dtype=torch.float64), rtol=0, atol=0.03)


def test_texts_are_as_long_as_those_of_the_examples(monkeypatch):
    drawn = []
    place = "fedot.fusion.refine.class_shares.draw_texts"
    monkeypatch.setattr(place, lambda *given: drawn.append(given) or draw_texts(*given))
    seen = [torch.full((VOCAB,), 15.0), torch.full((VOCAB,), 6.0)]  # 100 examples each: 9 tokens a text, and 3.6
    fused([make(0), make(1)], seen)
    assert [length for _, _, length, _ in drawn] == [(6, 12), (2, 5)]


def test_a_lost_threshold_is_found_again():
    state, config = make(0)
    right = match_shares(state, config, counts(0, 2), CLASSES, 200)
    lost = {**state, BIAS: state[BIAS] + torch.tensor([4.0, 0.0, -2.0])}
    found = match_shares(lost, config, counts(0, 2), CLASSES, 200)
    torch.testing.assert_close(
        run(found, config).log_softmax(-1), run(right, config).log_softmax(-1), rtol=0, atol=1e-5
    )


def test_no_symmetry_of_a_parent_changes_what_comes_out():
    models, seen = [make(0), make(1)], counts(0, 2)
    one = fused(models, seen)
    two = fused([models[0], copy_of(models[1], seed=5)[0]], seen)
    torch.testing.assert_close(run(one.state, one.config), run(two.state, two.config), rtol=0, atol=1e-4)


def test_who_has_no_vote_has_no_share_and_no_texts():
    models, seen = [make(0), make(1)], counts(0, 2)
    strange = [*seen, torch.tensor([0] + [1] * (VOCAB - 1))]
    kwargs = {"anchor": 0, "config": PLAIN}
    alone = fuse(models, weights=[1, 1], token_counts=seen, class_counts=CLASSES, **kwargs)
    beside = fuse(
        [*models, make(2)],
        weights=[1, 1, 0],
        token_counts=strange,
        class_counts=[*CLASSES, torch.tensor([9, 0, 0])],
        **kwargs,
    )
    torch.testing.assert_close(alone.state[BIAS], beside.state[BIAS])


def test_a_class_that_nobody_has_is_not_ruled_out_for_good():
    models, seen = [make(0), make(1)], counts(0, 2)
    result = fuse(models, token_counts=seen, class_counts=[torch.tensor([50, 50, 0])] * 2, config=PLAIN)
    assert torch.isfinite(result.state[BIAS]).all()
    mean = given(result, seen)
    assert 0 < mean[2] < 0.02


def test_class_counts_of_nothing_are_equal_shares():
    models, seen = [make(0), make(1)], counts(0, 2)
    config = replace(PLAIN, probe_texts=1000)
    result = fuse(models, token_counts=seen, class_counts=[torch.zeros(3)] * 2, config=config)
    torch.testing.assert_close(given(result, seen), torch.full((3,), 1 / 3, dtype=torch.float64), rtol=0, atol=0.04)


def test_large_models_have_their_constants_set_too(monkeypatch):
    models, seen = [make(0), make(1)], counts(0, 2)
    whole = fused(models, seen)
    monkeypatch.setattr(large_module, "LARGE", 1)
    torch.testing.assert_close(fused(models, seen).state[BIAS], whole.state[BIAS], rtol=1e-4, atol=1e-5)


def test_constants_solve_for_the_shares_where_predictions_are_sure():
    generator = torch.Generator().manual_seed(0)
    logits = 30 * torch.randn(500, 4, generator=generator, dtype=torch.float64)
    shares = torch.tensor([0.97, 0.01, 0.01, 0.01], dtype=torch.float64)
    found = constants(logits, shares)
    torch.testing.assert_close((logits + found).softmax(-1).mean(0), shares, rtol=0, atol=1e-6)
    assert found.mean().abs() < 1e-9


def test_class_counts_that_do_not_fit_are_refused():
    models, seen = [make(0), make(1)], counts(0, 2)
    config = model_config({"name": "decoder", **BASE}, VOCAB, 0)
    writer = (state_of(build_model(config, 0)), config)
    for given_models, token_counts, class_counts, told in (
        (models, seen, [torch.ones(2), torch.ones(3)], r"class counts of model 0 have shape \(2,\)"),
        (models, seen, [torch.ones(3), -torch.ones(3)], "class counts of model 1"),
        (models, seen, CLASSES[:1], "got 1 class counts for 2 models"),
        (models, None, CLASSES, "class counts need token counts"),
        (models, [seen[0], torch.zeros_like(seen[0])], CLASSES, "but model 1 has none"),
        ([writer, writer], seen, CLASSES, "model 0 is no classifier"),
    ):
        with pytest.raises(FedotError, match=told):
            fuse(given_models, token_counts=token_counts, class_counts=class_counts, config=PLAIN)
