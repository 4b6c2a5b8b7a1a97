"""From a scenario to each client's training, validation and test rows.

The seed decides the partition, which rows a cap keeps, the validation rows and the order; test sets are the
same for every seed. `load_client` reads one client's data only, so it cannot know of another client's test
sentences; `load_clients` sees all and takes such sentences out of the other clients' training rows.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from fedot.data.corpora import DATASETS, Corpus
from fedot.data.join_classes import joined
from fedot.data.load_files import load_files
from fedot.data.load_hub import load_hub
from fedot.data.overlaps import with_overlap_told, without_foreign_tests
from fedot.data.partition import CLIENT, TEST, Deals
from fedot.data.read_corpus import read_corpus
from fedot.data.types import ClientData, Splits, label_array, take
from fedot.errors import FedotError, MistakesError, lines_of
from fedot.scenario import ClientSpec, Scenario
from fedot.scenario.file_keys import FILES, HUB, HUB_KEYS, OWN
from fedot.tasks import TASKS
from fedot.text.did_you_mean import did_you_mean

FILE_KEYS, COLUMN_KEYS = ("train", "test", "separator", "quote", "encoding"), ("text", "label", "label_map")
"""Keys that only say how a user's own files are read, and what the columns of a user's own data hold."""

NOT_OF_ROWS = {"name", "examples", "test_examples", "model", "tokenizer", "fault"}
"""Keys of a client that say nothing of what is read of its data set."""


class Corpora:
    """Data sets that several clients have, read whole: clients of one process share the latest.

    Attributes
    ----------
    read, read_own
        Reads a public data set, or a user's own that is shared out, or gives it again.
    deal
        Tells which rows each client gets of one that is shared out.

    Examples
    --------
    >>> callable(Corpora().read)
    True
    """

    def __init__(self) -> None:
        self.read = lru_cache(8)(_corpus)
        self.read_own = lru_cache(1)(_own)
        self.deal = Deals()


def load_clients(scenario: Scenario, seed: int, data_dir: Path | None = None) -> tuple[ClientData, ...]:
    """Load every client in one place, for a simulation or the centralised reference.

    A training or validation row whose sentence is in the test set of a client with other data is left out and
    counted in the notices. The parts of one corpus keep their official sets.

    Parameters
    ----------
    scenario, seed, data_dir
        As for `load_client`.

    Returns
    -------
    tuple of ClientData
        One for each client.

    Raises
    ------
    FedotError
        For data that are missing, unreadable, empty or of one class, of all clients at once, and for clients with
        unequal classes.

    Examples
    --------
    >>> from fedot.scenario import parse_scenario
    >>> clients = [{"dataset": "xed", "lang": lang, "examples": 50} for lang in ("en", "fi")]
    >>> scenario = parse_scenario({"name": "mine", "clients": clients, "data": {"source": "stand-in"}})
    >>> [client.labels for client in load_clients(scenario, seed=0)]
    [('negative', 'positive'), ('negative', 'positive')]
    """
    clients = load_each(scenario, seed, data_dir)
    sizes = {client.name: len(client.labels) for client in clients}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise FedotError(
            f"all clients need the same number of classes, but they have: {told}; give all the same labels "
            "(of files a list of all classes: labels: [neg, pos])"
        )
    if scenario.partition is not None:
        return clients
    return without_foreign_tests(clients, scenario.client_specs())


def load_each(scenario: Scenario, seed: int, data_dir: Path | None = None) -> tuple[ClientData, ...]:
    """Load every client's own rows, with one numbering of the classes that they find in their files.

    Parameters
    ----------
    scenario, seed, data_dir
        As for `load_client`.

    Raises
    ------
    FedotError
        Telling all that is wrong with any client's data.

    Examples
    --------
    >>> from fedot.scenario import parse_scenario
    >>> clients = [{"dataset": "xed", "lang": lang, "examples": 50} for lang in ("en", "fi")]
    >>> scenario = parse_scenario({"name": "mine", "clients": clients, "data": {"source": "stand-in"}})
    >>> [client.name for client in load_each(scenario, seed=0)]
    ['xed-en', 'xed-fi']
    """
    corpora, wrong = Corpora(), list[str]()
    loaded: list[ClientData] = []
    for i in range(len(scenario.client_specs())):
        try:
            loaded.append(load_client(scenario, i, seed, data_dir, corpora))
        except FedotError as error:
            if scenario.partition is not None:  # all clients have the same data
                raise
            wrong += lines_of(error)
    if wrong:
        raise MistakesError(wrong)
    return joined(loaded, [scenario.finds_classes(i) for i in range(len(loaded))])


def load_client(
    scenario: Scenario, partition_id: int, seed: int, data_dir: Path | None = None, corpora: Corpora | None = None
) -> ClientData:
    """Load one client's rows, reading nobody else's.

    Parameters
    ----------
    scenario
        Says which data set, partition, caps and validation fraction the client has.
    partition_id
        Index of the client, from 0.
    seed
        Decides the partition, the capped rows, the validation rows and the order, but no test set.
    data_dir
        Directory with the public data sets, and the second place where `files` paths are looked up.
    corpora
        Public data sets that were read before.

    Returns
    -------
    ClientData

    Raises
    ------
    FedotError
        For data that are missing, unreadable, empty or of one class.

    Examples
    --------
    >>> from fedot.scenario import parse_scenario
    >>> clients = [{"dataset": "xed", "lang": lang, "examples": 50} for lang in ("en", "fi")]
    >>> scenario = parse_scenario({"name": "mine", "clients": clients, "data": {"source": "stand-in"}})
    >>> client = load_client(scenario, 1, seed=0)
    >>> client.name, client.source, len(client.train) + len(client.validation)
    ('xed-fi', 'stand-in', 50)
    """
    specs = scenario.client_specs()
    if not 0 <= partition_id < len(specs):
        raise FedotError(f"partition-id {partition_id} is no client of the scenario, which has {len(specs)}")
    spec, name, corpora = specs[partition_id], scenario.client_names()[partition_id], corpora or Corpora()
    try:
        splits, source = _read(scenario, spec, data_dir, corpora)
    except FedotError as error:
        if spec.dataset not in OWN:
            raise
        raise MistakesError(f"client {name}: {line}" for line in lines_of(error)) from None
    train, test = splits.train, splits.test
    if not len(train) or not len(test):
        raise FedotError(f"client {name} is empty: {len(train)} training and {len(test)} test rows")
    notices = list(splits.notices)
    alone = len(splits.labels) < 2 and not scenario.finds_classes(partition_id)
    if splits.labels and (alone or (scenario.partition and len(np.unique(label_array(train))) < 2)):
        raise FedotError(
            f"the training rows of client {name} all have one class; a classifier needs two: "
            "say which there are, for example labels: [neg, pos]"
        )
    if scenario.partition is not None:
        shares, tests = corpora.deal(train, test, scenario.partition, seed)
        train, test = take(train, shares[partition_id]), take(test, tests[partition_id])
    generator = np.random.default_rng([seed, CLIENT, partition_id])
    train = _capped(train, spec.examples, generator)
    test = _capped(test, spec.test_examples, np.random.default_rng([0, TEST, partition_id]))
    if splits.labels and len(np.unique(label_array(train))) < 2:
        notices.append("all training rows of this client have one class")
    learn, check = split_validation(label_array(train), scenario.train.validation, generator)
    if not len(learn) or not len(check):
        raise FedotError(f"client {name} has {len(train)} training rows, too few to hold some back for validation")
    return ClientData(
        name=name,
        train=take(train, learn),
        validation=take(train, check),
        test=test,
        labels=splits.labels,
        source=source,
        notices=tuple(notices),
    )


def split_validation(
    labels: NDArray[np.int64], fraction: float, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split rows (n,) into two shuffled index arrays, the second with `fraction` of each class.

    Each class's count is rounded at random so that small classes are drawn in proportion; at least one row
    goes to either side where there are two.
    """
    order = generator.permutation(len(labels))
    keys = labels[order]
    chosen = np.zeros(len(labels), dtype=bool)
    for value in np.unique(labels):
        places = np.flatnonzero(keys == value)
        chosen[places[: int(len(places) * fraction + generator.random())]] = True
    if len(labels) > 1 and not chosen.any():
        chosen[0] = True
    if len(labels) > 1 and chosen.all():
        chosen[0] = False
    return order[~chosen], order[chosen]


