"""Replies of clients that are not fedot's: what every Flower app sends, a model and how many examples it is of."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from flwr.app import MetricRecord, RecordDict
from torch import Tensor

from fedot.errors import FedotError
from fedot.models import State
from fedot.text.outside import printable
from fedot.wire.known import LARGEST_WEIGHT, MOST_EXAMPLES
from fedot.wire.records import arrays_in, malformed, unpack_state
from fedot.wire.updates import MOST_COUNT, MOST_LOSS, Asked, check_tensor

TOKENS, CLASSES, LOSS = "token-counts", "class-counts", "validation-loss"
"""What a reply's metrics may hold besides the number of examples: lists of counts by row, and a loss."""


@dataclass(frozen=True, slots=True)
class PlainUpdate:
    """One client's trained model, and what its metrics say of it.

    `partition_id` is what replies are ordered by: the node's id, since such a client says no other. `metrics` are all
    numbers of the reply but the counts.
    """

    client: str
    partition_id: int
    state: Mapping[str, Tensor]
    num_examples: float
    metrics: Mapping[str, int | float]
    token_counts: Tensor | None = None
    class_counts: Tensor | None = None
    validation_loss: float | None = None


@dataclass(frozen=True, slots=True)
class PlainReader:
    """Reads the replies of one app.

    Attributes
    ----------
    shapes
        Of every tensor that is fused.
    carried
        Names of tensors that go along as they are: numbers that are no floats, such as counters.
    weighted_by
        The metric that is the number of examples.
    rows
        How many tokens (`vocab`) and classes (`class`) the model has, where it has any.
    """

    shapes: Mapping[str, tuple[int, ...]]
    carried: frozenset[str]
    weighted_by: str
    rows: Mapping[str, int]

    def read(self, content: RecordDict, asked: Asked) -> PlainUpdate:
        """Read a training reply.

        Raises
        ------
        FedotError
            Saying what is wrong with it, without the client's name.
        """
        with malformed("a training reply"):
            arrays, metrics = list(arrays_in(content).values()), list(content.metric_records.values())
            if len(arrays) != 1 or len(metrics) != 1:
                raise FedotError(
                    f"it sent {len(arrays)} ArrayRecords and {len(metrics)} MetricRecords, and one of each is needed"
                )
            state = self._checked(unpack_state(arrays[0]))
            loss = metrics[0].get(LOSS)
            if loss is not None and not (isinstance(loss, int | float) and 0 <= loss <= MOST_LOSS):
                raise FedotError(f"its {LOSS} is {printable(loss, 40)}, and a number from 0 to {MOST_LOSS:g} is needed")
            return PlainUpdate(
                asked.name,
                -1 if asked.partition_id is None else asked.partition_id,
                state,
                self._examples(metrics[0]),
                {key: value for key, value in metrics[0].items() if isinstance(value, int | float)},
                self._counts(metrics[0], TOKENS, "vocab"),
                self._counts(metrics[0], CLASSES, "class"),
                None if loss is None else float(loss),
            )

    def _checked(self, state: State) -> State:
        odd = (self.shapes.keys() | self.carried) ^ state.keys()
        if odd:
            verb = "holds an unknown" if min(odd) in state else "lacks"
            raise FedotError(f"its model {verb} tensor {printable(min(odd), 80)}")
        for name, shape in self.shapes.items():
            if tuple(state[name].shape) != shape:
                raise FedotError(f"its tensor {name} has shape {tuple(state[name].shape)}, not {shape}")
            check_tensor(f"its tensor {name}", state[name], LARGEST_WEIGHT)
        return {name: state[name].float() for name in self.shapes}

    def _examples(self, metrics: MetricRecord) -> float:
        value = metrics.get(self.weighted_by)
        if isinstance(value, int | float) and 0 < value <= MOST_EXAMPLES:
            return float(value)
        found = "says nothing" if value is None else f"says {printable(value, 40)}"
        raise FedotError(
            f"its metrics must hold {self.weighted_by!r}, a number above 0 and at most {MOST_EXAMPLES}; it {found}"
        )

    def _counts(self, metrics: MetricRecord, key: str, group: str) -> Tensor | None:
        value = metrics.get(key)
        if value is None:
            return None
        if group not in self.rows:
            raise FedotError(f"it sent {key}, but the spec has no neuron group {group!r} whose rows these could be")
        size = self.rows[group]
        if not isinstance(value, list) or len(value) != size or not all(0 <= each <= MOST_COUNT for each in value):
            raise FedotError(f"its {key} are not {size} counts, one of at least 0 for each row of {group!r}")
        if math.fsum(value) > MOST_COUNT:
            raise FedotError(f"its {key} are {math.fsum(value):.4g} together")
        return torch.tensor(value, dtype=torch.float64)
