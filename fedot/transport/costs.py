"""Ground costs between two supports; add yours to `GROUND_COSTS`."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


LARGE = 1_000_000_000
"""From so many multiplications on, inner products are taken in single precision, in half the time."""


def inner_products(x: Floats, y: Floats) -> Floats:
    """Inner products of the rows of `x` (n, d) and `y` (m, d): (n, m)."""
    if len(x) * len(y) * x.shape[1] < LARGE:
        return x @ y.T
    return (x.astype(np.float32) @ y.T.astype(np.float32)).astype(np.float64)


def squared_euclidean(x: Floats, y: Floats) -> Floats:
    """Squared distance of each row of `x` (n, d) to each row of `y` (m, d): (n, m)."""
    cross = inner_products(x, y)
    result: Floats = np.maximum(np.square(x).sum(1)[:, None] + np.square(y).sum(1)[None, :] - 2 * cross, 0.0)
    return result


def euclidean(x: Floats, y: Floats) -> Floats:
    """Distance of each row of `x` (n, d) to each row of `y` (m, d): (n, m)."""
    return np.sqrt(squared_euclidean(x, y))


def cosine(x: Floats, y: Floats) -> Floats:
    """One minus the cosine of the angle between rows, from 0 to 2: (n, m)."""
    return np.maximum(1.0 - inner_products(_unit(x), _unit(y)), 0.0)


def correlation(x: Floats, y: Floats) -> Floats:
    """One minus Pearson's correlation of rows, from 0 to 2: (n, m)."""
    return cosine(x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True))


def _unit(x: Floats) -> Floats:
    result: Floats = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    return result


def manhattan(x: Floats, y: Floats) -> Floats:
    """Sum of absolute differences of all pairs of rows, (n, m)."""
    from scipy.spatial.distance import cdist  # half a second, which most processes never need

    result: Floats = cdist(x, y, "cityblock")
    return result


GROUND_COSTS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "squared-euclidean": squared_euclidean,
    "euclidean": euclidean,
    "cosine": cosine,
    "correlation": correlation,
    "manhattan": manhattan,
}
