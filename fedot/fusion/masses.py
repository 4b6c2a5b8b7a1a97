"""Neuron masses: how much each neuron of a group weighs in the transport; add yours to `MASSES`."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedot.symmetry import SymmetrySpec

Floats = NDArray[np.float64]
State = dict[str, Tensor]


def uniform(state: State, spec: SymmetrySpec, group: str) -> Floats:
    """Every neuron weighs the same."""
    del state
    size = spec.groups[group].size
    return np.full(size, 1.0 / size)


def l1(state: State, spec: SymmetrySpec, group: str) -> Floats:
    """Sum of the absolute weights that come into and go out of each neuron."""
    return _normalised(_slices(state, spec, group).abs().sum(1))


def l2(state: State, spec: SymmetrySpec, group: str) -> Floats:
    """Euclidean norm of the weights that come into and go out of each neuron."""
    return _normalised(_slices(state, spec, group).norm(dim=1))


def _slices(state: State, spec: SymmetrySpec, group: str) -> Tensor:
    """All weights of each neuron of an undivided group, side by side: (n, D)."""
    size = spec.groups[group].size
    parts = []
    for name, index in spec.tensors_of(group):
        axis = spec.axes[name][index]
        tensor = torch.movedim(state[name], index, 0)
        inner = tensor.shape[0] // size
        if axis.groups[0] == group:
            parts.append(tensor.reshape(size, -1))
        else:
            parts.append(tensor.reshape(inner, size, -1).movedim(1, 0).reshape(size, -1))
    return torch.cat(parts, 1)


def _normalised(mass: Tensor) -> Floats:
    """Scale to sum 1, with a floor of a millionth of the mean, since a solver needs every mass above 0."""
    values = mass.double().numpy()
    values = np.maximum(values, 1e-6 * max(values.mean(), 1e-300)) if values.any() else np.ones_like(values)
    result: Floats = values / values.sum()
    return result


MASSES: dict[str, Callable[[State, SymmetrySpec, str], Floats]] = {"uniform": uniform, "l1": l1, "l2": l2}
