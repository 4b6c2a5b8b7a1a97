"""Temperature scaling (Guo et al. 2017, arXiv:1706.04599, section 4.2): a classifier no surer than it is right.

A classifier that is trained on grows surer of itself than of the texts. Its logits are divided by the temperature at
which its validation texts cost least, which changes no class that it says; the last layer takes the division up.
"""

import torch
from torch import Tensor
from torch.nn import functional

from fedot.models import Config, State, symmetry
from fedot.models.pretrained.pretrained_config import PretrainedConfig, symmetry_or_none
from fedot.symmetry import Axis

TEMPERATURES = torch.logspace(0, 3, 65, base=2.0).tolist()
"""From 1, since a few validation texts are no ground to be surer than before, to 8, in steps of 3 %."""


def temperature(logits: Tensor, classes: Tensor, offset: Tensor | None = None) -> float:
    """The one of `TEMPERATURES` at which texts cost a classifier least.

    Parameters
    ----------
    logits
        Of the texts, (N, C).
    classes
        Theirs, (N,).
    offset
        What is added to the logits, (C,), once they are divided.

    Examples
    --------
    >>> logits = torch.tensor([[6.0, 0.0]] * 4)  # right three times of four, for which ln 3 would do
    >>> round(temperature(logits, torch.tensor([0, 0, 0, 1])), 3), round(6 / torch.tensor(3.0).log().item(), 3)
    (5.417, 5.461)
    """
    added = torch.zeros(logits.shape[1]) if offset is None else offset.to(logits)
    costs = [float(functional.cross_entropy(logits / each + added, classes)) for each in TEMPERATURES]
    return float(TEMPERATURES[costs.index(min(costs))])


def last_layer(config: Config) -> frozenset[str]:
    """Names of the tensors whose outputs are the classes; none where they are not known, or there are no classes."""
    spec = symmetry_or_none(config) if isinstance(config, PretrainedConfig) else symmetry(config)
    says = Axis(("class",), "write")
    return frozenset(() if spec is None else (name for name, axes in spec.axes.items() if says in axes))


def cooled(state: State, last: frozenset[str], by: float) -> State:
    """The same classifier, its logits divided by a temperature."""
    return {name: tensor / by if name in last else tensor for name, tensor in state.items()}
