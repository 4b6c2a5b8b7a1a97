import zlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedot.errors import FedotError
from fedot.text import word_counts
from fedot.text.word_counts import pack_words, unpack_words
from fedot.tokenizer import (
    BEGIN,
    END,
    PAD,
    SPECIAL,
    UNK,
    count_words,
    encode,
    train_tokenizer,
    vocabulary,
)

TEXTS = ["The film was not good, but I liked it.", "the film was bad; I hated it!", "a good film, a good day"] * 3
KINDS = ["wordpiece", "bpe"]


def trained(kind="wordpiece", size=80):
    return train_tokenizer(count_words(TEXTS), kind=kind, vocab_size=size)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_counts_give_the_same_tokenizer(kind):
    counts = count_words(TEXTS)
    first = train_tokenizer(counts, kind, 80)
    for again in (dict(reversed(counts.items())), dict(sorted(counts.items())), Counter(counts)):
        assert train_tokenizer(again, kind, 80).to_str() == first.to_str()


@pytest.mark.parametrize("kind", KINDS)
def test_counts_of_two_clients_add_up_to_the_tokenizer_of_all_texts(kind):
    parts = count_words(TEXTS[:4]) + count_words(TEXTS[4:])
    assert train_tokenizer(parts, kind, 80).to_str() == train_tokenizer(count_words(TEXTS), kind, 80).to_str()


@pytest.mark.parametrize("kind", KINDS)
def test_the_vocabulary_lists_every_token_at_its_id(kind):
    tokenizer = trained(kind)
    words = vocabulary(tokenizer)
    assert words[:2] == (PAD, UNK)
    assert len(set(words)) == len(words) == tokenizer.get_vocab_size() <= 80
    assert all(tokenizer.token_to_id(word) == index for index, word in enumerate(words))


@pytest.mark.parametrize("text", ["The film, a T-Shirt!", "a good  day ", "(was) \u201eGood\u201c?"])
def test_a_reversible_tokenizer_gives_the_text_back(text):
    words = count_words([*TEXTS, text, text], "reversible")
    assert words.keys() >= {"\u2581film", ","}
    for tokenizer in (
        train_tokenizer(words, "reversible", 90),
        train_tokenizer(words, "reversible", 90, SPECIAL),
    ):
        ids = encode(tokenizer, [text], 99).ids[0]
        assert tokenizer.decode(ids) == " ".join(text.split())
    assert vocabulary(tokenizer)[:4] == (PAD, UNK, BEGIN, END)
    again = train_tokenizer(dict(reversed(words.items())), "reversible", 90, SPECIAL)
    assert again.to_str() == tokenizer.to_str()


@pytest.mark.parametrize("kind", KINDS)
def test_a_larger_vocabulary_needs_fewer_tokens(kind):
    lengths = [sum(map(len, encode(trained(kind, size), TEXTS, 99).ids)) for size in (40, 60, 120)]
    assert lengths[0] >= lengths[1] > lengths[2]


@pytest.mark.parametrize("kind", KINDS)
@given(words=st.lists(st.text("adefghilmotw", min_size=1, max_size=8), min_size=1, max_size=5))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_decoding_gives_the_words_back(kind, words):
    tokenizer = trained(kind)
    ids = encode(tokenizer, [" ".join(words)], 200).ids[0]
    again = encode(tokenizer, [tokenizer.decode(ids)], 200).ids[0]
    if tokenizer.token_to_id(UNK) not in ids:
        assert tokenizer.decode(ids) == " ".join(words)
        assert again == ids


def test_words_are_counted_in_one_case_and_apart_from_punctuation():
    assert count_words(["Good, GOOD film!", "ﬁlm"]) == {"good": 2, ",": 1, "film": 2, "!": 1}
    assert count_words([]) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_encoding_truncates_counts_and_never_is_empty(kind):
    tokenizer = trained(kind)
    unknown = tokenizer.token_to_id(UNK)
    whole = encode(tokenizer, [TEXTS[0], "", "good", " \n"], 99)
    assert whole.truncated == 0
    assert len(whole) == 4
    assert whole.ids[1] == whole.ids[3] == [unknown]
    cut = encode(tokenizer, [TEXTS[0], "", "good"], 3)
    assert cut.truncated == 1
    assert cut.ids[0] == whole.ids[0][:3]
    exact = encode(tokenizer, [TEXTS[0]], len(whole.ids[0]))
    assert exact.truncated == 0
    assert encode(tokenizer, [TEXTS[0]], len(whole.ids[0]) - 1).truncated == 1


@pytest.mark.parametrize("kind", KINDS)
def test_letters_nobody_has_seen_are_unknown_and_padding_never_is_read(kind):
    tokenizer = trained(kind)
    ids = encode(tokenizer, ["ж", "good ж", "[PAD] good"], 99).ids
    assert set(ids[0]) == {tokenizer.token_to_id(UNK)}
    assert tokenizer.token_to_id(UNK) in ids[1]
    assert all(token != 0 for row in ids for token in row)


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokenizer_survives_the_wire(kind):
    tokenizer = trained(kind)
    again = type(tokenizer).from_str(tokenizer.to_str())
    assert encode(again, TEXTS, 99) == encode(tokenizer, TEXTS, 99)


def test_rare_words_do_not_travel():
    counts = count_words(["one two two", "three three three"])
    packed = pack_words(counts)
    assert unpack_words(packed) == {"two": 2, "three": 3}
    assert b"one" not in zlib.decompress(packed)
    assert unpack_words(pack_words(counts, 3)) == {"three": 3}
    assert pack_words(dict(reversed(counts.items()))) == packed
    assert unpack_words(pack_words(Counter({"ä€\n": 2}))) == {"ä€\n": 2}


@pytest.mark.parametrize("text", [b"{", b"[1]", b'{"a": "b"}', b"\xff", b'{"a": -5}', b'{"a": 0}', b'{"": 2}', None])
def test_word_counts_that_cannot_be_read_are_told(text):
    packed = zlib.compress(text) if text else b"no"
    with pytest.raises(FedotError, match="cannot be read"):
        unpack_words(packed)


def test_the_most_frequent_words_travel_and_no_more():
    counts = {"a": 2, "d": 5, "c": 3, "b": 3}
    assert unpack_words(pack_words(counts, most=3)) == {"d": 5, "b": 3, "c": 3}
    assert unpack_words(pack_words(counts, most=2)) == {"d": 5, "b": 3}


def test_more_words_than_a_client_sends_are_refused(monkeypatch):
    packed = pack_words({"a": 2, "b": 3, "c": 4})
    monkeypatch.setattr(word_counts, "MOST_WORDS", 2)
    with pytest.raises(FedotError, match="counts 3 words, but at most 2"):
        unpack_words(packed)


def test_a_little_that_unpacks_to_a_lot_is_refused(monkeypatch):
    monkeypatch.setattr(word_counts, "MOST_WORD_BYTES", 2**12)
    packed = zlib.compress(b" " * 2**20)
    assert len(packed) < 2**11
    with pytest.raises(FedotError, match="larger than"):
        unpack_words(packed)


@pytest.mark.parametrize("kind", KINDS)
def test_there_must_be_words(kind):
    with pytest.raises(FedotError, match="not a single word"):
        train_tokenizer({}, kind=kind)
