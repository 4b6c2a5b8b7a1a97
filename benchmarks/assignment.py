"""How long exact assignments take: scipy, which fedot uses, against lapx (`pip install lapx`).

`python benchmarks/assignment.py` prints a markdown table, medians of processor time in one thread.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

import lap
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from fedot.transport import GROUND_COSTS

NOISE = {"unrelated": None, "related, noise 0.7": 0.7, "copy, noise 0.1": 0.1}


def problem(size: int, noise: float | None, width: int = 64) -> NDArray[np.float64]:
    """Squared distances of `size` neurons to as many others, or to their own noisy copies in another order."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(size, width)), rng.normal(size=(size, width))
    return GROUND_COSTS["squared-euclidean"](x, y if noise is None else x[rng.permutation(size)] + noise * y)


def seconds(solve: Callable[[], object], repeats: int) -> float:
    """Median processor time of a call."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        solve()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def main() -> None:
    """Print the table."""
    print("| neurons | models | scipy, ms | lapx, ms | scipy / lapx |\n|---|---|---|---|---|")
    for size, repeats in ((256, 9), (1024, 5), (3072, 3)):
        for name, noise in NOISE.items():
            cost = problem(size, noise)
            ours = seconds(partial(linear_sum_assignment, cost), repeats)
            theirs = seconds(partial(lap.lapjv, cost), repeats)
            print(f"| {size} | {name} | {ours * 1e3:.1f} | {theirs * 1e3:.1f} | {ours / theirs:.1f} |", flush=True)


if __name__ == "__main__":
    main()
