"""Two folders whose weights do not mean the same: classes, special tokens, rules of the tokenizer, modules."""

import json

import pytest

from fedot.errors import FedotError
from fedot.hf import fuse_folders, load_folder
from fedot.hf.alike import check_alike
from tests.hf.models import folder_of
from tests.hf.test_bad_folders import edit
from tests.hf.test_vocabulary import write

WORDS = "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{i}" for i in range(36))])
TURNED = "\n".join(reversed(WORDS.split("\n")))


@pytest.fixture
def pair(tmp_path):
    """Make two folders of one variant."""

    def make(name="bert", **settings):
        return [folder_of(name, tmp_path / f"{name}-{seed}", seed, **settings) for seed in (0, 1)]

    return make


def said(folders):
    """What two folders are refused for, which does not hang on their order; empty where they are not."""
    models, words = [load_folder(folder) for folder in folders], []
    for each in (models, models[::-1]):
        try:
            check_alike(each)
            words.append("")
        except FedotError as error:
            words.append(str(error))
    assert bool(words[0]) == bool(words[1])
    assert all("\n" not in each for each in words)
    return words[0]


def test_two_and_three_classes_are_no_three(pair):
    """The library leaves out the names of two classes, and of as many as `num_labels` says."""
    first, second = pair()
    two = folder_of("bert", second.parent / "two", 2, num_labels=2)
    assert "id2label" not in json.loads((two / "config.json").read_text())
    assert "has the classes LABEL_0, LABEL_1, LABEL_2, but" in said([two, first])
    assert not said([first, second])
    named = edit(second, id2label={"0": "bad", "1": "good", "2": "so-so"})
    assert "bad, good, so-so" in said([first, named])
    turned = edit(first, id2label={"0": "good", "1": "bad", "2": "so-so"})
    assert "write one id2label into both" in said([turned, named])
    assert not said([edit(first, id2label={"2": "so-so", "1": "good", "0": "bad"}), named])


@pytest.mark.parametrize("name", ["gpt2-class", "distilbert", "roberta", "vit", "bert-tokens", "gpt2-tokens"])
def test_every_classifier_is_asked_for_its_classes(name, pair):
    first, second = pair(name)
    count = len(load_folder(first).labels["class"])
    names = {str(i): f"class {i}" for i in range(count)}
    edit(first, id2label=names), edit(second, id2label=names | {"0": "class 1", "1": "class 0"})
    assert "has the classes class 1, class 0" in said([first, second])


def test_labels_of_no_classifier_do_not_matter(pair):
    for name in ("bert-span", "bert-words", "gpt2", "t5"):
        first, second = pair(name)
        edit(second, id2label={"0": "x", "1": "y"})
        assert not said([first, second])


def test_what_logits_are_read_as_has_to_agree(pair):
    first, second = pair()
    assert not said([first, edit(second, problem_type="single_label_classification")])
    assert "problem_type multi_label_classification" in said(
        [first, edit(second, problem_type="multi_label_classification")]
    )
    assert not said([edit(first, problem_type="multi_label_classification"), second])


def test_padding_is_compared_by_token_where_a_class_reads_it(pair):
    first, second = pair("gpt2-class", pad_token_id=3)
    for folder, words in ((first, WORDS), (second, TURNED)):
        write(folder, vocab__txt=words)
    assert "pad_token_id 3" in said([first, second])  # [SEP] in the one, w35 in the other
    assert not said([first, edit(second, pad_token_id=36)])
    assert not said([edit(each, pad_token_id=None) for each in (first, second)])
    assert "pad_token_id null" in said([edit(first, pad_token_id=3), second])


def test_padding_that_gives_the_first_position_is_compared_by_number_too(pair):
    first, second = pair("roberta", pad_token_id=3)
    write(first, vocab__txt=WORDS), write(second, vocab__txt=TURNED)
    edit(second, pad_token_id=36)
    assert "pad_token_id 36" in said([first, second])


@pytest.mark.parametrize("name", ["roberta", "t5", "gpt2-class", "bert"])
def test_padding_goes_by_number_where_only_one_folder_has_a_tokenizer(name, pair):
    first, second = pair(name)
    write(first, vocab__txt=WORDS)
    assert not said([first, second])
    assert "pad_token_id 5" in said([first, edit(second, pad_token_id=5)])


def test_a_model_that_never_reads_its_padding_may_leave_it_out(pair):
    for name in ("gpt2", "bert"):
        first, second = pair(name)
        assert "pad_token_id 5" in said([first, edit(second, pad_token_id=5)])
        values = json.loads((second / "config.json").read_text()) | {"pad_token_id": None}
        (second / "config.json").write_text(json.dumps(values))
        assert not said([first, second])


@pytest.mark.parametrize("anchor", [0, 1])
def test_the_numbers_of_special_tokens_are_those_of_the_tokenizer_that_is_kept(anchor, pair, tmp_path):
    first, second = pair("bert", pad_token_id=0)
    write(first, vocab__txt=WORDS), write(second, vocab__txt=TURNED)
    edit(first, eos_token_id=3, bos_token_id=None), edit(second, pad_token_id=39, eos_token_id=36, sep_token_id=7)
    fuse_folders([first, second], tmp_path / "out", anchor=anchor)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert {key: value for key, value in config.items() if key.endswith("_token_id")} == {
        "pad_token_id": 0,
        "eos_token_id": 3,
    }


