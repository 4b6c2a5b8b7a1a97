"""Numbers of the tokens that are no part of a text: a model of fedot's own has four, a checkpoint those that it has.

Padding is number 0 everywhere, and is told from tokens by where a text ends, never by its number: a checkpoint may
have one token for padding, for a beginning and for an end, as GPT-2 has.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from fedot.errors import FedotError
from fedot.models import Config
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from fedot.tokenizer import BEGIN, END, SPECIAL, UNK

PADDING, UNKNOWN, FIRST, LAST = range(len(SPECIAL))
"""Ids of the special tokens of fedot's own models that say tokens, the same in every vocabulary."""

NOTHING = -1
"""Stands where a model is to say nothing, and for a token that a vocabulary lacks."""


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Numbers of special tokens.

    Attributes
    ----------
    first, last
        What a text begins and ends with that a model says; `PADDING` where none begins it, as the decoders of T5 and
        Marian have it.
    unknown
        What stands for what a tokenizer does not know; `NOTHING` where it knows all.
    """

    first: int = FIRST
    last: int = LAST
    unknown: int = UNKNOWN

    @property
    def unsaid(self) -> tuple[int, ...]:
        """Tokens that no model may say."""
        return tuple(sorted({PADDING, self.first, self.unknown} - {self.last, NOTHING}))

    def without(self, row: Sequence[int]) -> list[int]:
        """Token ids of a text alone."""
        return [number for number in row if number not in (PADDING, self.first, self.last, self.unknown)]


def special_of(config: Config) -> SpecialTokens:
    """Special tokens of a model that says tokens.

    Examples
    --------
    >>> from fedot.models import model_config
    >>> special_of(model_config({"name": "decoder"}, vocab_size=30, n_class=0)).unsaid
    (0, 1, 2)
    """
    if not isinstance(config, PretrainedConfig):
        return SpecialTokens()
    return SpecialTokens(max(config.first, PADDING), config.last, config.unknown)


def special_in(tokenizer: Tokenizer) -> SpecialTokens:
    """Special tokens of a tokenizer for a task whose models say tokens: fedot's own, or a checkpoint's.

    Raises
    ------
    FedotError
        If it ends no text.

    Examples
    --------
    >>> from fedot.tokenizer import train_tokenizer
    >>> special_in(train_tokenizer({"a": 1}, special=SPECIAL)).last
    3
    >>> special_in(train_tokenizer({"a": 1}))
    Traceback (most recent call last):
    fedot.errors.FedotError: the tokenizer has no [BEGIN] and [END]; train it for a task whose models say tokens
    """
    if (tokenizer.token_to_id(BEGIN), tokenizer.token_to_id(END)) == (FIRST, LAST):
        return SpecialTokens()
    first, last = ends_of(tokenizer)
    if last == NOTHING:
        raise FedotError(f"the tokenizer has no {BEGIN} and {END}; train it for a task whose models say tokens")
    return SpecialTokens(max(first, PADDING), last, unknown_of(tokenizer))


def ends_of(tokenizer: Tokenizer) -> tuple[int, int]:
    """Numbers of the tokens that a tokenizer begins and ends every text with; `NOTHING` where there is not one such."""
    found = tokenizer.encode("a")
    own = [place for place, is_special in enumerate(found.special_tokens_mask) if not is_special]
    first = found.ids[0] if own and own[0] == 1 else NOTHING
    return first, found.ids[-1] if own and own[-1] == len(found) - 2 else NOTHING


def unknown_of(tokenizer: Tokenizer) -> int:
    """Number of the token that stands for what a tokenizer does not know; `NOTHING` where there is none."""
    model = tokenizer.model
    if hasattr(model, "unk_token"):
        name = model.unk_token
    else:  # only the file says which piece it is
        settings = json.loads(tokenizer.to_str())["model"]
        place = settings.get("unk_id")
        name = UNK if place is None else settings["vocab"][place][0]
    found = tokenizer.token_to_id(name) if name is not None else None
    return NOTHING if found is None else int(found)
