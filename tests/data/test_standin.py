import re
import time

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from fedot.data.corpora import FIVE, POLARITY
from fedot.data.xed import EMOTIONS, LABEL_SETS
from fedot.errors import FedotError
from fedot.standin.sentences import LABEL_NOISE, sentences, stand_in
from fedot.standin.words import LEXICONS, NAMES, Lexicon

SETS = {"polarity": POLARITY, "three-class": LABEL_SETS["three-class"], "five": FIVE}


def _clause_sign(clause: str, words: Lexicon) -> int:
    """Read one clause by the grammar's rules: the polarity word, turned round by a negation."""
    signs = dict.fromkeys(words.good, 1) | dict.fromkeys(words.bad, -1)
    signs |= {form: 1 for pair in words.liked for form in pair}
    signs |= {form: -1 for pair in words.disliked for form in pair}
    found = [signs[word] for word in clause.split() if word in signs]
    if not found:
        return 0
    negations = {*words.negations, *words.verb_negations}
    negated = any(re.search(rf"\b{re.escape(item)}\b", clause) for item in negations)
    return -found[0] if negated else found[0]


def _read(text: str, words: Lexicon) -> int:
    """Decide a whole sentence: after "but", outside "although", else whichever clause has a polarity."""
    text = re.sub(r"[.!]+$", "", text.lower())
    for item in words.said:
        text = text.replace(item, "")
    for opener in words.openers:
        text = text.removeprefix(f"{opener}, ")
    for item in words.but:
        if f"{item.lower()} " in text:
            return _clause_sign(text.split(f"{item.lower()} ", 1)[1], words)
    for item in words.although:
        if text.startswith(f"{item} "):
            return _clause_sign(text.split(", ", 1)[1], words)
        if f", {item} " in text:
            return _clause_sign(text.split(f", {item} ", 1)[0], words)
    clauses = re.split(rf";|, |{re.escape(words.also[0])} ", text)
    return next((sign for sign in (_clause_sign(clause, words) for clause in clauses) if sign), 0)


@pytest.mark.parametrize("language", LEXICONS)
def test_the_label_can_be_read_off_the_structure(language: str) -> None:
    sample = sentences(2000, language, POLARITY, np.random.default_rng(0))
    read = np.array([_read(text, LEXICONS[language]) > 0 for text in sample.texts]).astype(int)
    assert np.mean(read == sample.clean) > 0.96  # the rest are typos inside the deciding word


@pytest.mark.parametrize("language", LEXICONS)
@pytest.mark.parametrize("kind", SETS)
def test_counting_words_beats_chance_but_stays_far_below_the_ceiling(language: str, kind: str) -> None:
    labels = SETS[kind]
    generator = np.random.default_rng(1)
    train = sentences(4000, language, labels, generator)
    test = sentences(2000, language, labels, generator)
    counts = CountVectorizer(token_pattern=r"[\w']+|[^\w\s]")
    model = LogisticRegression(C=0.3, max_iter=200).fit(counts.fit_transform(train.texts), train.labels)
    accuracy = model.score(counts.transform(test.texts), test.labels)
    ceiling = float(np.mean(test.clean == test.labels))
    assert abs(ceiling - (1 - LABEL_NOISE)) < 0.02
    assert 1 / len(labels) + 0.12 < accuracy < 0.82


def test_languages_share_names_only() -> None:
    def vocabulary(language: str) -> set[str]:
        texts = sentences(3000, language, FIVE, np.random.default_rng(2)).texts
        return set(re.findall(r"\w+", " ".join(texts).lower()))

    words = LEXICONS["en"], LEXICONS["fi"]
    own = [
        {word for value in (getattr(lexicon, slot) for slot in lexicon.__slots__) for word in _flat(value)}
        for lexicon in words
    ]
    assert min(len(one) for one in own) > 350
    assert own[0].isdisjoint(own[1])
    names = {name.lower() for name in NAMES}
    assert names <= vocabulary("en") & vocabulary("fi")


def _flat(value: object) -> list[str]:
    if isinstance(value, str):
        return re.findall(r"\w+", value.lower())
    assert isinstance(value, tuple)
    return [word for item in value for word in _flat(item)]


@pytest.mark.parametrize("language", LEXICONS)
def test_no_word_is_both_good_and_bad_or_plain(language: str) -> None:
    words = LEXICONS[language]
    groups = [
        words.good,
        words.bad,
        words.plain,
        *([form for pair in pairs for form in pair] for pairs in (words.liked, words.disliked, words.did)),
    ]
    everything = [word for group in groups for word in set(group)]
    assert len(everything) == len(set(everything))


def test_a_few_words_make_up_most_of_the_text() -> None:
    texts = sentences(4000, "en", POLARITY, np.random.default_rng(3)).texts
    counts = np.sort(np.unique(re.findall(r"\w+", " ".join(texts).lower()), return_counts=True)[1])[::-1]
    assert counts[:40].sum() / counts.sum() > 0.5
    assert np.mean(counts <= 2) > 0.2


def test_it_is_the_same_every_time_and_differs_between_sets() -> None:
    first, again, other = (stand_in(name, "en", POLARITY) for name in ("imdb", "imdb", "sst2"))
    assert first.train["text"] == again.train["text"]
    assert first.test["label"].tolist() == again.test["label"].tolist()
    assert first.train["text"][:100] != other.train["text"][:100]
    assert not set(first.train["text"]) & set(first.test["text"][:])


def test_finnish_is_finnish_and_every_other_language_english() -> None:
    finnish, swedish = (stand_in("xed", lang, POLARITY) for lang in ("fi", "sv"))
    assert sum(" oli " in text or " ei " in text for text in finnish.test["text"][:]) > 1000
    assert sum(" was " in text or " not " in text for text in swedish.test["text"][:]) > 1000
    assert "BUILT-IN STAND-IN DATA, not the real xed-fi" in finnish.notices[0]
    assert "in English" in swedish.notices[0]


def test_emotions_are_refused() -> None:
    with pytest.raises(FedotError, match="no class 'anger'"):
        stand_in("xed", "en", EMOTIONS)


def test_writing_is_fast() -> None:
    started = time.perf_counter()
    sentences(20_000, "fi", FIVE, np.random.default_rng(0))
    assert time.perf_counter() - started < 5
