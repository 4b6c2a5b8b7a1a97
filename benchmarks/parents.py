"""Train the models that the benchmarks fuse, once: `fedot.training.cache` keeps them, for scenarios too."""

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from torch import Tensor

from fedot.data import ClientData, load_clients
from fedot.models import State, build_model, model_config, state_of
from fedot.scenario import Scenario
from fedot.tasks import TASKS
from fedot.tasks.classification import Labelled
from fedot.text.word_counts import pack_words, unpack_words
from fedot.tokenizer import count_words, encode, train_tokenizer
from fedot.training import train
from fedot.training.cache import kept, training_key


@dataclass(frozen=True, slots=True)
class Trained:
    """One trained model: tensors, configuration, how often it has seen each token, and its tokenizer."""

    state: State
    config: Any
    counts: Tensor
    tokenizer: Tokenizer


@dataclass(frozen=True, slots=True)
class Parents:
    """Models trained apart in one seed, and the data that they are judged by.

    `validation` and `test` hold each client's texts and labels, encoded for every model by `encoded`.
    """

    models: tuple[Trained, ...]
    clients: tuple[ClientData, ...]
    _read: dict[tuple[object, ...], Labelled] = field(default_factory=dict)

    def encoded(self, tokenizer: Tokenizer, config: Any, split: str, client: int, most: int | None = None) -> Labelled:
        """One client's rows of a split as a model reads them, at most `most` of them."""
        key = (tokenizer.to_str(), config.max_length, split, client, most)
        if key not in self._read:
            rows = getattr(self.clients[client], split)
            rows = rows.select(range(min(most or len(rows), len(rows))))
            labels = np.asarray(rows["label"], dtype=np.int64)
            self._read[key] = Labelled(encode(tokenizer, list(rows["text"]), config.max_length), labels)
        return self._read[key]


def train_parents(scenario: Scenario, seed: int, data_dir: Path | None, cache: Path, init: str) -> Parents:
    """Train one model a client from its own initialisation, or with `init` "shared" from one and the same.

    A scenario, a seed and an initialisation that were trained before are read from `cache`.
    """
    clients, does = load_clients(scenario, seed, data_dir), TASKS[scenario.task]
    shared = train_tokenizer(
        _merged_words(clients, scenario),
        scenario.tokenizer.kind,
        scenario.tokenizer.vocab_size,
        does.special_tokens,
    )
    models = []
    for k, data in enumerate(clients):
        spec = scenario.tokenizer_spec(k)
        own = shared
        if spec.scope == "per-client":
            own = train_tokenizer(
                count_words(does.texts(data.train), spec.kind), spec.kind, spec.vocab_size, does.special_tokens
            )
        config = model_config(scenario.model_settings(k), own.get_vocab_size(), len(data.labels))
        start = state_of(build_model(config, seed * 10_000)) if init == "shared" else None
        models.append(_trained(cache, config, start, (data,), own, scenario, seed * 10_000 + k + 1))
    return Parents(tuple(models), clients)


def train_pooled(scenario: Scenario, seed: int, data_dir: Path | None, cache: Path) -> Trained:
    """Train one model on all clients' texts, the reference that a federation cannot have."""
    clients, does = load_clients(scenario, seed, data_dir), TASKS[scenario.task]
    tokenizer = train_tokenizer(
        _merged_words(clients, scenario),
        scenario.tokenizer.kind,
        scenario.tokenizer.vocab_size,
        does.special_tokens,
    )
    config = model_config(scenario.model, tokenizer.get_vocab_size(), len(clients[0].labels))
    return _trained(cache, config, None, clients, tokenizer, scenario, seed * 10_000 + 9_999)


def _merged_words(clients: tuple[ClientData, ...], scenario: Scenario) -> Counter[str]:
    """Word counts as a federation adds them up, each client leaving out its rare words."""
    total: Counter[str] = Counter()
    for client in clients:
        texts = TASKS[scenario.task].texts(client.train)
        total.update(unpack_words(pack_words(count_words(texts, scenario.tokenizer.kind))))
    return total


def _trained(
    cache: Path,
    config: Any,
    start: State | None,
    data: tuple[ClientData, ...],
    tokenizer: Tokenizer,
    scenario: Scenario,
    seed: int,
) -> Trained:
    rows = {split: [getattr(part, split) for part in data] for split in ("train", "validation")}
    learn, check = (TASKS[scenario.task].encode(rows[split], tokenizer, config.max_length) for split in rows)
    task = partial(train, config, start, learn, check, scenario.train, seed=seed)
    result = kept(str(cache), training_key(*task.args, **task.keywords), task)
    return Trained(result.state, config, result.token_counts, tokenizer)
