"""Texts drawn from token counts: as long as a client's own, their tokens speaking for one class."""

from dataclasses import replace

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.problem.prepare import prepare
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.texts.draw import draw_texts, text_lengths, token_counts_by_class
from fedot.models import load_model
from tests.fusion.small import VOCAB, copy_of, counts, make

HALF = VOCAB // 2


def test_a_text_has_the_tokens_of_one_class():
    by_class = torch.zeros(2, VOCAB)
    by_class[0, :HALF], by_class[1, HALF:] = 1.0, 3.0
    texts = draw_texts(by_class, 2000, (2, 9), 0)
    firsts = [(row[row != 0] < HALF).double() for row in texts]
    assert all(bool((first == first[0]).all()) for first in firsts)
    share = float(torch.stack([first[0] for first in firsts]).mean())
    assert share == pytest.approx((HALF - 1) / (HALF - 1 + 3 * HALF), abs=0.03)  # padding is never drawn


def test_all_texts_together_have_the_frequencies_that_were_counted():
    state, config = make(0)
    given = counts(0)[0].double()
    texts = draw_texts(token_counts_by_class(load_model(config, state), given), 20_000, (2, 9), 0)
    found = torch.bincount(texts[texts != 0], minlength=VOCAB).double()
    torch.testing.assert_close(found / found.sum(), given / given.sum(), atol=2e-3, rtol=0)


def test_lengths_are_uniform():
    lengths = (draw_texts(torch.ones(VOCAB), 20_000, (2, 9), 0) != 0).sum(1)
    assert (int(lengths.min()), int(lengths.max())) == (2, 9)
    torch.testing.assert_close(
        lengths.bincount().double()[2:] / 20_000, torch.full((8,), 1 / 8).double(), atol=0.01, rtol=0
    )


@pytest.mark.parametrize("size", [1, 7, 512])
def test_counts_are_shared_out_by_what_the_model_says_of_each_token(monkeypatch, size):
    monkeypatch.setattr("fedot.fusion.texts.draw.BATCH", size)
    state, config = make(0)
    given = counts(0)[0].double()
    given[[3, 8]] = 0.0
    module = load_model(config, state)
    found = token_counts_by_class(module, given)
    torch.testing.assert_close(found.sum(0), given)
    with torch.no_grad():
        expected = module(torch.tensor([[5]])).softmax(-1)[0] * given[5]
    torch.testing.assert_close(found[:, 5], expected.double(), check_dtype=False)


def test_half_of_the_texts_have_any_tokens_and_half_those_of_a_class():
    given = counts(0)[0].double()
    found = TextSource(prepare([make(0)], token_counts=[given])).tokens_to_draw(0)
    assert torch.equal(found[0], given)
    torch.testing.assert_close(found[1:].sum(0), given, rtol=1e-6, atol=0)
    assert len(found) == 1 + make(0)[1].n_class


def test_no_symmetry_changes_what_is_drawn():
    model = make(0)
    given = [counts(0)[0], counts(0)[0]]
    problem = prepare([model, copy_of(model)[0]], token_counts=given)
    torch.testing.assert_close(
        TextSource(problem).tokens_to_draw(0), TextSource(problem).tokens_to_draw(1), atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([10, 20], ((2, 38), (2, 18))),  # 20 and 10 tokens a text
        ([10, 0], ((2, 38), (2, 38))),  # the second has no examples: as long as all others
        ([4, 3], ((30, 70), (63, 70))),  # 50 and 67 tokens a text, which were cut at 70
        ([100, 400], ((2, 4), (2, 70))),  # means of 2 and 0.5: the latter cannot be
        ([2, 1], ((2, 70), (2, 70))),  # nor can texts be longer than a model reads
        (None, ((2, 70), (2, 70))),
    ],
    ids=["examples", "one without", "cut", "shorter than texts are", "shares", "none"],
)
def test_texts_are_as_long_as_the_clients_own(weights, expected):
    assert text_lengths([torch.full((50,), 4.0), torch.full((50,), 4.0)], weights, [100, 70]) == expected


@pytest.mark.parametrize("mean", [3, 17, 40, 69, 70])
def test_the_mean_length_is_that_of_the_clients_own_texts(mean):
    [(low, high)] = text_lengths([torch.tensor([0.0, 100.0 * mean])], [100], [70])
    assert high <= 70
    assert (low + high) / 2 == pytest.approx(mean, abs=0.5)


def test_texts_to_measure_on_have_64_tokens_at_most():
    problem = prepare([make(0, max_length=90)], token_counts=[torch.full((VOCAB,), 90.0)], weights=[VOCAB])
    assert problem.longest == (64,)
    assert max(batch.shape[1] for (batch,) in TextSource(problem).probe(50).batches) == 64


def test_no_text_is_longer_than_a_model_can_read():
    models = [make(0), make(1, max_length=9)]
    problem = prepare(models, token_counts=counts(0, 2))
    assert problem.longest == (9, 9)
    assert prepare([make(0), make(1)]).longest == ()


def test_a_model_is_asked_once(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "fedot.fusion.problem.text_source.token_counts_by_class",
        lambda *given: asked.append(given) or token_counts_by_class(*given),
    )
    models, given = [make(0), make(1)], counts(0, 2)
    fuse(models, token_counts=given, config=FusionConfig(method="merged", distil_steps=2))
    assert len(asked) == 2
    problem = prepare(models, token_counts=given)
    source = TextSource(problem)
    changed = TextSource(replace(problem, states=problem.states[::-1]))  # another model in its place is asked, too
    assert not torch.equal(changed.tokens_to_draw(0), source.tokens_to_draw(0))
    assert torch.equal(TextSource(problem).tokens_to_draw(0), source.tokens_to_draw(0))


def test_a_client_that_has_not_counted_gives_no_texts():
    models, given = [make(0), make(1)], [counts(0)[0], torch.zeros(VOCAB)]
    problem = prepare(models, token_counts=given)
    assert problem.counted() == [0]
    texts = [each for (batch,) in TextSource(problem).probe(10).batches for each in batch]
    assert len(texts) == 10
    result = fuse(models, token_counts=given, config=FusionConfig(method="merged", distil_steps=2))
    assert all(bool(torch.isfinite(tensor).all()) for tensor in result.state.values())


def test_counts_of_zero_are_none():
    nothing = [torch.zeros(VOCAB)] * 2
    assert prepare([make(0), make(1)], token_counts=nothing).counts == {}
    by_default = fuse([make(0), make(1)], token_counts=nothing)  # there are no texts, so models are aligned
    aligned = fuse([make(0), make(1)], config=FusionConfig(method="aligned"))
    assert all(torch.equal(tensor, aligned.state[name]) for name, tensor in by_default.state.items())
    with pytest.raises(FedotError, match="draws texts from token counts, but none were given"):
        fuse([make(0), make(1)], token_counts=nothing, config=FusionConfig(distil_steps=2))


@pytest.mark.parametrize("scheme", ["one-pass", "universe"])
def test_a_model_is_asked_once_in_a_whole_fusion(scheme, monkeypatch):
    asked = []

    def ask(module, given):
        asked.append(module)
        return token_counts_by_class(module, given)

    monkeypatch.setattr("fedot.fusion.problem.text_source.token_counts_by_class", ask)
    models, given = [make(0), make(1)], [counts(0)[0], counts(1)[0]]
    config = FusionConfig(method="aligned", scheme=scheme, support="activations", probe_texts=16)
    fuse(models, token_counts=given, config=config)
    assert len(asked) == len(models)
