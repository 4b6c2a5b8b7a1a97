"""What a model, or several together, make of pairs of sentences: the loss of the targets, and own translations."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedot.errors import FedotError
from fedot.models import Config, State, load_model
from fedot.models.batching import batch_indices, pad
from fedot.models.pretrained.memory import Memory
from fedot.models.what_they_say import translates
from fedot.tokenizer import Encoded
from fedot.translation.pairs import Pairs
from fedot.translation.search import beam_search
from fedot.translation.special_tokens import NOTHING, special_of


class EncoderDecoder(Protocol):
    """A module that reads one text and says another."""

    @property
    def config(self) -> Config:
        """Its configuration."""

    def __call__(self, source_ids: Tensor, target_ids: Tensor) -> Tensor:
        """Logits (B, T, V) of what follows each target token."""

    def encode(self, source_ids: Tensor) -> Memory:
        """Read sources (B, S)."""

    def step(self, prefix_ids: Tensor, memory: Memory) -> Tensor:
        """Logits (B, V) of the token after prefixes (B, T) without padding."""


@dataclass(frozen=True, slots=True)
class Translator:
    """Models with one vocabulary whose distributions of the next token are mixed with `shares`, which sum to 1."""

    models: tuple[EncoderDecoder, ...]
    shares: tuple[float, ...]
    device: str = "cpu"

    @classmethod
    def of(
        cls, members: Sequence[tuple[Config, State]], shares: Sequence[float] = (1.0,), device: str = "cpu"
    ) -> "Translator":
        """Build the modules.

        Raises
        ------
        FedotError
            If a model is no encoder-decoder.
        """
        for config, _ in members:
            if not translates(config):
                raise FedotError(f"model.name is {config.architecture}, which does not translate; choose seq2seq")
        models: Iterable[Any] = (load_model(config, state).to(device) for config, state in members)
        return cls(tuple(models), tuple(shares), device)

    @property
    def longest(self) -> int:
        """Most tokens that all of the models read."""
        return min(model.config.max_length for model in self.models)

    @torch.inference_mode()
    def nll(self, pairs: Pairs, batch_size: int = 128) -> tuple[float, int]:
        """Sum of the target tokens' negative log-likelihoods in nats, and the number of tokens."""
        total, count = 0.0, 0
        for rows in batch_indices(pairs.lengths, batch_size, None):
            source, read, said = pairs.batch(rows, self.device)
            real = said != NOTHING
            each = [
                torch.log_softmax(model(source, read)[real].double(), -1).gather(1, said[real][:, None])
                for model in self.models
            ]
            total -= float(mixed(each, self.shares).sum())
            count += int(real.sum())
        return total, count

    @torch.inference_mode()
    def translate(
        self, source: Encoded, beam: int = 4, length_penalty: float = 0.6, batch_size: int = 128
    ) -> list[list[int]]:
        """Token ids of a translation of every source, in the order of the sources; searched for by `beam_search`."""
        out: list[list[int]] = [[] for _ in range(len(source))]
        for rows in batch_indices(source.lengths, batch_size, None):
            for row, ids in zip(rows, self._translate_batch(source, rows, beam, length_penalty), strict=True):
                out[row] = ids
        return out

    def _translate_batch(
        self, source: Encoded, rows: NDArray[np.int64], beam: int, length_penalty: float
    ) -> list[list[int]]:
        ids = pad([source.ids[i] for i in rows]).to(self.device)
        special = special_of(self.models[0].config)
        memories = [model.encode(ids) for model in self.models]

        def step(prefixes: Tensor, texts: Tensor) -> Tensor:
            prefixes, texts = prefixes.to(self.device), texts.to(self.device)
            each = [
                torch.log_softmax(model.step(prefixes, Memory(m.stream[texts], m.mask[texts])).double(), -1)
                for model, m in zip(self.models, memories, strict=True)
            ]
            return mixed(each, self.shares)

        return beam_search(
            step,
            len(rows),
            first=special.first,
            last=special.last,
            banned=special.unsaid,
            beam=beam,
            max_length=self.longest,
            length_penalty=length_penalty,
        )


def mixed(logs: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    """Logarithm of the weighted sum of probabilities, from their logarithms; the shares sum to 1."""
    if len(logs) == 1:
        return logs[0]
    weights = torch.tensor(shares, dtype=torch.double, device=logs[0].device).log()
    return torch.logsumexp(torch.stack([log + w for log, w in zip(logs, weights, strict=True)]), 0)
