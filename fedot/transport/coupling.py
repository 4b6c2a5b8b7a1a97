"""A transport plan with its marginals, and the two maps it gives."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Coupling:
    """How the mass of `n` source neurons is spread over `m` anchor neurons.

    `plan` (n, m) is non-negative; its rows sum to `source_mass` (n,) and its columns to `anchor_mass` (m,),
    except for unbalanced transport, where the marginals are those of the plan itself. `cost` is the mean
    ground cost per unit of mass.
    """

    plan: Floats
    source_mass: Floats
    anchor_mass: Floats
    cost: float

    def write_map(self) -> Floats:
        """Map for tensors that produce the neurons, (m, n): each anchor neuron is a mean of source neurons."""
        return np.ascontiguousarray(self.plan.T) / np.maximum(self.anchor_mass, 1e-300)[:, None]

    def read_map(self) -> Floats:
        """Map for tensors that consume the neurons, (m, n): each source neuron's weight is shared out.

        Together with `write_map` this makes splitting a neuron exact; one normaliser for both roles does not,
        as soon as sizes or masses differ.
        """
        return np.ascontiguousarray(self.plan.T) / np.maximum(self.source_mass, 1e-300)[None, :]

    def distance_from_identity(self) -> float:
        """Share of mass that does not stay at its own index, from 0 to 1."""
        return float(1.0 - np.trace(self.plan) / self.plan.sum())

    def entropy(self) -> float:
        """How far a source neuron's mass is spread over anchor neurons: 0 for a matching, 1 for no information.

        The conditional entropy of the anchor neuron given the source neuron, relative to its largest value.
        """
        plan = self.plan / self.plan.sum()
        rows = np.broadcast_to(plan.sum(1, keepdims=True), plan.shape)
        held = plan > 0
        spread = float(-(plan[held] * np.log(plan[held] / rows[held])).sum())
        return max(0.0, spread) / float(np.log(plan.shape[1])) if plan.shape[1] > 1 else 0.0
