"""A small world for each task: rows of its stand-in, a tokenizer, examples, and untrained models."""

from dataclasses import dataclass, replace
from typing import Any

from datasets import Dataset
from tokenizers import Tokenizer

from fedot.data import DATASETS
from fedot.data.types import rows_of
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.models import Config, State, build_model, model_config, num_classes, state_of
from fedot.tasks import TASKS, AnyTask
from fedot.tasks.task import EvaluationRows, Wanted
from fedot.tokenizer import count_words, read_tokenizer, train_tokenizer

SIZES = {"d_model": 16, "n_layer": 1, "n_head": 2, "d_ff": 24, "max_length": 14, "dropout": 0.0}
POLARITY = ("negative", "positive")
SINGLE = (EvaluationItem("weights", ((0, 1.0),)),)


@dataclass(frozen=True, slots=True)
class World:
    """What a client of a task has; it can be asked what the federation asks."""

    task: AnyTask
    train: Dataset
    test: Dataset
    tokenizer: Tokenizer
    config: Config

    def encode(self, rows: Dataset) -> Any:
        return self.task.encode([rows], self.tokenizer, self.config.max_length)

    def state(self, seed: int = 0) -> State:
        return state_of(build_model(self.config, seed))

    def request(self, *states: State, items: tuple[EvaluationItem, ...] = SINGLE, **rest: Any) -> EvaluationRequest:
        count = len(states)
        return EvaluationRequest(states, (self.config,) * count, (None,) * count, items, **rest)

    def evaluate(self, request: EvaluationRequest, test: Dataset | None = None) -> list[Any]:
        rows, count = self.test if test is None else test, len(request.states)
        splits = {"test": rows, "validation": self.train}
        about = EvaluationRows(
            lambda split: [self.encode(splits[split])] * count, (self.tokenizer,) * count, rows, 1, 0.6, "cpu"
        )
        return self.task.evaluate(request, about)


def wanted(task: AnyTask) -> Wanted:
    """The first data set that serves a task."""
    name = next(name for name, corpus in DATASETS.items() if set(task.columns) <= set(corpus.columns))
    return Wanted(name, "en", None, None, POLARITY)


def world(name: str, **settings: Any) -> World:
    task = TASKS[name]
    found = task.stand_in(wanted(task))
    train, test = (rows_of(rows) for rows in (found.train, found.test))
    train, test = train.select(range(60)), test.select(range(20))
    kind = task.facts.defaults.get("tokenizer", {}).get("kind", "wordpiece")
    text = train_tokenizer(count_words(task.texts(train), kind), kind, 520, task.special_tokens).to_str()
    tokenizer = read_tokenizer(text)
    model = {"name": task.architecture, **SIZES, **settings}
    config = model_config(model, tokenizer.get_vocab_size(), len(POLARITY) if task.has_classes else 0)
    assert bool(num_classes(config)) == task.has_classes
    return World(task, train, test, tokenizer, config)


@dataclass(frozen=True, slots=True)
class Rows:
    """What a client says of its rows."""

    num_validation: int
    num_test: int
    n_class: int


def described(small: World, **changes: int) -> Rows:
    """What the client of a world says of its rows."""
    return replace(Rows(len(small.train), len(small.test), num_classes(small.config)), **changes)
