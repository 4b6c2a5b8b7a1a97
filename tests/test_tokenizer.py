import pytest

from fedot.errors import FedotError
from fedot.scenario import TokenizerSpec
from fedot.tokenizer import PAD, UNK, count_words, encode, pack_words, train_tokenizer, unpack_words, vocabulary

TEXTS = ["The film was not good, but I liked it.", "the film was bad; I hated it!", "a good film, a good day"] * 3


@pytest.mark.parametrize("kind", ["wordpiece", "bpe"])
def test_the_same_counts_give_the_same_tokenizer(kind):
    counts = count_words(TEXTS)
    spec = TokenizerSpec(kind=kind, vocab_size=80)
    first = train_tokenizer(counts, spec)
    second = train_tokenizer(dict(reversed(counts.items())), spec)
    assert first.to_str() == second.to_str()
    words = vocabulary(first)
    assert words[:2] == (PAD, UNK)
    assert len(set(words)) == len(words) == first.get_vocab_size()


def test_encoding_truncates_counts_and_never_is_empty():
    tokenizer = train_tokenizer(count_words(TEXTS), TokenizerSpec(vocab_size=80))
    encoded = encode(tokenizer, [TEXTS[0], "", "good"], 3)
    assert [len(row) for row in encoded.ids] == [3, 1, 1]
    assert encoded.truncated == 1
    assert all(token != 0 for row in encoded.ids for token in row)


def test_rare_words_do_not_travel():
    counts = count_words(["one two two", "three three three"])
    assert unpack_words(pack_words(counts)) == {"two": 2, "three": 3}
    with pytest.raises(FedotError, match="cannot be read"):
        unpack_words(b"no")
    with pytest.raises(FedotError, match="not a single word"):
        train_tokenizer({}, TokenizerSpec())