LOWER, CASED = ({"type": "BertNormalizer", "lowercase": each, "handle_chinese_chars": True} for each in (True, False))
TABLE = {"[PAD]": 0, "the": 1}


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        ({}, {"do_lower_case": False}, "do_lower_case False"),
        ({"do_lower_case": True}, {"do_lower_case": False}, "do_lower_case False"),
        ({}, {"do_lower_case": True}, ""),
        ({}, {"strip_accents": False}, "strip_accents False"),
        ({}, {"tokenize_chinese_chars": False}, "tokenize_chinese_chars False"),
        ({"pad_token": "[PAD]"}, {"pad_token": "[UNK]"}, "pad_token '[UNK]'"),
        ({"pad_token": "[PAD]"}, {"pad_token": {"content": "[PAD]", "lstrip": False}}, ""),
        ({"pad_token": "[PAD]"}, {}, ""),
        ({}, {"model_max_length": 7, "padding_side": "left", "tokenizer_class": "BertTokenizerFast"}, ""),
    ],
)
def test_rules_of_a_tokenizer_have_to_agree(ours, theirs, message, pair):
    folders = pair()
    for folder, config in zip(folders, (ours, theirs), strict=True):
        write(folder, vocab__txt=WORDS, tokenizer_config__json=config)
    found = said(folders)
    assert (message in found) if message else not found


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        (LOWER, CASED, "do_lower_case False"),
        (LOWER, LOWER, ""),
        ({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]}, None, "do_lower_case False"),
        ({"type": "Sequence", "normalizers": [LOWER]}, LOWER, ""),
        (
            {"type": "Precompiled", "precompiled_charsmap": "AA=="},
            {"type": "Precompiled", "precompiled_charsmap": "AQ=="},
            "the table of its normaliser",
        ),
    ],
)
def test_normalisers_have_to_agree(ours, theirs, message, pair):
    folders = pair()
    for folder, normaliser in zip(folders, (ours, theirs), strict=True):
        write(folder, tokenizer__json={"model": {"type": "WordPiece", "vocab": TABLE}, "normalizer": normaliser})
    found = said(folders)
    assert (message in found) if message else not found


def test_a_space_before_the_first_word_is_a_rule_of_tokenizers_over_bytes(pair):
    first, second = pair("gpt2")
    for folder in (first, second):
        write(folder, vocab__json={"a": 0, "b": 1}, merges__txt="a b\n")
    write(first, tokenizer_config__json={"add_prefix_space": False})
    assert not said([first, second])
    write(second, tokenizer_config__json={"add_prefix_space": True})
    assert "add_prefix_space True" in said([first, second])


def test_two_vocabularies_of_a_translator_have_to_be_the_same(pair):
    first, second = pair("marian-two-vocabularies")
    for folder in (first, second):
        write(folder, vocab__json={"a": 0, "b": 1}, target_vocab__json={"x": 0, "y": 1})
    assert not said([first, second])
    write(second, target_vocab__json={"y": 0, "x": 1})
    assert "different tokens in vocab.target, whose rows go by number" in said([first, second])


def test_models_tied_and_untied_are_refused_by_the_key(tmp_path):
    tied, untied = folder_of("bert-words", tmp_path / "a"), folder_of("bert-words-untied", tmp_path / "b")
    assert "tie_word_embeddings False" in said([tied, untied])
    tied, untied = folder_of("gpt2", tmp_path / "c"), folder_of("gpt2-untied", tmp_path / "d")
    assert not said([tied, untied])


def test_models_of_two_depths_are_refused_by_the_key(tmp_path):
    for name, key in (("bert", "num_hidden_layers"), ("gpt2", "n_layer"), ("t5", "num_decoder_layers")):
        folders = [folder_of(name, tmp_path / f"{name}{depth}", **{key: depth}) for depth in (2, 3)]
        assert f"{key} 3" in said(folders)


@pytest.mark.parametrize(
    ("name", "key"),
    [("bert", "num_attention_heads"), ("gpt2", "n_head"), ("t5", "num_heads"), ("marian", "decoder_attention_heads")],
)
def test_models_with_other_heads_are_fused(name, key, pair, tmp_path):
    first = pair(name)[0]
    second = folder_of(name, tmp_path / "two", 2, **{key: 2})
    for number, folders in enumerate(([first, second], [second, first])):
        fuse_folders(folders, tmp_path / f"out{number}")
        kept = json.loads((tmp_path / f"out{number}" / "config.json").read_text())[key]
        assert kept == (4, 2)[number]


def test_another_name_of_a_key_wins_as_it_does_in_the_library(pair):
    first, second = pair("gpt2")
    assert load_folder(edit(second, num_attention_heads=2)).config["n_head"] == 2
    assert "num_attention_heads" not in load_folder(second).config
    assert "n_layer" not in said([first, second])


def test_inputs_of_images_have_to_be_made_alike(pair):
    first, second = pair("vit")
    for folder in (first, second):
        write(folder, preprocessor_config__json={"image_mean": [0.5], "do_resize": True})
    assert not said([first, second])
    write(second, preprocessor_config__json={"image_mean": [0.4], "do_resize": True, "image_processor_type": "Other"})
    assert "has image_mean [0.4]" in said([first, second])
