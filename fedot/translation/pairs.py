"""Pairs of sentences as token ids, and the loss of a translator on them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn

from fedot.models.batching import count_tokens, pad
from fedot.tokenizer import Encoded, encode
from fedot.translation.special_tokens import NOTHING, special_in


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of sentences.

    Parameters
    ----------
    source
        At most the model's `max_length` tokens each.
    target
        Begin with the first and, unless they were cut, end with the last of the `special_tokens`; one token more than
        the model reads, since the last is never read.

    Examples
    --------
    >>> from fedot.translation.special_tokens import FIRST, LAST
    >>> len(Pairs(Encoded([[5, 6]], 0), Encoded([[FIRST, 7, LAST]], 0)))
    1
    """

    source: Encoded
    target: Encoded

    def __len__(self) -> int:
        return len(self.source)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of source and target together, (n,)."""
        return self.source.lengths + self.target.lengths

    @property
    def num_texts(self) -> int:
        """How many sentences there are, of both sides."""
        return 2 * len(self)

    @property
    def truncated(self) -> int:
        """Sentences, of either side, that were longer than the model reads."""
        return self.source.truncated + self.target.truncated

    def batch(self, rows: NDArray[np.int64], device: str) -> tuple[Tensor, Tensor, Tensor]:
        """Sources (B, S), what the decoder reads (B, T) and what it is to say after each token (B, T), or `NOTHING`."""
        read, said = read_and_said([self.target.ids[i] for i in rows])
        return pad([self.source.ids[i] for i in rows]).to(device), read.to(device), said.to(device)

    def loss(
        self, model: nn.Module, rows: NDArray[np.int64], device: str, smoothing: float = 0.0
    ) -> tuple[Tensor, int]:
        """Mean cross-entropy of the next target token, the right ones before it being given.

        `smoothing` spreads that share of the probability over all tokens (Szegedy et al. 2016, section 7).
        """
        source, read, said = self.batch(rows, device)
        real = said != NOTHING
        return F.cross_entropy(model(source, read)[real], said[real], label_smoothing=smoothing), int(real.sum())

    def count_tokens(self, vocab_size: int) -> Tensor:
        """How often each token id occurs on either side, (V,) int64."""
        return count_tokens((*self.source.ids, *self.target.ids), vocab_size)

    def said(self, _: nn.Module, __: str) -> None:
        """Nothing: translations have no classes."""

    def count_classes(self, _: int) -> None:
        """Nothing: sentences have no classes."""

    def made_wrong(self, _: int) -> Self:
        """Take every target for that of the next sentence."""
        return replace(self, target=Encoded([*self.target.ids[1:], *self.target.ids[:1]], self.target.truncated))


def encode_pairs(tokenizer: Tokenizer, source: Sequence[str], target: Sequence[str], max_length: int) -> Pairs:
    """Turn aligned sentences into token ids.

    Parameters
    ----------
    tokenizer
        One that was trained for translations.
    source, target
        Sentences, (n,) each.
    max_length
        How many tokens the model reads.

    Returns
    -------
    Pairs

    Raises
    ------
    FedotError
        If the tokenizer has no tokens that begin and end a translation.

    Examples
    --------
    >>> from tokenizers import Tokenizer, models
    >>> encode_pairs(Tokenizer(models.BPE()), ["a"], ["b"], 8)
    Traceback (most recent call last):
    fedot.errors.FedotError: the tokenizer has no [BEGIN] and [END]; train it for a task whose models say tokens
    """
    special = special_in(tokenizer)
    whole = [found.ids for found in tokenizer.encode_batch_fast(list(target), add_special_tokens=False)]
    empty = [] if special.unknown == NOTHING else [special.unknown]
    rows = [[special.first, *(ids or empty), special.last] for ids in whole]
    cut = sum(len(row) > max_length + 1 for row in rows)
    return Pairs(encode(tokenizer, source, max_length), Encoded([row[: max_length + 1] for row in rows], cut))


def decode_ids(tokenizer: Tokenizer, rows: Iterable[Sequence[int]]) -> list[str]:
    """Turn token ids into texts; special tokens are left out."""
    special = special_in(tokenizer)
    return [tokenizer.decode(special.without(row)).strip() for row in rows]


def read_and_said(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """What a model reads of texts (B, T), and what it is to say after each token (B, T), `NOTHING` where it ends.

    Examples
    --------
    >>> read_and_said([[2, 5, 3], [2, 3]])
    (tensor([[2, 5],
            [2, 0]]), tensor([[ 5,  3],
            [ 3, -1]]))
    """
    return pad([row[:-1] for row in rows]), pad([row[1:] for row in rows], NOTHING)
