import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from typer.testing import CliRunner

from fedot.commands.predict import cli
from fedot.data.types import rows_of
from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.fusion.canonical.maps import apply_maps
from fedot.models import build_model, canonical_config, load_model, model_config, state_of, symmetry
from fedot.saved import SavedModel
from fedot.tasks.language_model import LANGUAGE_MODEL, LanguageTally, continue_text, encode_sequences, tally_next
from fedot.tasks.task import Answering, EvaluationRows
from fedot.tokenizer import SPECIAL, count_words, train_tokenizer
from fedot.translation.special_tokens import FIRST, LAST, PADDING, UNKNOWN
from tests.groups import random_symmetry, randomise
from tests.models.variants import VARIANTS
from tests.tasks.small import SIZES, described, world

TEXTS = ["the cat sat on the mat", "the dog sat", "Äiti näki kissan", "the cat saw the dog and the dog saw the cat"]


def tokenizer(texts=TEXTS, size=600):
    return train_tokenizer(count_words(texts, "reversible"), "reversible", size, SPECIAL)


def encoded(texts=TEXTS, longest=40, words=None):
    return encode_sequences([rows_of({"text": texts})], words or tokenizer(), longest)


def uniform(words, longest=40):
    """A decoder that finds every token equally likely."""
    config = model_config({"name": "decoder", **SIZES, "max_length": longest}, words.get_vocab_size(), 0)
    return config, {name: torch.zeros_like(tensor) for name, tensor in state_of(build_model(config, 0)).items()}


def test_texts_begin_and_end_and_the_cut_ones_do_not_end():
    whole, cut = encoded(), encoded(longest=6)
    assert all(row[0] == FIRST and row[-1] == LAST for row in whole.encoded.ids)
    assert whole.truncated == 0
    assert max(map(len, cut.encoded.ids)) == 7
    long = [len(row) > 7 for row in whole.encoded.ids]
    assert cut.truncated == sum(long) > 0
    assert [row[-1] != LAST for row in cut.encoded.ids] == long
    assert [row[: len(other)] for row, other in zip(whole.encoded.ids, cut.encoded.ids, strict=True)] == cut.encoded.ids


def test_bytes_are_those_of_the_text_as_far_as_it_is_scored():
    words = tokenizer()
    assert encoded().num_bytes.tolist() == [len(text.encode()) for text in TEXTS]
    for longest in (1, 2, 3, 5, 8):
        for text, size in zip(TEXTS, encoded(longest=longest, words=words).num_bytes, strict=True):
            found = words.encode(text)
            scored = text if len(found.ids) + 1 <= longest else text[: found.offsets[longest - 1][1]]
            assert size == len(scored.encode())
            assert text.encode()[:size].decode()  # no letter is cut in two
    assert encoded(["  äiti   näki  "]).num_bytes.tolist() == [len("  äiti   näki  ".encode())]


def test_unknown_letters_cost_eight_bits_a_byte():
    words = tokenizer()
    found = encode_sequences([rows_of({"text": ["the жук", "the cat"]})], words, 40)
    assert UNKNOWN in found.encoded.ids[0]
    assert found.unknown_bytes.tolist() == [len("жук".encode()), 0]
    tally = LanguageTally(math.log(2) * 100, 10, 0, 20, 4)
    assert tally.metrics()["bits_per_byte"] == pytest.approx((100 + 8 * 4) / 20)


def test_a_uniform_model_needs_the_logarithm_of_its_vocabulary_a_token():
    words = tokenizer()
    config, state = uniform(words)
    texts = encoded(words=words)
    found = tally_next([load_model(config, state)], [1.0], texts, "cpu")
    tokens, size = sum(len(row) - 1 for row in texts.encoded.ids), sum(len(text.encode()) for text in TEXTS)
    metrics = found.metrics()
    assert found.token_count == tokens
    assert metrics["bits_per_byte"] == pytest.approx(math.log2(words.get_vocab_size()) * tokens / size)
    assert metrics["perplexity"] == pytest.approx(words.get_vocab_size())
    assert metrics["nll"] == pytest.approx(math.log(words.get_vocab_size()))


def test_the_loss_is_torchs_cross_entropy_of_each_next_token():
    texts, words = encoded(), tokenizer()
    config = model_config({"name": "decoder", **SIZES, "max_length": 40}, words.get_vocab_size(), 0)
    model = build_model(config, 3).double().eval()
    rows = np.arange(len(TEXTS))
    loss, count = texts.loss(model, rows, "cpu")
    one_by_one = [
        F.cross_entropy(model(torch.tensor([row[:-1]]))[0], torch.tensor(row[1:]), reduction="sum")
        for row in texts.encoded.ids
    ]
    assert count == sum(len(row) - 1 for row in texts.encoded.ids)
    torch.testing.assert_close(loss * count, torch.stack(one_by_one).sum(), rtol=1e-9, atol=1e-9)
    found = tally_next([model], [1.0], texts, "cpu", batch_size=2)
    assert found.nll_sum == pytest.approx(float(torch.stack(one_by_one).sum().detach()), rel=1e-9)
    right = sum(
        int((model(torch.tensor([row[:-1]]))[0].argmax(-1) == torch.tensor(row[1:])).sum()) for row in texts.encoded.ids
    )
    assert found.right_count == right


