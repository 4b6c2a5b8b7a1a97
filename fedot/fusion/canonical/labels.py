"""Bring models with different label sets (vocabularies, positions, classes) to the union of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.models import State, symmetry
from fedot.symmetry import SymmetrySpec
from fedot.text.outside import printable


@dataclass(frozen=True, slots=True)
class LabelUnion:
    """The union of the models' labels of one group.

    `labels` are the union's, in the order of the first model that has each; `index` tells for every model
    where each of its rows goes.
    """

    labels: tuple[str, ...]
    index: tuple[Tensor, ...]

    def scatter(self, model: int, values: Tensor, axis: int = 0) -> Tensor:
        """Put a model's rows at their places in the union, zeros elsewhere."""
        shape = list(values.shape)
        shape[axis] = len(self.labels)
        return values.new_zeros(shape).index_copy(axis, self.index[model], values)

    def present(self, model: int) -> Tensor:
        """1 where the model has the label, 0 where not, float64."""
        return self.scatter(model, torch.ones(len(self.index[model]), dtype=torch.float64))


def unite(labels: Sequence[Sequence[str]]) -> LabelUnion:
    """Unite label lists.

    Raises
    ------
    FedotError
        If one list holds a label twice.
    """
    place: dict[str, int] = {}
    for row in labels:
        if len(set(row)) != len(row):
            raise FedotError("a vocabulary holds a token twice; every embedding row needs its own label")
        for label in row:
            place.setdefault(label, len(place))
    index = tuple(torch.tensor([place[label] for label in row], dtype=torch.int64) for row in labels)
    return LabelUnion(tuple(place), index)


def relabel(state: State, spec: SymmetrySpec, unions: Mapping[str, LabelUnion], model: int) -> State:
    """Scatter all labelled axes of a model into the unions."""
    out = dict(state)
    for name, axes in spec.axes.items():
        for index, axis in enumerate(axes):
            union = unions.get(axis.groups[0])
            if union is not None:
                out[name] = union.scatter(model, out[name], index)
    return out


def row_shares(union: LabelUnion, weights: Sequence[float], seen: Tensor | None) -> Tensor:
    """Share of every model in every row of the union, (K, rows), columns summing to 1.

    By the counts `seen`, (K, rows), where given; a row that nobody has counted goes by `weights` over the models
    that have it. A model of weight 0 gives a basis, and has no vote here either.
    """
    present = torch.stack([union.present(k) for k in range(len(weights))])
    each = torch.tensor(weights, dtype=torch.float64)[:, None]
    by_weight = present * each
    by_weight = torch.where(by_weight.sum(0) > 0, by_weight, present)  # only models of weight 0 have the row
    shares = by_weight / by_weight.sum(0)
    if seen is None:
        return shares
    seen = seen * (each > 0)
    total = seen.sum(0)
    return torch.where(total > 0, seen / total.clamp(min=1e-300), shares)


def normalise_weights(weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    """Scale weights to sum 1; equal ones where none are given.

    Raises
    ------
    FedotError
        If their number is wrong, one is negative or not finite, or all are zero.
    """
    if count == 0:
        raise FedotError("there is no model to average; give at least one")
    if weights is None:
        return (1.0 / count,) * count
    values = [float(value) for value in weights]
    total = sum(values)
    if len(values) != count or not all(value >= 0 for value in values) or not 0 < total < math.inf:
        raise FedotError(
            f"got the weights {values} for {count} models; give each a number of at least 0, and one more than 0"
        )
    return tuple(value / total for value in values)


def select_rows(state: State, config: Any, rows: Sequence[str], own: Sequence[str]) -> tuple[State, Any]:
    """Keep a model's embedding rows of a client's `own` tokens, in their order; `rows` are all that it has.

    Raises
    ------
    FedotError
        If it has no row for one of them.
    """
    union = unite([rows, own])
    missing = union.labels[len(rows) :]
    if missing:
        raise FedotError(
            f"the tokenizer has {len(missing)} tokens that the model does not know, "
            f"such as {printable(missing[0], 40)!r}; give that of one of the model's own clients"
        )
    out = dict(state)
    for name, axis in symmetry(config).tensors_of("vocab"):
        out[name] = out[name].index_select(axis, union.index[1])
    return out, replace(config, vocab_size=len(own))
