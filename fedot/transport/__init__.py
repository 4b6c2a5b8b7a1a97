"""Optimal transport between sets of neurons: ground costs, solvers, couplings.

The only package that imports POT (Flamary et al. 2021).
"""

from fedot.transport.costs import GROUND_COSTS
from fedot.transport.coupling import Coupling
from fedot.transport.solvers import SOLVERS, solve

__all__ = ["GROUND_COSTS", "SOLVERS", "Coupling", "solve"]