def test_perplexity_is_a_finite_number_for_any_loss():
    assert LanguageTally(1e4, 1, 0, 1, 0).metrics()["perplexity"] < 1e150
    assert LanguageTally(math.log(8) * 5, 5, 0, 1, 0).metrics()["perplexity"] == pytest.approx(8)


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name.startswith("decoder")])
def test_a_transformed_model_needs_as_many_bits_a_byte(variant):
    words = tokenizer()
    settings = {"name": "decoder", **SIZES, "max_length": 40, **VARIANTS[variant][1]}
    config = model_config(settings, words.get_vocab_size(), 0)
    state = randomise(state_of(build_model(config, 5)), 5, symmetry(config).ties)
    shape = canonical_config(config)
    canonical = canonicalise({name: tensor.double() for name, tensor in state.items()}, symmetry(config))
    turned = apply_maps(canonical, symmetry(shape), random_symmetry(symmetry(shape), 6))
    texts = encoded(words=words)
    first, before, after = (
        tally_next([load_model(*each).double()], [1.0], texts, "cpu").metrics()["bits_per_byte"]
        for each in ((config, state), (shape, canonical), (shape, turned))
    )
    assert before == pytest.approx(first, rel=1e-5)
    assert after == pytest.approx(before, rel=1e-9)


def test_models_of_different_tokenizers_form_no_ensemble():
    small = world("language-model")
    other = tokenizer()
    state = small.state()
    both = EvaluationItem("probabilities", ((0, 0.5), (1, 0.5)))
    request = EvaluationRequest((state, state), (small.config,) * 2, (None, None), (both,))
    rows = EvaluationRows(lambda _: [small.encode(small.test)] * 2, (small.tokenizer, other), small.test, 1, 0.6, "cpu")
    with pytest.raises(FedotError, match="they form no ensemble"):
        small.task.evaluate(request, rows)


def test_a_classifier_continues_no_text():
    small = world("classification")
    with pytest.raises(FedotError, match=r"model\.name is encoder, which continues no text; choose decoder"):
        LANGUAGE_MODEL.answer(SavedModel(small.config, small.state(), small.tokenizer.to_str()), ["a"], Answering())


def test_a_tokenizer_without_an_end_is_refused():
    plain = train_tokenizer(count_words(TEXTS), vocab_size=80)
    with pytest.raises(FedotError, match="has no \\[BEGIN\\] and \\[END\\]"):
        encoded(words=plain)


class Parrot(torch.nn.Module):
    """Finds after each token another one likeliest, as a table says; the forbidden ones likelier still."""

    def __init__(self, after, vocab):
        super().__init__()
        self.after, self.vocab = after, vocab

    def forward(self, ids):
        logits = torch.zeros(*ids.shape, self.vocab)
        logits[..., [PADDING, UNKNOWN, FIRST]] = 9.0
        for b, row in enumerate(ids.tolist()):
            for t, token in enumerate(row):
                logits[b, t, self.after.get(token, LAST)] = 5.0
        return logits


def test_a_text_is_continued_until_it_ends():
    words = tokenizer()
    ids = words.encode("the dog sat").ids
    parrot = Parrot(dict(pairwise(ids)), words.get_vocab_size())
    said = continue_text(parrot, words, "the", 40, Answering())
    assert "the" + said == "the dog sat"
    assert continue_text(parrot, words, "the dog sat", 40, Answering()) == ""
    forever = Parrot({ids[0]: ids[0]}, words.get_vocab_size())
    short = continue_text(forever, words, "the", 3, Answering(num_tokens=5))
    assert short == " the" * 5  # longer than the model reads, whose last tokens it then is


def test_draws_are_by_the_seed_and_cold_ones_are_the_likeliest():
    small = world("language-model")
    model = SavedModel(small.config, small.state(), small.tokenizer.to_str())

    def said(**how):
        return LANGUAGE_MODEL.answer(model, ["The film"], Answering(num_tokens=8, **how))["continuation"][0]

    assert said(temperature=1.0, seed=1) == said(temperature=1.0, seed=1)
    assert len({said(temperature=1.0, seed=seed) for seed in range(5)}) > 1
    assert said(temperature=1e-4, seed=1) == said()


def test_the_command_continues_a_text(tmp_path):
    small = world("language-model")
    path = tmp_path / "model.safetensors"
    path.write_bytes(SavedModel(small.config, small.state(), small.tokenizer.to_str()).to_bytes())
    done = CliRunner().invoke(cli, [str(path), "The film", "A dog", "--tokens", "4"])
    assert done.exit_code == 0
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[1] for row in rows] == ["The film", "A dog"]
    long = CliRunner().invoke(cli, [str(path), "The film was " * 30, "--tokens", "1"])
    assert "longer than the 14 tokens that the model reads, and only their ends are read: row 1" in long.stderr
    out = tmp_path / "said.csv"
    assert CliRunner().invoke(cli, [str(path), "The film", "--out", str(out)]).exit_code == 0
    assert out.read_text().splitlines()[0] == '"row","text","continuation"'


def test_texts_read_backwards_hold_the_same_tokens():
    texts = encoded(longest=6)
    wrong = texts.made_wrong(0)
    for row, other in zip(texts.encoded.ids, wrong.encoded.ids, strict=True):
        assert sorted(row) == sorted(other)
        assert (other[0], other[-1] == LAST) == (FIRST, row[-1] == LAST)
    assert wrong.made_wrong(0).encoded.ids == texts.encoded.ids


def test_more_right_tokens_or_unknown_bytes_than_there_are_are_refused():
    small = world("language-model")
    request = small.request(small.state())
    [found] = small.evaluate(request)
    for change in (
        {"right_count": found.token_count + 1},
        {"right_count": -1},
        {"unknown_bytes": found.byte_count + 1},
        {"byte_count": 0},
        {"byte_count": 10**12},
        {"token_count": len(small.test) - 1},
    ):
        with pytest.raises(FedotError):
            small.task.check_tally(replace(found, **change), described(small), request)
    with pytest.raises(FedotError, match="cannot be read"):
        small.task.read_tally({**found.to_record(), "byte-count": 3.5}, request)
