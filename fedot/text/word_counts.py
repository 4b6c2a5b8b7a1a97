"""Word counts as they go over the wire: a shared tokenizer is trained on them, without a single sentence."""

import json
import re
import zlib
from collections import Counter
from collections.abc import Mapping

from fedot.errors import FedotError
from fedot.text.outside import parse_json, told

MOST_WORDS, MOST_WORD_BYTES = 200_000, 2**26
"""What a client's word counts may be: different words, and bytes of their JSON. A tokenizer needs far fewer."""

LONGEST_WORD = 256
"""Letters of the longest word that is counted; what is longer is no word."""

MOST_IN_A_TEXT = 100_000
"""Words of the longest text that a client may say it has."""

HALF = re.compile(r"[\ud800-\udfff]")
"""Half of a character, which no tokenizer takes."""


def pack_words(counts: Mapping[str, int], min_count: int = 2, most: int = MOST_WORDS) -> bytes:
    """Pack word counts for the wire: the `most` frequent words, without those seen less than `min_count` times."""
    kept = sorted((-count, word) for word, count in counts.items() if count >= min_count)[:most]
    words = {word: -negative for negative, word in sorted(kept, key=lambda item: item[1])}
    return zlib.compress(json.dumps(words, ensure_ascii=False).encode())


def unpack_words(packed: bytes, examples: int | None = None) -> Counter[str]:
    """Read what `pack_words` packed.

    Parameters
    ----------
    examples
        In so many texts the client has counted, where that is known: then no more than `MOST_IN_A_TEXT` for each.

    Raises
    ------
    FedotError
        If the bytes are no word counts, or hold more than a client sends.
    """
    with told("a client's word counts cannot be read"):
        reader = zlib.decompressobj()
        text = reader.decompress(packed, MOST_WORD_BYTES)
        if reader.unconsumed_tail:
            raise FedotError(f"a client's word counts are larger than {MOST_WORD_BYTES // 2**20} MiB")
        counts = parse_json(text, "a client's word counts", MOST_WORD_BYTES, deepest=1)
        if not isinstance(counts, dict):
            raise FedotError("a client's word counts cannot be read: they are no counts of words")
        if len(counts) > MOST_WORDS:
            raise FedotError(f"a client counts {len(counts)} words, but at most {MOST_WORDS} are sent")
        if any(type(count) is not int or count < 1 for count in counts.values()):
            raise FedotError("a client's word counts cannot be read: one is no whole number above 0")
        if any(not 0 < len(word) <= LONGEST_WORD or HALF.search(word) for word in counts):
            raise FedotError(f"a client's word counts cannot be read: one is of no word of 1 to {LONGEST_WORD} letters")
        total, most = sum(counts.values()), MOST_IN_A_TEXT * (2**31 if examples is None else examples)
        if total > most:
            raise FedotError(f"a client counts {total:.3g} words in {examples} texts, and at most {most} can be")
        return Counter(counts)
