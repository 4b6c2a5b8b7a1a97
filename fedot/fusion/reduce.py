"""Reduce a model to a smaller one that does the same on a probe: stream, heads, feed-forward neurons, outputs.

Each step is a least-squares fit in closed form on second moments of activations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fedot.fusion.apply import GroupMap, apply_maps
from fedot.fusion.canonicalise import Heads, get_heads, refactor
from fedot.fusion.moments import Moments, Spread
from fedot.models import State
from fedot.symmetry import Attention, SymmetrySpec
from fedot.transport import solve

RIDGE = 1e-6
"""Ridge of the least-squares fits, relative to the mean diagonal."""


def principal_basis(moments: Sequence[Moments], size: int) -> Tensor:
    """Orthonormal directions (d, size) that keep most of the rows and of what the outputs hang on.

    The leading eigenvectors of the sum of covariances and sensitivities, both of equal trace: a direction along
    which the stream hardly moves, but to which the outputs are sensitive, must not go, nor must its opposite. The
    identity where nothing is to go.
    """
    total = torch.stack([each.second + each.sensitivity for each in moments]).mean(0)
    if size >= len(total):
        return torch.eye(len(total), dtype=torch.float64)
    directions: Tensor = torch.linalg.eigh(total).eigenvectors[:, -size:].flip(1)
    return directions


def reduce_stream(state: State, spec: SymmetrySpec, group: str, basis: Tensor, moments: Mapping[str, Moments]) -> State:
    """Keep the coordinates of one stream in `basis` (d, m).

    The smaller stream is normalised by its own mean square; every reader makes up for the mean difference.

    Parameters
    ----------
    moments
        Of the stream at each norm, by the norm's name.
    """
    out = apply_maps(state, spec, {group: GroupMap(basis.T, basis.T)})
    for norm in spec.norms:
        if spec.axes[f"{norm.feeds[0]}.weight"][1].groups != (group,):
            continue
        gain = moments[norm.name].seen_through(basis).second.diagonal().mean().sqrt()
        for linear in norm.feeds:
            out[f"{linear}.weight"] = out[f"{linear}.weight"] * gain
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
    factor = torch.zeros(len(gram), size, dtype=torch.float64)
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
        column = (gram[:, best] - factor[:, :step] @ factor[best, :step]) / pivot
        factor[:, step] = column
        remaining = remaining - column[:, None] * (remaining[best] / pivot)[None, :]
        left = left - column.square()
    return chosen.sort().values


@dataclass(frozen=True, slots=True)
class ReducedHeads:
    """Heads after a reduction and the relative squared error of their circuits."""

    heads: Heads
    error: float


@dataclass(frozen=True, slots=True)
class Roots:
    """Square roots of the second moments of queries (with a one for the bias), (d + 1, d + 1), and keys, (d, d)."""

    query: Tensor
    key: Tensor

    @classmethod
    def of(cls, query: Moments, key: Moments) -> "Roots":
        """Take them of what the queries and the keys are made from; in cross-attention these are two streams."""
        d = len(query.mean)
        wide = torch.ones(d + 1, d + 1, dtype=torch.float64)
        wide[:d, :d], wide[:d, d], wide[d, :d] = query.second, query.mean, query.mean
        return cls(_root(wide), _root(key.second))


def thin_heads(heads: Heads, roots: Roots, rank: int, *, scaled: bool) -> ReducedHeads:
    """Keep every head at a smaller number of channels."""
    return _refactored(heads, heads.q, heads.k, heads.o, heads.v, roots, rank, scaled=scaled)


def merge_heads(heads: Heads, counts: Sequence[int], anchor: int, roots: Roots, *, scaled: bool) -> ReducedHeads:
    """Merge every model's heads into the anchor's: score circuits are averaged, outputs added up.

    Parameters
    ----------
    counts
        Number of heads of each model, whose heads follow each other.
    """
    scores = torch.einsum("hrx,hry->hxy", heads.q @ roots.query, heads.k @ roots.key)
    begin = [sum(counts[:k]) for k in range(len(counts))]
    to = torch.zeros(sum(counts), dtype=torch.int64)
    share = torch.zeros(sum(counts), dtype=torch.float64)
    base = scores[begin[anchor] : begin[anchor] + counts[anchor]]
    for k, count in enumerate(counts):
        own = scores[begin[k] : begin[k] + count]
        cost = torch.cdist(own.reshape(count, -1), base.reshape(len(base), -1)).square()
        plan = solve("exact", cost.numpy(), np.full(count, 1 / count), np.full(len(base), 1 / len(base))).plan
        to[begin[k] : begin[k] + count] = torch.from_numpy(plan).argmax(1)
        share[begin[k] : begin[k] + count] = 1.0 / len(counts)
    groups = [(to == head).nonzero().reshape(-1) for head in range(len(base))]

    def stack(side: Tensor, factor: Tensor | None) -> Tensor:
        parts = [side[members] * (1.0 if factor is None else factor[members, None, None]) for members in groups]
        longest = max(part.shape[0] * part.shape[1] for part in parts)
        flat = [part.reshape(-1, side.shape[2]) for part in parts]
        return torch.stack([torch.nn.functional.pad(part, (0, 0, 0, longest - len(part))) for part in flat])

    merged = _refactored(
        heads,
        stack(heads.q, share),
        stack(heads.k, None),
        stack(heads.o, None),
        stack(heads.v, None),
        roots,
        heads.d_head,
        scaled=scaled,
    )
    mean = torch.einsum("hrx,hry->hxy", merged.heads.q @ roots.query, merged.heads.k @ roots.key)
    lost = (scores - mean[to]).square().sum() / scores.square().sum().clamp(min=1e-300)
    return ReducedHeads(merged.heads, float(lost) + merged.error)


def _refactored(
    heads: Heads, q: Tensor, k: Tensor, o: Tensor, v: Tensor, roots: Roots, rank: int, *, scaled: bool
) -> ReducedHeads:
    """Best factors at a rank, errors counted on the rows that the circuits meet."""
    eye = torch.eye(o.shape[2], dtype=torch.float64)
    new_q, new_k, lost_score = _weighted_refactor(q, k, roots.query, roots.key, rank)
    new_o, new_v, lost_output = _weighted_refactor(o, v, eye, roots.key, rank)
    scale = (rank / heads.d_head) ** 0.25 if scaled else 1.0
    return ReducedHeads(Heads(new_q * scale, new_k * scale, new_v, new_o), lost_score + lost_output)


def _weighted_refactor(
    left: Tensor, right: Tensor, root_left: Tensor, root_right: Tensor, rank: int
) -> tuple[Tensor, Tensor, float]:
    whole = torch.einsum("hrx,hry->hxy", left @ root_left, right @ root_right)
    a, b = refactor(left @ root_left, right @ root_right, rank)
    lost = (whole - torch.einsum("hrx,hry->hxy", a, b)).square().sum() / whole.square().sum().clamp(min=1e-300)
    return torch.linalg.solve(root_left, a, left=False), torch.linalg.solve(root_right, b, left=False), float(lost)


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    values = values.clamp(min=1e-8 * values.max().clamp(min=1e-30))
    result: Tensor = (vectors * values.sqrt()) @ vectors.T
    return result


def heads_of(state: State, spec: SymmetrySpec, attention: Attention) -> Heads:
    """Read the heads of one attention."""
    return get_heads(state, attention, spec.groups[spec.axes[f"{attention.q}.weight"][0].groups[0]].size)


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
