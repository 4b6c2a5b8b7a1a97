"""What a client lets a server ask of it: decided where the client runs, by its own node configuration.

A server is believed in what it wants computed, and in nothing that is the client's to decide: where data and models
lie, which tasks and data sets it takes part in, whether its words may be told, how much it may be asked. In a
simulation the clients share the machine and the user of the server, who decides all of that there.
"""

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from fedot.data.corpora import DATASETS
from fedot.errors import FedotError
from fedot.scenario.file_keys import FILES, HUB
from fedot.tasks import TASK_FACTS, present_name
from fedot.text.did_you_mean import did_you_mean
from fedot.wire.messages import Settings

Value = bool | float | int | str

PARTITION, PARTITIONS, SIMULATED = "partition-id", "num-partitions", "simulated"
SIMULATION = "FEDOT_SIMULATION"
"""Environment variable of the processes that Flower's simulation runtime starts: it hands on no other configuration."""

ALL = (*DATASETS, FILES)
"""Data sets of which a client takes part in those that it does not name; any other of the hub it has to agree to."""

KEYS = (
    *("data-path", "cache-path", "tasks", "datasets", "tell-words", "tell-classes"),
    *("most-evaluations", "most-models", "most-seeds", "least-rows", "checkpoints"),
)
"""Keys of ``--node-config`` by which a client decides."""

ANY = sys.maxsize

MOST_EVALUATIONS, MOST_MODELS, MOST_SEEDS = 2000, 1000, 20
"""What a run may ask for by default. The largest scenario in `scenarios/` asks a client for less than 1,600 evaluations
and trainings (`masses.yaml`) of 700 models (`periodic.yaml`) with five seeds."""

