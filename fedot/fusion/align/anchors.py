"""Many models: which one is the anchor, and a mean that no model is the anchor of.

Both take a fusion method as it is, so they serve all of `fedot.fusion.methods.METHODS`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.canonical.labels import LabelUnion
from fedot.fusion.config import FusionConfig
from fedot.fusion.fused import Fused, Method
from fedot.fusion.methods.aligned import aligned as aligned_method
from fedot.fusion.problem import FusionProblem
from fedot.models import State
from fedot.symmetry import SymmetrySpec

SWEEPS, SETTLED, NOTHING = 50, 1e-8, 1e-16


def choose_anchor(
    problem: FusionProblem, config: FusionConfig, method: Method, losses: Sequence[float] | None = None
) -> int:
    """Index of the model that `config.anchor` names; a model of weight 0 gives a basis only where it is ``global``.

    Parameters
    ----------
    losses
        Validation loss of each model, which ``best`` goes by.

    Raises
    ------
    FedotError
        If ``best`` is asked for and no losses were given.
    """
    voters = problem.voters()
    if config.anchor == "global":
        return problem.anchor
    if config.anchor == "first":
        return voters[0]
    if config.anchor == "largest":
        return max(voters, key=lambda k: (problem.weights[k], -k))
    if config.anchor == "best":
        if losses is None or len(losses) != len(problem.weights):
            told = "none" if losses is None else len(losses)
            raise FedotError(
                f"fusion.anchor is best, but got {told} validation losses for {len(problem.weights)} models; "
                "give one for each, or choose another anchor"
            )
        return min(voters, key=lambda k: losses[k])
    costs = {k: distance_to_others(problem, config, method, k) for k in voters}
    return min(voters, key=lambda k: costs[k])


def distance_to_others(problem: FusionProblem, config: FusionConfig, method: Method, anchor: int) -> float:
    """How far all models are from one of them when aligned to it: what the maps and plans leave over.

    The squared distance of every tensor counts relative to the tensors' size, so that anchors of unequal widths
    compare, and every labelled row by how far it is common ground.
    """
    problem = replace(problem, anchor=anchor)
    aligned = _aligning(config, method)(problem, replace(config, circuits=False)).aligned
    spec, home = problem.specs[anchor], problem.states[anchor]
    return sum(
        weight * _relative_distance(state, home, spec, problem.trust(k, config))
        for k, (state, weight) in enumerate(zip(aligned, problem.weights, strict=True))
        if k != anchor and weight > 0
    )


def one_pass(problem: FusionProblem, config: FusionConfig, method: Method) -> Fused:
    """Align all models to the anchor, once."""
    return method(problem, config)


def universe(problem: FusionProblem, config: FusionConfig, method: Method) -> Fused:
    """Align all models to their running mean and average them, until their distance from the mean settles.

    After C2M3 (Crisostomi et al. 2024) and section 4.3 of Theus et al. (2025); of rotations it is generalised
    Procrustes analysis (Gower 1975). The anchor gives the first basis, and the widths. The mean itself need not
    settle: its basis may go on turning, which no model notices.
    """
    if config.method == "merged":
        raise FedotError("fusion.scheme is universe, but the method merged has no mean to align to; use one-pass")
    method = _aligning(config, method)
    factors = replace(config, circuits=False)  # a refactored mean would come in another basis each time
    fused, left = method(problem, factors), math.inf
    for _ in range(SWEEPS):
        before, fused = left, method(with_mean(problem, fused.state), factors)
        left = _distance_to_mean(fused, problem.weights)
        if abs(before - left) <= SETTLED * left + NOTHING:
            break
    fused = method(with_mean(problem, fused.state), config)
    n = len(problem.states)
    return replace(fused, aligned=fused.aligned[:n], alignments=fused.alignments[:n])


def with_mean(problem: FusionProblem, mean: State) -> FusionProblem:
    """Add a mean to the models, as an anchor that has no vote.

    Its count of a token is that of all models but the one that has seen it most. So for every model the smaller
    of both counts is the smaller of its own and all others' together, and a row that is in the mean through one
    model alone does not hold that model where it is.
    """
    anchor, voters = problem.anchor, torch.tensor(problem.weights) > 0
    counts = {}
    for name, seen in problem.counts.items():
        voted = seen * voters[:, None]
        counts[name] = torch.cat([seen, (voted.sum(0) - voted.amax(0))[None]])
    return replace(
        problem,
        states=(*problem.states, mean),
        specs=(*problem.specs, problem.specs[anchor]),
        configs=(*problem.configs, problem.configs[anchor]),
        weights=(*problem.weights, 0.0),
        anchor=len(problem.states),
        unions={name: _with_all(union) for name, union in problem.unions.items()},
        counts=counts,
        masses=(*problem.masses, problem.masses[anchor]) if problem.masses else (),
    )


Scheme = Callable[[FusionProblem, FusionConfig, Method], Fused]
SCHEMES: dict[str, Scheme] = {"one-pass": one_pass, "universe": universe}


def _aligning(config: FusionConfig, method: Method) -> Method:
    """The method, or the alignment that goes with it where it reduces models instead of averaging them."""
    return aligned_method if config.method in ("auto", "merged") else method


def _with_all(union: LabelUnion) -> LabelUnion:
    return replace(union, index=(*union.index, torch.arange(len(union.labels))))


def _relative_distance(state: State, anchor: State, spec: SymmetrySpec, trust: Mapping[str, Tensor]) -> float:
    """Squared distance of two aligned states, relative to their size, as a mean over tensors."""
    parts = []
    for name, axes in spec.axes.items():
        x, y = state[name], anchor[name]
        for index, axis in enumerate(axes):
            if axis.groups[0] in trust:
                weight = trust[axis.groups[0]].sqrt()
                shape = [-1 if i == index else 1 for i in range(x.ndim)]
                x, y = x * weight.reshape(shape), y * weight.reshape(shape)
        size = x.square().sum() + y.square().sum()
        parts.append(float((x - y).square().sum() / size.clamp(min=1e-300)))
    return sum(parts) / len(parts)


def _distance_to_mean(fused: Fused, weights: Sequence[float]) -> float:
    """Weighted mean of the aligned models' squared distances from the fused one, relative to its squared norm."""
    size = sum(float(tensor.square().sum()) for tensor in fused.state.values())
    return sum(
        weight * float((state[name] - tensor).square().sum()) / size
        for state, weight in zip(fused.aligned, weights, strict=False)
        for name, tensor in fused.state.items()
    )
