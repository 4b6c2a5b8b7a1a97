"""Which directions of a residual stream to keep, and how its readers see the whole stream through them.

The stream x (d,) is kept as ``y = E' x`` (m,), E having orthonormal columns. A map that read x, normalised, reads the
best linear estimate of it, ``R y`` with ``R = C E (E' C E)^-1``, where C holds the second moments at its norm. Let G be
the second moments of the outputs' gradients with respect to the stream there. If the stream were cut at one norm for
good, and the cuts at several were independent, the outputs would lose, to first order,

    lost(E) = sum over norms of  tr G (C - R E' C)

For one norm the minimum is known: E spans ``C^-1/2`` times the leading eigenvectors of ``C^1/2 G C^1/2``. That is the
balanced truncation of a linear system (Moore 1981), C saying what is reached and G what is observed.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from fedot.fusion.reduce.moments import Moments
from fedot.models.optimisers import LBFGS

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
    second, sensitivity = (torch.stack(each).mean(0) for each in _sides(moments))
    if size >= len(second):
        return torch.eye(len(second), dtype=torch.float64)
    root, lost = square_root(second), loss_through(moments)
    leading = torch.linalg.eigh(root @ sensitivity @ root).eigenvectors[:, -size:]
    start = orthonormal(torch.linalg.solve(root, leading))
    basis = start.clone(memory_format=torch.contiguous_format).requires_grad_(True)
    optimiser = LBFGS([basis], max_iter=STEPS, history_size=STEPS, line_search_fn="strong_wolfe")

    def evaluate() -> Tensor:
        optimiser.zero_grad()
        with torch.enable_grad():
            loss = lost(orthonormal(basis))
            loss.backward()  # type: ignore[no-untyped-call]
        return loss

    before = optimiser.step(evaluate)  # type: ignore[no-untyped-call]
    found = orthonormal(basis.detach())
    return found if lost(found) < before else start


def loss_through(moments: Sequence[Moments]) -> Callable[[Tensor], Tensor]:
    """What the outputs lose through orthonormal directions (d, m), as a share of what they lose without any."""
    second, sensitivity = map(torch.stack, _sides(moments))
    product = sensitivity @ second
    whole = product.diagonal(dim1=-2, dim2=-1).sum().clamp(min=1e-300)
    return lambda basis: 1 - (product @ basis * reconstruction(second, basis)).sum() / whole


def _sides(moments: Sequence[Moments]) -> tuple[list[Tensor], list[Tensor]]:
    return [each.second for each in moments], [each.sensitivity for each in moments]


def reconstruction(second: Tensor, basis: Tensor) -> Tensor:
    """Best linear estimate of rows with these second moments from their coordinates in an orthonormal basis: (d, m).

    What the coordinates hold themselves is left as it is, and only the rest is estimated, so that nothing is lost along
    directions that the rows do not have. Of second moments (n, d, d) estimates (n, d, m).
    """
    through = second @ basis
    inner = basis.T @ through
    beside = through - basis @ inner
    size = second.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None].clamp(min=1e-30)
    ridge = FLOOR * size * torch.eye(basis.shape[1], dtype=inner.dtype)
    result: Tensor = basis + torch.linalg.solve(inner + ridge, beside.mT).mT
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
