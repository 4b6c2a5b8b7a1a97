"""What a scenario's clients have, told without training: rows, classes, lengths, unknown tokens, overlaps."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset
from tokenizers import Tokenizer

from fedot.data import ClientData
from fedot.data.join_classes import ClientClasses, apart
from fedot.data.load import load_each
from fedot.data.types import label_array, normalised
from fedot.hf.checkpoint import Checkpoint
from fedot.scenario import Scenario
from fedot.tasks import TASKS, AnyTask
from fedot.text.word_counts import pack_words, unpack_words
from fedot.tokenizer import count_words, encode, train_tokenizer
from fedot.training.client_checkpoint import checkpoint_of, config_here
from fedot.translation.special_tokens import special_of

ANY_LENGTH = 2**31
"""No text has so many tokens."""


@dataclass(frozen=True, slots=True)
class ClientSummary:
    """What one client has.

    Attributes
    ----------
    name, source
        What it is called, and where its data come from.
    train, validation, test
        Numbers of rows; training rows without those that are held back for validation.
    classes
        Numbers of training rows (validation with them) and test rows, by class; empty for a task without classes.
    median, long
        Tokens of a training text: half of them have at most `median`, 95 % at most `long`.
    unknown
        Share of the training tokens that the tokenizer does not know, 0 to 1.
    max_length
        Tokens that the model reads.
    cut, texts
        Training and test texts that are longer than that, and how many texts there are.
    in_own, in_others
        Test texts that also are in its own training rows, and in those of others.
    notices
        What there is to know of how its data were read.
    """

    name: str
    source: str
    train: int
    validation: int
    test: int
    classes: Mapping[str, tuple[int, int]]
    median: int
    long: int
    unknown: float
    max_length: int
    cut: int
    texts: int
    in_own: int
    in_others: int
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataSummary:
    """What all clients have, and what there is to know of how they fit each other."""

    clients: tuple[ClientSummary, ...]
    notices: tuple[str, ...] = ()


def summarise(scenario: Scenario, data_dir: Path | None = None) -> DataSummary:
    """Read every client's rows as the first seed has them, make the tokenizers, and count.

    Raises
    ------
    FedotError
        Telling all that is wrong with any client's data.

    Examples
    --------
    >>> from fedot.scenario import parse_scenario
    >>> clients = [{"dataset": "xed", "lang": lang, "examples": 50} for lang in ("en", "fi")]
    >>> scenario = parse_scenario({"name": "mine", "clients": clients, "data": {"source": "stand-in"}})
    >>> [(client.name, client.train, client.validation) for client in summarise(scenario).clients]
    [('xed-en', 44, 6), ('xed-fi', 44, 6)]
    """
    task, clients = TASKS[scenario.task], load_each(scenario, scenario.seeds[0], data_dir)
    trained = [pa.concat_arrays([normalised(client.train), normalised(client.validation)]) for client in clients]
    tokenizers = _tokenizers(scenario, task, clients)
    found = []
    for k, client in enumerate(clients):
        others = [values for j, values in enumerate(trained) if j != k]
        found.append(_summary(scenario, k, client, tokenizers[k], trained[k], pa.concat_arrays(others)))
    classes = [ClientClasses(each.name, _own(each), scenario.finds_classes(k)) for k, each in enumerate(found)]
    return DataSummary(tuple(found), tuple(apart(classes)))


def _summary(
    scenario: Scenario, place: int, client: ClientData, tokenizer: Tokenizer, own: pa.Array, others: pa.Array
) -> ClientSummary:
    task = TASKS[scenario.task]
    config, _ = config_here(scenario, place, tokenizer.get_vocab_size(), len(client.labels))
    read = [
        task.encode([rows], tokenizer, config.max_length) for rows in (client.train, client.validation, client.test)
    ]
    whole = encode(tokenizer, task.texts(client.train), ANY_LENGTH)
    counts, unknown = Counter(token for row in whole.ids for token in row), special_of(config).unknown
    test = normalised(client.test)
    return ClientSummary(
        name=client.name,
        source=client.source,
        train=len(client.train),
        validation=len(client.validation),
        test=len(client.test),
        classes=_classes(client),
        median=int(np.percentile(whole.lengths, 50, method="higher")),
        long=int(np.percentile(whole.lengths, 95, method="higher")),
        unknown=counts[unknown] / max(1, counts.total()),
        max_length=config.max_length,
        cut=sum(each.truncated for each in read),
        texts=sum(each.num_texts for each in read),
        in_own=_shared(test, own),
        in_others=_shared(test, others),
        notices=client.notices,
    )


def _tokenizers(scenario: Scenario, task: AnyTask, clients: Sequence[ClientData]) -> list[Tokenizer]:
    """Each client's tokenizer, made of the words that a federation would make it of; or that of its checkpoint."""
    checkpoints = [checkpoint_of(scenario, k) for k in range(len(clients))]
    specs = {k: scenario.tokenizer_spec(k) for k, found in enumerate(checkpoints) if found is None}
    words = {k: count_words(task.texts(clients[k].train), spec.kind) for k, spec in specs.items()}
    total: Counter[str] = Counter()
    for k, spec in specs.items():
        if spec.scope == "shared":
            total.update(unpack_words(pack_words(words[k])))
    wanted = scenario.tokenizer
    shared = train_tokenizer(total, wanted.kind, wanted.vocab_size, task.special_tokens) if total else None

    def own(k: int, checkpoint: Checkpoint | None) -> Tokenizer:
        if checkpoint is not None:
            return checkpoint.tokenizer(scenario.task)
        if specs[k].scope == "shared" and shared is not None:
            return shared
        return train_tokenizer(words[k], specs[k].kind, specs[k].vocab_size, task.special_tokens)

    return [own(k, found) for k, found in enumerate(checkpoints)]


def _classes(client: ClientData) -> dict[str, tuple[int, int]]:
    def count(*parts: Dataset) -> list[int]:
        labels = np.concatenate([label_array(rows) for rows in parts])
        found: list[int] = np.bincount(labels, minlength=len(client.labels)).tolist()
        return found

    both = zip(count(client.train, client.validation), count(client.test), strict=True)
    return dict(zip(client.labels, both, strict=True)) if client.labels else {}


def _own(client: ClientSummary) -> tuple[str, ...]:
    """Classes of which a client has rows."""
    return tuple(name for name, counts in client.classes.items() if any(counts))


def _shared(test: pa.Array, trained: pa.Array) -> int:
    return int(pc.sum(pc.is_in(test, value_set=trained)).as_py() or 0)
