"""Sums held against the range in which they can be."""

import numpy as np
from numpy.typing import NDArray

from fedot.errors import FedotError

SLACK = 1e-6
"""Sums of floats may be off by so much of the number of rows."""


def need(name: str, sums: NDArray[np.float64], shape: tuple[int, ...], most: float, *, whole: bool = False) -> None:
    """Refuse sums of another shape, or beyond 0 to `most`; NaN is beyond. Counts are whole numbers.

    Raises
    ------
    FedotError
        Naming the sums.
    """
    if sums.shape != shape:
        raise FedotError(f"its {name.removeprefix('its ')} have shape {sums.shape}, not {shape}")
    if not bool((sums >= 0).all() and (sums <= most * (1 + SLACK) + SLACK).all()):
        raise FedotError(f"{name}: numbers from 0 to {most:g} are needed")
    if whole and bool((sums != np.rint(sums)).any()):
        raise FedotError(f"{name}: whole numbers are needed")
