import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fedot.errors import FedotError
from fedot.models import build_model, load_model, model_config
from fedot.scenario import TrainSpec
from fedot.tokenizer import BEGIN, END, SPECIAL, count_words, train_tokenizer, vocabulary
from fedot.training import mean_loss, train
from fedot.translation.pairs import decode_ids, encode_pairs
from fedot.translation.special_tokens import FIRST, LAST
from fedot.translation.translator import Translator

SOURCES = ["A man sees a dog.", "Two men, one dog", "the T-shirt is red!", "a man"]
TARGETS = ["Ein Mann sieht einen Hund.", "Zwei Männer, ein Hund", "Das T-Shirt ist rot!", "ein Mann"]


def tokenizer(size=120):
    counts = count_words([*SOURCES, *TARGETS] * 3, "reversible")
    return train_tokenizer(counts, kind="reversible", vocab_size=size, special=SPECIAL)


def config(vocab_size, **changes):
    shape = {"name": "seq2seq", "d_model": 16, "n_layer": 1, "n_head": 2, "d_ff": 32, "max_length": 12, "dropout": 0.0}
    return model_config({**shape, **changes}, vocab_size, 0)


def copies(n, seed):
    """Pairs whose target is the source turned round."""
    rng = np.random.default_rng(seed)
    words = [" ".join(rng.choice(list("abcd"), rng.integers(1, 4))) for _ in range(n)]
    return words, [" ".join(reversed(text.split())) for text in words]


def test_decoding_gives_the_sentence_back():
    words = tokenizer()
    pairs = encode_pairs(words, SOURCES, TARGETS, 50)
    assert decode_ids(words, pairs.source.ids) == SOURCES
    assert decode_ids(words, pairs.target.ids) == TARGETS
    assert vocabulary(words)[FIRST : LAST + 1] == (BEGIN, END)
    assert pairs.truncated == 0


def test_a_target_that_was_cut_has_no_end():
    pairs = encode_pairs(tokenizer(60), SOURCES, TARGETS, 5)
    assert all(row[0] == FIRST and len(row) <= 6 for row in pairs.target.ids)
    assert pairs.truncated == sum(len(row) == 6 and row[-1] != LAST for row in pairs.target.ids) + sum(
        len(tokenizer(60).encode(text).ids) > 5 for text in SOURCES
    )
    assert max(map(len, pairs.source.ids)) == 5


@torch.no_grad()
def test_the_loss_is_that_of_each_token_alone():
    words = tokenizer()
    pairs = encode_pairs(words, SOURCES, TARGETS, 12)
    shape = config(words.get_vocab_size())
    model = load_model(shape, build_model(shape, 0).state_dict())
    total, count = 0.0, 0
    for source, target in zip(pairs.source.ids, pairs.target.ids, strict=True):
        logits = model(torch.tensor([source]), torch.tensor([target[:-1]]))[0]
        total += float(F.cross_entropy(logits, torch.tensor(target[1:]), reduction="sum"))
        count += len(target) - 1
    mean, predictions = pairs.loss(model, np.arange(4), "cpu")
    assert predictions == count
    assert float(mean) == pytest.approx(total / count, rel=1e-5)
    assert mean_loss(model, pairs, batch_size=3) == pytest.approx(total / count, rel=1e-5)
    assert Translator.of([(shape, model.state_dict())]).nll(pairs, 3) == (pytest.approx(total, rel=1e-5), count)
    smoothed, _ = pairs.loss(model, np.arange(4), "cpu", 0.2)
    assert float(smoothed) != pytest.approx(float(mean), rel=1e-4)


def test_tokens_of_both_sides_are_counted():
    words = tokenizer()
    pairs = encode_pairs(words, SOURCES, TARGETS, 50)
    counts = pairs.count_tokens(words.get_vocab_size())
    assert counts[FIRST] == counts[LAST] == 4
    assert counts[0] == 0
    assert counts[words.token_to_id(".")] == 2
    assert counts.sum() == sum(map(len, [*pairs.source.ids, *pairs.target.ids]))


def test_training_learns_to_turn_words_round():
    texts = copies(400, 0)
    words = train_tokenizer(
        count_words([*texts[0], *texts[1]], "reversible"), kind="reversible", vocab_size=32, special=SPECIAL
    )
    shape = config(words.get_vocab_size(), max_length=8, d_model=32)
    training, validation = (encode_pairs(words, *copies(n, seed), 8) for n, seed in ((320, 1), (60, 2)))
    spec = TrainSpec(epochs=14, batch_size=16, lr=1e-2, label_smoothing=0.05, patience=14)
    result = train(shape, None, training, validation, spec, seed=0)
    assert result.best.validation_loss < 0.2
    assert torch.equal(result.token_counts, training.count_tokens(words.get_vocab_size()))
    found = Translator.of([(shape, result.state)]).translate(validation.source, beam=2)
    right = [a == b for a, b in zip(decode_ids(words, found), copies(60, 2)[1], strict=True)]
    assert np.mean(right) > 0.9


def test_a_classifiers_tokenizer_is_refused():
    words = train_tokenizer(count_words(SOURCES * 2), vocab_size=60)
    with pytest.raises(FedotError, match=r"no \[BEGIN\]"):
        encode_pairs(words, SOURCES, TARGETS, 9)


def test_a_classifier_does_not_translate():
    shape = model_config({"name": "encoder", "d_model": 8, "n_layer": 1, "n_head": 2, "d_ff": 8}, 9, 2)
    with pytest.raises(FedotError, match="does not translate"):
        Translator.of([(shape, build_model(shape, 0).state_dict())])