def _read(scenario: Scenario, spec: ClientSpec, data_dir: Path | None, corpora: Corpora) -> tuple[Splits, str]:
    """Read a client's data set whole."""
    if spec.dataset in OWN:
        _check_keys(spec, *((HUB_KEYS, HUB) if spec.dataset == FILES else (FILE_KEYS, FILES)))
        shared = scenario.partition is not None
        read, told = (corpora.read_own, spec.model_dump_json(exclude=NOT_OF_ROWS)) if shared else (_own, spec)
        return read(told, scenario.task, scenario.data.source, scenario.base_dir, data_dir)
    _check(scenario, spec, data_dir)
    only = spec.model_dump_json(include={"dataset", "lang", "labels", "source", "target"})
    return corpora.read(only, scenario.task, scenario.data.source, data_dir)


def _own(
    told: ClientSpec | str, task: str, source: str, base_dir: Path | None, data_dir: Path | None
) -> tuple[Splits, str]:
    spec = ClientSpec.model_validate_json(told) if isinstance(told, str) else told
    if spec.dataset == FILES:
        splits, used = load_files(spec, TASKS[task], base_dir, data_dir), FILES
    else:
        splits, used = load_hub(spec, TASKS[task], source, data_dir)
    return with_overlap_told(splits), used


def _corpus(spec_json: str, task: str, source: str, data_dir: Path | None) -> tuple[Splits, str]:
    spec = ClientSpec.model_validate_json(spec_json)
    splits, used = read_corpus(TASKS[task], spec.dataset, spec, source, data_dir)
    return with_overlap_told(splits), used