LEAST_ROWS = 20
"""Of fewer test or training rows no sums are told by default, and none of less than a quarter as many validation rows,
which are a small share of the training rows."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A client's own decisions; the defaults are those of a deployed node without configuration.

    Attributes
    ----------
    simulated
        Whether the client is part of a simulation: paths in a message are then the user's own.
    data_path, cache_path
        Folders of the client's data and of the models that it keeps; empty for none.
    tasks, datasets
        In which it takes part.
    tell_words
        Whether the server may be told how often each word occurs, which a shared tokenizer is trained on.
    tell_classes
        Whether the server may be told which labels there are in the client's files, where the scenario does not say.
    most_evaluations, most_models, most_seeds
        How many evaluations and trainings, of how many models that differ, with how many seeds, a run may ask for.
    least_rows
        Of fewer rows no sums are told.
    checkpoints
        Names of checkpoints that it fetches from the hub; others lie in the folders of ``FEDOT_MODELS``.
    """

    simulated: bool = False
    data_path: str | None = None
    cache_path: str | None = None
    tasks: tuple[str, ...] = tuple(TASK_FACTS)
    datasets: tuple[str, ...] = ALL
    tell_words: bool = False
    tell_classes: bool = False
    most_evaluations: int = MOST_EVALUATIONS
    most_models: int = MOST_MODELS
    most_seeds: int = MOST_SEEDS
    least_rows: int = LEAST_ROWS
    checkpoints: tuple[str, ...] = ()

    @classmethod
    def of(cls, node_config: Mapping[str, Value]) -> "Policy":
        """Read a node's configuration; who configures a node decides for it, in a simulation too.

        Raises
        ------
        FedotError
            If a key is misspelt, or its value is no value of it.
        """
        given = {key: value for key, value in node_config.items() if key not in (PARTITION, PARTITIONS, SIMULATED)}
        if not given and (node_config.get(SIMULATED) is True or os.environ.get(SIMULATION) == "1"):
            return cls(
                simulated=True,
                datasets=(*ALL, HUB),
                tell_words=True,
                tell_classes=True,
                most_evaluations=ANY,
                most_models=ANY,
                most_seeds=ANY,
                least_rows=1,
            )
        for key in given.keys() - set(KEYS):
            if hint := did_you_mean(key, KEYS, cutoff=0.8):  # what is not decided as it was meant to be must be noticed
                raise FedotError(f"--node-config has the key {key}; {hint}")
        return cls(
            data_path=_text(given, "data-path"),
            cache_path=_text(given, "cache-path"),
            tasks=_names(given, "tasks", TASK_FACTS),
            datasets=_names(given, "datasets", ALL, HUB),
            tell_words=_flag(given, "tell-words"),
            tell_classes=_flag(given, "tell-classes"),
            most_evaluations=_whole(given, "most-evaluations", MOST_EVALUATIONS),
            most_models=_whole(given, "most-models", MOST_MODELS),
            most_seeds=_whole(given, "most-seeds", MOST_SEEDS),
            least_rows=_whole(given, "least-rows", LEAST_ROWS),
            checkpoints=tuple(name.strip() for name in (_text(given, "checkpoints") or "").split(",") if name.strip()),
        )

    def folders(self, settings: Settings) -> tuple[str | None, str | None]:
        """Folders of public data sets and of the scenario: a message names them in simulations only."""
        return (settings.data_dir, settings.base_dir) if self.simulated else (self.data_path, None)

    def check_part(self, client: str, task: str, dataset: str) -> None:
        """Refuse a task or a data set that a client takes no part in.

        Raises
        ------
        FedotError
            Naming the key that decides.
        """
        for key, asked, agreed in (
            ("tasks", task, self.tasks),
            ("datasets", dataset, self.datasets),
        ):
            known = (*TASK_FACTS, *ALL, HUB)
            if asked in known and asked not in agreed:  # of what does not exist somebody else says so
                raise FedotError(
                    f"client {client} takes part in {', '.join(agreed)}, but not in {asked}; "
                    f"whoever runs it decides that with {key} in its --node-config"
                )

    def check_words(self, client: str) -> None:
        """Refuse to tell words if nobody has agreed to it.

        Raises
        ------
        FedotError
            Saying how one agrees, and what can be done without.
        """
        if not self.tell_words:
            raise FedotError(
                f"client {client} does not tell its words, which tokenizer.scope: shared needs; whoever runs it can "
                "agree with tell-words=true in its --node-config, or the scenario can say scope: per-client"
            )

    def check_classes(self, file: str, names: Sequence[str]) -> None:
        """Refuse to tell which labels a file has if nobody has agreed to it; 0, 1, ... tell no more than how many.

        Raises
        ------
        FedotError
            For this client's log.
        """
        if not self.tell_classes and set(names) != {str(number) for number in range(len(names))}:
            raise FedotError(
                f"the labels in {file} are not 0, 1, ..., and the server is not told others; agree with "
                "tell-classes=true in the --node-config, or have the scenario say labels: [...]"
            )

    def check_rows(
        self, client: str, test: int | None = None, training: int | None = None, validation: int | None = None
    ) -> None:
        """Refuse to tell sums of so few rows that they tell of single ones; None is a split that is not looked at.

        Raises
        ------
        FedotError
            Naming the split and the key that decides.
        """
        quarter = -(-self.least_rows // 4)
        for name, count, least in (
            ("test", test, self.least_rows),
            ("training", training, self.least_rows),
            ("validation", validation, quarter),
        ):
            if count is not None and count < least:
                raise FedotError(
                    f"client {client} tells no sums of fewer than {least} {name} rows, and it would be {count}; give "
                    "it more rows, or whoever runs it can lower least-rows in its --node-config"
                )


def partition_of(node_config: Mapping[str, Value]) -> int:
    """A node's place in the scenario.

    Raises
    ------
    FedotError
        If its configuration does not say.
    """
    value = node_config.get(PARTITION)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise FedotError(f"a node needs its place in the scenario: --node-config '{PARTITION}=0', counted from 0")
    return value


def _text(given: Mapping[str, Value], key: str) -> str | None:
    value = given.get(key, "")
    if not isinstance(value, str):
        raise FedotError(f'--node-config {key} is {value!r}, but a text is needed: {key}="..."')
    return value or None


def _flag(given: Mapping[str, Value], key: str) -> bool:
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise FedotError(f"--node-config {key} is {value!r}, but it can only be true or false")
    return value


def _whole(given: Mapping[str, Value], key: str, default: int) -> int:
    value = given.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise FedotError(f"--node-config {key} is {value!r}, but a whole number of at least 1 is needed")
    return value


def _names(given: Mapping[str, Value], key: str, known: Collection[str], *more: str) -> tuple[str, ...]:
    """Names with commas between them; all that are known where nothing is said, and `more` only where it is."""
    names = tuple(present_name(name) for part in (_text(given, key) or "").split(",") if (name := part.strip()))
    if key in given and not names:
        raise FedotError(f"--node-config {key} is empty; leave it out, or choose from {', '.join(known)}")
    for name in names:
        if name not in (*known, *more):
            choices = ", ".join((*known, *more))
            raise FedotError(f"--node-config {key} has {name!r}; choose from {choices}, with commas between")
    return names or tuple(known)
