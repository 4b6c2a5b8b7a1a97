"""A fusion whose last step is a plain sum: what each model contributes, and the fused model from the total.

Models that are in one basis already can be averaged by who sees nothing but the sum of their contributions: a
server that adds up, or a protocol that reveals only totals. The mean is that of `average_aligned` without
circuits, since the mean of two products is no sum of factors.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from fedot.models import State
from fedot.symmetry import SymmetrySpec

PIECE = 2**20
"""So many numbers are added at a time: what lies between has to fit into memory too."""

TRACE = 1e-12
"""What an example weighs in a token's row, beside 1 for each time that the token was seen.

So a row that nobody has counted goes by examples, although no model knows whether the others have counted it.
"""


def contribution(state: Mapping[str, Tensor], spec: SymmetrySpec, weight: float, counts: Tensor | None) -> State:
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


class ExactSum:
    """A sum of tensors that comes out the same to the bit in whichever order they come.

    Beside each sum in double precision its rounding error is kept, which is itself a double (two-sum, Knuth 1969);
    together they hold a sum of float32 exactly as long as sizes differ by a factor of less than about 2^50.
    """

    def __init__(self) -> None:
        self._high: State = {}
        self._low: State = {}

    def add(self, state: Mapping[str, Tensor]) -> None:
        """Add a model's tensors; the first one's names and shapes are those of all."""
        for name, tensor in state.items():
            if name not in self._high:
                self._high[name], self._low[name] = (torch.zeros(tensor.shape, dtype=torch.float64) for _ in range(2))
            whole = (self._high[name], self._low[name], tensor)
            parts = (torch.split(each.reshape(-1), PIECE) for each in whole)
            for high, low, part in zip(*parts, strict=True):
                term = part.double()
                total = high + term
                back = total - high
                low += (high - (total - back)) + (term - back)
                high.copy_(total)

    def of(self, name: str) -> Tensor:
        """The sum of one tensor, in double precision."""
        return self._high[name] + self._low[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._high)
