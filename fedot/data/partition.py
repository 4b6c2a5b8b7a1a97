"""Sharing one corpus out over clients: disjoint, covering, and the same for the same generator state."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fedot.errors import FedotError
from fedot.scenario import PartitionSpec

MIN_ROWS = 10  # a client with less can hardly have a validation row of every class

Indices = NDArray[np.int64]
Partitioner = Callable[[NDArray[np.int64], PartitionSpec, np.random.Generator], list[Indices]]


def iid(labels: NDArray[np.int64], spec: PartitionSpec, generator: np.random.Generator) -> list[Indices]:
    """Shuffle and cut into parts whose sizes differ by at most one row."""
    _enough(len(labels), spec)
    return _share(len(labels), spec.count, generator)


def dirichlet(labels: NDArray[np.int64], spec: PartitionSpec, generator: np.random.Generator) -> list[Indices]:
    """Draw each class's shares from Dirichlet(alpha): small alpha, few classes per client.

    The usual label skew (Hsu et al. 2019, arXiv:1909.06335, here with a draw per class, so that sizes differ
    too). A client left with fewer than `MIN_ROWS` rows gets some of the largest client's.
    """
    _enough(len(labels), spec)
    classes = np.unique(labels)
    if len(classes) < 2:
        raise FedotError("a dirichlet partition needs at least two classes; use kind: iid or by-size")
    if spec.alpha is None:
        raise FedotError("a dirichlet partition needs alpha, for example alpha: 0.1")
    parts: list[list[Indices]] = [[] for _ in range(spec.count)]
    for value in classes:
        rows = generator.permutation(np.flatnonzero(labels == value))
        shares = generator.dirichlet(np.full(spec.count, spec.alpha))
        if not np.all(np.isfinite(shares)):
            raise FedotError(f"alpha {spec.alpha} is too small to draw from; use 0.01 or more")
        cuts = np.rint(np.cumsum(shares)[:-1] * len(rows)).astype(np.int64)
        for part, piece in zip(parts, np.split(rows, cuts), strict=True):
            part.append(piece)
    return _topped_up([generator.permutation(np.concatenate(part)) for part in parts])


def by_size(labels: NDArray[np.int64], spec: PartitionSpec, generator: np.random.Generator) -> list[Indices]:
    """Shuffle and cut into parts in proportion to `sizes`."""
    _enough(len(labels), spec)
    if spec.sizes is None or len(spec.sizes) != spec.count:
        raise FedotError(f"a by-size partition needs sizes, a list of {spec.count} positive numbers")
    shares = np.asarray(spec.sizes, dtype=np.float64)
    cuts = np.rint(np.cumsum(shares / shares.sum())[:-1] * len(labels)).astype(np.int64)
    parts = [np.asarray(part) for part in np.split(generator.permutation(len(labels)), cuts)]
    smallest = min(range(spec.count), key=lambda i: len(parts[i]))
    if len(parts[smallest]) < MIN_ROWS:
        raise FedotError(
            f"by-size would leave client {smallest} with {len(parts[smallest])} of {len(labels)} rows, "
            f"but {MIN_ROWS} are the least; give it a larger share in sizes"
        )
    return parts


PARTITIONERS: dict[str, Partitioner] = {"iid": iid, "dirichlet": dirichlet, "by-size": by_size}


def share_out(count_rows: int, count: int, generator: np.random.Generator) -> list[Indices]:
    """Share test rows out at random, so that the parts together are exactly the original.

    Raises
    ------
    FedotError
        If there are fewer rows than clients.
    """
    if count_rows < count:
        raise FedotError(f"{count_rows} test rows cannot be shared out over {count} clients; use a smaller count")
    return _share(count_rows, count, generator)


def _share(count_rows: int, count: int, generator: np.random.Generator) -> list[Indices]:
    return [np.asarray(part) for part in np.array_split(generator.permutation(count_rows), count)]


def _enough(count_rows: int, spec: PartitionSpec) -> None:
    if count_rows < spec.count * MIN_ROWS:
        raise FedotError(
            f"{count_rows} training rows are too few for {spec.count} clients of at least {MIN_ROWS} rows; "
            "use a smaller partition.count"
        )


def _topped_up(parts: list[Indices]) -> list[Indices]:
    for i in range(len(parts)):
        while len(parts[i]) < MIN_ROWS:
            largest = max(range(len(parts)), key=lambda j: len(parts[j]))
            wanted = MIN_ROWS - len(parts[i])
            given = min(wanted, len(parts[largest]) - MIN_ROWS)
            parts[i] = np.concatenate([parts[i], parts[largest][-given:]])
            parts[largest] = parts[largest][:-given]
    return parts
