"""A fusion whose last step is a plain sum: what each model contributes, and the fused model from the total.

Models that are in one basis already can be averaged by who sees nothing but the sum of their contributions: a
server that adds up, or a protocol that reveals only totals. The mean is that of `average_aligned` without
circuits, since the mean of two products is no sum of factors.
"""

import torch
from torch import Tensor

from fedot.models import State
from fedot.symmetry import SymmetrySpec

TRACE = 1e-12
"""What an example weighs in a token's row, beside 1 for each time that the token was seen.

So a row that nobody has counted goes by examples, although no model knows whether the others have counted it.
"""


def contribution(state: State, spec: SymmetrySpec, weight: float, counts: Tensor | None) -> State:
    """Multiply a model by its weight, and the rows of its token tables by how often it has seen the token.

    Parameters
    ----------
    weight
        For example its number of training examples.
    counts
        Token counts, (V,), or None where token rows go by `weight` too.
    """
    return {name: tensor.double() * _scale(name, tensor, spec, weight, counts) for name, tensor in state.items()}


def mean_of_sum(total: State, spec: SymmetrySpec, weight: float, counts: Tensor | None) -> State:
    """Divide the sum of all contributions by the sums of weights and of counts."""
    return {name: tensor.double() / _scale(name, tensor, spec, weight, counts) for name, tensor in total.items()}


def _scale(name: str, tensor: Tensor, spec: SymmetrySpec, weight: float, counts: Tensor | None) -> Tensor:
    for index, axis in enumerate(spec.axes.get(name, ())):
        if counts is not None and axis.groups == ("vocab",) and axis.role == "read":
            rows = counts.double() + TRACE * weight
            return rows.reshape([-1 if i == index else 1 for i in range(tensor.ndim)])
    return torch.tensor(weight, dtype=torch.float64)
