"""Sub-word tokenizers, trained from word counts.

Word counts are all that WordPiece and BPE training looks at; so a shared tokenizer can be trained on a
server from the counts that clients send, without a single sentence leaving them.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import accumulate, product
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from fedot.errors import FedotError
from fedot.text.outside import parse_json, told
from fedot.text.scripts import alone, split_letters
from fedot.text.tokenizer_kinds import TokenizerKind
from fedot.text.word_counts import LONGEST_WORD

PAD, UNK, BEGIN, END = "[PAD]", "[UNK]", "[BEGIN]", "[END]"
WORD_END = "</w>"
SPECIAL = (PAD, UNK, BEGIN, END)
"""The first tokens of a vocabulary, in the order of their ids; models that say no tokens need only two of them."""

MOST_READ, CHUNK = 2**23, 10_000
"""So many words are read in the training of a tokenizer at most, and at a time: beyond, counts are in proportion."""

MOST_TOKENS = 2**20
"""Tokens of the largest vocabulary that is read."""

LEAST_LETTERS = 512
"""So many letters have tokens of their own even where a smaller vocabulary is asked for."""

KINDS: tuple[TokenizerKind, ...] = get_args(TokenizerKind)


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


def _empty(kind: TokenizerKind, former: bool = False) -> Tokenizer:
    """A tokenizer of a kind without tokens; in its `former` form it takes a sentence without spaces for a word."""
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
        words = [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("isolated")]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(words if former else [*words, split_letters()])
        return tokenizer
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    split = pre_tokenizers.BertPreTokenizer()
    tokenizer.pre_tokenizer = split if former else pre_tokenizers.Sequence([split_letters(), split])
    return tokenizer


def count_words(texts: Iterable[str], kind: TokenizerKind = "wordpiece") -> Counter[str]:
    """Count normalised words, the way that a tokenizer of that kind will split them."""
    tokenizer = _empty(kind)
    normalise, split = tokenizer.normalizer.normalize_str, tokenizer.pre_tokenizer.pre_tokenize_str
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word, _ in split(normalise(text)) if len(word) <= LONGEST_WORD)
    return counts


def train_tokenizer(
    word_counts: Mapping[str, int],
    kind: TokenizerKind = "wordpiece",
    vocab_size: int = 8000,
    special: tuple[str, ...] = (PAD, UNK),
) -> Tokenizer:
    """Train a tokenizer of one of the `KINDS` on words and how often each occurs.

    The result depends on the counts alone, not on their order; its first tokens are the `special` ones. It has at
    most `vocab_size` tokens, or `LEAST_LETTERS` where that is less.

    Raises
    ------
    FedotError
        If there are no words.
    """
    if not word_counts:
        raise FedotError("there is not a single word to train the tokenizer on; do the clients have text?")
    room = max(vocab_size, LEAST_LETTERS) - len(special)
    word_counts = _with_room(word_counts, room, set() if kind == "bpe" else alone(word_counts))
    starts = sorted({word[0] for word in word_counts})
    rest = sorted({letter for word in word_counts for letter in word[1:]})
    ends = sorted({word[-1] for word in word_counts})
    common: dict[str, Any] = {"vocab_size": vocab_size, "min_frequency": 2, "show_progress": False}
    # The trainer numbers what it meets in the order of a randomly seeded hash map, and breaks ties between merges
    # by number; naming all letters first, in order, is what makes two trainings on the same counts agree.
    if kind == "wordpiece":
        letters = [
            *starts,
            *(letter for letter in rest if letter not in starts),
            *(f"##{letter}" for letter in rest),
        ]
        trainer: trainers.Trainer = trainers.WordPieceTrainer(special_tokens=[*special, *letters], **common)
    elif kind == "reversible":
        letters = sorted({*starts, *rest})
        trainer = trainers.BpeTrainer(special_tokens=[*special, *letters], **common)
    else:
        letters = [*sorted({*starts, *rest}), *(f"{letter}{WORD_END}" for letter in ends)]
        trainer = trainers.BpeTrainer(special_tokens=[*special, *letters], end_of_word_suffix=WORD_END, **common)
    scratch = _empty(kind)
    if kind == "bpe":
        scratch.model = models.BPE(unk_token=UNK, end_of_word_suffix=WORD_END)
    if kind == "reversible":  # words are words already; their spaces must not be marked again
        scratch.normalizer, scratch.pre_tokenizer = None, pre_tokenizers.WhitespaceSplit()
    scratch.train_from_iterator(_repeat(word_counts), trainer)
    trained = json.loads(scratch.to_str())["model"]
    return _with_vocabulary(kind, trained["vocab"], trained.get("merges", []))


def _with_vocabulary(
    kind: TokenizerKind, tokens: Mapping[str, int], merges: Sequence[Sequence[str]], former: bool = False
) -> Tokenizer:
    """The tokenizer of a kind with these tokens and merges.

    Nothing is special to it: a text that says [PAD] must not become padding.
    """
    tokenizer = _empty(kind, former)
    if kind == "wordpiece":
        tokenizer.model = models.WordPiece(vocab=dict(tokens), unk_token=UNK)
    else:
        suffix = {"end_of_word_suffix": WORD_END} if kind == "bpe" else {}
        tokenizer.model = models.BPE(
            vocab=dict(tokens), merges=[(left, right) for left, right in merges], unk_token=UNK, **suffix
        )
    return tokenizer


def read_tokenizer(text: str) -> Tokenizer:
    """Read a tokenizer that somebody else has sent or saved, if fedot itself could have trained it.

    The library's JSON is a language: normalisers and regular expressions that run over whatever is read, padding to any
    length, rules that blow a text up. So none of it is carried out. The settings must be those of one of the three
    kinds (now, or before scripts without spaces were split), word for word; the tokens and merges are checked, and put
    into a fresh tokenizer of that kind.

    Raises
    ------
    FedotError
        If it is no tokenizer of fedot's, or its tokens are not numbered from 0 without a gap.

    Examples
    --------
    >>> trained = train_tokenizer(count_words(["a good film", "a bad film"]), vocab_size=40)
    >>> read_tokenizer(trained.to_str()).encode("a good film").ids == trained.encode("a good film").ids
    True
    """
    with told("a tokenizer cannot be read"):
        settings = parse_json(text, "a tokenizer")
        model = settings["model"]
        tokens, merges = model.pop("vocab"), model.pop("merges", [])
        own = next((form for form in product(KINDS, (False, True)) if _essence(settings) == _settings_of(*form)), None)
        if own is None:
            raise FedotError("a tokenizer has other settings than those that fedot trains; only its own are read")
        _check_vocabulary(tokens, merges)
        return _with_vocabulary(own[0], tokens, merges, own[1])


def _settings_of(kind: TokenizerKind, former: bool) -> Any:
    """All of a kind's tokenizer but its tokens and merges."""
    settings = json.loads(_with_vocabulary(kind, {UNK: 0}, [], former).to_str())
    del settings["model"]["vocab"]
    settings["model"].pop("merges", None)
    return _essence(settings)


