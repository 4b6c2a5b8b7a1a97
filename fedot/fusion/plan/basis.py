"""The basis that many models are brought into: that of an anchor, or of a mean that no model is the anchor of."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.align.align_models import common_ground
from fedot.fusion.align.align_options import Align
from fedot.fusion.canonical.labels import LabelUnion
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage
from fedot.models import State
from fedot.symmetry import SymmetrySpec

SWEEPS, SETTLED, NOTHING = 50, 1e-8, 1e-16


@dataclass(frozen=True, slots=True)
class Basis(Stage):
    """Whose neurons and widths the result has.

    Parameters
    ----------
    anchor
        ``global``: the model that the caller names, in a federation the global model, and where there is none yet the
        largest; ``first``; ``largest``, the one of the greatest weight (most examples); ``medoid``, the one with the
        least distance to all others once they are aligned to it; ``best``, the one of the lowest validation loss.
    """

    anchor: Literal["global", "first", "largest", "medoid", "best"] = "global"


@dataclass(frozen=True, slots=True)
class Scheme(Stage):
    """How many models are brought together.

    Parameters
    ----------
    scheme
        ``one-pass`` aligns all models to the anchor; ``universe`` then aligns them to their running mean until it
        settles, so that the anchor favours no model.
    """

    scheme: Literal["one-pass", "universe"] = "one-pass"


Core = Callable[[FusionProblem], Fused]
"""Makes one model of many: the core of a plan, on a problem."""


def choose_anchor(
    problem: FusionProblem, basis: Basis, core: Core, ground: Align, losses: Sequence[float] | None = None
) -> int:
    """Index of the model that `basis.anchor` names; a model of weight 0 gives a basis only where it is ``global``.

    Parameters
    ----------
    core
        Aligns models; ``medoid`` goes by how far it leaves them apart.
    ground
        Says what is common ground of two models.
    losses
        Validation loss of each model, which ``best`` goes by.

    Raises
    ------
    FedotError
        If ``best`` is asked for and no losses were given.
    """
    voters = problem.voters()
    if basis.anchor == "global":
        return problem.anchor
    if basis.anchor == "first":
        return voters[0]
    if basis.anchor == "largest":
        return max(voters, key=lambda k: (problem.weights[k], -k))
    if basis.anchor == "best":
        if losses is None or len(losses) != len(problem.weights):
            told = "none" if losses is None else len(losses)
            raise FedotError(
                f"fusion.anchor is best, but got {told} validation losses for {len(problem.weights)} models; "
                "give one for each, or choose another anchor"
            )
        return min(voters, key=lambda k: losses[k])
    costs = {k: distance_to_others(problem, core, k, ground) for k in voters}
    return min(voters, key=lambda k: costs[k])


def distance_to_others(problem: FusionProblem, core: Core, anchor: int, ground: Align) -> float:
    """How far all models are from one of them when aligned to it: what the maps and plans leave over.

    The squared distance of every tensor counts relative to the tensors' size, so that anchors of unequal widths
    compare, and every labelled row by how far it is common ground.
    """
    problem = replace(problem, anchor=anchor)
    aligned = core(problem).aligned
    spec, home = problem.specs[anchor], aligned[anchor]
    return sum(
        weight * _relative_distance(state, home, spec, common_ground(problem, k, ground))
        for k, (state, weight) in enumerate(zip(aligned, problem.weights, strict=True))
        if k != anchor and weight > 0
    )


def universe(problem: FusionProblem, factors: Core, core: Core) -> Fused:
    """Align all models to their running mean and average them, until their distance from the mean settles.

    After C2M3 (Crisostomi et al. 2024) and section 4.3 of Theus et al. (2025); of rotations it is generalised
    Procrustes analysis (Gower 1975). The anchor gives the first basis, and the widths. The mean itself need not
    settle: its basis may go on turning, which no model notices.

    Parameters
    ----------
    factors
        The core without an average of circuits: a refactored mean would come in another basis each time.
    core
        What is run last, on models and mean.
    """
    fused, left = factors(problem), math.inf
    for _ in range(SWEEPS):
        before, fused = left, factors(with_mean(problem, fused.state))
        left = _distance_to_mean(fused, problem.weights)
        if abs(before - left) <= SETTLED * left + NOTHING:
            break
    fused = core(with_mean(problem, fused.state))
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
