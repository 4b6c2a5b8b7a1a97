"""Sharing rows out, over clients or for a test: disjoint, covering, and the same for the same generator state."""

from collections.abc import Callable

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from fedot.data.types import label_array, normalised, take
from fedot.errors import FedotError
from fedot.scenario import PartitionSpec

MIN_ROWS = 10  # a client with less can hardly have a validation row of every class

PARTITION, CLIENT, TEST = range(3)
"""Independent random streams of one seed."""

TEST_SHARE = 0.2
"""Of the training rows, so many are held out for the test."""

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


class Deals:
    """Who gets which rows of a data set that is shared out; of the latest one that is known.

    Examples
    --------
    >>> from fedot.data.types import rows_of
    >>> train, test = (rows_of({"text": [str(i) for i in range(n)], "label": [0, 1] * (n // 2)}) for n in (20, 4))
    >>> shares, tests = Deals()(train, test, PartitionSpec(count=2), seed=0)
    >>> [len(share) for share in (*shares, *tests)]
    [10, 10, 2, 2]
    """

    def __init__(self) -> None:
        self._key: tuple[Dataset, Dataset, PartitionSpec, int] | None = None
        self._dealt: tuple[list[Indices], list[Indices]] = [], []

    def __call__(
        self, train: Dataset, test: Dataset, spec: PartitionSpec, seed: int
    ) -> tuple[list[Indices], list[Indices]]:
        """Rows of training and of the test for each client; the test's do not depend on the seed."""
        known = self._key
        if known is None or known[0] is not train or known[1] is not test or known[2:] != (spec, seed):
            shares = PARTITIONERS[spec.kind](label_array(train), spec, np.random.default_rng([seed, PARTITION]))
            self._dealt = shares, share_out(len(test), spec.count, np.random.default_rng([0, TEST]))
            self._key = train, test, spec, seed
        return self._dealt


def held_out(rows: Dataset, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Divide rows into those for training and those for the test, the same way every time.

    Every class gives its share, and rows of the same text stay together: no text is in both.

    Parameters
    ----------
    rows
        Texts (n,), and numbers of classes under ``label`` where there are any.
    seed
        Of the draw.

    Raises
    ------
    FedotError
        If all rows have the same text.

    Examples
    --------
    >>> from fedot.data.types import rows_of
    >>> train, test = held_out(rows_of({"text": [f"text {i}" for i in range(10)], "label": [0, 1] * 5}))
    >>> len(train), len(test), sorted(test["label"])
    (8, 2, [0, 1])
    """
    encoded = normalised(rows).dictionary_encode()
    group: np.ndarray[tuple[int], np.dtype[np.int64]] = encoded.indices.to_numpy(zero_copy_only=False)
    _, first = np.unique(group, return_index=True)
    if len(first) < 2:
        raise FedotError("all rows have the same text, so that none can be held out for a test; give a test file")
    labels = label_array(rows)[first]
    generator, chosen = np.random.default_rng(seed), np.zeros(len(first), dtype=bool)
    for value in np.unique(labels):
        places = generator.permutation(np.flatnonzero(labels == value))
        chosen[places[: int(len(places) * TEST_SHARE + 0.5)]] = True
    if not chosen.any():
        chosen[generator.integers(len(first))] = True
    tested = chosen[group]
    return take(rows, np.flatnonzero(~tested)), take(rows, np.flatnonzero(tested))


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