def _essence(settings: Any) -> Any:
    """The settings without those that are off, which another version of the library may leave out."""
    if isinstance(settings, dict):
        return {key: _essence(value) for key, value in settings.items() if value not in (None, False, [], {})}
    return [_essence(value) for value in settings] if isinstance(settings, list) else settings


def _check_vocabulary(tokens: Any, merges: Any) -> None:
    """Refuse tokens that are not numbered from 0 without a gap, and merges of or into something that is no token."""
    if not isinstance(tokens, dict) or not 2 <= len(tokens) <= MOST_TOKENS:
        raise FedotError(f"a tokenizer needs 2 to {MOST_TOKENS} tokens")
    if [tokens.get(PAD), tokens.get(UNK)] != [0, 1] or any(type(number) is not int for number in tokens.values()):
        raise FedotError(f"a tokenizer does not begin with {PAD} and {UNK}")
    if sorted(tokens.values()) != list(range(len(tokens))):
        raise FedotError(f"a tokenizer has {len(tokens)} tokens, which are not numbered from 0 to {len(tokens) - 1}")
    if max(map(len, tokens)) > LONGEST_WORD + len(WORD_END) or "" in tokens:
        raise FedotError(f"a tokenizer has a token that is empty, or longer than {LONGEST_WORD} letters")
    if not isinstance(merges, list) or len(merges) > len(tokens):
        raise FedotError("a tokenizer has more merges than tokens")
    for left, right in merges:
        if not {left, right, left + right} <= tokens.keys():
            raise FedotError("a tokenizer merges what is no token of its own")


def _with_room(word_counts: Mapping[str, int], room: int, single: Set[str]) -> Mapping[str, int]:
    """Leave out the words that have rare letters, where the letters alone would need more tokens than there may be.

    A letter needs one token where a word begins with it, and one more where it stands elsewhere, or ends a word;
    those that are `single` need no other.
    """
    frequency: Counter[str] = Counter()
    for word, count in word_counts.items():
        frequency.update(dict.fromkeys(word, count))
    cost = dict.fromkeys(frequency, 2) | dict.fromkeys(single, 1)
    if sum(cost.values()) <= room:
        return word_counts
    ordered = sorted(frequency, key=lambda letter: (-frequency[letter], letter))
    needed = accumulate(cost[letter] for letter in ordered)
    kept = {letter for letter, total in zip(ordered, needed, strict=True) if total <= room}
    return {word: count for word, count in word_counts.items() if kept.issuperset(word)} or word_counts


def _repeat(word_counts: Mapping[str, int], most: int = MOST_READ) -> Iterator[str]:
    """Write every word as often as it was counted, or in proportion where that is too often, in bounded strings."""
    share = min(1.0, most / sum(word_counts.values()))
    for word, count in sorted(word_counts.items()):
        count = count if share == 1 else math.ceil(count * share)
        for start in range(0, count, CHUNK):
            yield " ".join([word] * min(CHUNK, count - start))


def vocabulary(tokenizer: Tokenizer) -> tuple[str, ...]:
    """Token strings by id: the labels of the embedding rows."""
    by_id = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return tuple(token for token, _ in by_id)


def encode(tokenizer: Tokenizer, texts: Sequence[str], max_length: int) -> Encoded:
    """Turn texts into token ids, at most `max_length` each; an empty text becomes one unknown token.

    What a tokenizer puts after every text, as a checkpoint's does, stands at the end of a text that is cut, too.
    """
    ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts))]
    truncated = sum(len(row) > max_length for row in ids)
    if tail := _tail(tokenizer):
        ids = [row if len(row) <= max_length else [*row[: max_length - tail], *row[-tail:]] for row in ids]
    unknown: int = tokenizer.token_to_id(UNK) or 0
    return Encoded([row[:max_length] or [unknown] for row in ids], truncated)


def _tail(tokenizer: Tokenizer) -> int:
    """How many tokens a tokenizer puts after every text."""
    if not tokenizer.num_special_tokens_to_add(False):
        return 0
    special = tokenizer.encode("a").special_tokens_mask
    return len(special) - 1 - max((place for place, own in enumerate(special) if not own), default=len(special) - 1)
