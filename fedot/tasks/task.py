"""What a task is: everything that fedot has to know of one, and that no other file says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn

from fedot.evaluation.request import EvaluationRequest
from fedot.models import Config, State
from fedot.standin import StandIn
from fedot.tasks.facts import TaskFacts
from fedot.tokenizer import PAD, UNK, Encoded

if TYPE_CHECKING:
    from datasets import Dataset


class Examples(Protocol):
    """What a model is trained on."""

    def __len__(self) -> int: ...

    @property
    def lengths(self) -> NDArray[np.int64]:
        """By what rows (n,) are sorted into batches."""

    @property
    def num_texts(self) -> int:
        """How many texts there are; of pairs two each."""

    @property
    def truncated(self) -> int:
        """How many texts were longer than the model reads."""

    def loss(
        self, model: nn.Module, rows: NDArray[np.int64], device: str, smoothing: float = 0.0
    ) -> tuple[Tensor, int]:
        """Mean cross-entropy of some rows in nats, and over how many predictions it is the mean."""

    def said(self, model: nn.Module, device: str) -> tuple[Tensor, Tensor] | None:
        """What a classifier says of all rows, (N, C) logits, and their classes, (N,); None for a task without."""

    def count_tokens(self, vocab_size: int) -> Tensor:
        """How often each token id occurs, (V,) int64."""

    def count_classes(self, classes: int) -> Tensor | None:
        """How many examples are of each class, (C,) int64; None for a task without classes."""

    def made_wrong(self, classes: int) -> Self:
        """The same examples with wrong answers, for the study of clients that learn from such."""


@dataclass(frozen=True, slots=True)
class SingleTexts:
    """What examples have in common that are one text each."""

    encoded: Encoded

    def __len__(self) -> int:
        return len(self.encoded)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of tokens of each text."""
        return self.encoded.lengths

    @property
    def num_texts(self) -> int:
        """How many texts there are."""
        return len(self)

    @property
    def truncated(self) -> int:
        """Texts that were longer than the model reads."""
        return self.encoded.truncated


class AnyTally(Protocol):
    """Sums that a client sends in place of its predictions; they add up over clients."""

    @property
    def nll_sum(self) -> float:
        """Sum of the losses of all predictions, in nats."""

    @property
    def count(self) -> int:
        """Number of predictions."""

    def __add__(self, other: Any) -> Self: ...

    def metrics(self) -> dict[str, float]:
        """Every figure that the sums give, by name."""

    def to_record(self) -> dict[str, float | list[float]]:
        """The sums as plain numbers and flat lists."""


class Described(Protocol):
    """What a client has said of its rows, which its sums are held against."""

    @property
    def num_validation(self) -> int:
        """Number of validation rows."""

    @property
    def num_test(self) -> int:
        """Number of test rows."""

    @property
    def n_class(self) -> int:
        """Number of classes; 0 for a task without."""


class Usable(Protocol):
    """A trained model with what it takes to use it."""

    @property
    def config(self) -> Config:
        """Its architecture."""

    @property
    def state(self) -> State:
        """Its tensors."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of its classes by number, where somebody has named them."""

    def reader(self) -> Tokenizer:
        """The tokenizer that it reads with."""


E = TypeVar("E", bound=Examples)
"""A task's examples."""

T = TypeVar("T", bound=AnyTally)
"""A task's tallies."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What results hold of one tally: metrics by name.

    Of classifiers also the sums of a reliability diagram, and how many rows of each true class were taken for which,
    (C, C).
    """

    metrics: Mapping[str, float]
    reliability: Mapping[str, list[float]] | None = None
    confusion: list[list[int]] | None = None


@dataclass(frozen=True, slots=True)
class EvaluationRows(Generic[E]):
    """One client's rows for an evaluation, and how translations are searched for.

    Attributes
    ----------
    read
        Gives a split, ``test`` or ``validation``, as each model of the request reads it.
    tokenizers
        That of each model of the request.
    test
        The test rows as texts.
    """

    read: Callable[[str], list[E]]
    tokenizers: Sequence[Tokenizer]
    test: "Dataset"
    beam: int
    length_penalty: float
    device: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A data set that a stand-in is written for: its name, languages and classes."""

    name: str
    lang: str | None
    source: str | None
    target: str | None
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answering:
    """How new texts are answered.

    Attributes
    ----------
    beam, length_penalty
        Of the search for a translation (`fedot.translation.beam_search`).
    num_tokens
        Most tokens that a text is continued by.
    temperature
        What log-probabilities are divided by before a token is drawn; 0 takes the likeliest.
    seed
        Of the draws.
    """

    beam: int = 4
    length_penalty: float = 0.6
    num_tokens: int = 40
    temperature: float = 0.0
    seed: int = 0


def plain_figures(tallies: Mapping[str, AnyTally]) -> dict[str, Figures]:
    """The metrics of each tally, and nothing more."""
    return {name: Figures(tally.metrics()) for name, tally in tallies.items()}


@dataclass(frozen=True, slots=True)
class Task(Generic[E, T]):
    """A task, in one piece.

    Attributes
    ----------
    facts
        What a scenario knows of it.
    text_columns
        Columns of a data set that hold texts, and the keys that name them for a user's own files.
    encode
        Rows of one or more data sets, a tokenizer and the most tokens that a model reads, to examples.
    evaluate
        Tries every item of a request on a client's rows; one tally each.
    read_tally
        Reads what a tally's `to_record` wrote, as it was asked for.
    check_tally
        Refuses sums that cannot come from the rows that a client described, without naming the client.
    answer
        What a trained model says of new texts: columns by name, the answer first.
    stand_in
        Rows in place of a data set that cannot be had.
    special_tokens
        First tokens of the vocabulary, in the order of their ids.
    figures
        Tallies of one evaluation by split, to what results hold of them.
    signatures
        How others would compute the same figures, for provenance.
    cut
        What becomes of a new text that is longer than the model reads.

    Examples
    --------
    >>> from fedot.tasks import TASKS
    >>> TASKS["translation"].architecture
    'seq2seq'
    """

    facts: TaskFacts
    text_columns: tuple[str, ...]
    encode: Callable[[Sequence["Dataset"], Tokenizer, int], E]
    evaluate: Callable[[EvaluationRequest, EvaluationRows[E]], list[T]]
    read_tally: Callable[[Mapping[str, object], EvaluationRequest], T]
    check_tally: Callable[[T, Described, EvaluationRequest], None]
    answer: Callable[[Usable, Sequence[str], Answering], dict[str, list[Any]]]
    stand_in: Callable[[Wanted], StandIn]
    special_tokens: tuple[str, ...] = (PAD, UNK)
    figures: Callable[[Mapping[str, T]], dict[str, Figures]] = plain_figures
    signatures: Callable[[], dict[str, str]] = dict
    cut: str = "and were cut there"

    @property
    def name(self) -> str:
        """Value of ``task`` in a scenario."""
        return self.facts.name

    @property
    def architecture(self) -> str:
        """Name of the model that does it."""
        return self.facts.architecture

    @property
    def former_names(self) -> tuple[str, ...]:
        """What else a scenario may call it."""
        return self.facts.former_names

    @property
    def has_classes(self) -> bool:
        """Whether rows have a ``label``."""
        return self.facts.has_classes

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of a data set's rows."""
        return (*self.text_columns, "label") if self.has_classes else self.text_columns

    def texts(self, rows: "Dataset") -> list[str]:
        """Every text of a data set's rows; of translations the texts of both languages."""
        return [text for name in self.text_columns for text in rows[name][:]]


AnyTask = Task[Any, Any]
"""A task whose examples and tallies are its own affair."""
