"""Scripts that put no space between words, whose letters are words of their own to a tokenizer.

Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan and others. Divided at spaces, a sentence would be one word that
occurs once, and no tokenizer could learn anything from it.
"""

from collections.abc import Iterable

from tokenizers import Regex, normalizers, pre_tokenizers

SCRIPTS = (
    *("Han", "Hiragana", "Katakana", "Bopomofo", "Yi"),
    *("Thai", "Lao", "Khmer", "Myanmar", "Tibetan", "Tai_Le", "New_Tai_Lue", "Tai_Tham", "Tai_Viet"),
    *("Javanese", "Balinese"),
)
SHARED = "\u30fc\u3099\u309a"
"""Marks of Hiragana and Katakana, which Unicode counts to neither: the long vowel, and the marks of voiced sounds."""

SPACELESS = "".join(["[", *(rf"\p{{{name}}}" for name in SCRIPTS), SHARED, "]"])


def split_letters() -> pre_tokenizers.Split:
    """Make a word of each letter of such a script, and leave everything else as it is."""
    return pre_tokenizers.Split(Regex(SPACELESS), "isolated")


def alone(words: Iterable[str]) -> frozenset[str]:
    """Give the letters of such scripts that are words of their own only, and stand in no longer word.

    Examples
    --------
    >>> sorted(alone(["好", "film", "ก", "ขค", "ข"]))
    ['ก', '好']
    """
    single, longer = set[str](), set[str]()
    for word in words:
        (single if len(word) == 1 else longer).update(word)
    erase = normalizers.Replace(Regex(SPACELESS), "").normalize_str
    return frozenset(letter for letter in single - longer if not erase(letter))
