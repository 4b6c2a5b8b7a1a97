"""Means and second moments of activations, added up batch by batch, so that no rows need be kept.

Products within a batch are taken in the rows' own precision, sums over batches in float64.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

TINY = 1e-6
"""What the norms add to a mean square, so that rows of zeros stay finite."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Of normalised rows: second moments (d, d), mean (d,), second moments of the outputs' gradients (d, d)."""

    second: Tensor
    mean: Tensor
    sensitivity: Tensor

    def size_in(self, basis: Tensor) -> Tensor:
        """Root mean square of the rows' coordinates in a basis (d, m), by which a norm of the coordinates divides."""
        return (basis * (self.second @ basis)).sum(0).mean().sqrt()

    def seen_through(self, basis: Tensor) -> "Moments":
        """Moments of the rows' coordinates in a basis (d, m), normalised by themselves."""
        size = self.size_in(basis).clamp(min=TINY)
        second, sensitivity = (basis.T @ each @ basis for each in (self.second, self.sensitivity))
        return Moments(second / size**2, self.mean @ basis / size, sensitivity * size**2)


class MomentSums:
    """Adds up what `Moments` are made of."""

    def __init__(self, size: int) -> None:
        self._number = 0
        self._second, self._sensitivity = (torch.zeros(size, size, dtype=torch.float64) for _ in range(2))
        self._mean = torch.zeros(size, dtype=torch.float64)

    def add(self, rows: Tensor, slopes: Tensor) -> None:
        """Measure rows (N, d), each scaled to a mean square of 1 as the norms do, and slopes with respect to them."""
        size = (rows.square().mean(1, keepdim=True) + TINY).sqrt()
        normal, slopes = rows / size, slopes * size
        self._number += len(rows)
        self._second += normal.T @ normal
        self._mean += normal.sum(0)
        self._sensitivity += slopes.T @ slopes

    def moments(self) -> Moments:
        """Divide what is there."""
        return Moments(*(each / self._number for each in (self._second, self._mean, self._sensitivity)))


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean (n,) and covariance (n, n) of what a group of neurons puts out."""

    mean: Tensor
    covariance: Tensor


class SpreadSums:
    """Adds up what a `Spread` is made of."""

    def __init__(self, size: int) -> None:
        self._number = 0
        self._second = torch.zeros(size, size, dtype=torch.float64)
        self._mean = torch.zeros(size, dtype=torch.float64)

    def add(self, rows: Tensor) -> None:
        """Measure rows (N, n)."""
        self._number += len(rows)
        self._second += rows.T @ rows
        self._mean += rows.sum(0)

    def spread(self) -> Spread:
        """Divide what is there."""
        mean = self._mean / self._number
        return Spread(mean, self._second / self._number - torch.outer(mean, mean))
