"""A bound on how far one client may move the model: against mistakes in scale, and the crudest of attacks.

A model that is replaced by a hundred times its step (Bagdasaryan et al. 2020, "How to backdoor federated learning")
wins any mean. What is too long is told by the other clients' replies, not by a number that someone would have to know.
"""

import math
import statistics
from collections.abc import Mapping, Sequence

from torch import Tensor

from fedot.models import State

STRIKING = 20.0
"""A reply so many times as long as the median is worth a warning even where no limit is set."""


def step_length(state: Mapping[str, Tensor], start: State) -> float:
    """Root mean square of a model's step from the start, or of its weights where it has other tensors.

    Independent of the model's size, so that models of unequal widths compare.
    """
    alike = {k: t.shape for k, t in state.items()} == {k: t.shape for k, t in start.items()}
    total = sum(_squares(tensor - start[name] if alike else tensor) for name, tensor in state.items())
    return math.sqrt(total / max(1, sum(tensor.numel() for tensor in state.values())))


def times_median(lengths: Sequence[float]) -> list[float]:
    """Each length in medians; of an even number the lower one, so that of two the longer is the odd one.

    All are 1 where more than half did not move at all.
    """
    median = statistics.median_low(lengths) if lengths else 0.0
    return [length / median if median > 0 else 1.0 for length in lengths]


def _squares(tensor: Tensor) -> float:
    return float(tensor.double().square().sum())
