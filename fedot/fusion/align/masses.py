"""Neuron masses: how much each neuron of a group weighs in the transport; add yours to `MASSES`."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.align.activations import Evidence
from fedot.models import State
from fedot.symmetry import SymmetrySpec

Floats = NDArray[np.float64]
Mass = Callable[[State, SymmetrySpec, str, Evidence], Floats]

FLOOR = 1e-6


def uniform(state: State, spec: SymmetrySpec, group: str, evidence: Evidence) -> Floats:
    """Every neuron weighs the same."""
    del state, evidence
    size = spec.groups[group].size
    return np.full(size, 1.0 / size)


def l1(state: State, spec: SymmetrySpec, group: str, evidence: Evidence) -> Floats:
    """Sum of the absolute weights that come into and go out of each neuron."""
    del evidence
    return _normalised(_slices(state, spec, group).abs().sum(1))


def l2(state: State, spec: SymmetrySpec, group: str, evidence: Evidence) -> Floats:
    """Euclidean norm of the weights that come into and go out of each neuron."""
    del evidence
    return _normalised(_slices(state, spec, group).norm(dim=1))


def activation_mean(state: State, spec: SymmetrySpec, group: str, evidence: Evidence) -> Floats:
    """Mean absolute activation on the probe."""
    del state, spec
    return _normalised(evidence.of("activations", group).abs().mean(0))


def activation_variance(state: State, spec: SymmetrySpec, group: str, evidence: Evidence) -> Floats:
    """Variance of the activation over the tokens of the probe: a neuron that never changes tells nothing."""
    del state, spec
    return _normalised(evidence.of("activations", group).var(0, correction=0))


def gradient(state: State, spec: SymmetrySpec, group: str, evidence: Evidence) -> Floats:
    """First-order estimate of what removing a neuron does, mean ``|a dL/da|`` (Molchanov et al. 2017)."""
    del state, spec
    return _normalised((evidence.of("activations", group) * evidence.of("gradients", group)).abs().mean(0))


def fisher(state: State, spec: SymmetrySpec, group: str, evidence: Evidence) -> Floats:
    """Fisher information of a gate on the neuron, mean ``(a dL/da) ** 2`` (Theis et al. 2018)."""
    del state, spec
    return _normalised((evidence.of("activations", group) * evidence.of("gradients", group)).square().mean(0))


def token_count(state: State, spec: SymmetrySpec, group: str, evidence: Evidence) -> Floats:
    """Mean absolute activation on texts drawn from the model's own token counts.

    A neuron weighs by how much the words of its own client use it; source and anchor see different texts.
    """
    del state, spec
    return _normalised(evidence.of("own_activations", group).abs().mean(0))


def given(state: State, spec: SymmetrySpec, group: str, evidence: Evidence) -> Floats:
    """The user's own masses, `fuse(masses=...)`; groups that are not named there are uniform.

    Raises
    ------
    FedotError
        If a vector has the wrong length, or a value that is negative or not finite.
    """
    size = spec.groups[group].size
    if group not in evidence.given:
        return uniform(state, spec, group, evidence)
    mass = evidence.given[group].double()
    if tuple(mass.shape) != (size,) or not bool(torch.isfinite(mass).all()) or bool((mass < 0).any()):
        raise FedotError(
            f"the masses given for the neuron group {group} have shape {tuple(mass.shape)}; "
            f"give {size} finite numbers of at least 0"
        )
    return _normalised(mass)


def _slices(state: State, spec: SymmetrySpec, group: str) -> Tensor:
    """All weights of each neuron of a group, side by side: (n, D)."""
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
    values = np.maximum(values, FLOOR * max(values.mean(), 1e-300)) if values.any() else np.ones_like(values)
    result: Floats = values / values.sum()
    return result


MASSES: dict[str, Mass] = {
    "uniform": uniform,
    "l1": l1,
    "l2": l2,
    "activation-mean": activation_mean,
    "activation-variance": activation_variance,
    "gradient": gradient,
    "fisher": fisher,
    "token-count": token_count,
    "given": given,
}
ON_PROBE = frozenset({"activation-mean", "activation-variance", "gradient", "fisher"})
"""Masses that need activations or gradients on a probe."""
