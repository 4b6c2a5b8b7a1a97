"""The built-in stand-in for translation: seeded picture captions in English with their German translation.

Words stand in different order and agree with each other in German: articles and adjectives follow the noun's gender
and case, the verb of a clause after "weil" comes last, and after "heute" it comes before the subject. So a
dictionary is not enough.
"""

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from fedot.errors import FedotError
from fedot.standin import StandIn

TRAIN_ROWS, TEST_ROWS = 12_000, 1_000

Gender = Literal["m", "f", "n"]
Pair = tuple[str, str]
Item = TypeVar("Item")

PEOPLE: tuple[tuple[str, str, Gender], ...] = (
    ("man", "Mann", "m"), ("woman", "Frau", "f"), ("child", "Kind", "n"), ("dog", "Hund", "m"), ("cat", "Katze", "f"),
    ("horse", "Pferd", "n"), ("father", "Vater", "m"), ("teacher", "Lehrerin", "f"), ("girl", "Mädchen", "n"),
    ("cook", "Koch", "m"), ("duck", "Ente", "f"), ("sheep", "Schaf", "n"), ("brother", "Bruder", "m"),
    ("singer", "Sängerin", "f"), ("team", "Team", "n"),
)  # fmt: skip
THINGS: tuple[tuple[str, str, Gender], ...] = (
    ("ball", "Ball", "m"), ("bag", "Tasche", "f"), ("book", "Buch", "n"), ("hat", "Hut", "m"),
    ("bottle", "Flasche", "f"),
    ("bicycle", "Fahrrad", "n"), ("tree", "Baum", "m"), ("bridge", "Brücke", "f"), ("house", "Haus", "n"),
    ("table", "Tisch", "m"), ("lamp", "Lampe", "f"), ("boat", "Boot", "n"), ("apple", "Apfel", "m"),
    ("camera", "Kamera", "f"), ("T-shirt", "T-Shirt", "n"),
)  # fmt: skip
MOODS: tuple[Pair, ...] = (
    ("small", "klein"), ("big", "groß"), ("young", "jung"), ("old", "alt"), ("happy", "fröhlich"), ("wet", "nass"),
    ("quiet", "still"), ("funny", "lustig"), ("friendly", "freundlich"), ("clever", "klug"),
)  # fmt: skip
COLOURS: tuple[Pair, ...] = (
    ("red", "rot"), ("blue", "blau"), ("green", "grün"), ("white", "weiß"), ("black", "schwarz"), ("new", "neu"),
    ("brown", "braun"), ("small", "klein"), ("big", "groß"), ("beautiful", "schön"),
)  # fmt: skip
VERBS: tuple[Pair, ...] = (
    ("sees", "sieht"), ("holds", "hält"), ("carries", "trägt"), ("looks for", "sucht"), ("finds", "findet"),
    ("pushes", "schiebt"), ("paints", "malt"), ("buys", "kauft"), ("loves", "liebt"), ("pulls", "zieht"),
    ("touches", "berührt"), ("shows", "zeigt"),
)  # fmt: skip
PLACES: tuple[Pair, ...] = (
    ("in the park", "im Park"), ("on the beach", "am Strand"), ("in the street", "auf der Straße"),
    ("in the city", "in der Stadt"), ("at the lake", "am See"), ("in the kitchen", "in der Küche"),
    ("in the snow", "im Schnee"), ("on the grass", "auf dem Gras"), ("at night", "bei Nacht"),
)  # fmt: skip
STATES: tuple[Pair, ...] = (
    ("sleeps", "schläft"), ("waits", "wartet"), ("laughs", "lacht"), ("runs", "rennt"), ("sits", "sitzt"),
    ("sings", "singt"),
)  # fmt: skip
ARTICLES = {
    ("m", "subject"): ("ein", "der"), ("f", "subject"): ("eine", "die"), ("n", "subject"): ("ein", "das"),
    ("m", "object"): ("einen", "den"), ("f", "object"): ("eine", "die"), ("n", "object"): ("ein", "das"),
}  # fmt: skip
ENDINGS = {
    ("m", "subject"): ("er", "e"), ("f", "subject"): ("e", "e"), ("n", "subject"): ("es", "e"),
    ("m", "object"): ("en", "en"), ("f", "object"): ("e", "e"), ("n", "object"): ("es", "e"),
}  # fmt: skip
"""German articles and endings of adjectives by gender and role: first the indefinite, then the definite."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A caption in both languages."""

    en: str
    de: str


def stand_in_pairs(source: str, target: str, train_rows: int | None = None) -> StandIn:
    """Write a training and a test set; no caption of the test occurs in training.

    Raises
    ------
    FedotError
        For languages other than English and German.
    """
    if {source, target} != {"en", "de"}:
        raise FedotError(f"the built-in pairs are between en and de, but source is {source} and target is {target}")
    generator = np.random.default_rng(7)
    test = list(dict.fromkeys(caption(generator) for _ in range(TEST_ROWS)))
    tested = set(test)
    train = [each for each in (caption(generator) for _ in range(train_rows or TRAIN_ROWS)) if each not in tested]
    parts = [
        {"source": [getattr(each, source) for each in rows], "target": [getattr(each, target) for each in rows]}
        for rows in (train, test)
    ]
    return StandIn(parts[0], parts[1])


def caption(generator: np.random.Generator) -> Caption:
    """Draw one caption; common words are much commoner than rare ones."""
    subject, verb, thing = _noun("subject", generator), _pick(VERBS, generator), _noun("object", generator)
    where = _pick(PLACES, generator) if generator.random() < 0.5 else ("", "")
    why_en, why_de = "", ""
    if generator.random() < 0.3:
        other, state = _noun("subject", generator), _pick(STATES, generator)
        why_en, why_de = f", because {other[0]} {state[0]}", f", weil {other[1]} {state[1]}"
    today = generator.random() < 0.2
    en = ["today" if today else "", subject[0], verb[0], thing[0], where[0]]
    de = ["heute", verb[1], subject[1]] if today else [subject[1], verb[1]]
    de += [where[1], thing[1]]  # the place comes before what is seen there
    return Caption(_sentence(en, why_en), _sentence(de, why_de))


def _noun(role: Literal["subject", "object"], generator: np.random.Generator) -> Pair:
    """An article, perhaps an adjective, and a noun."""
    nouns, adjectives = (PEOPLE, MOODS) if role == "subject" else (THINGS, COLOURS)
    english, german, gender = _pick(nouns, generator)
    definite = int(generator.random() < 0.35)
    article = ARTICLES[gender, role][definite]
    if generator.random() < 0.6:
        word, wort = _pick(adjectives, generator)
        english, german = f"{word} {english}", f"{wort}{ENDINGS[gender, role][definite]} {german}"
    plain = "the" if definite else ("an" if english[0] in "aeiou" else "a")
    return f"{plain} {english}", f"{article} {german}"


def _pick(items: tuple[Item, ...], generator: np.random.Generator) -> Item:
    """Draw by Zipf's law: the k-th item in proportion to 1 / (k + 2)."""
    sums = np.cumsum(1 / np.arange(2, len(items) + 2))
    return items[int(np.searchsorted(sums, generator.random() * sums[-1], side="right"))]


def _sentence(words: list[str], rest: str) -> str:
    text = " ".join(word for word in words if word) + rest
    return f"{text[0].upper()}{text[1:]}."
