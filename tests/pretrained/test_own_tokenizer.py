"""The tokenizer of a checkpoint inside fedot: 0 is padding, and all else is as in the folder."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer, processors

from fedot.hf.checkpoint import open_checkpoint
from fedot.hf.checkpoint_spec import CheckpointSpec
from fedot.hf.checkpoint_tokenizer import with_padding_first
from fedot.tokenizer import encode
from tests.pretrained.tiny import KINDS, byte_pairs, pieces, sentences, tokenizer_of, word_piece

TEXTS = [text for text, _ in sentences(9, 1)] + ["", "zebra", "the  film ,\tunheard-of", "ünï"]


def processed(tokenizer: Tokenizer, processor: object) -> Tokenizer:
    tokenizer.post_processor = processor
    return tokenizer


MADE: dict[str, tuple[Callable[[], Tokenizer], int]] = {  # name: (tokenizer, number of what pads)
    "wordpiece, template": (word_piece, 7),
    "wordpiece, bert": (
        lambda: processed(word_piece(), processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))),
        3,
    ),
    "bpe, roberta": (lambda: byte_pairs(True), 1),
    "bpe, none": (lambda: byte_pairs(False), 20),
    "unigram, template": (pieces, 1),
    "unigram, the unknown changes places": (pieces, 3),
}


@pytest.mark.parametrize("name", MADE)
def test_two_numbers_change_places_and_nothing_else(name: str) -> None:
    make, pad = MADE[name]
    own, other = make(), {0: pad, pad: 0}
    first = Tokenizer.from_str(with_padding_first(own.to_str(), pad))
    for text in TEXTS:
        wanted = own.encode(text)
        got = first.encode(text)
        assert got.ids == [other.get(number, number) for number in wanted.ids], text
        assert (got.tokens, got.special_tokens_mask) == (wanted.tokens, wanted.special_tokens_mask)
    assert first.get_vocab() == {token: other.get(number, number) for token, number in own.get_vocab().items()}
    pair = own.encode("the film", "was fine").ids
    assert first.encode("the film", "was fine").ids == [other.get(number, number) for number in pair]


@pytest.mark.parametrize("name", MADE)
def test_twice_is_not_at_all(name: str) -> None:
    make, pad = MADE[name]
    text = make().to_str()
    back = Tokenizer.from_str(with_padding_first(with_padding_first(text, pad), pad))
    assert [back.encode(each).ids for each in TEXTS] == [make().encode(each).ids for each in TEXTS]


@pytest.mark.parametrize("kind", KINDS)
def test_added_tokens_keep_their_texts(kind: str, checkpoints: Callable[[str], Path]) -> None:
    folder = checkpoints(kind)
    found = open_checkpoint(CheckpointSpec(str(folder)), (), hub=False)
    config, theirs = found.config(CheckpointSpec(str(folder)), "classification", 2), tokenizer_of(kind)
    pad = theirs.pad_token_id if theirs.pad_token_id is not None else theirs.eos_token_id
    own, other = found.tokenizer("classification"), {0: pad, pad: 0}
    assert config.pad == pad
    for text in TEXTS:
        wanted = [other.get(number, number) for number in theirs(text)["input_ids"]]
        assert own.encode(text).ids == wanted, text
    unknown = theirs.unk_token_id
    assert config.unknown == (-1 if unknown is None or kind == "roberta" else other.get(unknown, unknown))


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_that_is_cut_ends_as_all_do(kind: str, checkpoints: Callable[[str], Path]) -> None:
    own = open_checkpoint(CheckpointSpec(str(checkpoints(kind))), (), hub=False).tokenizer("classification")
    text = "the play was a fine film and we saw it"
    [whole], [cut] = encode(own, [text], 99).ids, encode(own, [text], 6).ids
    assert len(cut) == 6
    assert len(whole) > 6
    assert cut[:5] == whole[:5]
    assert cut[5] == (whole[5] if kind == "gpt2" else whole[-1])


def test_a_file_that_was_changed_is_read_again(tmp_path: Path) -> None:
    tokenizer_of("bert").save_pretrained(tmp_path)
    from tests.pretrained.tiny import save

    save("bert", tmp_path)
    spec = CheckpointSpec(str(tmp_path), max_length=8)
    before = open_checkpoint(spec, (), hub=False)
    config = before.config(spec, "classification", 2)
    old = before.start(config, 0)
    save("bert", tmp_path, seed=1)
    new = open_checkpoint(spec, (), hub=False).start(config, 0)
    assert any(not old[name].equal(tensor) for name, tensor in new.items())
    text = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    assert text["model"]["vocab"]["[PAD]"] == 0
