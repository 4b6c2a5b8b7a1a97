import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from fedot.errors import FedotError
from fedot.tasks import TASKS
from fedot.text.outside import DEEPEST, parse_json, printable, told
from fedot.tokenizer import KINDS, _repeat, count_words, read_tokenizer, train_tokenizer


@given(st.text(max_size=2000))
def test_what_is_shown_is_one_line_that_no_terminal_obeys(text):
    shown = printable(text, 100)
    assert len(shown) <= 100
    assert shown.isprintable()
    assert printable(shown, 100) == shown


def test_what_is_shown_is_cut_with_a_mark():
    assert printable("a" * 500) == "a" * 299 + "…"
    assert printable("a" * 300) == "a" * 300
    assert printable("red\x1b[31m\r\nfedot: forged") == "red\ufffd[31m fedot: forged"
    assert printable("a\u202eb") == "a\ufffdb"
    assert printable("\ud800") == "\ufffd"
    assert printable(" " * 5000 + "a").endswith("…")  # nobody looks through megabytes of nothing


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_is_read_as_written(value):
    text = json.dumps(value)
    if _depth(value) <= DEEPEST:
        assert parse_json(text, "it") == value
        assert parse_json(text.encode(), "it") == value


def _depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 100_000, '{"a": 1, "a": 2}', "", "nul", b"\xff", "1" * 5000, '"' + '\\"' * 1000],
    ids=lambda text: repr(text)[:20],
)
def test_json_that_is_not_read_is_told_in_one_line(text):
    with pytest.raises(FedotError, match=r"^it cannot be read: .*$"):
        parse_json(text, "it")


def test_json_has_a_size_and_brackets_in_texts_have_no_depth():
    assert parse_json(json.dumps({"[[[[": '\\"[[['}), "it", deepest=1) == {"[[[[": '\\"[[['}
    with pytest.raises(FedotError, match="101 bytes, and at most 100"):
        parse_json(" " * 101, "it", 100)


def test_a_panic_of_compiled_code_is_an_error_of_one_line_and_ctrl_c_is_not():
    class Panic(BaseException):
        pass

    with pytest.raises(FedotError, match=r"^it cannot be read \(Panic\)$"), told("it cannot be read"):
        raise Panic("with a secret")
    with pytest.raises(KeyboardInterrupt), told("it cannot be read"):
        raise KeyboardInterrupt


TEXTS = ["The film was good.", "The film was bad, and long.", "Elokuva oli hyvä."] * 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", ["classification", "translation"])
def test_a_tokenizer_of_our_own_is_read_as_it_is(kind, task):
    own = train_tokenizer(count_words(TEXTS, kind), kind=kind, vocab_size=80, special=TASKS[task].special_tokens)
    assert read_tokenizer(own.to_str()).to_str() == own.to_str()


def _changed(change):
    settings = json.loads(train_tokenizer(count_words(TEXTS), vocab_size=80).to_str())
    return json.dumps(change(settings) or settings)


def _padding(length):
    return {
        "strategy": {"Fixed": length},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }


FOREIGN = {
    "padding": lambda t: t.update(padding=_padding(2**31)),
    "truncation": lambda t: t.update(truncation={"max_length": 0}),
    "blow-up": lambda t: t.update(normalizer={"type": "Replace", "pattern": {"Regex": "."}, "content": "ab " * 10**5}),
    "regex": lambda t: t.update(normalizer={"type": "Replace", "pattern": {"Regex": "(a|aa)+$"}, "content": ""}),
    "precompiled": lambda t: t.update(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
    "fixed length 0": lambda t: t.update(pre_tokenizer={"type": "FixedLength", "length": 0}),
    "no pre-tokenizer": lambda t: t.update(pre_tokenizer=None),
    "post-processor": lambda t: t.update(post_processor={"type": "TemplateProcessing"}),
    "added token": lambda t: t["added_tokens"].append({"id": 0, "content": "x"}),
    "unknown": lambda t: t["model"].update(unk_token="[NOPE]"),
    "longest word": lambda t: t["model"].update(max_input_chars_per_word=10**9),
    "prefix": lambda t: t["model"].update(continuing_subword_prefix=""),
    "far id": lambda t: t["model"]["vocab"].update(film=10**6),
    "same id": lambda t: t["model"]["vocab"].update(film=5),
    "text id": lambda t: t["model"]["vocab"].update(film="5"),
    "bool id": lambda t: t["model"]["vocab"].update({"[UNK]": True}),
    "empty token": lambda t: t["model"]["vocab"].update({"": len(t["model"]["vocab"])}),
    "long token": lambda t: t["model"]["vocab"].update({"a" * 1000: len(t["model"]["vocab"])}),
    "half a letter": lambda t: t["model"]["vocab"].update({"\ud800": len(t["model"]["vocab"])}),
    "no [UNK]": lambda t: t["model"]["vocab"].update({"[UNK]": 2}),
    "vocabulary of lists": lambda t: t["model"].update(vocab=[["a", 0.0]]),
    "merges": lambda t: t["model"].update(merges=[["fi", "lm"]] * 10**4),
    "a list": lambda t: [t],
    "a number": lambda _: 5,
}


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN)
def test_no_other_tokenizer_is_read(change):
    with pytest.raises(FedotError, match=r"^a tokenizer .*$"):
        read_tokenizer(_changed(change))


def test_a_merge_of_no_token_is_refused():
    own = json.loads(train_tokenizer(count_words(TEXTS, "bpe"), kind="bpe", vocab_size=80).to_str())
    own["model"]["merges"].append(["never", "there"])
    with pytest.raises(FedotError, match="merges what is no token"):
        read_tokenizer(json.dumps(own))
    assert read_tokenizer(Tokenizer.to_str(train_tokenizer({"ab": 2}, kind="bpe"))).encode("ab").tokens
    with pytest.raises(FedotError, match="other settings"):
        read_tokenizer(Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1}, "[UNK]")).to_str())


def test_a_vocabulary_is_no_larger_than_asked_for_however_many_letters_there_are():
    counts = {chr(0x4E00 + k): 4_000 - k for k in range(4_000)}
    tokens = train_tokenizer(counts, vocab_size=600).get_vocab()
    assert 250 < len(tokens) <= 600
    assert chr(0x4E00) in tokens  # the frequent ones stay
    assert chr(0x4E00 + 3_999) not in tokens


def test_what_a_client_says_it_counted_costs_no_more_than_its_size():
    counts = {"film": 10**18, "good": 10**17, "rare": 1}
    written = Counter(word for line in _repeat(counts, most=1100) for word in line.split())
    assert written == pytest.approx({"film": 1000, "good": 100, "rare": 1}, abs=1)
    assert Counter(" ".join(_repeat({"film": 3, "good": 2})).split()) == {"film": 3, "good": 2}
