"""A transport plan with its marginals, and the two maps it gives."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


LARGE = 2**16
"""Entries of a plan from which on a matching is kept as a list of its pairs."""


@dataclass(frozen=True, slots=True, init=False)
class Coupling:
    """How the mass of `n` source neurons is spread over `m` anchor neurons.

    A large plan of few pairs takes the memory of these pairs only.

    Parameters
    ----------
    plan
        Non-negative, (n, m); its rows sum to the source's masses and its columns to the anchor's, except for
        unbalanced transport, where the marginals are those of the plan itself.
    source_mass, anchor_mass
        Masses, (n,) and (m,), each summing to 1.
    cost
        Mean ground cost per unit of mass.

    Examples
    --------
    >>> swap = Coupling(np.array([[0.0, 0.5], [0.5, 0.0]]), np.full(2, 0.5), np.full(2, 0.5), 0.0)
    >>> swap.distance_from_identity()
    1.0
    >>> swap.write_map()
    array([[0., 1.],
           [1., 0.]])
    """

    source_mass: Floats
    anchor_mass: Floats
    cost: float
    _pairs: tuple[NDArray[np.int64], NDArray[np.int64]] | None
    _values: Floats

    def __init__(self, plan: Floats, source_mass: Floats, anchor_mass: Floats, cost: float) -> None:
        few = plan.size >= LARGE and np.count_nonzero(plan) <= sum(plan.shape)
        pairs = np.nonzero(plan) if few else None
        for name, value in (
            ("source_mass", source_mass),
            ("anchor_mass", anchor_mass),
            ("cost", cost),
            ("_pairs", pairs),
            ("_values", plan if pairs is None else plan[pairs]),
        ):
            object.__setattr__(self, name, value)

    @property
    def plan(self) -> Floats:
        """The plan (n, m)."""
        if self._pairs is None:
            return self._values
        out = np.zeros((len(self.source_mass), len(self.anchor_mass)))
        out[self._pairs] = self._values
        return out

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
        plan = self.plan
        return float(1.0 - np.trace(plan) / plan.sum())

    def entropy(self) -> float:
        """How far a source neuron's mass is spread over anchor neurons: 0 for a matching, 1 for no information.

        The conditional entropy of the anchor neuron given the source neuron, relative to its largest value.
        """
        plan = self.plan
        plan = plan / plan.sum()
        rows = np.broadcast_to(plan.sum(1, keepdims=True), plan.shape)
        held = plan > 0
        spread = float(-(plan[held] * np.log(plan[held] / rows[held])).sum())
        return max(0.0, spread) / float(np.log(plan.shape[1])) if plan.shape[1] > 1 else 0.0
