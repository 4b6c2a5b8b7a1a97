from itertools import product

import pytest
import torch

from fedot.models import build_model, model_config
from fedot.tokenizer import Encoded
from fedot.translation.search import beam_search, penalty
from fedot.translation.translator import Translator

FIRST, LAST, BANNED, VOCAB = 2, 3, (0, 1), 7
LETTERS = [token for token in range(VOCAB) if token not in (FIRST, LAST, *BANNED)]
SOURCES = Encoded([[4, 5], [6], [5, 6, 4], [4, 6, 6]], 0)


def translator(*seeds, longest=4, scale=4.0):
    """Small models with decided opinions."""
    shape = {"name": "seq2seq", "d_model": 8, "n_layer": 1, "n_head": 2, "d_ff": 8, "max_length": longest}
    config = model_config(shape, VOCAB, 0)
    states = [{name: scale * t for name, t in build_model(config, seed).state_dict().items()} for seed in seeds]
    return Translator.of([(config, state) for state in states], [1 / len(seeds)] * len(seeds))


@torch.no_grad()
def log_probabilities(model, source, rows):
    """Of sequences of one length (N, T), from one pass with the right tokens given."""
    ids = torch.tensor(rows)
    read = torch.cat([torch.full((len(ids), 1), FIRST), ids[:, :-1]], 1)
    each = [m(torch.tensor([source] * len(ids)), read).double().softmax(-1) for m in model.models]
    mixed = sum(share * p for share, p in zip(model.shares, each, strict=True)).log()
    return mixed.gather(2, ids[:, :, None])[:, :, 0].sum(1)


def best_of_all(model, source, exponent):
    """Score every sequence that there is."""
    best, record = [], -torch.inf
    for n in range(model.longest):
        ends = [LAST, *LETTERS] if n == model.longest - 1 else [LAST]
        rows = [[*ids, end] for ids in product(LETTERS, repeat=n) for end in ends]
        scores = log_probabilities(model, source, rows) / penalty(n + 1, exponent)
        if scores.max() > record:
            best, record = rows[int(scores.argmax())], scores.max()
    return best[:-1] if best[-1] == LAST else best


@pytest.mark.parametrize("seeds", [(0,), (1,), (2, 3)])
@pytest.mark.parametrize("exponent", [0.0, 0.6, 2.0])
def test_a_beam_without_limit_finds_the_best_sequence_of_all(seeds, exponent):
    model = translator(*seeds, longest=3)
    found = model.translate(SOURCES, beam=27, length_penalty=exponent)
    assert found == [best_of_all(model, source, exponent) for source in SOURCES.ids]


@pytest.mark.parametrize("seeds", [(0,), (3,), (4,), (2, 3)])
def test_a_beam_of_one_is_greedy(seeds):
    model = translator(*seeds, longest=7)
    greedy = []
    for source in SOURCES.ids:
        ids = []
        while len(ids) < model.longest:
            logs = log_probabilities(model, source, [[*ids, token] for token in [LAST, *LETTERS]])
            if int(logs.argmax()) == 0:
                break
            ids.append(LETTERS[int(logs.argmax()) - 1])
        greedy.append(ids)
    assert model.translate(SOURCES, beam=1) == greedy
    assert len({tuple(ids) for ids in greedy}) > 1


def test_a_wider_beam_finds_what_greedy_misses():
    # 4 looks best, but whatever follows it is unlikely; 5 is followed by the end for sure
    table = {(): {4: 0.6, 5: 0.4}, (4,): {4: 0.3, 5: 0.3, LAST: 0.4}, (5,): {LAST: 1.0}}

    def step(prefixes, texts):
        rows = torch.zeros(len(prefixes), VOCAB)
        for row, prefix in zip(rows, prefixes.tolist(), strict=True):
            for token, p in table.get(tuple(prefix[1:]), {LAST: 1.0}).items():
                row[token] = p
        return rows.log()

    options = {"first": FIRST, "last": LAST, "max_length": 5, "length_penalty": 0.0}
    assert beam_search(step, 2, beam=1, **options) == [[4], [4]]
    assert beam_search(step, 2, beam=2, **options) == [[5], [5]]


def test_the_order_and_size_of_batches_change_nothing():
    model = translator(0, longest=6)
    together = model.translate(SOURCES, beam=3)
    turned = model.translate(Encoded(SOURCES.ids[::-1], 0), beam=3, batch_size=2)
    assert together == turned[::-1]
    assert together == [model.translate(Encoded([ids], 0), beam=3)[0] for ids in SOURCES.ids]


@pytest.mark.parametrize("beam", [1, 3])
def test_nothing_is_longer_than_asked_for_and_nothing_banned_is_said(beam):
    for seed in range(4):
        model = translator(seed, longest=5)
        for ids in model.translate(SOURCES, beam=beam):
            assert len(ids) <= 5
            assert set(ids) <= set(LETTERS)
