"""The built-in stand-in corpus: seeded sentences whose sentiment is made by their structure.

Every clause has a polarity word that a negation may turn round, and of two contrasting clauses one decides:
the one after "but", or the one without "although". So counting words is better than chance and far from
enough. On top come intensifiers (the strength of the five-class labels), neutral clauses, typos and a share
of wrong labels, which is the ceiling of any classifier.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fedot.errors import FedotError
from fedot.standin import MARK, StandIn
from fedot.standin.words import LEXICONS, NAMES, Lexicon

TRAIN_ROWS, TEST_ROWS = 10_000, 2_000
LABEL_NOISE = 0.05
TYPOS = 0.02
NEGATED = 0.25
CONTRAST = 0.35
CONCORD = 0.2

# score of each class name: the sign is the polarity, 2 means intensified
_SCORES = {"very negative": -2, "negative": -1, "neutral": 0, "positive": 1, "very positive": 2}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sample:
    """Generated sentences with the label their structure gives (n,) and the label after noise (n,)."""

    texts: list[str]
    clean: NDArray[np.int64]
    labels: NDArray[np.int64]


def stand_in(name: str, lang: str, labels: tuple[str, ...]) -> StandIn:
    """Write a training and a test set in place of a real data set.

    Finnish for ``lang`` fi, English for everything else. Two data sets get different sentences; the same one
    always gets the same.

    Raises
    ------
    FedotError
        For label sets other than polarity, three-class and five-class sentiment.
    """
    language = lang if lang in LEXICONS else "en"
    digest = hashlib.blake2b(f"{name}/{lang}".encode(), digest_size=8).digest()
    generator = np.random.default_rng(int.from_bytes(digest, "little"))
    test = sentences(TEST_ROWS, language, labels, generator)
    train = sentences(TRAIN_ROWS, language, labels, generator)
    tested = set(test.texts)
    fresh = [i for i, text in enumerate(train.texts) if text not in tested]
    title = f"{name}-{lang}" if name == "xed" else name
    written = "generated" if lang == language else "generated, and in English"
    return StandIn(
        {"text": [train.texts[i] for i in fresh], "label": train.labels[fresh]},
        {"text": test.texts, "label": test.labels},
        (f"{MARK}, not the real {title}: the sentences are {written}, and the scores say nothing about {title}",),
    )


def sentences(count: int, language: str, labels: Sequence[str], generator: np.random.Generator) -> Sample:
    """Generate sentences, all classes alike, and replace a share `LABEL_NOISE` of the labels by another class."""
    unknown = [label for label in labels if label not in _SCORES]
    if unknown:
        raise FedotError(
            f"the built-in stand-in has no class {unknown[0]!r}, only sentiment; "
            "use labels: polarity or three-class, or the real data with --data-dir"
        )
    clean = generator.integers(len(labels), size=count)
    scores = np.array([_SCORES[label] for label in labels])[clean]
    graded = any(abs(_SCORES[label]) == 2 for label in labels)
    writer = _Writer(LEXICONS[language], generator)
    texts = [writer.sentence(int(score), graded) for score in scores]
    wrong = generator.random(count) < LABEL_NOISE
    shifted = (clean + generator.integers(1, len(labels), size=count)) % len(labels)
    return Sample(texts, clean, np.where(wrong, shifted, clean))


class _Writer:
    """Writes sentences of one language; random numbers are drawn in blocks, since one at a time is slow."""

    def __init__(self, lexicon: Lexicon, generator: np.random.Generator) -> None:
        self._words = lexicon
        self._generator = generator
        self._uniform: list[float] = []
        self._cumulative: dict[int, NDArray[np.float64]] = {}
        self._ranks: dict[int, list[int]] = {}

    def sentence(self, score: int, graded: bool) -> str:
        """Write one sentence of a score in -2..2; ungraded sentences have any strength."""
        words = self._words
        if score == 0:
            text = self._neutral()
            if self._chance(0.3):
                text = f"{text}{self._joint()}{self._neutral()}"
        else:
            polarity = 1 if score > 0 else -1
            strong = abs(score) == 2 if graded else self._chance(0.3)
            text = self._clause(polarity, strong, graded)
            kind = self._chance_of(CONTRAST, CONCORD)
            if kind == 0:
                text = self._contrast(text, self._clause(-polarity, self._chance(0.3), False))
            elif kind == 1:
                other = self._neutral() if self._chance(0.4) else self._clause(polarity, strong, graded)
                text = f"{text}{self._joint()}{other}" if self._chance(0.5) else f"{other}{self._joint()}{text}"
        if self._chance(0.12):
            text = f"{self._draw(words.openers)}, {text}"
        text = text[0].upper() + text[1:] + ("!" if self._chance(0.12) else "...", ".")[self._chance(0.8)]
        return self._misspelt(text)

    def _contrast(self, deciding: str, other: str) -> str:
        words = self._words
        if self._chance(0.6):
            return f"{other}{self._draw(words.but)} {deciding}"
        joint = self._draw(words.although)
        return f"{joint} {other}, {deciding}" if self._chance(0.5) else f"{deciding}, {joint} {other}"

    def _clause(self, polarity: int, strong: bool, graded: bool) -> str:
        """Write one clause of the polarity; with a negation the word itself has the opposite one."""
        words = self._words
        negated = self._chance(NEGATED)
        positive = (polarity > 0) != negated
        if self._chance(0.35):
            text = self._verb_clause(words.liked if positive else words.disliked, negated, strong)
        else:
            adjective = self._draw(words.good if positive else words.bad)
            if negated:
                verb = self._draw(words.negations)
                degree = f" {words.not_at_all}" if strong else ""
            else:
                verb = words.was
                degree = f" {self._draw(words.strong)}" if strong else ""
                if not strong and self._chance(0.5 if graded else 0.2):
                    degree = f" {self._draw(words.mild)}"
            text = f"{self._subject()} {verb}{degree} {adjective}"
            if self._chance(0.2):
                text = f"{self._draw(NAMES)} {self._draw(words.said)} {text}"
        return text + self._adverbial(0.25)

    def _verb_clause(self, verbs: tuple[tuple[str, str], ...], negated: bool, strong: bool) -> str:
        words = self._words
        affirmed, bare = self._draw(verbs)
        thing = self._object()
        if negated:
            end = f" {words.not_at_all}" if strong else ""
            return f"{self._draw(NAMES)} {self._draw(words.verb_negations)} {bare} {thing}{end}"
        degree = f"{self._draw(words.deeply)} " if strong else ""
        return f"{self._draw(NAMES)} {degree}{affirmed} {thing}"

    def _neutral(self) -> str:
        words = self._words
        negated = self._chance(NEGATED)
        if self._chance(0.4):
            verb = self._draw(words.negations) if negated else words.was
            degree = f" {self._draw(words.strong if self._chance(0.5) else words.mild)}" if self._chance(0.2) else ""
            return f"{self._subject()} {verb}{degree} {self._draw(words.plain)}{self._adverbial(0.3)}"
        return self._verb_clause(words.did, negated, False) + self._adverbial(0.5)

    def _subject(self) -> str:
        return f"{self._words.article} {self._draw(self._words.nouns)[0]}".strip()

    def _object(self) -> str:
        return f"{self._words.article} {self._draw(self._words.nouns)[1]}".strip()

    def _adverbial(self, chance: float) -> str:
        return f" {self._draw(self._words.adverbials)}" if self._chance(chance) else ""

    def _joint(self) -> str:
        return f"{self._draw(self._words.also)} "

    def _misspelt(self, text: str) -> str:
        """Swap, drop or double a letter inside some of the longer words."""
        words = text.split(" ")
        for i, word in enumerate(words):
            if len(word) > 4 and word.isalpha() and self._chance(TYPOS):
                place = 1 + int(self._random() * (len(word) - 3))
                kind = int(self._random() * 3)
                middle = (word[place + 1] + word[place], word[place + 1], word[place] * 2 + word[place + 1])[kind]
                words[i] = word[:place] + middle + word[place + 2 :]
        return " ".join(words)

    def _draw(self, items: Sequence[T]) -> T:
        """Draw by a Zipf-Mandelbrot law over the list's order: p(rank) ~ 1 / (rank + 2)."""
        size = len(items)
        ranks = self._ranks.get(size)
        if not ranks:
            if size not in self._cumulative:
                weights = 1.0 / (np.arange(size) + 2.0)
                self._cumulative[size] = np.cumsum(weights / weights.sum())
            drawn = np.searchsorted(self._cumulative[size], self._generator.random(1024))
            ranks = self._ranks[size] = np.minimum(drawn, size - 1).tolist()
        return items[ranks.pop()]

    def _random(self) -> float:
        if not self._uniform:
            self._uniform = self._generator.random(4096).tolist()
        return self._uniform.pop()

    def _chance(self, probability: float) -> bool:
        return self._random() < probability

    def _chance_of(self, *probabilities: float) -> int:
        """Draw the index of one of the probabilities, or their number if none comes up."""
        value = self._random()
        for i, probability in enumerate(probabilities):
            if value < probability:
                return i
            value -= probability
        return len(probabilities)
