"""A client's rows as models read them, kept from one message to the next.

In a deployment a process answers one message, and forgets. In a simulation one process is many clients over many
rounds, all of which ask for the same rows.
"""

import logging
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from fedot.data import ClientData, Corpora, load_client
from fedot.data.inside import enclosed
from fedot.data.join_classes import renumbered
from fedot.federation.client.bounds import read_scenario
from fedot.federation.client.own_checkpoint import OwnCheckpoints
from fedot.federation.client.policy import Policy
from fedot.scenario import Scenario
from fedot.tasks import TASKS, Examples
from fedot.terminal.stopwatch import timed
from fedot.tokenizer import count_words, train_tokenizer

log = logging.getLogger("fedot.client")

KEPT = 64


@dataclass(frozen=True, slots=True)
class RowSource:
    """All that decides which rows a client has, and how they are read.

    `classes` are all clients', where each has found its own; checkpoints lie in `model_folders`.
    """

    scenario: str
    base_dir: str | None
    partition_id: int
    seed: int
    data_dir: str | None
    policy: Policy
    classes: tuple[str, ...] = ()
    model_folders: tuple[Path, ...] = ()


class KeptRows:
    """What a process holds of its clients' rows: the latest of each kind."""

    def __init__(self) -> None:
        self._corpora = Corpora()
        self.data = lru_cache(KEPT)(self._data)
        self.own_tokenizer = lru_cache(KEPT)(self._own_tokenizer)
        self.encoded = lru_cache(KEPT)(self._encoded)

    @timed("reading")
    def _data(self, source: RowSource) -> ClientData:
        """Read a client's rows."""
        if source.classes:
            return renumbered(self.data(replace(source, classes=())), source.classes)
        value, data_dir = read_scenario(source.scenario), Path(source.data_dir) if source.data_dir else None
        if not source.policy.simulated:
            value = enclosed(value, source.partition_id, data_dir)
        elif source.base_dir:
            value = _beside(source.scenario, Path(source.base_dir))
        return load_client(value, source.partition_id, source.seed, data_dir, self._corpora)

    @timed("tokenising")
    def _own_tokenizer(self, source: RowSource) -> str:
        """Train a tokenizer on a client's own text."""
        whole = read_scenario(source.scenario)
        spec = whole.tokenizer_spec(source.partition_id)
        task = TASKS[whole.task]
        words = count_words(task.texts(self.data(source).train), spec.kind)
        return train_tokenizer(words, spec.kind, spec.vocab_size, task.special_tokens).to_str()

    def _reader(self, source: RowSource, tokenizer: str) -> Tokenizer:
        scenario = read_scenario(source.scenario)
        own = OwnCheckpoints(scenario, source.partition_id, source.policy, source.model_folders)
        return own.tokenizer(tokenizer)

    @timed("tokenising")
    def _encoded(self, source: RowSource, split: str, tokenizer: str, max_length: int) -> Examples:
        """Read a split as a model with this tokenizer does."""
        task = TASKS[read_scenario(source.scenario).task]
        found: Examples = task.encode([getattr(self.data(source), split)], self._reader(source, tokenizer), max_length)
        if found.truncated:
            log.info(
                "%d of %d %s texts are longer than %d tokens, and cut", found.truncated, len(found), split, max_length
            )
        return found


@lru_cache(maxsize=8)
def _beside(scenario: str, base_dir: Path) -> Scenario:
    """The scenario of a message, with the folder that its files lie beside; the same for all clients of a process."""
    return read_scenario(scenario).model_copy(update={"base_dir": base_dir})
