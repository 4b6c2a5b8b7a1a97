"""Solvers of the transport problem; add yours to `SOLVERS`.

POT and SciPy are imported where they are used: they take seconds, and a client that has nothing to transport starts a
process for every message.
"""

import warnings
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from fedot.errors import FedotError
from fedot.transport.coupling import Coupling

Floats = NDArray[np.float64]
Options = Mapping[str, float]


def exact(cost: Floats, a: Floats, b: Floats, options: Options) -> Coupling:
    """Exact transport: assignment where sizes and masses are equal, else the network simplex (POT `emd`).

    Both reach the same objective with uniform masses; the assignment solver is 2 to 20 times faster.
    """
    n, m = cost.shape
    if n == m and np.ptp(a) == 0 and np.ptp(b) == 0:
        from scipy.optimize import linear_sum_assignment

        plan = np.zeros_like(cost)
        centred = cost - cost.mean(0)  # the same problem, of which the solver makes up to four times shorter work
        centred -= centred.mean(1, keepdims=True)
        plan[linear_sum_assignment(centred)] = a[0]
    else:
        import ot

        plan = ot.solve(cost, a, b, max_iter=int(options.get("max-iter", 1_000_000))).plan
    return Coupling(plan, a, b, _mean_cost(plan, cost))


def sinkhorn(cost: Floats, a: Floats, b: Floats, options: Options) -> Coupling:
    """Entropic transport (Cuturi 2013); `reg` is relative to the mean cost.

    The returned masses are the plan's own marginals, which match `a` and `b` to the solver's tolerance.
    """
    import ot

    reg = float(options.get("reg", 0.05)) * max(float(cost.mean()), 1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # POT warns at the iteration limit; the marginals are checked below
        plan = ot.sinkhorn(
            a,
            b,
            cost,
            reg,
            method="sinkhorn" if cost.max() < 200 * reg else "sinkhorn_log",  # logarithms only against underflow
            numItermax=int(options.get("max-iter", 2000)),
            stopThr=1e-10,
        )
    return _checked(plan, cost, "sinkhorn")


def unbalanced(cost: Floats, a: Floats, b: Floats, options: Options) -> Coupling:
    """Unbalanced transport with a Kullback-Leibler penalty (Chizat et al. 2018).

    `mass-penalty` is relative to the mean cost: the smaller, the more distant pairs stay unmatched.
    """
    import ot

    scale = max(float(cost.mean()), 1e-12)
    penalty = float(options.get("mass-penalty", 1.0)) * scale
    plan = ot.unbalanced.mm_unbalanced(a, b, cost, penalty, div="kl", numItermax=int(options.get("max-iter", 2000)))
    return _checked(plan, cost, "unbalanced")


def partial(cost: Floats, a: Floats, b: Floats, options: Options) -> Coupling:
    """Exact transport of a part of the mass (Caffarelli & McCann 2010; POT's dummy-point solver, Chapel et al. 2020).

    `mass-share` of the mass moves, where it is cheapest to move; neurons left over have no mass in the plan.
    """
    import ot

    share = float(options.get("mass-share", 0.9))
    if share >= 1:
        return exact(cost, a, b, options)
    plan = ot.partial.partial_wasserstein(a, b, cost, m=share)
    return _checked(np.where(plan > 1e-9 * share / max(cost.shape), plan, 0.0), cost, "partial")


def _mean_cost(plan: Floats, cost: Floats) -> float:
    return float((plan * cost).sum() / max(plan.sum(), 1e-300))


def _checked(plan: Floats, cost: Floats, name: str) -> Coupling:
    if not np.isfinite(plan).all() or plan.sum() <= 0:
        raise FedotError(f"the {name} solver found no finite plan; raise its reg (or mass-penalty) option")
    plan = plan / plan.sum()
    return Coupling(plan, plan.sum(1), plan.sum(0), _mean_cost(plan, cost))


SOLVERS: dict[str, Callable[[Floats, Floats, Floats, Options], Coupling]] = {
    "exact": exact,
    "sinkhorn": sinkhorn,
    "unbalanced": unbalanced,
    "partial": partial,
}


def solve(name: str, cost: Floats, a: Floats, b: Floats, options: Options | None = None) -> Coupling:
    """Solve one transport problem after checking its input.

    Parameters
    ----------
    name
        A key of `SOLVERS`.
    cost : (n, m) ground cost
    a, b : (n,) and (m,) masses, positive, each summing to 1
    options
        What the solver can be told, for example ``reg``, relative to the mean cost.

    Returns
    -------
    Coupling
        The plan with its marginals and its cost.

    Raises
    ------
    FedotError
        If shapes do not fit, a mass is not positive, or a cost is not finite.

    Examples
    --------
    >>> mass = np.full(2, 0.5)
    >>> solve("exact", np.array([[1.0, 0.0], [0.0, 1.0]]), mass, mass).plan
    array([[0. , 0.5],
           [0.5, 0. ]])
    """
    if name not in SOLVERS:
        raise FedotError(f"the solver {name!r} does not exist; choose from {', '.join(SOLVERS)}")
    if cost.shape != (len(a), len(b)):
        raise FedotError(f"the ground cost has shape {cost.shape}, but the masses have lengths {len(a)}, {len(b)}")
    if not np.isfinite(cost).all():
        raise FedotError("the ground cost between neurons is not finite; does a model hold NaN or infinite weights?")
    if not (np.concatenate([a, b]) > 0).all():
        raise FedotError("a neuron has no mass, but every mass must be above 0; add a little to all of them")
    return SOLVERS[name](cost, a / a.sum(), b / b.sum(), options or {})
