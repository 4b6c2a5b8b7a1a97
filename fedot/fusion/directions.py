"""Which directions of a residual stream to keep, and how its readers see the whole stream through them.

The stream x (d,) is kept as ``y = E' x`` (m,), E having orthonormal columns. A map that read x, normalised, reads the
best linear estimate of it, ``R y`` with ``R = C E (E' C E)^-1``, where C holds the second moments at its norm. Let G be
the second moments of the outputs' gradients with respect to the stream there. If the stream were cut at one norm for
good, and the cuts at several were independent, the outputs would lose, to first order,

    lost(E) = sum over norms of  tr G (C - R E' C)

For one norm the minimum is known: E spans ``C^-1/2`` times the leading eigenvectors of ``C^1/2 G C^1/2``. That is the
balanced truncation of a linear system (Moore 1981), C saying what is reached and G what is observed.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fedot.fusion.moments import Moments

STEPS = 10
"""Of L-BFGS, from the minimum for the mean of all norms: most of what is to be had."""
FLOOR = 1e-6
"""Smallest variance that counts, relative to the largest or the mean: above the rounding of float32 products."""


def kept_directions(moments: Sequence[Moments], size: int) -> Tensor:
    """Orthonormal directions (d, size) through which the outputs lose least; the identity where nothing is to go.

    Parameters
    ----------
    moments
        Of one stream at each of its norms.
    """
    second = torch.stack([each.second for each in moments]).mean(0)
    sensitivity = torch.stack([each.sensitivity for each in moments]).mean(0)
    if size >= len(second):
        return torch.eye(len(second), dtype=torch.float64)
    root = square_root(second)
    leading = torch.linalg.eigh(root @ sensitivity @ root).eigenvectors[:, -size:]
    start = orthonormal(torch.linalg.solve(root, leading))
    basis = start.clone(memory_format=torch.contiguous_format).requires_grad_(True)
    optimiser = torch.optim.LBFGS([basis], max_iter=STEPS, history_size=STEPS, line_search_fn="strong_wolfe")

    def evaluate() -> Tensor:
        optimiser.zero_grad()
        with torch.enable_grad():
            loss = lost(orthonormal(basis), moments)
            loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(evaluate)  # type: ignore[no-untyped-call]
    found = orthonormal(basis.detach())
    return found if lost(found, moments) < lost(start, moments) else start


def lost(basis: Tensor, moments: Sequence[Moments]) -> Tensor:
    """What the outputs lose through orthonormal directions (d, m), as a share of what they lose without any."""
    kept = [(each.sensitivity @ (each.second @ basis) * reconstruction(each.second, basis)).sum() for each in moments]
    whole = [(each.sensitivity * each.second).sum() for each in moments]
    return 1 - torch.stack(kept).sum() / torch.stack(whole).sum().clamp(min=1e-300)


def reconstruction(second: Tensor, basis: Tensor) -> Tensor:
    """Best linear estimate of rows with these second moments from their coordinates in an orthonormal basis: (d, m).

    What the coordinates hold themselves is left as it is, and only the rest is estimated, so that nothing is lost along
    directions that the rows do not have.
    """
    through = second @ basis
    inner = basis.T @ through
    beside = through - basis @ inner
    ridge = FLOOR * second.diagonal().mean().clamp(min=1e-30) * torch.eye(len(inner), dtype=inner.dtype)
    result: Tensor = basis + torch.linalg.solve(inner + ridge, beside.T).T
    return result


def square_root(second: Tensor) -> Tensor:
    """Symmetric square root of second moments, eigenvalues no smaller than a `FLOOR`."""
    values, vectors = torch.linalg.eigh(second)
    values = values.clamp(min=FLOOR * values.max().clamp(min=1e-30))
    result: Tensor = (vectors * values.sqrt()) @ vectors.T
    return result


def orthonormal(basis: Tensor) -> Tensor:
    """Orthonormal columns (d, m) that span what those of `basis` do."""
    result: Tensor = torch.linalg.qr(basis).Q
    return result