def _check(scenario: Scenario, spec: ClientSpec, data_dir: Path | None) -> None:
    """Refuse a data set, task, language or label kind that is not there, with the nearest that is."""
    if spec.dataset not in DATASETS:
        raise FedotError(f"there is no data set {spec.dataset!r}; {_nearest(spec.dataset, [*DATASETS, *OWN])}")
    corpus = DATASETS[spec.dataset]
    if not _serves(corpus, scenario.task):
        fitting = [name for name, other in DATASETS.items() if _serves(other, scenario.task)]
        possible = " or ".join(name for name in TASKS if _serves(corpus, name))
        raise FedotError(
            f"{spec.dataset} is for the task {possible}, but the scenario's task is {scenario.task}; "
            f"use {', '.join([*fitting, FILES])}"
        )
    _check_keys(spec, (*FILE_KEYS, *COLUMN_KEYS), FILES)
    _check_keys(spec, HUB_KEYS, HUB)
    if isinstance(spec.labels, tuple):
        raise FedotError(
            f"labels: [{', '.join(spec.labels)}] is for dataset: files; "
            f"{spec.dataset} has {' or '.join(corpus.label_sets) or 'no labels'}"
        )
    if spec.labels is not None and corpus.label_sets and spec.labels not in corpus.label_sets:
        kinds = [kind for kind in corpus.label_sets if kind in ("polarity", "three-class", "emotions")]
        raise FedotError(f"{spec.dataset} has no labels: {spec.labels}; {_nearest(spec.labels, kinds)}")
    languages = list(corpus.languages)
    if spec.dataset == "xed" and data_dir is not None:
        found = {path.stem for path in (data_dir / "xed").glob("*.parquet")} - {"alignment"}
        languages = sorted(found | set(languages))
    if spec.lang is None and len(languages) > 1:
        raise FedotError(f"{spec.dataset} needs a lang; valid are {', '.join(languages)}")
    if spec.lang is not None and spec.lang not in languages:
        valid = _nearest(spec.lang, languages) if languages else "leave lang out"
        raise FedotError(f"{spec.dataset} has no lang {spec.lang!r}; {valid}")


def _check_keys(spec: ClientSpec, keys: Sequence[str], others: str) -> None:
    """Refuse keys of another way to give data."""
    own = [key for key in keys if getattr(spec, key) is not None]
    if own:
        why = "is read otherwise" if spec.dataset in OWN else "is read as published"
        raise FedotError(f"{own[0]} is for dataset: {others}, and {spec.dataset} {why}; leave it out")


def _serves(corpus: Corpus, task: str) -> bool:
    return set(TASKS[task].columns) <= set(corpus.columns)


def _nearest(got: str, valid: Sequence[str]) -> str:
    return f"{did_you_mean(got, valid)} valid: {', '.join(valid)}".strip()


def _capped(data: Dataset, most: int | None, generator: np.random.Generator) -> Dataset:
    """Keep a random `most` of the rows; all of them in their order where there are no more."""
    if most is None or most >= len(data):
        return data
    return take(data, generator.permutation(len(data))[:most])
