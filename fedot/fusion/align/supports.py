"""Supports: the point that stands for a neuron when distances between neurons are taken; add yours to `SUPPORTS`.

A support gives every neuron of an undivided group a feature vector, comparable between a source (whose residual
stream is already the anchor's) and the anchor.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from fedot.fusion.align.activations import Evidence
from fedot.models import State
from fedot.symmetry import SymmetrySpec

Floats = NDArray[np.float64]
Support = Callable[[State, SymmetrySpec, str, Evidence], Floats]


def weights(state: State, spec: SymmetrySpec, group: str, evidence: Evidence) -> Floats:
    """All weights that come into and go out of each neuron, (n, D) (Singh & Jaggi 2020)."""
    del evidence
    size = spec.groups[group].size
    parts = [torch.movedim(state[name], index, 0).reshape(size, -1) for name, index in spec.tensors_of(group)]
    result: Floats = torch.cat(parts, 1).double().numpy()
    return result


def unit_weights(state: State, spec: SymmetrySpec, group: str, evidence: Evidence) -> Floats:
    """All weights of each neuron, its vector scaled to norm 1, (n, D) (Theus et al. 2025)."""
    points = weights(state, spec, group, evidence)
    result: Floats = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-300)
    return result


def activations(state: State, spec: SymmetrySpec, group: str, evidence: Evidence) -> Floats:
    """What each neuron puts out on every token of the probe, (n, N) (Singh & Jaggi 2020)."""
    del state, spec
    result: Floats = evidence.of("activations", group).T.numpy()
    return result


def gradients(state: State, spec: SymmetrySpec, group: str, evidence: Evidence) -> Floats:
    """How the model's log-likelihood changes with each neuron on every token of the probe, (n, N)."""
    del state, spec
    result: Floats = evidence.of("gradients", group).T.numpy()
    return result


def weights_and_activations(state: State, spec: SymmetrySpec, group: str, evidence: Evidence) -> Floats:
    """Weights and activations side by side, each scaled to a mean square norm of 1, (n, D + N)."""
    parts = (weights(state, spec, group, evidence), activations(state, spec, group, evidence))
    return np.concatenate([part / max(np.sqrt(np.square(part).sum(1).mean()), 1e-300) for part in parts], axis=1)


SUPPORTS: dict[str, Support] = {
    "weights": weights,
    "unit-weights": unit_weights,
    "activations": activations,
    "gradients": gradients,
    "weights+activations": weights_and_activations,
}
ON_PROBE = frozenset({"activations", "gradients", "weights+activations"})
"""Supports that need activations or gradients on a probe."""
