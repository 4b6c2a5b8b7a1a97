"""Scripts without spaces: their letters are tokens, and every other text is tokenised as it always was."""

import hashlib
import json
import unicodedata
from itertools import product

import pytest

from fedot.tasks import TASKS
from fedot.tokenizer import SPECIAL, UNK, count_words, encode, read_tokenizer, train_tokenizer, vocabulary

KINDS = ("wordpiece", "bpe", "reversible")
SENTENCES = {
    "Chinese": ["今天天气很好,我们去看电影。", "这部电影不好看。", "我今天不去看这部电影", "天气不好"],
    "Japanese": [
        "スーパーマンの映画はとても面白かった。",
        "映画はつまらない",
        "とてもつまらない映画でした",
        "ギターが面白い",
    ],
    "Thai": ["หนังเรื่องนี้ดีมาก", "หนังไม่ดี", "วันนี้อากาศดีมาก", "อากาศไม่ดีวันนี้"],
    "Khmer": ["ភាពយន្តនេះល្អណាស់", "ភាពយន្តមិនល្អ", "ថ្ងៃនេះល្អណាស់", "មិនល្អទេថ្ងៃនេះ"],
    "Burmese and Lao": ["ဒီရုပ်ရှင်ကောင်းတယ်", "ຮູບເງົານີ້ດີຫຼາຍ", "ဒီနေ့မကောင်းဘူး", "ມື້ນີ້ບໍ່ດີ"],
    "mixed": ["我的iPhone手机very good!", "この movie は good", "หนัง film ดี 10/10", "good 电影 and bad 电影"],
}
SPACED = [
    *("The film was not good, but I liked it.", "Elokuva oli hyvä; en pitänyt siitä!"),
    *("Фильм был хороший — мне понравился?", "영화가 정말 좋았다, 좋았다."),
    *("una película «muy» buena… e-mail@x.com 3,50 €", "फ़िल्म अच्छी थी।"),
] * 3
AS_BEFORE = {
    ("wordpiece", "classification", 60): "237ea946291bf86c",
    ("wordpiece", "classification", 400): "2a2ab2e3d26ca796",
    ("wordpiece", "translation", 60): "24a0a2ddb862c963",
    ("wordpiece", "translation", 400): "f3c7dba4433429f3",
    ("bpe", "classification", 60): "f35414ece376408a",
    ("bpe", "classification", 400): "c4c8dda4a31e955f",
    ("bpe", "translation", 60): "8388cac713d60c7b",
    ("bpe", "translation", 400): "57d19d133dd8a366",
    ("reversible", "classification", 60): "2ff56c95465d0833",
    ("reversible", "classification", 400): "efe21f0983336e1d",
    ("reversible", "translation", 60): "99ba5ee1faa22277",
    ("reversible", "translation", 400): "96b5d17febbc0686",
}
"""Digest of vocabulary and ids of `SPACED` before scripts without spaces were split."""


@pytest.mark.parametrize(("kind", "script"), list(product(KINDS, SENTENCES)))
def test_sentences_without_spaces_are_made_of_known_tokens(kind, script):
    texts = SENTENCES[script] * 2
    tokenizer = train_tokenizer(count_words(texts, kind), kind=kind, vocab_size=512)
    rows = encode(tokenizer, texts, 99).ids
    assert not any(tokenizer.token_to_id(UNK) in row for row in rows)
    assert min(len(row) for row in rows) > 3
    assert len({tuple(row) for row in rows}) == len(SENTENCES[script])


@pytest.mark.parametrize("script", SENTENCES)
def test_a_reversible_tokenizer_gives_sentences_without_spaces_back(script):
    texts = SENTENCES[script]
    tokenizer = train_tokenizer(count_words(texts, "reversible"), "reversible", 512, SPECIAL)
    assert [tokenizer.decode(row) for row in encode(tokenizer, texts, 99).ids] == [
        unicodedata.normalize("NFKC", text) for text in texts
    ]


def test_a_sentence_that_nobody_has_seen_is_known_by_its_letters():
    tokenizer = train_tokenizer(count_words(SENTENCES["Chinese"] * 2), vocab_size=512)
    assert tokenizer.encode("我们不看这部好电影").tokens == list("我们不看这部好电影")


@pytest.mark.parametrize(("kind", "task", "size"), AS_BEFORE)
def test_texts_with_spaces_have_the_tokens_that_they_had(kind, task, size):
    tokenizer = train_tokenizer(
        count_words(SPACED, kind), kind=kind, vocab_size=size, special=TASKS[task].special_tokens
    )
    found = [vocabulary(tokenizer), encode(tokenizer, [*SPACED, "unseen words, new жук"], 50).ids]
    assert hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16] == AS_BEFORE[kind, task, size]


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokenizer_saved_before_is_read_and_splits_as_it_did(kind):
    saved = json.loads(train_tokenizer(count_words(SPACED, kind), kind=kind, vocab_size=400).to_str())
    words = saved["pre_tokenizer"]["pretokenizers"]
    former = [each for each in words if each["type"] != "Split"]
    saved["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": former} if kind == "reversible" else former[0]
    read = read_tokenizer(json.dumps(saved))
    assert json.loads(read.to_str())["pre_tokenizer"] == saved["pre_tokenizer"]
    assert read.encode("I liked 今天天气").tokens.count(UNK) <= 4
    assert len(read.pre_tokenizer.pre_tokenize_str("今天天气")) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_frequent_letters_have_tokens_and_no_more_than_they_need(kind):
    letters = [chr(0x4E00 + i) for i in range(1000)]
    counts = {letter: 1000 - i for i, letter in enumerate(letters)}
    per_letter = 2 if kind == "bpe" else 1  # which has it with and without the end of a word
    size = 2 + 1000 * per_letter
    assert train_tokenizer(counts, kind, size).get_vocab_size() == size
    few = train_tokenizer(counts, kind=kind, vocab_size=602).get_vocab()
    assert len(few) == 602
    assert {letter.removesuffix("</w>") for letter in few} >= set(letters[: 600 // per_letter])
