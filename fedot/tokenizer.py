"""Sub-word tokenizers, trained from word counts.

Word counts are all that WordPiece and BPE training looks at; so a shared tokenizer can be trained on a
server from the counts that clients send, without a single sentence leaving them.
"""

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from fedot.errors import FedotError
from fedot.scenario import TokenizerSpec

PAD, UNK, BEGIN, END = "[PAD]", "[UNK]", "[BEGIN]", "[END]"
SPECIAL: dict[str, tuple[str, ...]] = {"sentiment": (PAD, UNK), "translation": (PAD, UNK, BEGIN, END)}
"""The first tokens of a task's vocabulary, in the order of their ids."""

MOST_WORDS, MOST_WORD_BYTES = 200_000, 2**26
"""What a client's word counts may be: different words, and bytes of their JSON. A tokenizer needs far fewer."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of many texts; `truncated` counts the texts that were longer than the model reads."""

    ids: list[list[int]]
    truncated: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of tokens of each text, (n,)."""
        return np.fromiter((len(row) for row in self.ids), dtype=np.int64, count=len(self.ids))


def _empty(kind: str) -> Tokenizer:
    if kind == "wordpiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token=UNK))
        tokenizer.decoder = decoders.WordPiece()
    else:
        tokenizer = Tokenizer(models.BPE(unk_token=UNK))
        tokenizer.decoder = decoders.BPEDecoder()
    if kind == "reversible":  # a piece holds the space before it, so that pieces in a row are the text again
        tokenizer.decoder = decoders.Metaspace()
        spaces = normalizers.Replace(Regex(r"\s+"), " ")
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), spaces, normalizers.Strip()])
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("isolated")]
        )
        return tokenizer
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def count_words(texts: Iterable[str], kind: str = "wordpiece") -> Counter[str]:
    """Count normalised words, the way that a tokenizer of that kind will split them."""
    tokenizer = _empty(kind)
    normalise, split = tokenizer.normalizer.normalize_str, tokenizer.pre_tokenizer.pre_tokenize_str
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word, _ in split(normalise(text)))
    return counts


def train_tokenizer(word_counts: Mapping[str, int], spec: TokenizerSpec, task: str = "sentiment") -> Tokenizer:
    """Train a tokenizer on words and how often each occurs.

    The result depends on the counts alone, not on their order; its first tokens are the task's `SPECIAL` ones.

    Raises
    ------
    FedotError
        If there are no words.
    """
    if not word_counts:
        raise FedotError("there is not a single word to train the tokenizer on; do the clients have text?")
    starts = sorted({word[0] for word in word_counts})
    rest = sorted({letter for word in word_counts for letter in word[1:]})
    ends = sorted({word[-1] for word in word_counts})
    # The trainer numbers what it meets in the order of a randomly seeded hash map, and breaks ties between merges
    # by number; naming all letters first, in order, is what makes two trainings on the same counts agree.
    if spec.kind == "wordpiece":
        letters = [
            *starts,
            *(letter for letter in rest if letter not in starts),
            *(f"##{letter}" for letter in rest),
        ]
        trainer: trainers.Trainer = trainers.WordPieceTrainer(
            vocab_size=spec.vocab_size,
            min_frequency=2,
            special_tokens=[*SPECIAL[task], *letters],
            show_progress=False,
        )
    elif spec.kind == "reversible":
        letters = sorted({*starts, *rest})
        trainer = trainers.BpeTrainer(
            vocab_size=spec.vocab_size,
            min_frequency=2,
            special_tokens=[*SPECIAL[task], *letters],
            show_progress=False,
        )
    else:
        letters = [*sorted({*starts, *rest}), *(f"{letter}</w>" for letter in ends)]
        trainer = trainers.BpeTrainer(
            vocab_size=spec.vocab_size,
            min_frequency=2,
            special_tokens=[*SPECIAL[task], *letters],
            end_of_word_suffix="</w>",
            show_progress=False,
        )
    scratch = _empty(spec.kind)
    if spec.kind == "bpe":
        scratch.model = models.BPE(unk_token=UNK, end_of_word_suffix="</w>")
    if spec.kind == "reversible":  # words are words already; their spaces must not be marked again
        scratch.normalizer, scratch.pre_tokenizer = None, pre_tokenizers.WhitespaceSplit()
    scratch.train_from_iterator(_repeat(word_counts), trainer)
    trained = json.loads(scratch.to_str())["model"]
    tokenizer = _empty(spec.kind)  # nothing is special to it: a text that says [PAD] must not become padding
    if spec.kind == "wordpiece":
        tokenizer.model = models.WordPiece(vocab=trained["vocab"], unk_token=UNK)
    else:
        merges = [tuple(pair) for pair in trained["merges"]]
        suffix = {"end_of_word_suffix": "</w>"} if spec.kind == "bpe" else {}
        tokenizer.model = models.BPE(vocab=trained["vocab"], merges=merges, unk_token=UNK, **suffix)
    return tokenizer


def _repeat(word_counts: Mapping[str, int], chunk: int = 10_000) -> Iterator[str]:
    """Write every word as often as it was counted, in bounded strings."""
    for word, count in sorted(word_counts.items()):
        for start in range(0, count, chunk):
            yield " ".join([word] * min(chunk, count - start))


def vocabulary(tokenizer: Tokenizer) -> tuple[str, ...]:
    """Token strings by id: the labels of the embedding rows."""
    by_id = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return tuple(token for token, _ in by_id)


def encode(tokenizer: Tokenizer, texts: Sequence[str], max_length: int) -> Encoded:
    """Turn texts into token ids, at most `max_length` each; an empty text becomes one unknown token."""
    ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts))]
    truncated = sum(len(row) > max_length for row in ids)
    unknown: int = tokenizer.token_to_id(UNK) or 0
    return Encoded([row[:max_length] or [unknown] for row in ids], truncated)


def pack_words(counts: Mapping[str, int], min_count: int = 2, most: int = MOST_WORDS) -> bytes:
    """Pack word counts for the wire: the `most` frequent words, without those seen less than `min_count` times."""
    kept = sorted((-count, word) for word, count in counts.items() if count >= min_count)[:most]
    words = {word: -negative for negative, word in sorted(kept, key=lambda item: item[1])}
    return zlib.compress(json.dumps(words, ensure_ascii=False).encode())


def unpack_words(packed: bytes) -> Counter[str]:
    """Read what `pack_words` packed.

    Raises
    ------
    FedotError
        If the bytes are no word counts, or hold more than a client sends.
    """
    try:
        reader = zlib.decompressobj()
        text = reader.decompress(packed, MOST_WORD_BYTES)
        if reader.unconsumed_tail:
            raise FedotError(f"a client's word counts are larger than {MOST_WORD_BYTES // 2**20} MiB")
        counts = json.loads(text)
        if len(counts) > MOST_WORDS:
            raise FedotError(f"a client counts {len(counts)} words, but at most {MOST_WORDS} are sent")
        words = Counter({str(word): int(count) for word, count in counts.items()})
        if "" in words or min(words.values(), default=1) < 1:
            raise ValueError("a word is empty or its count not above 0")
        return words
    except (zlib.error, ValueError, AttributeError, TypeError) as error:
        raise FedotError(f"a client's word counts cannot be read ({type(error).__name__})") from error
