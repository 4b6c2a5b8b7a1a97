"""Reduce a model to a smaller one that does the same on a probe: stream, feed-forward neurons, outputs.

Each step is a least-squares fit on second moments of activations.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from fedot.fusion.canonical.maps import GroupMap, apply_maps
from fedot.fusion.reduce.directions import reconstruction
from fedot.fusion.reduce.moments import Moments, Spread
from fedot.models import State
from fedot.symmetry import SymmetrySpec

RIDGE = 1e-6
"""Ridge of the least-squares fits, relative to the mean diagonal."""


def reduce_stream(state: State, spec: SymmetrySpec, group: str, basis: Tensor, moments: Mapping[str, Moments]) -> State:
    """Keep the coordinates of one stream in an orthonormal `basis` (d, m).

    Readers see the whole stream as far as it follows from the coordinates (`reconstruction`). The smaller stream is
    normalised by its own mean square; every reader makes up for the mean difference.

    Parameters
    ----------
    moments
        Of the stream at each norm, by the norm's name.
    """
    out = apply_maps(state, spec, {group: GroupMap(basis.T, basis.T)})
    for norm in spec.norms_of(group):
        each = moments[norm.name]
        seen = reconstruction(each.second, basis) * each.size_in(basis)
        for linear in norm.feeds:
            out[f"{linear}.weight"] = state[f"{linear}.weight"] @ seen
    return out


def reduce_ffn(state: State, spec: SymmetrySpec, group: str, spread: Spread, size: int) -> State:
    """Keep the `size` neurons of a feed-forward group from which the output of all is predicted best.

    Parameters
    ----------
    spread
        Of what the group's neurons put out on a probe.
    """
    reading = [(name, index) for name, index in spec.tensors_of(group) if spec.axes[name][index].role == "read"]
    mean, gram = spread.mean, spread.covariance
    if size >= len(mean):
        return state
    output = torch.cat([torch.movedim(state[name], index, 1).reshape(-1, len(mean)) for name, index in reading])
    chosen = select_columns(gram, gram @ output.T, size)
    kept = gram[chosen][:, chosen]
    ridge = RIDGE * kept.diagonal().mean().clamp(min=1e-12) * torch.eye(size, dtype=torch.float64)
    refit = torch.linalg.solve(kept + ridge, gram[chosen])
    pick = torch.zeros(size, len(mean), dtype=torch.float64)
    pick[torch.arange(size), chosen] = 1.0
    out = apply_maps(state, spec, {group: GroupMap(pick, refit)})
    for name, _ in reading:
        bias = f"{name.removesuffix('.weight')}.bias"
        if bias in out:
            out[bias] = out[bias] + state[name] @ mean - out[name] @ mean[chosen]
    return out


def select_columns(gram: Tensor, cross: Tensor, size: int) -> Tensor:
    """Choose columns one by one, each time the one that explains most of what is left of the target: (size,).

    Orthogonal least squares (Chen, Cowan & Grant 1991) on the Gram matrix alone: a pivoted Cholesky
    factorisation whose pivot is the gain in the target, so that of two equal columns one is taken.

    Parameters
    ----------
    gram : (n, n) inner products of the columns
    cross : (n, t) their inner products with the targets
    """
    left = gram.diagonal().clone()
    floor = 1e-9 * left.max().clamp(min=1e-30)
    factor = torch.zeros(size, len(gram), dtype=torch.float64)
    remaining, chosen = cross.clone(), torch.zeros(size, dtype=torch.int64)
    taken = torch.zeros(len(gram), dtype=torch.bool)
    for step in range(size):
        gain = torch.where(left > floor, remaining.square().sum(1) / left.clamp(min=floor), -1.0)
        gain = torch.where(taken, -2.0, gain)
        best = int(gain.argmax())
        chosen[step], taken[best] = best, True
        if gain[best] <= 0:
            continue  # nothing new is left; any column will do
        pivot = left[best].sqrt()
        column = (gram[best] - factor[:step, best] @ factor[:step]) / pivot
        factor[step] = column
        remaining.addr_(column, remaining[best] / pivot, alpha=-1.0)
        left -= column.square()
    return chosen.sort().values


def refit_linear(state: State, name: str, inputs: Tensor, targets: Tensor, ridge: float) -> State:
    """Move a linear map towards least squares on targets; `ridge` holds it where it is.

    Parameters
    ----------
    inputs : (N, d) what the map reads
    targets : (N, m) what it should give
    ridge
        Relative to the mean variance of the inputs.
    """
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    rest = targets - inputs @ weight.T - bias
    x, y = inputs - inputs.mean(0), rest - rest.mean(0)
    gram = x.T @ x
    step = torch.linalg.solve(
        gram + ridge * gram.diagonal().mean() * torch.eye(len(gram), dtype=torch.float64), x.T @ y
    )
    shift = rest.mean(0) - inputs.mean(0) @ step
    return {**state, f"{name}.weight": weight + step.T, f"{name}.bias": bias + shift}
